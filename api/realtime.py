"""Live events for many listeners from one reader: nothing lost, nothing twice, slow readers hold up nobody.

One task per process reads every stream somebody listens to and hands each entry, ready to send, to that
stream's listeners. A listener that cannot keep up has its buffer dropped and reads on from the stream itself,
at its own pace: the stream is the memory, not the process.
"""

from __future__ import annotations

import asyncio
import logging
import secrets
from collections import deque
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Final

from redis.asyncio import Redis

from storage.cache import REDIS_ERRORS

log = logging.getLogger("parley.realtime")

#: Entries kept for one listener before it has to read the stream itself.
BUFFER: Final = 256
_BATCH: Final = 200
#: Below the client's own time-out for a reply.
_BLOCK_MS: Final = 1_000
_PAUSE_S: Final = 0.3
_WAKE_SECONDS: Final = 3_600

Id = tuple[int, int]
Deliver = Callable[[str], Awaitable[None]]


def id_of(raw: bytes | str) -> Id:
    """Return a stream id as numbers that compare: milliseconds, then the place within them."""
    text = raw.decode("ascii") if isinstance(raw, bytes) else raw
    at, _, place = text.partition("-")
    return int(at), int(place or 0)


class Listener:
    """One listener of one stream.

    Args:
        redis: Where it reads what it missed.
        stream: Name of the stream.
        name: What the listener calls it, e.g. `run:run_…`.
        after: Id of the last entry it has seen; `0` = none.
        deliver: Sends one frame; as slow as its reader.
    """

    def __init__(self, redis: Redis, stream: str, name: str, after: str, deliver: Deliver) -> None:
        self.stream = stream
        self.name = name
        self._redis = redis
        self._deliver = deliver
        self._last = id_of(after)
        self._buffer: deque[tuple[Id, str]] = deque()
        self._behind = True
        self._woken = asyncio.Event()

    @property
    def last(self) -> str:
        """Id of the last entry that was sent."""
        return f"{self._last[0]}-{self._last[1]}"

    def offer(self, at: Id, frame: str) -> None:
        """Take one entry, or fall behind."""
        if len(self._buffer) >= BUFFER:
            self._buffer.clear()
            self._behind = True
        if not self._behind:
            self._buffer.append((at, frame))
        self._woken.set()

    async def pump(self) -> None:
        """Send what there is, in order, until cancelled."""
        while True:
            self._woken.clear()
            if self._behind:
                await self._catch_up()
            elif self._buffer:
                await self._send(*self._buffer.popleft())
            else:
                await self._woken.wait()

    async def _catch_up(self) -> None:
        # Live from here on, before the stream is read: what comes meanwhile is in both, and sent once.
        self._buffer.clear()
        self._behind = False
        while not self._behind:
            try:
                entries: Any = await self._redis.xrange(
                    self.stream, min=f"({self.last}", count=_BATCH
                )
            except REDIS_ERRORS:
                self._behind = True
                await asyncio.sleep(_PAUSE_S)
                return
            for entry_id, fields in entries:
                await self._send(id_of(entry_id), frame(self.name, entry_id, fields))
            if len(entries) < _BATCH:
                return

    async def _send(self, at: Id, text: str) -> None:
        if at > self._last:
            await self._deliver(text)
            self._last = at


class _Feed:
    """One stream that somebody listens to."""

    def __init__(self, position: str) -> None:
        self.position = position
        self.listeners: set[Listener] = set()


class Hub:
    """Reads streams for all listeners of this process.

    Args:
        redis: Used by listeners that catch up.
        reader: A connection of its own for the blocking read.
    """

    def __init__(self, redis: Redis, reader: Redis) -> None:
        self._redis = redis
        self._reader = reader
        self._feeds: dict[str, _Feed] = {}
        self._adding = asyncio.Lock()
        #: A stream of this process only: an entry in it ends a read that waits for too few streams.
        self._wake = f"parley:wake:{secrets.token_hex(8)}"
        self._woken_at = "0-0"

    @property
    def listeners(self) -> int:
        """How many listeners there are."""
        return sum(len(feed.listeners) for feed in self._feeds.values())

    def listener(self, stream: str, name: str, after: str, deliver: Deliver) -> Listener:
        """Return a listener; `follow` makes it hear."""
        return Listener(self._redis, stream, name, after, deliver)

    async def follow(self, listener: Listener) -> None:
        """Hand a stream's entries to a listener from now on; it reads earlier ones itself.

        Raises:
            One of `REDIS_ERRORS`, in which case nothing has changed.
        """
        async with self._adding:
            feed = self._feeds.get(listener.stream)
            if feed is None:
                newest: Any = await self._redis.xrevrange(listener.stream, count=1)
                feed = _Feed(newest[0][0].decode("ascii") if newest else "0-0")
                feed.listeners.add(listener)
                self._feeds[listener.stream] = feed
                await self._rouse()
            feed.listeners.add(listener)

    def leave(self, listener: Listener) -> None:
        """Forget a listener."""
        feed = self._feeds.get(listener.stream)
        if feed is not None:
            feed.listeners.discard(listener)
            if not feed.listeners:
                del self._feeds[listener.stream]

    async def run(self) -> None:
        """Read, until cancelled; a Redis that is away is asked again."""
        while True:
            wanted: dict[Any, Any] = {name: feed.position for name, feed in self._feeds.items()}
            wanted[self._wake] = self._woken_at
            try:
                reply: Any = await self._reader.xread(wanted, count=_BATCH, block=_BLOCK_MS)
            except REDIS_ERRORS as error:
                log.warning("live events wait for Redis: %s", type(error).__name__)
                await asyncio.sleep(_PAUSE_S)
                continue
            for stream, entries in streams_in(reply):
                self._spread(stream, entries)
            # Readers get their turn even when entries come without a pause.
            await asyncio.sleep(0)

    def _spread(self, stream: str, entries: list[tuple[bytes, Mapping[bytes, bytes]]]) -> None:
        newest = entries[-1][0].decode("ascii")
        if stream == self._wake:
            self._woken_at = newest
            return
        feed = self._feeds.get(stream)
        if feed is None:
            return
        feed.position = newest
        for entry_id, fields in entries:
            at = id_of(entry_id)
            made: dict[str, str] = {}
            for listener in feed.listeners:
                text = made.get(listener.name)
                if text is None:
                    text = made[listener.name] = frame(listener.name, entry_id, fields)
                listener.offer(at, text)

    async def _rouse(self) -> None:
        async with self._redis.pipeline(transaction=False) as pipe:
            pipe.xadd(self._wake, {"w": b"1"}, maxlen=4)
            pipe.expire(self._wake, _WAKE_SECONDS)
            await pipe.execute()


def frame(name: str, entry_id: bytes, fields: Mapping[bytes, bytes]) -> str:
    """Return one entry as it goes over the socket; the event is JSON already."""
    event = fields[b"e"].decode("utf-8")
    return f'{{"type":"event","subscription":"{name}","id":"{entry_id.decode("ascii")}","event":{event}}}'


def streams_in(reply: Any) -> list[tuple[str, list[tuple[bytes, Mapping[bytes, bytes]]]]]:
    """Return what XREAD found by stream; the shape differs between RESP2 and RESP3."""
    if not reply:
        return []
    if isinstance(reply, dict):
        rows = [
            (name, found[0] if found and isinstance(found[0], list) else found)
            for name, found in reply.items()
        ]
    else:
        rows = [(name, found) for name, found in reply]
    return [
        (name.decode() if isinstance(name, bytes) else str(name), list(found))
        for name, found in rows
        if found
    ]
