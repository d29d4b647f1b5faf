"""Decisions of a local state reach the database once: by the worker, or without one, or without Redis."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import pytest_asyncio
from sqlalchemy import select

from bootstrap.courier import Courier
from bootstrap.decisions import DecisionConsumer
from bootstrap.local_snapshots import snapshot_folder
from bootstrap.services import Services
from bootstrap.snapshots import compile_and_publish
from domain.errors import NotFound
from fastpath.engine import FastPath
from fastpath.journal import Journal
from fastpath.pinned import PinnedReservation
from fastpath.receipt import Signer
from fastpath.record import decode
from fastpath.replay import replay
from fastpath.reservation import EvalClient, RedisReservation
from fastpath.snapshot import Snapshot
from fastpath.types import AdRequest, Turn
from measurement.tables import DecisionRow
from storage.pipe import Pipe
from tests.support.catalogue import ASK, live_campaign, market

pytestmark = pytest.mark.asyncio
IDS = [f"req_{number}" for number in range(5)]


@dataclass
class Host:
    """A process that serves from a local state, and what it answered."""

    services: Services
    folder: Path
    snapshot: Snapshot
    app: str
    pinned: PinnedReservation
    answers: dict[str, bytes]

    def courier(self, client: EvalClient | None = None, patience_s: float = 60.0) -> Courier:
        stream = RedisReservation(client or self.services.redis)
        place = self.folder / "kept"
        return Courier(self.services, self.pinned, stream, place, patience_s=patience_s)

    async def answer(self) -> None:
        path = FastPath(
            self.snapshot, self.pinned, Signer(b"s" * 32), b"n" * 32, self.services.clock,
            self.services.ids,
        )  # fmt: skip
        for name in IDS:
            asked = AdRequest(
                request_id=name, app_id=self.app, conversation_id=f"c{name}", message_id="m",
                turns=(Turn("user", ASK),), now_ms=self.services.clock.now_ms(),
            )  # fmt: skip
            self.answers[name] = await path.answer_bytes(asked)
            assert b'"reason":"served"' in self.answers[name]

    async def rows(self) -> dict[str, bytes]:
        """Return what the kept records say was answered."""
        async with self.services.db.system() as session:
            found = (await session.scalars(select(DecisionRow))).all()
        return {row.id: replay(decode(row.record), self.snapshot) for row in found}


@pytest_asyncio.fixture
async def host(services: Services, tmp_path: Path) -> AsyncIterator[Host]:
    sides = await market(services)
    await live_campaign(services, sides.advertiser)
    snapshot_id = await compile_and_publish(services)
    folder = snapshot_folder(services.settings.parley_home)
    snapshot = await asyncio.to_thread(Snapshot.open, folder / snapshot_id)
    pinned = PinnedReservation(Journal(tmp_path))
    for ad in range(snapshot.manifest.ads):
        campaign = snapshot.ad(ad).campaign_id
        await pinned.set_spent(campaign, total_micros=0, day="20260101", daily_micros=0)
    made = Host(services, tmp_path, snapshot, sides.app, pinned, {})
    await made.answer()
    yield made
    await pinned.close()


async def seen_by(courier: Courier, place: Path) -> None:
    """Return when a courier has noted that all is kept."""
    async with asyncio.timeout(10):
        while not await asyncio.to_thread(place.exists):
            assert await courier.step() == 0
            await asyncio.sleep(0.05)


async def test_the_worker_keeps_what_the_courier_brings_and_a_crash_brings_it_again(
    host: Host,
) -> None:
    courier = host.courier()
    assert await courier.step() == 5
    assert await host.rows() == {}
    worker = DecisionConsumer(host.services, "worker")
    while not await host.rows():
        await worker.drain()
    assert await host.rows() == host.answers
    # Killed before it saw that: the next one begins anew, and each is kept once.
    again = host.courier()
    assert await again.step() == 5
    assert await worker.drain() == 5
    await seen_by(again, host.folder / "kept")
    assert await host.courier().step() == 0
    assert await host.rows() == host.answers


async def test_without_a_worker_the_process_keeps_them_itself(host: Host) -> None:
    courier = host.courier(patience_s=0)
    assert await courier.step() == 5
    assert await host.rows() == {}
    await seen_by(courier, host.folder / "kept")
    assert await host.rows() == host.answers


async def test_without_redis_they_are_kept_at_once(host: Host) -> None:
    nobody = Pipe("redis://127.0.0.1:1/0", patience_s=0.2)
    courier = host.courier(nobody)
    assert await courier.step() == 5
    assert await host.rows() == host.answers
    nobody.close()


async def test_an_event_waits_for_no_worker(host: Host) -> None:
    courier = host.courier()
    await courier.kept("req_3")
    assert await host.rows() == {"req_3": host.answers["req_3"]}
    with pytest.raises(NotFound):
        await courier.kept("req_nobody")
    await courier.kept("req_3")
