"""The outermost function: one exchange per request, the hot route first, all else to FastAPI."""

from __future__ import annotations

import logging
from collections.abc import Callable
from time import perf_counter
from typing import Any

from fastapi import FastAPI

from api import hot
from api.bodies import BodyGuard, ClientGone
from api.exchange import (
    Exchange,
    Headers,
    Message,
    Receive,
    Scope,
    Send,
    exchange_of,
    open_exchange,
    reply,
    reply_problem,
)
from api.metrics import Metrics
from api.problems import unexpected
from api.routes import receipts
from api.state import State
from domain.errors import ParleyError, Unavailable

log = logging.getLogger("parley.api")

EVENTS = "/api/events"
V1 = "/api/v1/"
#: Routes that web pages call from their own origin.
WEB_PATHS = frozenset({hot.PATH, EVENTS, receipts.PATH})
_PREFLIGHT: Headers = [
    (b"access-control-allow-methods", b"GET, POST, OPTIONS"),
    (b"access-control-allow-headers", b"content-type, x-request-id"),
    (b"access-control-max-age", b"86400"),
]


class Front:
    """The ASGI application.

    Args:
        app: FastAPI, behind the front.
        metrics: Where timings go.
        state: Returns the running parts.

    Attributes:
        app: FastAPI, for its OpenAPI document and its lifespan.
    """

    def __init__(self, app: FastAPI, metrics: Metrics, state: Callable[[], State]) -> None:
        self.app = app
        self._metrics = metrics
        self._state = state
        self._hot = hot.HotRoute(state)
        self._guarded = BodyGuard(app)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one ASGI connection."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        started = perf_counter()
        asks = scope["path"] == hot.PATH and scope["method"] == "POST"
        exchange = self._hot.open(scope) if asks else open_exchange(scope)
        try:
            if asks:
                await self._ask(exchange, scope, receive, send)
            else:
                await self._serve(scope, receive, _dressed(exchange, scope["path"], send))
        except ClientGone:
            exchange.status = 499
        except Exception as error:
            # The last stand: whatever is left is a defect, answered as a 500.
            where = (exchange.request_id, scope["method"], _template(scope))
            if scope["path"] in WEB_PATHS:
                # A traceback from a chat's request could quote what a user said: only its kind is logged.
                log.error("request %s: %s %s: %s", *where, type(error).__name__)
            else:
                log.exception("request %s: %s %s", *where)
            if not exchange.status:
                dressed = _dressed(exchange, scope["path"], send)
                await reply_problem(dressed, unexpected(exchange.request_id))
        finally:
            seconds = perf_counter() - started
            self._metrics.observe(scope["method"], _template(scope), exchange.status, seconds)

    async def _ask(self, exchange: Exchange, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await self._hot(exchange, scope, receive, send)
        except ParleyError as error:
            await hot.refuse(_dressed(exchange, hot.PATH, send), error)

    async def _serve(self, scope: Scope, receive: Receive, send: Send) -> None:
        path = scope["path"]
        if path in WEB_PATHS and scope["method"] == "OPTIONS":
            await reply(send, 204, b"", more=_PREFLIGHT)
        elif path == hot.PATH:
            await hot.wrong_method(send)
        else:
            try:
                if path.startswith(V1):
                    await self._admit(scope)
                await self._guarded(scope, receive, send)
            except ParleyError as error:
                await hot.refuse(send, error)

    async def _admit(self, scope: Scope) -> None:
        """Find out who calls and count the call, before its body is read.

        While Redis is down nothing can be counted: reading goes on, writing has to wait.
        """
        state = self._state()
        principal = await state.authenticator.caller(scope)
        exchange_of(scope).principal = principal
        try:
            await state.count(principal, scope)
        except Unavailable:
            if scope["method"] not in ("GET", "HEAD"):
                raise


def _dressed(exchange: Exchange, path: str, send: Send) -> Send:
    async def dressed(message: Message) -> None:
        if message["type"] == "http.response.start":
            exchange.status = message["status"]
            more = exchange.headers() + (hot.CORS if path in WEB_PATHS else [])
            message["headers"] = [*message.get("headers", []), *more]
        await send(message)

    return dressed


def _template(scope: Scope) -> str:
    """Return the route's template: a label with ids in it would never stop growing."""
    if scope["path"] == hot.PATH:
        return hot.PATH
    route: Any = scope.get("route")
    return str(getattr(route, "path", "(none)"))
