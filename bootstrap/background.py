"""Tasks that run beside the requests, and their end.

Cancelling once is not enough on Python 3.11: `asyncio.wait_for` loses a cancellation that arrives in the same turn
of the loop as its result (python/cpython#86296), and redis-py sends every command inside one. A loop that asks
Redis would then go on, and whoever waits for its end would wait for ever.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Coroutine, Iterable
from typing import Any, Final

log = logging.getLogger("parley.background")

#: A task that goes on after so long is told again; well above what a clean-up takes.
_AGAIN_S: Final = 0.5
_PATIENCE_S: Final = 15.0


async def end(tasks: Iterable[asyncio.Task[Any]], *, patience_s: float = _PATIENCE_S) -> None:
    """Cancel tasks until they are over; return after `patience_s` at the latest, naming in the log who stays.

    Being cancelled itself does not cut it short: what it was called for would stay half done.
    """
    loop = asyncio.get_running_loop()
    deadline = loop.time() + patience_s
    left = {task for task in tasks if not task.done()}
    told = False
    while left and loop.time() < deadline:
        for task in left:
            task.cancel()
        try:
            _, left = await asyncio.wait(left, timeout=_AGAIN_S)
        except asyncio.CancelledError:
            told = True
            left = {task for task in left if not task.done()}
    for task in left:
        log.error("%s does not end", task.get_name())
    if told:
        raise asyncio.CancelledError


async def together(*works: Coroutine[Any, Any, None]) -> None:
    """Run until all are over, one fails, or the caller is cancelled; then end the others.

    Raises:
        What the first one raised that failed.
    """
    tasks = [asyncio.create_task(work, name=_name(work)) for work in works]
    try:
        await asyncio.wait(tasks, return_when=asyncio.FIRST_EXCEPTION)
    finally:
        await end(tasks)
    for task in tasks:
        if not task.cancelled() and (error := task.exception()) is not None:
            raise error


def start(work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
    """Start work that should go on until it is cancelled; its failure is logged when it happens."""
    task = asyncio.create_task(work, name=_name(work))
    task.add_done_callback(_look)
    return task


def _name(work: object) -> str:
    return str(getattr(work, "__qualname__", work))


def _look(task: asyncio.Task[None]) -> None:
    if not task.cancelled() and (error := task.exception()) is not None:
        log.error("%s has stopped", task.get_name(), exc_info=error)
