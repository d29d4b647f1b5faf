"""What happens by itself: outbox to broker, orphans, ends of campaigns, counters; nothing twice, nothing lost."""

from __future__ import annotations

import asyncio
import base64
import json
import logging
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
from celery import Celery
from kombu.exceptions import OperationalError
from redis import Redis
from sqlalchemy import select

from billing.service import BillingService, Charge
from bootstrap.budgets import sync_live_spend
from bootstrap.services import Services
from bootstrap.snapshots import compile_and_publish
from catalog.lifecycle import CampaignStatus
from catalog.repository import Audit, Campaigns
from domain.errors import Unavailable
from domain.money import Money
from domain.time import FixedClock, day_of
from fastpath.reservation import Keys
from storage import outbox
from storage.outbox import OutboxRow
from tests.support.campaigns import advertiser
from tests.support.catalogue import live_campaign, market, move
from tests.support.runs import change, queued_run
from workers.celery_app import COMPILE_TASK, RUN_TASK, make_celery
from workers.ticker import Ticker, run

pytestmark = pytest.mark.asyncio
DAY_MS = 86_400_000


@pytest.fixture
def celery(services: Services) -> Iterator[Celery]:
    app = make_celery(services.settings.celery_broker)
    yield app
    app.close()


def delivered(services: Services) -> list[tuple[str, list[Any]]]:
    """Take every task out of the broker's queue, oldest first, as a worker would."""
    found = []
    with Redis.from_url(services.settings.celery_broker) as broker:
        while (message := broker.rpop("celery")) is not None:
            envelope = json.loads(message)
            args, *_ = json.loads(base64.b64decode(envelope["body"]))
            found.append((envelope["headers"]["task"], args))
    return found


async def unsent(services: Services) -> list[str]:
    async with services.db.system() as session:
        query = select(OutboxRow.topic).where(OutboxRow.sent_at.is_(None))
        return list((await session.scalars(query)).all())


async def put(services: Services, org: str, topic: str, **payload: str) -> None:
    async with services.db.system() as session:
        await outbox.put(session, services.ids.new("obx"), org, topic, payload)


async def test_what_was_committed_reaches_the_broker_once(
    services: Services, celery: Celery
) -> None:
    org, ticker = await advertiser(services), Ticker(services, celery)
    run_ids = [await queued_run(services, org, f"sell shoes {n}") for n in range(3)]
    assert await ticker.relay() == 3
    assert delivered(services) == [(RUN_TASK, [run_id]) for run_id in run_ids]
    assert await unsent(services) == []
    assert await ticker.relay() == 0
    assert delivered(services) == []


async def test_many_changes_of_the_catalogue_are_one_compilation(
    services: Services, celery: Celery
) -> None:
    org = await advertiser(services)
    for number in range(12):
        await put(services, org, "catalogue.changed", campaign_id=f"cmp_{number}")
    ticker = Ticker(services, celery)
    assert await ticker.compile_changes()
    assert not await ticker.compile_changes()
    assert delivered(services) == [(COMPILE_TASK, [])]
    await put(services, org, "catalogue.changed", campaign_id="cmp_13")
    assert await ticker.compile_changes()
    assert delivered(services) == [(COMPILE_TASK, [])]


async def test_a_change_waits_until_a_compilation_has_taken_it_in(
    services: Services, celery: Celery, monkeypatch: pytest.MonkeyPatch
) -> None:
    org, ticker = await advertiser(services), Ticker(services, celery)
    await put(services, org, "catalogue.changed", campaign_id="cmp_1")
    assert await ticker.compile_changes()
    # The broker loses the task, or the task fails: it is asked for again.
    assert len(delivered(services)) == 1
    monkeypatch.setattr("workers.ticker.COMPILE_AGAIN_S", 0.0)
    assert await ticker.compile_changes() is False
    ticker = Ticker(services, celery)
    assert await ticker.compile_changes()
    assert await ticker.compile_changes()
    assert delivered(services) == [(COMPILE_TASK, [])] * 2
    await compile_and_publish(services)
    assert await unsent(services) == []
    assert not await ticker.compile_changes()


async def test_a_failed_compilation_leaves_the_change_waiting(
    services: Services, celery: Celery, monkeypatch: pytest.MonkeyPatch
) -> None:
    org = await advertiser(services)
    await put(services, org, "catalogue.changed", campaign_id="cmp_1")

    async def away(*_: Any) -> None:
        raise Unavailable("object_store_unavailable", "The store is away.")

    with monkeypatch.context() as patch:
        patch.setattr(services.objects, "put_file", away)
        with pytest.raises(Unavailable):
            await compile_and_publish(services)
    assert await unsent(services) == ["catalogue.changed"]
    await compile_and_publish(services)
    assert await unsent(services) == []


async def test_a_message_that_the_broker_did_not_take_waits(
    services: Services, celery: Celery, monkeypatch: pytest.MonkeyPatch
) -> None:
    org, ticker = await advertiser(services), Ticker(services, celery)
    await queued_run(services, org)

    def refused(*_: Any) -> None:
        raise OperationalError("broker away")

    with monkeypatch.context() as patch:
        patch.setattr(celery, "send_task", refused)
        with pytest.raises(OperationalError):
            await ticker.relay()
    assert await unsent(services) == ["run.enqueue"]
    assert await ticker.relay() == 1
    assert len(delivered(services)) == 1


async def test_two_relays_at_once_share_the_messages(services: Services, celery: Celery) -> None:
    org = await advertiser(services)
    run_ids = [await queued_run(services, org, f"sell shoes {n}") for n in range(10)]
    relayed = await asyncio.gather(*(Ticker(services, celery).relay() for _ in range(2)))
    assert sum(relayed) == 10
    assert sorted(args[0] for _, args in delivered(services)) == sorted(run_ids)


async def test_runs_that_nobody_works_on_are_sent_again(services: Services, celery: Celery) -> None:
    org, ticker = await advertiser(services), Ticker(services, celery)
    dead, lost, busy, fresh = [await queued_run(services, org, f"sell shoes {n}") for n in range(4)]
    await change(
        services,
        dead,
        "status = 'running', lease_owner = 'x', lease_until = now() - interval '1 s'",
    )
    await change(services, lost, "updated_at = now() - interval '1 minute'")
    await change(
        services,
        busy,
        "status = 'running', lease_owner = 'y', lease_until = now() + interval '1 h'",
    )
    assert await ticker.requeue_orphans() == 2
    assert sorted(delivered(services)) == sorted([(RUN_TASK, [dead]), (RUN_TASK, [lost])])
    assert fresh not in (dead, lost)


async def test_campaigns_end_after_their_last_day_and_the_audit_says_why(
    services: Services, celery: Celery
) -> None:
    orgs, now = await market(services), services.clock.now_ms()
    over = await live_campaign(services, orgs.advertiser, ends_ms=now + DAY_MS)
    paused = await live_campaign(services, orgs.advertiser, name="P", ends_ms=now + DAY_MS)
    longer = await live_campaign(services, orgs.advertiser, name="L", ends_ms=now + 3 * DAY_MS)
    ongoing = await live_campaign(services, orgs.advertiser, name="O")
    await move(services, paused, CampaignStatus.PAUSED)
    assert await Ticker(services, celery).end_campaigns() == 0
    async with services.db.system() as session:
        await outbox.mark_sent(session, await outbox.waiting_ids(session, outbox.CATALOGUE_CHANGED))

    later = replace(services, clock=FixedClock(now + 2 * DAY_MS))
    assert await Ticker(later, celery).end_campaigns() == 2
    assert await Ticker(later, celery).end_campaigns() == 0
    async with services.db.system() as session:
        found = {c.id: c.status for c in await Campaigns(session).newest()}
        last = (await Audit(session).of(over))[-1]
    assert found == {over: "ended", paused: "ended", longer: "live", ongoing: "live"}
    assert (last.from_state, last.to_state, last.who) == ("live", "ended", "schedule")
    assert last.why == "its last day has passed"
    # A paused campaign is not served, so its end changes nothing for the compiler.
    assert await unsent(services) == ["catalogue.changed"]


async def test_counters_come_back_after_the_serving_state_lost_its_memory(
    services: Services,
) -> None:
    orgs = await market(services)
    live = await live_campaign(services, orgs.advertiser)
    charge = Charge(
        event_id="evt_1", kind="click", campaign_id=live, advertiser_id=orgs.advertiser,
        publisher_id=orgs.publisher, amount=Money(420_000, "USD"), budget_total_micros=100_000_000,
        budget_daily_micros=None,
    )  # fmt: skip
    async with services.db.system() as session:
        await BillingService(session, services.ids, services.clock).charge(charge)
    await services.redis.flushdb()
    assert await sync_live_spend(services) == 1
    day = day_of(services.clock.now_ms()).strftime("%Y%m%d")
    assert await services.redis.hgetall(Keys().spent(live)) == {
        b"total": b"420000",
        f"d:{day}".encode(): b"420000",
    }


async def test_a_beat_that_fails_is_logged_and_comes_again(
    services: Services, celery: Celery, caplog: pytest.LogCaptureFixture
) -> None:
    ticker, stop, calls = Ticker(services, celery), asyncio.Event(), []

    async def down() -> None:
        calls.append("down")
        raise Unavailable("database_unavailable", "The database cannot be reached.")

    async def defective() -> None:
        calls.append("defective")
        if calls.count("defective") == 3:
            stop.set()
        raise ZeroDivisionError

    async def healthy() -> None:
        calls.append("healthy")

    beats = [("down", 0.01, down), ("defective", 0.02, defective), ("healthy", 0.01, healthy)]
    ticker.beats = lambda: beats  # type: ignore[method-assign,assignment]
    with caplog.at_level(logging.WARNING, "parley.ticker"):
        await asyncio.wait_for(run(ticker, stop), 3)
    assert min(calls.count(name) for name in ("down", "defective", "healthy")) >= 2
    said = [(record.levelname, record.message) for record in caplog.records]
    assert ("WARNING", "down: The database cannot be reached.; trying again") in said
    assert ("ERROR", "defective failed") in said


async def test_all_beats_together_carry_a_run_to_the_broker_and_stop_when_told(
    services: Services, celery: Celery
) -> None:
    run_id = await queued_run(services, await advertiser(services))
    stop = asyncio.Event()
    ticker = Ticker(services, celery)
    beats, relay = ticker.beats(), ticker.relay

    async def last() -> None:
        await relay()
        if not await unsent(services):
            stop.set()

    ticker.beats = lambda: [("outbox", 0.05, last), *beats[1:]]  # type: ignore[method-assign]
    await asyncio.wait_for(run(ticker, stop), 4)
    assert delivered(services) == [(RUN_TASK, [run_id])]
