"""One pipelined connection to Redis for the serving plane: a decision's only trip, at a tenth of a client's cost.

A general client checks a connection out of a pool, sends, waits and gives it back, for each command. Here all
calls of a process share one connection: what is asked within one turn of the event loop leaves in one write, and
replies are handed to their callers in order. hiredis packs and parses.
"""

from __future__ import annotations

import asyncio
import ssl
from collections import deque
from collections.abc import Awaitable
from functools import partial
from itertools import islice
from typing import Any, cast
from urllib.parse import parse_qs, unquote, urlsplit

import hiredis

from domain.errors import Unavailable

_CONNECT_SECONDS = 2.0
#: A question that waits longer has no answer; looked after by one timer, since one for each call costs more.
PATIENCE_SECONDS = 0.5
_LOOKS = 4
#: A server that lets so many questions wait is as good as down; more would only fill memory.
_MOST_WAITING = 10_000


class Pipe:
    """Runs scripts over one connection, which is opened on first use and again after it was lost.

    Whoever gives up waiting may cancel its call: the reply is thrown away when it comes. A call on a
    connection that breaks fails at once; nothing is sent twice.

    Args:
        url: `redis://[user:password@]host:port/db`, `rediss://…` for TLS, `unix:///path?db=0`.
        patience_s: A call fails that is not answered in this time (and at most a quarter more).
    """

    def __init__(self, url: str, *, patience_s: float = PATIENCE_SECONDS) -> None:
        self._url = url
        self._patience_s = patience_s
        self._line: _Line | None = None
        self._opening: asyncio.Task[_Line] | None = None

    async def script_load(self, script: str) -> Any:
        """Load a script and return its SHA-1."""
        return await self.call("SCRIPT", "LOAD", script)

    async def evalsha(self, sha: str, numkeys: int, *keys_and_args: Any) -> Any:
        """Run a loaded script.

        Raises:
            Unavailable: `redis_unavailable`.
            hiredis.ReplyError: What the server says is wrong, `NOSCRIPT …` for a script it has forgotten.
        """
        return await self.call("EVALSHA", sha, numkeys, *keys_and_args)

    async def call(self, *command: Any) -> Any:
        """Send one command and return its reply; raises as `evalsha` does."""
        return await self.send(hiredis.pack_command(command))

    def send(self, command: bytes) -> Awaitable[Any]:
        """Send a command that is written out already; its reply is awaited, and raises, as that of `call`."""
        line = self._line
        return self._late(command) if line is None or line.lost else line.send(command)

    def close(self) -> None:
        """Close the connection; a later call opens another."""
        if self._opening is not None:
            self._opening.cancel()
            self._opening = None
        if self._line is not None:
            self._line.close()
            self._line = None

    async def _late(self, command: bytes) -> Any:
        return await (await self._open()).send(command)

    async def _open(self) -> _Line:
        """Return the connection that this or another call is opening."""
        if self._opening is None:
            self._opening = asyncio.create_task(self._connect())
            self._opening.add_done_callback(self._opened)
        # Shielded: the call that started it may give up while others still wait.
        return await asyncio.shield(self._opening)

    def _opened(self, task: asyncio.Task[_Line]) -> None:
        self._opening = None
        if not task.cancelled() and task.exception() is None:
            self._line = task.result()

    async def _connect(self) -> _Line:
        parts = urlsplit(self._url)
        loop = asyncio.get_running_loop()
        made = partial(_Line, self._patience_s)
        line: _Line | None = None
        greeted = False
        try:
            async with asyncio.timeout(min(_CONNECT_SECONDS, self._patience_s)):
                if parts.scheme == "unix":
                    _, line = await loop.create_unix_connection(made, parts.path)
                else:
                    tls = ssl.create_default_context() if parts.scheme == "rediss" else None
                    host, port = parts.hostname or "127.0.0.1", parts.port or 6379
                    _, line = await loop.create_connection(made, host, port, ssl=tls)
                for command in _greeting(self._url):
                    await line.send(hiredis.pack_command(command))
            greeted = True
        except (OSError, TimeoutError, hiredis.ReplyError) as error:
            raise _unavailable() from error
        finally:
            if line is not None and not greeted:
                line.close()
        return line


def _greeting(url: str) -> list[tuple[Any, ...]]:
    """Return the commands that a fresh connection starts with."""
    parts = urlsplit(url)
    commands: list[tuple[Any, ...]] = []
    if parts.password is not None:
        user = (unquote(parts.username),) if parts.username else ()
        commands.append(("AUTH", *user, unquote(parts.password)))
    query = parse_qs(parts.query).get("db")
    database = query[0] if query else parts.path.strip("/") if parts.scheme != "unix" else ""
    if database and database != "0":
        commands.append(("SELECT", database))
    return commands


class _Line(asyncio.Protocol):
    """A connection with the callers that wait on it, in the order of their questions.

    Attributes:
        lost: No more questions can be asked.

    Args:
        patience_s: How long a question may wait.
    """

    def __init__(self, patience_s: float) -> None:
        self.lost = False
        self._patience_s = patience_s
        self._looking: asyncio.TimerHandle | None = None
        #: How many questions have ever been asked and answered; and asked at each of the last looks.
        self._sent = self._answered = 0
        self._seen: deque[int] = deque(maxlen=_LOOKS)
        self._loop = asyncio.get_running_loop()
        self._reader = hiredis.Reader()
        self._waiting: deque[asyncio.Future[Any]] = deque()
        self._unsent: list[bytes] = []
        self._transport: asyncio.Transport | None = None

    def send(self, command: bytes) -> asyncio.Future[Any]:
        """Queue a command; it leaves at the end of this turn of the loop, with all others."""
        waiting = self._waiting
        if self.lost or len(waiting) >= _MOST_WAITING:
            raise _unavailable()
        if not self._unsent:
            self._loop.call_soon(self._flush)
        self._unsent.append(command)
        reply: asyncio.Future[Any] = self._loop.create_future()
        waiting.append(reply)
        self._sent += 1
        if self._looking is None:
            self._look()
        return reply

    def close(self) -> None:
        """Hang up."""
        if self._transport is not None:
            self._transport.close()
        self.connection_lost(None)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the transport."""
        # uvloop's transports are such by behaviour, not by class.
        self._transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        """Hand each whole reply to whoever waits for it."""
        try:
            self._reader.feed(data)
            while self._waiting:
                reply = self._reader.gets()
                if reply is False:
                    return
                waiting = self._waiting.popleft()
                self._answered += 1
                if waiting.done():
                    continue
                if isinstance(reply, hiredis.ReplyError):
                    waiting.set_exception(reply)
                else:
                    waiting.set_result(reply)
        except hiredis.ProtocolError:
            self.close()

    def connection_lost(self, exc: Exception | None) -> None:
        """Fail everything that still waits: whether it was done is not known."""
        self.lost = True
        self._unsent.clear()
        if self._looking is not None:
            self._looking.cancel()
            self._looking = None
        while self._waiting:
            waiting = self._waiting.popleft()
            if not waiting.done():
                waiting.set_exception(_unavailable())

    def _look(self) -> None:
        """Fail what has waited too long; its place stays, for a reply that may still come."""
        late = self._seen[0] - self._answered if len(self._seen) == _LOOKS else 0
        for waiting in islice(self._waiting, max(0, late)):
            if not waiting.done():
                waiting.set_exception(_unavailable())
        self._seen.append(self._sent)
        self._looking = None
        if self._waiting:
            self._looking = self._loop.call_later(self._patience_s / _LOOKS, self._look)
        else:
            self._seen.clear()

    def _flush(self) -> None:
        if self._unsent and self._transport is not None:
            self._transport.write(b"".join(self._unsent))
            self._unsent.clear()


def _unavailable() -> Unavailable:
    return Unavailable("redis_unavailable", "Redis cannot be reached; check REDIS_URL.")
