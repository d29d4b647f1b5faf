"""A short way through uvicorn for `POST /api/requests`: the same answers at half the cost of its HTTP.

Reading, pipelines, time limits and shutdown stay uvicorn's own. What is left out is what an ad request does not
need: the messages of ASGI, a scope with everything in it, a check of each header that we ourselves write, and a
write for the head alone. Whatever is not quite ordinary goes the long way, through ASGI; so does every failure.
"""

from __future__ import annotations

import asyncio
from copy import copy
from time import perf_counter
from typing import Any

from uvicorn.config import Config
from uvicorn.middleware.proxy_headers import ProxyHeadersMiddleware
from uvicorn.protocols.http.flow_control import HIGH_WATER_LIMIT
from uvicorn.protocols.http.httptools_impl import (
    STATUS_LINE,
    HttpToolsProtocol,
    RequestResponseCycle,
)
from uvicorn.protocols.utils import get_client_addr
from uvicorn.server import ServerState

from api import hot
from api.exchange import Asked, Headers, Receive, Scope, Send
from api.front import Front

_URL = hot.PATH.encode("ascii")
#: Requests with one of these go the long way.
_LONG = frozenset({b"expect", b"upgrade", b"transfer-encoding"})
_FORWARDED = frozenset({b"x-forwarded-for", b"x-forwarded-proto"})
#: A body that keeps us waiting goes the long way, where its time is limited.
_PATIENCE_SECONDS = 1.0


class ShortCut(HttpToolsProtocol):
    """One connection.

    Args:
        config, server_state, app_state, _loop: As uvicorn gives them.
    """

    def __init__(
        self,
        config: Config,
        server_state: ServerState,
        app_state: dict[str, Any],
        _loop: asyncio.AbstractEventLoop | None = None,
    ) -> None:
        super().__init__(config, server_state, app_state, _loop)
        self._front = _front(self.app)
        unusual = (
            config.root_path or config.headers or config.reset_contextvars
            or config.limit_concurrency is not None
        )  # fmt: skip
        self._url = None if self._front is None or unusual else _URL
        self._quiet_since: float | None = None
        self._default_headers: Headers | None = None
        self._start = b""
        self._arriving: _Short | None = None
        self._before: RequestResponseCycle | None = None
        self._waiting: asyncio.TimerHandle | None = None

    def data_received(self, data: bytes) -> None:
        """Read on; do not wait for the rest of a body for ever."""
        super().data_received(data)
        if self._arriving is not None and self._waiting is None:
            self._waiting = self.loop.call_later(_PATIENCE_SECONDS, self._give_up)

    def connection_lost(self, exc: Exception | None) -> None:
        """Count a caller that hung up before its body had arrived."""
        short = self._arrived()
        if short is not None:
            short.front.took(499, short.started)
        super().connection_lost(exc)
        if self.timeout_keep_alive_task is not None:
            self.timeout_keep_alive_task.cancel()
            self.timeout_keep_alive_task = None

    def _unset_keepalive_if_required(self) -> None:
        # One timer for each answer costs as much as writing it: the one that runs looks again when it is due.
        self._quiet_since = None

    def timeout_keep_alive_handler(self) -> None:
        """Hang up, if nothing has come since the last answer for long enough."""
        self.timeout_keep_alive_task = None
        if self._quiet_since is None:
            return
        left = self._quiet_since + self.timeout_keep_alive - self.loop.time()
        if left <= 0:
            super().timeout_keep_alive_handler()
        else:
            self._look_in(left)

    def on_response_complete(self) -> None:
        """Go on with what was sent meanwhile, or wait for more."""
        if self.pipeline or self.transport.is_closing():
            super().on_response_complete()
            return
        self.server_state.total_requests += 1
        self.flow.resume_reading()
        self._quiet_since = self.loop.time()
        if self.timeout_keep_alive_task is None:
            self._look_in(self.timeout_keep_alive)

    def _look_in(self, seconds: float) -> None:
        self.timeout_keep_alive_task = self.loop.call_later(
            seconds, self.timeout_keep_alive_handler
        )

    def on_message_begin(self) -> None:
        """Start a request; what the long way needs is made when it is taken."""
        self.url = b""
        self.headers = []

    def on_header(self, name: bytes, value: bytes) -> None:
        """Keep a header."""
        self.headers.append((name.lower(), value))

    def on_headers_complete(self) -> None:
        """Choose the way."""
        # Of headers that are sent twice the first counts.
        if self.url != self._url or not self._is_ordinary(found := dict(reversed(self.headers))):
            self._take_long_way()
            return
        assert self._front is not None
        self._before = self.cycle
        keep_alive = self.parser.should_keep_alive()
        self.cycle = self._arriving = _Short(self, self._front, found, keep_alive)

    def on_body(self, body: bytes) -> None:
        """Keep a piece of a body."""
        if self._arriving is not None:
            self._arriving.parts.append(body)
        else:
            super().on_body(body)

    def on_message_complete(self) -> None:
        """Answer."""
        short = self._arrived()
        if short is None:
            super().on_message_complete()
            return
        short.task = self.loop.create_task(short.run_asgi(self.app))
        self.tasks.add(short.task)

    def start_of_answer(self) -> bytes:
        """Return status line and the server's own headers, which change once a second."""
        headers = self.server_state.default_headers
        if headers is not self._default_headers:
            self._default_headers = headers
            self._start = STATUS_LINE[200] + hot.lines(headers)
        return self._start

    def log_access(self, scope: Scope) -> None:
        """Write uvicorn's line about a request that was answered."""
        self.access_logger.info(
            '%s - "%s %s HTTP/%s" %d',
            get_client_addr(scope),  # type: ignore[arg-type]
            "POST", hot.PATH, "1.1", 200,
        )  # fmt: skip

    async def see_through_proxy(self, scope: Scope) -> None:
        """Put the caller into the scope of a request that came through a proxy, as uvicorn does."""
        if isinstance(self.app, ProxyHeadersMiddleware):
            own: Any = copy(self.app)
            own.app = _nothing
            await own(scope, _nothing, _nothing)

    def _is_ordinary(self, found: dict[bytes, bytes]) -> bool:
        before, parser = self.cycle, self.parser
        if before is not None and not before.response_complete:
            return False
        if parser.get_method() != b"POST" or parser.get_http_version() != "1.1":
            return False
        size = found.get(b"content-length", b"")
        return size.isdigit() and int(size) <= HIGH_WATER_LIMIT and _LONG.isdisjoint(found)

    def _arrived(self) -> _Short | None:
        """Return the request whose body was awaited, if there is one; it is no longer."""
        short, self._arriving, self._before = self._arriving, None, None
        if self._waiting is not None:
            self._waiting.cancel()
            self._waiting = None
        return short

    def _give_up(self) -> None:
        """Take the long way in the middle of a body."""
        before = self._before
        short = self._arrived()
        assert short is not None
        self.cycle = before  # type: ignore[assignment]
        self._take_long_way()
        self.cycle.keep_alive = self.cycle.keep_alive and short.keep_alive
        if short.parts:
            super().on_body(b"".join(short.parts))

    def _take_long_way(self) -> None:
        url, headers = self.url, self.headers
        super().on_message_begin()
        self.url = url
        self.headers = self.scope["headers"] = headers
        self.expect_100_continue = any(
            name == b"expect" and value.lower() == b"100-continue" for name, value in headers
        )
        super().on_headers_complete()


class _Short(RequestResponseCycle):
    """A request on the short way, with as much of a cycle as uvicorn looks at meanwhile.

    Args:
        door: The connection.
        front: Our application.
        found: Headers by name.
        keep_alive: Whether the connection stays open.

    Attributes:
        front: Our application.
        parts: Pieces of the body.
        started: A reading of `perf_counter`.
        task: In which it is answered.
    """

    task: asyncio.Task[None]
    disconnected = False
    response_complete = False
    #: Nobody waits for it.
    message_event = asyncio.Event()

    def __init__(
        self, door: ShortCut, front: Front, found: dict[bytes, bytes], keep_alive: bool
    ) -> None:
        self.front = front
        self.keep_alive = keep_alive
        self.parts: list[bytes] = []
        self.started = perf_counter()
        self._door = door
        self._headers = door.headers
        self._found = found

    async def run_asgi(self, app: Any) -> None:
        """Answer the request. All but an answer itself is said in uvicorn's own way."""
        route, door = self.front.hot, self._door
        scope: Scope = {"type": "http", "client": door.client, "headers": self._headers}
        asked: Asked | None = None
        try:
            asked = route.open(scope, self._found)
            if not _FORWARDED.isdisjoint(self._found):
                await door.see_through_proxy(scope)
            answer = await route.answer(asked, scope, b"".join(self.parts))
            if door.flow.write_paused and not self.disconnected:
                await door.flow.drain()
            if not self.disconnected:
                self._write(asked, scope, answer)
            asked.status = 200
        except BaseException as error:
            await self._fail(error, scope, asked)
        finally:
            door.tasks.discard(self.task)
        if asked is not None:
            self.front.took(asked.status, self.started)

    def _write(self, asked: Asked, scope: Scope, answer: bytes) -> None:
        door = self._door
        if door.access_log:
            door.log_access(scope)
        end = b"\r\n" if self.keep_alive else b"connection: close\r\n\r\n"
        lines = hot.lines_of_answer(asked, len(answer))
        door.transport.write(b"".join((door.start_of_answer(), lines, end, answer)))
        self.response_complete = True
        if not self.keep_alive:
            door.transport.close()
        door.on_response_complete()

    async def _fail(self, error: BaseException, scope: Scope, asked: Asked | None) -> None:
        """Take the long way at the end."""

        async def failed(scope: Scope, receive: Receive, send: Send) -> None:
            if asked is None or not isinstance(error, Exception):
                raise error
            await self.front.failed(error, asked, scope, send)

        disconnected, door = self.disconnected, self._door
        whole: Any = {
            **scope, "method": "POST", "path": hot.PATH, "query_string": b"", "http_version": "1.1",
        }  # fmt: skip
        super().__init__(
            scope=whole,
            transport=door.transport,
            flow=door.flow,
            logger=door.logger,
            access_logger=door.access_logger,
            access_log=door.access_log,
            default_headers=door.server_state.default_headers,
            message_event=asyncio.Event(),
            expect_100_continue=False,
            keep_alive=self.keep_alive,
            on_response=door.on_response_complete,
        )  # fmt: skip
        self.disconnected = disconnected
        await super().run_asgi(failed)  # type: ignore[arg-type]


def _front(app: Any) -> Front | None:
    """Return our application, if nothing stands before it that would have a say in an ad request."""
    inner = app.app if isinstance(app, ProxyHeadersMiddleware) else app
    return inner if isinstance(inner, Front) else None


async def _nothing(*_: Any) -> Any:
    """Stand behind a middleware that changes the scope."""
