"""Reading the body of an ad request: one timer watches all of them, since one for each costs more than reading."""

from __future__ import annotations

import asyncio

from api.bodies import DEFAULT_LIMIT, READ_SECONDS, check_announced, collect, too_slow
from api.exchange import Receive


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
        check_announced(announced, DEFAULT_LIMIT)
        loop = asyncio.get_running_loop()
        task = asyncio.current_task(loop)
        assert task is not None
        self._since[task] = loop.time()
        if self._timer is None:
            self._timer = loop.call_later(self._seconds, self._look, loop)
        try:
            return await collect(receive, DEFAULT_LIMIT)
        except asyncio.CancelledError:
            if task not in self._late or task.uncancel():
                raise
            raise too_slow() from None
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
