"""Work beside the requests ends when it is told to, also if it does not hear the first time."""

from __future__ import annotations

import asyncio
import logging

import pytest

from bootstrap.background import end, start, together

pytestmark = pytest.mark.asyncio


class Deaf:
    """Loses a cancellation, as `asyncio.wait_for` of Python 3.11 does now and then."""

    def __init__(self, times: int) -> None:
        self.times = times
        self.heard = 0
        self.over = False

    async def run(self) -> None:
        try:
            while True:
                try:
                    await asyncio.sleep(60)
                except asyncio.CancelledError:
                    self.heard += 1
                    if self.heard > self.times:
                        raise
        finally:
            self.over = True


async def test_a_task_that_loses_a_cancellation_is_told_again() -> None:
    deaf = Deaf(1)
    task = start(deaf.run())
    await asyncio.sleep(0)
    await end([task])
    assert (deaf.heard, deaf.over, task.cancelled()) == (2, True, True)


async def test_the_end_comes_also_for_those_who_never_hear(
    caplog: pytest.LogCaptureFixture,
) -> None:
    deaf = Deaf(10_000)
    task = asyncio.create_task(deaf.run(), name="deaf")
    await asyncio.sleep(0)
    await end([task], patience_s=0.05)
    assert not task.done()
    assert "deaf does not end" in caplog.text
    deaf.times = 0
    await end([task])


async def test_cancelling_the_group_again_and_again_leaves_nobody_behind() -> None:
    one, other = Deaf(1), Deaf(2)
    group = asyncio.create_task(together(one.run(), other.run()))
    await asyncio.sleep(0)
    for _ in range(3):
        await asyncio.sleep(0)
        group.cancel()
    with pytest.raises(asyncio.CancelledError):
        await group
    assert (one.over, other.over) == (True, True)


async def test_one_failure_ends_the_group_and_is_said(caplog: pytest.LogCaptureFixture) -> None:
    other = Deaf(0)

    async def fails() -> None:
        await asyncio.sleep(0)
        raise ValueError("broken")

    with caplog.at_level(logging.ERROR):
        task = start(together(other.run(), fails()))
        await asyncio.wait([task])
        # The log is written by a callback of the task.
        await asyncio.sleep(0)
    assert other.over
    assert isinstance(task.exception(), ValueError)
    assert "has stopped" in caplog.text


async def test_those_who_have_nothing_to_do_end_nobody() -> None:
    async def nothing() -> None:
        return

    other = Deaf(0)
    group = asyncio.create_task(together(nothing(), other.run()))
    for _ in range(5):
        await asyncio.sleep(0)
    assert not group.done()
    await end([group])
    assert other.over
