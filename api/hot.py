"""`POST /api/requests`: straight from ASGI to the fast path, without FastAPI in between.

A chat must never break for want of an ad: whatever is wrong on our side is answered 200 with `ad: null`
and a reason, as long as the caller is known.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any

import msgspec

from api import wire
from api.bodies import bad_json, check_text
from api.exchange import KEY, Exchange, Headers, Receive, Scope, Send, header, own_id, reply_problem
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

    Args:
        state: Returns the running parts.
    """

    def __init__(self, state: Callable[[], State]) -> None:
        self._state = state
        self._watch = Watch()

    def open(self, scope: Scope) -> Exchange:
        """Start an exchange and lay it into the scope."""
        fresh = self._state().services.ids.new("req")
        given = own_id(header(scope, b"x-request-id"))
        # What a caller calls its request never becomes the name of a decision.
        exchange = scope[KEY] = Exchange(given or fresh, asked_id=fresh)
        return exchange

    async def __call__(
        self, exchange: Exchange, scope: Scope, receive: Receive, send: Send
    ) -> None:
        """Serve one POST; nothing is wrapped around `send`.

        Raises:
            ParleyError: for a request that is refused; nothing has been sent then.
        """
        state = self._state()
        body = parse(await self._watch.read(header(scope, b"content-length"), receive))
        answer, reason = await self._answer(state, body, scope, exchange)
        state.metrics.answered(reason)
        exchange.status = 200
        headers = [
            *_JSON,
            (b"content-length", b"%d" % len(answer)),
            (b"x-request-id", exchange.request_id.encode("ascii")),
            *CORS,
        ]
        if exchange.rate is not None:
            headers += exchange.rate.headers()
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": answer})

    async def _answer(
        self, state: State, body: wire.AdRequestBody, scope: Scope, exchange: Exchange
    ) -> tuple[bytes, str]:
        """Return the bytes to send and their reason code."""
        parts = state.services
        bearer = header(scope, b"authorization")
        principal = state.authenticator.recent(bearer, body.app_id) if bearer else None
        if principal is None:
            principal = await state.authenticator.caller(scope, body.app_id)
        principal.need("ads:serve")
        if body.test:
            principal.need("ads:test")
        request_id = exchange.asked_id
        try:
            if not state.limiter.use(principal, exchange):
                await state.count(principal, scope, ahead=True)
        except Unavailable:
            # The counter and the cooldown live in the same Redis: no state, no ad.
            return _no_ad(request_id, Reason.STATE_UNAVAILABLE)
        fastpath = state.fastpath()
        app = fastpath.snapshot.app(body.app_id) if fastpath else None
        home = app.default_geo if app else None
        question = wire.to_request(body, request_id, parts.clock.now_ms(), home)
        if fastpath is None:
            return _no_ad(request_id, wire.NO_SNAPSHOT)
        engine = state.rollout.engine(body.app_id)
        try:
            return wire.on_wire(await fastpath.answer_bytes(question, engine=engine))
        except Exception as error:  # a chat must not break for want of an ad, whatever the defect
            # Its message and its traceback could quote what a user said: only its kind is logged.
            log.error("ad request %s failed: %s", request_id, type(error).__name__)
            return _no_ad(request_id, wire.INTERNAL)


def _no_ad(request_id: str, reason: str | Reason) -> tuple[bytes, str]:
    return wire.no_ad(request_id, reason), str(reason)


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
