"""Progress is published in order, does not pile up, and never stops the work it tells of."""

from __future__ import annotations

import logging

import msgspec
import pytest

from bootstrap.services import Services
from domain.events import Progress, progress_stream
from storage.cache import make_redis
from workers import progress
from workers.progress import RedisProgress

pytestmark = pytest.mark.asyncio


def event(message: str) -> Progress:
    return Progress(
        run_id="run_1", type="step", step="brief", message=message, at_ms=1, data={"geos": ["JP"]}
    )


async def test_events_stand_in_the_stream_of_their_run_in_order(services: Services) -> None:
    said = RedisProgress(services.redis)
    events = [event(f"line {n}「山」") for n in range(5)]
    for one in events:
        await said.emit(one)
    entries = await services.redis.xrange(progress_stream("run_1"))
    assert [msgspec.json.decode(fields[b"e"], type=Progress) for _, fields in entries] == events
    left = await services.redis.ttl(progress_stream("run_1"))
    assert 6 * 24 * 3600 < left <= 7 * 24 * 3600


async def test_a_run_in_a_loop_does_not_fill_the_memory(
    services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(progress, "_MAX_LINES", 50)
    said = RedisProgress(services.redis)
    for number in range(300):
        await said.emit(event(str(number)))
    # XADD trims whole nodes of about a hundred entries unless it is told to be exact.
    assert await services.redis.xlen(progress_stream("run_1")) <= 150
    newest = await services.redis.xrevrange(progress_stream("run_1"), count=1)
    assert msgspec.json.decode(newest[0][1][b"e"])["message"] == "299"


async def test_a_redis_that_is_away_stops_nothing(caplog: pytest.LogCaptureFixture) -> None:
    away = make_redis("redis://127.0.0.1:1/0", timeout=0.2)
    with caplog.at_level(logging.WARNING, "parley.progress"):
        await RedisProgress(away).emit(event("nobody hears this"))
    await away.aclose()
    assert "progress of run_1 not published" in caplog.text
