"""`POST /api/requests`: straight from ASGI to the fast path, without FastAPI in between.

A chat must never break for want of an ad: whatever is wrong on our side is answered 200 with `ad: null`
and a reason, as long as the caller is known.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any

import msgspec

from api import wire
from api.bodies import bad_json, check_text
from api.exchange import KEY, Asked, Headers, Receive, Scope, Send, own_id, reply_problem
from api.problems import headers_of, problem_body
from api.reading import Watch
from api.state import State
from domain.errors import ParleyError, Unavailable, Unprocessable
from fastpath.types import Reason

log = logging.getLogger("parley.hot")

PATH = "/api/requests"
#: Web pages ask from their own origin. No cookies, hence no credentials, hence any origin.
CORS: Headers = [
    (b"access-control-allow-origin", b"*"),
    (
        b"access-control-expose-headers",
        b"x-request-id, ratelimit-limit, ratelimit-remaining, ratelimit-reset",
    ),
]
_JSON: Headers = [(b"content-type", b"application/json"), (b"x-content-type-options", b"nosniff")]

_decode = msgspec.json.Decoder(wire.AdRequestBody).decode


class HotRoute:
    """The route.

    Attributes:
        state: The running parts; set when the application starts.
    """

    state: State

    def __init__(self) -> None:
        self._watch = Watch()

    def open(self, scope: Scope, found: Mapping[bytes, bytes]) -> Asked:
        """Start an exchange and lay it into the scope.

        Args:
            scope: Gets the exchange.
            found: Headers by name; of those that were sent twice the first.
        """
        fresh = self.state.services.ids.new("req")
        # What a caller calls its request never becomes the name of a decision.
        asked = scope[KEY] = Asked(
            own_id(found.get(b"x-request-id")) or fresh, None, None, 0,
            fresh, found.get(b"authorization"), found.get(b"content-length"),
        )  # fmt: skip
        return asked

    async def __call__(self, asked: Asked, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one POST; nothing is wrapped around `send`.

        Raises:
            ParleyError: for a request that is refused; nothing has been sent then.
        """
        answer = await self.answer(asked, scope, await self._watch.read(asked.announced, receive))
        asked.status = 200
        headers = headers_of_answer(asked, len(answer))
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": answer})

    async def answer(self, asked: Asked, scope: Scope, raw: bytes) -> bytes:
        """Return the bytes to send.

        Args:
            asked: Gets the caller's rate.
            scope: Who calls: its headers, `client` and the exchange.
            raw: The body.

        Raises:
            ParleyError: for a request that is refused.
        """
        state = self.state
        body = parse(raw)
        bearer = asked.bearer
        principal = state.authenticator.recent(bearer, body.app_id) if bearer else None
        if principal is None:
            principal = await state.authenticator.caller(scope, body.app_id)
        principal.need("ads:serve")
        if body.test:
            principal.need("ads:test")
        request_id = asked.asked_id
        now_ms = state.services.clock.now_ms()
        try:
            if not state.limiter.use(principal, asked, now_ms):
                await state.count(principal, scope, ahead=True)
        except Unavailable:
            # The counter and the cooldown live in the same Redis: no state, no ad.
            return self._no_ad(request_id, Reason.STATE_UNAVAILABLE)
        fastpath = state.serving.fastpath()
        app = fastpath.snapshot.app(body.app_id) if fastpath and not body.geo else None
        question = wire.to_request(body, request_id, now_ms, app.default_geo if app else None)
        if fastpath is None:
            return self._no_ad(request_id, wire.NO_SNAPSHOT)
        engine = state.rollout.engine(body.app_id)
        try:
            answer, reason = wire.on_wire(await fastpath.answer_bytes(question, engine=engine))
        except Exception as error:  # a chat must not break for want of an ad, whatever the defect
            # Its message and its traceback could quote what a user said: only its kind is logged.
            log.error("ad request %s failed: %s", request_id, type(error).__name__)
            return self._no_ad(request_id, wire.INTERNAL)
        state.metrics.answered(reason)
        return answer

    def _no_ad(self, request_id: str, reason: str | Reason) -> bytes:
        self.state.metrics.answered(str(reason))
        return wire.no_ad(request_id, reason)


def headers_of_answer(asked: Asked, size: int) -> Headers:
    """Return the headers of an answer of so many bytes."""
    return [
        *_JSON,
        (b"content-length", b"%d" % size),
        (b"x-request-id", asked.request_id.encode("ascii")),
        *CORS,
        *(asked.rate.headers() if asked.rate is not None else ()),
    ]


def lines(headers: Headers) -> bytes:
    """Return headers as HTTP/1.1 writes them."""
    return b"".join([b"%b: %b\r\n" % pair for pair in headers])


_RATE: Headers = [
    (b"ratelimit-limit", b"%d"), (b"ratelimit-remaining", b"%d"), (b"ratelimit-reset", b"%d"),
]  # fmt: skip
_LINES = lines([*_JSON, (b"content-length", b"%d"), (b"x-request-id", b"%b"), *CORS])
_RATE_LINES = _LINES + lines(_RATE)


def lines_of_answer(asked: Asked, size: int) -> bytes:
    """Return what `headers_of_answer` does, as HTTP/1.1 writes it."""
    name, rate = asked.request_id.encode("ascii"), asked.rate
    if rate is None:
        return _LINES % (size, name)
    return _RATE_LINES % (size, name, rate.limit, rate.remaining, rate.reset_s)


def parse(body: bytes) -> wire.AdRequestBody:
    """Return the request of a body.

    Raises:
        BadInput: if it is not UTF-8 or not JSON.
        Unprocessable: naming the field that is wrong.
    """
    check_text(body)
    try:
        return _decode(body)
    except msgspec.ValidationError as error:
        raise Unprocessable("invalid_request", wire.sentence(error)) from error
    except (msgspec.DecodeError, RecursionError, UnicodeError) as error:
        raise bad_json(error) from error


async def refuse(send: Send, error: ParleyError) -> None:
    """Send a typed error as a problem; `ok` is what clients of the Ceed SDK look at first."""
    more = [(k.lower().encode(), v.encode()) for k, v in headers_of(error).items()]
    await reply_problem(send, {"ok": False, **error.problem()}, more)


async def wrong_method(send: Send) -> None:
    """Answer anything but POST."""
    problem: dict[str, Any] = problem_body(
        405, "method_not_allowed", "Bad request", "Ads are asked for with POST."
    )
    await reply_problem(send, problem, [(b"allow", b"POST, OPTIONS")])
