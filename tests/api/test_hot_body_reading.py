"""Bodies of ad requests: one timer for all of them, and it ends only what is late."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from api.bodies import DEFAULT_LIMIT, ClientGone
from api.metrics import Metrics
from api.reading import Watch
from domain.errors import BadInput, TooLarge

pytestmark = pytest.mark.asyncio


def sender(*messages: dict[str, Any], then: str = "wait") -> Any:
    left = list(messages)

    async def receive() -> dict[str, Any]:
        if left:
            return left.pop(0)
        if then == "gone":
            return {"type": "http.disconnect"}
        await asyncio.Event().wait()
        raise AssertionError

    return receive


def part(body: bytes, more: bool = True) -> dict[str, Any]:
    return {"type": "http.request", "body": body, "more_body": more}


async def test_pieces_are_put_together() -> None:
    read = Watch().read
    assert await read(None, sender(part(b"whole", False))) == b"whole"
    assert await read(b"6", sender(part(b"ab"), part(b""), part(b"cd"), part(b"ef", False))) == (
        b"abcdef"
    )
    assert await read(None, sender({"type": "http.request"})) == b""


async def test_too_much_is_refused_before_and_while_it_comes() -> None:
    with pytest.raises(TooLarge):
        await Watch().read(b"%d" % (DEFAULT_LIMIT + 1), sender())
    half = b"x" * (DEFAULT_LIMIT // 2 + 1)
    with pytest.raises(TooLarge):
        await Watch().read(b"nonsense", sender(part(half), part(half, False)))


async def test_who_hangs_up_is_not_answered() -> None:
    with pytest.raises(ClientGone):
        await Watch().read(None, sender(part(b"ab"), then="gone"))


async def test_only_what_is_late_is_ended_and_its_task_goes_on() -> None:
    watch = Watch(seconds=0.05)

    async def slow() -> str:
        with pytest.raises(BadInput) as refused:
            await watch.read(None, sender(part(b"half")))
        task = asyncio.current_task()
        assert task is not None
        assert task.cancelling() == 0
        await asyncio.sleep(0)
        return refused.value.code

    async def in_time() -> bytes:
        await asyncio.sleep(0.01)
        return await watch.read(None, sender(part(b"ok", False)))

    late, ok, too = await asyncio.gather(slow(), in_time(), slow())
    assert (late, ok, too) == ("body_too_slow", b"ok", "body_too_slow")


async def test_a_cancellation_from_outside_stays_one() -> None:
    watch = Watch(seconds=60)
    task = asyncio.create_task(watch.read(None, sender(part(b"half"))))
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


async def test_timings_and_answers_look_as_prometheus_wants_them() -> None:
    metrics = Metrics()
    for seconds in (0.0001, 0.0005, 0.02, 99.0):
        metrics.observe("POST", "/x", 200, seconds)
    metrics.observe("BREW", "/x", 405, 0.001)
    metrics.observe("BREW", "/x", 405, 0.001)
    metrics.answered("served")
    metrics.answered("served")
    lines = metrics.text().decode().splitlines()
    name = 'parley_request_seconds_bucket{le="%s",method="POST",route="/x",status="200"} %s'
    for limit, count in (("0.0005", "2.0"), ("0.01", "2.0"), ("0.025", "3.0"), ("30.0", "3.0"),
                         ("+Inf", "4.0")):  # fmt: skip
        assert name % (limit, count) in lines
    other = 'parley_request_seconds_count{method="other",route="/x",status="405"} 2.0'
    assert other in lines
    assert 'parley_answers_total{reason="served"} 2.0' in lines
