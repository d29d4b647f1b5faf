"""One request and its answer, as the front of the API sees it, and the ASGI words for both."""

from __future__ import annotations

import json
import re
import secrets
from collections.abc import Awaitable, Callable, Iterable, MutableMapping
from dataclasses import dataclass
from typing import Any

import msgspec

from catalog.access import Principal

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Asgi = Callable[[Scope, Receive, Send], Awaitable[None]]
Headers = list[tuple[bytes, bytes]]

#: Where the exchange lies in the ASGI scope.
KEY = "parley.exchange"
PROBLEM_TYPE = b"application/problem+json"
JSON_TYPE = b"application/json"
#: A caller's own request id is echoed only if it can do no harm in a log line or a header.
_OWN_ID = re.compile(rb"[A-Za-z0-9._-]{8,64}")


class Rate(msgspec.Struct, frozen=True, gc=False):
    """Where a caller stands in its daily tier.

    Attributes:
        limit: Calls per UTC day.
        remaining: Calls left today, never negative.
        reset_s: Seconds until the day ends.
    """

    limit: int
    remaining: int
    reset_s: int

    def headers(self) -> Headers:
        """Return the `RateLimit-*` headers."""
        return [
            (b"ratelimit-limit", b"%d" % self.limit),
            (b"ratelimit-remaining", b"%d" % self.remaining),
            (b"ratelimit-reset", b"%d" % self.reset_s),
        ]


@dataclass(slots=True)
class Exchange:
    """What is known about one request while it is answered.

    Attributes:
        request_id: Goes into every answer and log line.
        rate: Set once the caller was counted.
        principal: Who calls, once that is known.
        status: Of the answer; 0 until it starts.
    """

    request_id: str
    rate: Rate | None = None
    principal: Principal | None = None
    status: int = 0

    def headers(self) -> Headers:
        """Return the headers that every answer carries."""
        own: Headers = [
            (b"x-request-id", self.request_id.encode("ascii")),
            (b"x-content-type-options", b"nosniff"),
        ]
        return own + (self.rate.headers() if self.rate else [])


@dataclass(slots=True)
class Asked(Exchange):
    """An exchange on the hot route.

    Attributes:
        asked_id: Id of the ad request.
        bearer: The `authorization` header as it was sent.
        announced: The `content-length` header as it was sent.
    """

    asked_id: str = ""
    bearer: bytes | None = None
    announced: bytes | None = None


def open_exchange(scope: Scope) -> Exchange:
    """Start an exchange and lay it into the scope."""
    exchange = Exchange(own_id(header(scope, b"x-request-id")) or secrets.token_hex(8))
    scope[KEY] = exchange
    return exchange


def own_id(given: bytes | None) -> str | None:
    """Return the request id that a caller sent, if it can do no harm in a log line or a header."""
    return given.decode("ascii") if given and _OWN_ID.fullmatch(given) else None


def exchange_of(scope: Scope) -> Exchange:
    """Return the exchange of a scope."""
    found: Exchange = scope[KEY]
    return found


def header(scope: Scope, name: bytes) -> bytes | None:
    """Return the first header of that (lower-case) name."""
    for key, value in scope["headers"]:
        if key == name:
            found: bytes = value
            return found
    return None


async def reply(
    send: Send,
    status: int,
    body: bytes,
    content_type: bytes = JSON_TYPE,
    more: Iterable[tuple[bytes, bytes]] = (),
) -> None:
    """Send a whole answer."""
    headers = [(b"content-type", content_type), (b"content-length", b"%d" % len(body)), *more]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})


async def reply_problem(
    send: Send, problem: dict[str, Any], more: Iterable[tuple[bytes, bytes]] = ()
) -> None:
    """Send an RFC 9457 problem."""
    body = json.dumps(problem, ensure_ascii=False).encode()
    await reply(send, problem["status"], body, PROBLEM_TYPE, more)
