"""From the serving state's stream to PostgreSQL: each decision once, whole, and recomputable."""

from __future__ import annotations

import asyncio
import random
from dataclasses import replace
from typing import Any

import msgspec
import pytest
from sqlalchemy import select

from bootstrap import decisions
from bootstrap.decisions import DecisionConsumer, kept_decision
from bootstrap.local_snapshots import snapshot_folder
from bootstrap.services import Services
from bootstrap.snapshots import compile_and_publish
from domain.errors import NotFound, Unavailable
from fastpath import record
from fastpath.engine import FastPath
from fastpath.receipt import Signer
from fastpath.replay import replay
from fastpath.reservation import Keys, RedisReservation
from fastpath.snapshot import Snapshot
from fastpath.types import AdRequest, Consent, Turn
from measurement.tables import DecisionRow
from tests.support.campaigns import Crash
from tests.support.catalogue import ASK, Market, live_campaign, market

pytestmark = pytest.mark.asyncio
STREAM = Keys().decisions
SAID = [
    ASK, "Which laptop would you recommend to buy?",
    "トレイルランニングシューズのおすすめはどれですか？買いたいです。",
    "hello there, how are you?", "I feel hopeless and want to die.", "compare trail running shoes",
    "What is the capital of France?", "Best cigars to buy?", "",
]  # fmt: skip


async def engine(services: Services) -> tuple[FastPath, Snapshot]:
    """Compile what is live and serve from it with the state in Redis."""
    snapshot_id = await compile_and_publish(services)
    folder = snapshot_folder(services.settings.parley_home)
    snapshot = await asyncio.to_thread(Snapshot.open, folder / snapshot_id)
    settings = services.settings
    path = FastPath(
        snapshot, RedisReservation(services.redis), Signer(settings.key("receipt")),
        settings.key("nonce"), services.clock, services.ids,
    )  # fmt: skip
    return path, snapshot


async def shop(services: Services) -> tuple[FastPath, Snapshot, Market]:
    orgs = await market(services)
    await live_campaign(services, orgs.advertiser)
    await live_campaign(services, orgs.advertiser, name="Rival", bid_micros=700_000)
    await live_campaign(
        services, orgs.advertiser, "laptop", name="Poor", budget_total_micros=1_000_000
    )
    await live_campaign(services, orgs.advertiser, "laptop", name="Rich", bid_micros=400_000)
    path, snapshot = await engine(services)
    return path, snapshot, orgs


async def ask(path: FastPath, app: str, said: str = ASK, **fields: Any) -> tuple[str, bytes]:
    """Ask for an ad; return request id and answer bytes."""
    number = fields.pop("number", 0)
    given: dict[str, Any] = {
        "request_id": f"req_{number}", "app_id": app, "conversation_id": f"talk_{number}",
        "message_id": "m", "turns": (Turn("user", said),), "now_ms": 1_800_000_000_000 + number,
        **fields,
    }  # fmt: skip
    return given["request_id"], await path.answer_bytes(AdRequest(**given))


async def traffic(path: FastPath, app: str, count: int) -> dict[str, bytes]:
    """Send many different requests; return the answers by request id."""
    chance = random.Random(11)
    answers = {}
    for number in range(count):
        request_id, body = await ask(
            path, app, chance.choice(SAID), number=number, conversation_id=f"talk_{number // 3}",
            message_id=str(number), consent=Consent(ads=chance.choice([None, True, False])),
            geo=chance.choice([None, "US"]),
        )  # fmt: skip
        answers[request_id] = body
    return answers


async def drain(services: Services, name: str = "one") -> None:
    consumer = DecisionConsumer(services, name)
    # The first call makes the group, the second reads.
    await consumer.drain()
    await consumer.drain()


async def kept(services: Services) -> dict[str, DecisionRow]:
    async with services.db.system() as session:
        return {row.id: row for row in (await session.scalars(select(DecisionRow))).all()}


async def pending(services: Services) -> int:
    return int((await services.redis.xpending(STREAM, "keep"))["pending"])


async def test_every_decision_is_kept_and_recomputes_byte_for_byte(services: Services) -> None:
    path, snapshot, orgs = await shop(services)
    answers = await traffic(path, orgs.app, 300)
    await asyncio.gather(*(drain(services, f"consumer-{n}") for n in range(3)))
    await drain(services)
    rows = await kept(services)
    assert rows.keys() == answers.keys()
    assert await pending(services) == 0
    seen = set()
    for request_id, row in rows.items():
        kept_record = record.decode(row.record)
        body = replay(kept_record, snapshot)
        assert body == answers[request_id]
        answer = msgspec.json.decode(body)
        assert answer["reason"] == row.reason
        assert (row.ad_id is not None) == (answer["ad"] is not None)
        seen.add(row.reason)
    assert {"served", "cooldown", "sensitive", "no_consent", "restricted"} <= seen


async def test_what_was_shown_is_kept_with_both_sides_and_its_price(services: Services) -> None:
    path, snapshot, orgs = await shop(services)
    request_id, body = await ask(path, orgs.app)
    refused_id, _ = await ask(path, orgs.app, "hello!", number=1)
    await drain(services)
    rows = await kept(services)
    shown, refused = rows[request_id], rows[refused_id]
    ad = msgspec.json.decode(body)["ad"]
    assert (shown.ad_id, shown.advertiser_id) == (ad["id"], orgs.advertiser)
    assert (shown.publisher_id, shown.app_id) == (orgs.publisher, orgs.app)
    assert (shown.snapshot_id, shown.bid_model, shown.currency) == (
        snapshot.snapshot_id,
        "cpc",
        "USD",
    )
    assert shown.price_micros is not None
    assert 0 < shown.price_micros <= 700_000
    assert shown.expires_at is not None
    assert (refused.ad_id, refused.advertiser_id, refused.price_micros) == (None, None, None)
    assert refused.publisher_id == orgs.publisher
    for row in rows.values():
        assert b"trail running" not in row.record


async def test_an_ad_lost_to_the_budget_is_nobodys_ad(services: Services) -> None:
    orgs = await market(services)
    await live_campaign(services, orgs.advertiser, budget_total_micros=500_000)
    path, snapshot = await engine(services)
    # Alone it pays the reserve of 0.05 USD, so ten open offers hold the whole budget.
    asked = [await ask(path, orgs.app, number=number) for number in range(11)]
    reasons = [msgspec.json.decode(body)["reason"] for _, body in asked]
    assert reasons == ["served"] * 10 + ["budget"]
    await drain(services)
    request_id, body = asked[-1]
    row = (await kept(services))[request_id]
    assert (row.reason, row.ad_id, row.campaign_id) == ("budget", None, None)
    assert replay(record.decode(row.record), snapshot) == body


async def test_what_a_dead_consumer_took_is_kept_by_another(
    services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, _, orgs = await shop(services)
    answers = await traffic(path, orgs.app, 40)
    dead = DecisionConsumer(services, "dead")
    await dead.drain()

    async def dies(*_: Any) -> None:
        raise Crash

    with monkeypatch.context() as patch:
        patch.setattr(decisions, "keep_decisions", dies)
        with pytest.raises(Crash):
            await dead.drain()
    assert (await kept(services), await pending(services)) == ({}, 40)
    other = DecisionConsumer(services, "other")
    # They may be another consumer's work in hand: not taken over at once.
    assert await other.drain() == 0
    monkeypatch.setattr(decisions, "_STALE_MS", 0)
    assert await other.drain() == 40
    assert (await kept(services)).keys() == answers.keys()
    assert await pending(services) == 0


async def test_a_crash_between_commit_and_acknowledgement_keeps_each_once(
    services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, _, orgs = await shop(services)
    answers = await traffic(path, orgs.app, 25)

    class Forgetful:
        """Redis that is away when it is told that the entries are done."""

        def __getattr__(self, name: str) -> Any:
            return getattr(services.redis, name)

        async def xack(self, *_: Any) -> None:
            raise ConnectionError("gone")

    forgetful = DecisionConsumer(replace(services, redis=Forgetful()), "dead")
    await forgetful.drain()
    with pytest.raises(ConnectionError):
        await forgetful.drain()
    before = await kept(services)
    assert before.keys() == answers.keys()
    monkeypatch.setattr(decisions, "_STALE_MS", 0)
    assert await DecisionConsumer(services, "other").drain() == 25
    assert {i: r.record for i, r in (await kept(services)).items()} == {
        i: r.record for i, r in before.items()
    }
    assert await pending(services) == 0


async def test_entries_that_are_no_decision_do_not_stop_the_others(services: Services) -> None:
    path, _, orgs = await shop(services)
    for fields in (
        {"record": b"\xc1 not msgpack", "verdict": "granted"},
        {"record": b"", "verdict": "granted"},
        {"verdict": "granted"},
        {"record": msgspec.msgpack.encode({"schema": 99}), "verdict": "refused"},
        {"something": "else"},
        {"record": b"\x80", "verdict": b"\xff\xfe"},
    ):
        await services.redis.xadd(STREAM, fields)
    request_id, _ = await ask(path, orgs.app)
    await drain(services)
    assert list(await kept(services)) == [request_id]
    assert await pending(services) == 0


async def test_a_good_record_with_an_unknown_verdict_is_left_out(services: Services) -> None:
    path, _, orgs = await shop(services)
    await ask(path, orgs.app)
    ((_, fields),) = await services.redis.xrange(STREAM)
    await services.redis.xadd(STREAM, {**fields, b"verdict": b"maybe"})
    await drain(services)
    assert list(await kept(services)) == ["req_0"]


async def test_a_request_of_an_unknown_app_belongs_to_nobody(services: Services) -> None:
    path, _, orgs = await shop(services)
    await ask(path, "app_nobody", number=1)
    request_id, _ = await ask(path, orgs.app, number=2)
    await drain(services)
    assert list(await kept(services)) == [request_id]
    assert await pending(services) == 0


async def test_an_emptied_redis_gets_its_group_again(services: Services) -> None:
    path, _, orgs = await shop(services)
    await ask(path, orgs.app, number=1)
    consumer = DecisionConsumer(services, "one")
    await consumer.drain()
    assert await consumer.drain() == 1
    await services.redis.flushdb()
    assert await consumer.drain() == 0
    # The state knows no spending any more; a house call is answered all the same.
    await ask(path, orgs.app, "hello!", number=2)
    assert await consumer.drain() == 1
    assert set(await kept(services)) == {"req_1", "req_2"}


async def test_an_event_waits_for_its_decision(services: Services) -> None:
    path, _, orgs = await shop(services)
    request_id, _ = await ask(path, orgs.app)
    await kept_decision(services, request_id)
    assert list(await kept(services)) == [request_id]
    with pytest.raises(NotFound):
        await kept_decision(services, "req_unknown")


async def test_an_event_whose_decision_is_in_other_hands_can_be_sent_again(
    services: Services,
) -> None:
    path, _, orgs = await shop(services)
    consumer = DecisionConsumer(services, "one")
    await consumer.drain()
    request_id, _ = await ask(path, orgs.app)
    await services.redis.xreadgroup("keep", "slow", {STREAM: ">"})
    with pytest.raises(Unavailable) as caught:
        await kept_decision(services, request_id, wait_s=0.1)
    assert caught.value.code == "request_not_kept"
