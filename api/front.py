"""The outermost function: one exchange per request, the hot route first, all else to FastAPI."""

from __future__ import annotations

import logging
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

    Attributes:
        app: FastAPI, for its OpenAPI document and its lifespan.
        hot: The route for ads.
    """

    _state: State

    def __init__(self, app: FastAPI, metrics: Metrics) -> None:
        self.app = app
        self.hot = hot.HotRoute()
        self._metrics = metrics
        self._guarded = BodyGuard(app)

    def open(self, state: State) -> None:
        """Serve with these parts from now on."""
        self._state = self.hot.state = state

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one ASGI connection."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        started = perf_counter()
        if scope["path"] == hot.PATH and scope["method"] == "POST":
            asked = self.hot.open(scope, dict(reversed([*scope["headers"]])))
            try:
                await self.hot(asked, scope, receive, send)
            except Exception as error:
                await self.failed(error, asked, scope, send)
            finally:
                self.took(asked.status, started)
            return
        exchange = open_exchange(scope)
        try:
            await self._serve(scope, receive, _dressed(exchange, scope["path"], send))
        except Exception as error:
            await self.failed(error, exchange, scope, send)
        finally:
            seconds = perf_counter() - started
            self._metrics.observe(scope["method"], _template(scope), exchange.status, seconds)

    def took(self, status: int, started: float) -> None:
        """Take down how long the hot route took since a reading of `perf_counter`."""
        self._metrics.observe("POST", hot.PATH, status, perf_counter() - started)

    async def failed(self, error: Exception, exchange: Exchange, scope: Scope, send: Send) -> None:
        """Answer for a failure: with the problem that a typed error is, else with a 500.

        Args:
            error: What was raised.
            exchange: Gets the status.
            scope: Its path and method are used.
            send: The server's own.
        """
        if isinstance(error, ClientGone):
            exchange.status = 499
            return
        dressed = _dressed(exchange, scope["path"], send)
        if isinstance(error, ParleyError):
            try:
                await hot.refuse(dressed, error)
                return
            except Exception as defect:
                error = defect
        # The last stand: whatever is left is a defect, answered as a 500.
        where = (exchange.request_id, scope["method"], _template(scope))
        if scope["path"] in WEB_PATHS:
            # A traceback from a chat's request could quote what a user said: only its kind is logged.
            log.error("request %s: %s %s: %s", *where, type(error).__name__)
        else:
            log.error("request %s: %s %s", *where, exc_info=error)
        if not exchange.status:
            await reply_problem(dressed, unexpected(exchange.request_id))

    async def _serve(self, scope: Scope, receive: Receive, send: Send) -> None:
        path = scope["path"]
        if path in WEB_PATHS and scope["method"] == "OPTIONS":
            await reply(send, 204, b"", more=_PREFLIGHT)
        elif path == hot.PATH:
            await hot.wrong_method(send)
        else:
            if path.startswith(V1):
                await self._admit(scope)
            await self._guarded(scope, receive, send)

    async def _admit(self, scope: Scope) -> None:
        """Find out who calls and count the call, before its body is read.

        While Redis is down nothing can be counted: reading goes on, writing has to wait.
        """
        state = self._state
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
