"""SERVING_STATE=local on the real database: one process, decisions kept, nothing granted without the lock."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import replace
from pathlib import Path

import pytest
from sqlalchemy import text

from api.serving import Serving
from bootstrap.services import Services
from bootstrap.serving_state import LocalState, SharedState, open_state
from domain.errors import Conflict, ParleyError
from fastpath.reservation import RedisReservation, Verdict
from tests.fastpath.serving_asks import ask
from tests.support.catalogue import live_campaign, market

pytestmark = pytest.mark.asyncio


def local(services: Services, home: Path) -> Services:
    settings = services.settings.model_copy(update={"serving_state": "local", "parley_home": home})
    return replace(services, settings=settings)


async def until(holds: Callable[[], bool]) -> None:
    async with asyncio.timeout(10):
        while not holds():  # noqa: ASYNC110 - nobody signals what another task has come to
            await asyncio.sleep(0.02)


@asynccontextmanager
async def running(state: LocalState) -> AsyncIterator[LocalState]:
    task = asyncio.create_task(state.run())
    try:
        yield state
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


async def test_a_campaign_is_served_once_lock_and_counters_are_there(
    services: Services, tmp_path: Path
) -> None:
    sides = await market(services)
    campaign = await live_campaign(services, sides.advertiser)
    capped = ask(campaign_id=campaign, budget_total_micros=100_000_000)
    state = LocalState(local(services, tmp_path))
    with pytest.raises(ParleyError) as early:
        await state.reservation.reserve(capped)
    assert early.value.code == "state_unavailable"
    async with running(state):
        await until(lambda: state.serves)
        assert (await state.reservation.reserve(capped)).verdict is Verdict.GRANTED
    assert not state.serves


async def test_of_two_machines_one_serves_until_its_connection_is_lost(
    services: Services, tmp_path: Path
) -> None:
    first = LocalState(local(services, tmp_path / "a"))
    second = LocalState(local(services, tmp_path / "b"))
    async with running(first):
        await until(lambda: first.serves)
        async with running(second):
            await asyncio.sleep(0.3)
            assert not second.serves
            async with services.db.engine.connect() as connection:
                await connection.execute(
                    text(
                        "SELECT pg_terminate_backend(pid) FROM pg_locks WHERE locktype = 'advisory' "
                        "AND granted AND pid <> pg_backend_pid() AND database ="
                        # The other workers' databases are in the same cluster.
                        " (SELECT oid FROM pg_database WHERE datname = current_database())"
                    )
                )
            await until(lambda: first.serves != second.serves)
            await until(lambda: first.serves or second.serves)
            assert not (first.serves and second.serves)


async def test_one_machine_runs_it_once_and_with_one_worker(
    services: Services, tmp_path: Path
) -> None:
    parts = local(services, tmp_path)
    with pytest.raises(Conflict) as caught:
        LocalState(parts, environ={"WEB_CONCURRENCY": "4"})
    assert caught.value.code == "serving_state_workers"
    state = LocalState(parts, environ={"WEB_CONCURRENCY": "1"})
    with pytest.raises(Conflict) as again:
        Serving(parts)
    assert again.value.code == "journal_in_use"
    async with running(state):
        pass
    assert isinstance(open_state(services), SharedState)
    assert isinstance(open_state(services).reservation, RedisReservation)
