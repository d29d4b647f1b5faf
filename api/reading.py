"""Reading the body of an ad request: one timer watches all of them, since one for each costs more than reading."""

from __future__ import annotations

import asyncio

from api.bodies import DEFAULT_LIMIT, MEGABYTE, READ_SECONDS, ClientGone
from api.exchange import Receive
from domain.errors import BadInput, TooLarge


class Watch:
    """Ends what takes longer than it may, at most twice as late.

    Args:
        seconds: How long a body may take.
    """

    def __init__(self, seconds: float = READ_SECONDS) -> None:
        self._seconds = seconds
        self._since: dict[asyncio.Task[object], float] = {}
        self._late: set[asyncio.Task[object]] = set()
        self._timer: asyncio.TimerHandle | None = None

    async def read(self, announced: bytes | None, receive: Receive) -> bytes:
        """Return a whole body of at most `DEFAULT_LIMIT` bytes; raises as `bodies.read_body`."""
        if announced is not None and announced.isdigit() and int(announced) > DEFAULT_LIMIT:
            raise _too_large()
        loop = asyncio.get_running_loop()
        task = asyncio.current_task(loop)
        assert task is not None
        self._since[task] = loop.time()
        if self._timer is None:
            self._timer = loop.call_later(self._seconds, self._look, loop)
        chunks: list[bytes] = []
        size = 0
        try:
            while True:
                message = await receive()
                if message["type"] == "http.disconnect":
                    raise ClientGone
                chunk: bytes = message.get("body", b"")
                size += len(chunk)
                if size > DEFAULT_LIMIT:
                    raise _too_large()
                if not message.get("more_body", False):
                    return b"".join([*chunks, chunk]) if chunks else chunk
                chunks.append(chunk)
        except asyncio.CancelledError:
            if task not in self._late or task.uncancel():
                raise
            raise BadInput(
                "body_too_slow", "The body did not arrive in time; send it again."
            ) from None
        finally:
            del self._since[task]
            self._late.discard(task)

    def _look(self, loop: asyncio.AbstractEventLoop) -> None:
        self._timer = None
        if not self._since:
            return
        limit = loop.time() - self._seconds
        for task, since in self._since.items():
            if since <= limit:
                self._late.add(task)
                task.cancel()
        self._timer = loop.call_later(self._seconds, self._look, loop)


def _too_large() -> TooLarge:
    return TooLarge(
        "body_too_large",
        f"The body is larger than {DEFAULT_LIMIT // MEGABYTE} MB; send less at once.",
    )
