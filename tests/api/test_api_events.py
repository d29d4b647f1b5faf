"""Events become money once: nonces, duplicates, races, budgets, the ledger."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from sqlalchemy import func, select, text

from api.intake import price_of
from billing.service import unbalanced
from billing.tables import CampaignSpend, LedgerEntry
from bootstrap.services import Services
from catalog.repository import Audit, Campaigns
from domain.formats import BidModel, EventType
from domain.time import FixedClock, SystemClock
from fastpath.reservation import Keys
from measurement.tables import DecisionRow, EventRow
from storage.outbox import OutboxRow
from tests.api.conftest import Accounts, Door, make_accounts, make_campaign, open_door

pytestmark = pytest.mark.asyncio


def event(answer: dict[str, Any], app: str, kind: str = "click", **more: Any) -> dict[str, Any]:
    return {
        "type": kind, "requestId": answer["requestId"], "adId": answer["ad"]["id"], "appId": app, **more,
    }  # fmt: skip


async def send(
    door: Door, body: dict[str, Any], key: str | None = None
) -> tuple[int, dict[str, Any]]:
    answer = await door.call("POST", "/api/events", key, json=body)
    return answer.status_code, answer.json()


async def test_an_impression_is_free_and_a_click_is_charged_once(
    door: Door, accounts: Accounts, campaign: str, services: Services
) -> None:
    answer = await door.ask(accounts.web_app)
    assert answer["reason"] == "served"
    app = accounts.web_app
    status, seen = await send(door, event(answer, app, "impression"))
    assert (status, seen["duplicate"], seen["charged"]) == (200, False, False)
    status, first = await send(door, event(answer, app, eventId="mine"))
    assert (status, first) == (
        200, {"success": True, "eventId": "mine", "duplicate": False, "charged": True},
    )  # fmt: skip
    status, again = await send(door, event(answer, app, eventId="mine"))
    assert (status, again["duplicate"], again["charged"]) == (200, True, True)
    status, reused = await send(door, event(answer, app, eventId="other"))
    assert (status, reused["code"]) == (409, "nonce_used")
    async with services.db.system() as session:
        assert await session.scalar(select(func.count()).select_from(LedgerEntry)) == 1
        assert await unbalanced(session) == 0
        spent = await session.get(CampaignSpend, f"{campaign}:1970-01-01")
        assert spent is not None
        assert spent.spent_micros == 50_000
    report = (
        await door.call("GET", f"/api/v1/campaigns/{campaign}/report", accounts.advertiser_key)
    ).json()
    assert (report["impressions"], report["clicks"], report["ctr"]) == (1, 1, 1.0)
    assert report["spend"] == {"micros": 50_000, "currency": "USD", "text": "0.05 USD"}


async def test_twenty_at_once_are_one_charge(
    door: Door, accounts: Accounts, campaign: str, services: Services
) -> None:
    answer = await door.ask(accounts.web_app)
    body = event(answer, accounts.web_app)
    outcomes = await asyncio.gather(*(send(door, body) for _ in range(20)))
    assert {status for status, _ in outcomes} == {200}
    assert sorted(o["duplicate"] for _, o in outcomes) == [False] + [True] * 19
    assert {o["eventId"] for _, o in outcomes} == {outcomes[0][1]["eventId"]}
    async with services.db.system() as session:
        assert await session.scalar(select(func.count()).select_from(EventRow)) == 1
        assert await session.scalar(select(func.count()).select_from(LedgerEntry)) == 1


async def test_the_nonce_may_come_beside_the_request_id(
    door: Door, accounts: Accounts, campaign: str
) -> None:
    answer = await door.ask(accounts.key_app, accounts.publisher_key)
    plain = answer["requestId"].split("~")[0]
    body = {**event(answer, accounts.key_app), "requestId": plain}
    status, refused = await send(door, body, accounts.publisher_key)
    assert (status, refused["code"]) == (403, "nonce_missing")
    status, taken = await send(door, {**body, "nonce": answer["nonce"]}, accounts.publisher_key)
    assert (status, taken["charged"]) == (200, True)


async def test_forged_nonces_are_refused(door: Door, accounts: Accounts, campaign: str) -> None:
    answer = await door.ask(accounts.web_app)
    other = await door.ask(accounts.web_app)
    request_id, nonce = answer["requestId"].split("~")
    flipped = nonce[:-2] + ("A" if nonce[-2] != "A" else "B") + nonce[-1]
    forged = [
        f"{request_id}~{flipped}",
        f"{request_id}~{other['nonce']}",
        f"{request_id}~" + "A" * len(nonce),
        f"{request_id}~ü",
    ]
    for wire_id in forged:
        body = {**event(answer, accounts.web_app), "requestId": wire_id}
        status, problem = await send(door, body)
        assert (status, problem["code"]) == (403, "nonce_forged"), wire_id
    wrong_ad = {**event(answer, accounts.web_app), "adId": "ad_" + "0" * 26}
    assert (await send(door, wrong_ad))[1]["code"] == "nonce_forged"


async def test_an_expired_nonce_is_gone(services: Services) -> None:
    clock = FixedClock(SystemClock().now_ms())
    accounts = await make_accounts(services)
    await make_campaign(services, accounts.advertiser)
    async with open_door(services.settings, clock) as door:
        await door.serving()
        answer = await door.ask(accounts.web_app)
        clock.at_ms = answer["expiresMs"]
        status, problem = await send(door, event(answer, accounts.web_app))
        assert (status, problem["code"]) == (410, "nonce_expired")
        clock.advance(-1)
        assert (await send(door, event(answer, accounts.web_app)))[0] == 200


async def test_only_the_app_that_asked_may_report(
    door: Door, accounts: Accounts, campaign: str
) -> None:
    answer = await door.ask(accounts.web_app)
    body = event(answer, accounts.web_app)
    status, problem = await send(door, body, accounts.stranger_key)
    assert (status, problem["code"]) == (404, "app_not_found")
    theirs = {**body, "appId": accounts.stranger_app}
    status, problem = await send(door, theirs, accounts.stranger_key)
    assert (status, problem["code"]) == (404, "request_not_found")
    status, problem = await send(door, {**body, "appId": accounts.key_app})
    assert (status, problem["code"]) == (401, "key_missing")
    status, problem = await send(door, body, accounts.advertiser_key)
    assert (status, problem["code"]) == (404, "app_not_found")


async def test_a_budget_stops_a_campaign(
    door: Door, accounts: Accounts, services: Services
) -> None:
    campaign = await make_campaign(services, accounts.advertiser, total=1_000_000)
    await door.serving()
    clicks = 0
    for _ in range(40):
        answer = await door.ask(accounts.web_app)
        if answer["ad"] is None:
            break
        _, taken = await send(door, event(answer, accounts.web_app))
        clicks += taken["charged"]
    assert clicks == 20
    async with services.db.system() as session:
        spent = await session.get(CampaignSpend, f"{campaign}:1970-01-01")
        assert spent is not None
        assert spent.spent_micros <= 1_000_000
        row = await Campaigns(session).get(campaign)
        whys = [entry.why for entry in await Audit(session).of(campaign)]
        topics = (await session.scalars(select(OutboxRow.topic))).all()
    assert row.status == "paused"
    assert whys.count("budget exhausted") == 1
    assert "catalogue.changed" in topics
    resumed = await door.call(
        "POST", f"/api/v1/campaigns/{campaign}/resume", accounts.advertiser_key, json={}
    )
    assert (resumed.status_code, resumed.json()["code"]) == (409, "budget_exhausted")


async def test_offers_beyond_the_budget_are_booked_but_not_charged(
    door: Door, accounts: Accounts, services: Services
) -> None:
    """The serving state forgets its holds; PostgreSQL still lets nothing over the budget."""
    campaign = await make_campaign(services, accounts.advertiser, total=500_000, bid=500_000)
    await door.serving()
    answers = []
    for _ in range(12):
        await services.redis.delete(*Keys().holds(campaign))
        answers.append(await door.ask(accounts.web_app))
    assert all(a["ad"] for a in answers)
    outcomes = await asyncio.gather(*(send(door, event(a, accounts.web_app)) for a in answers))
    assert {status for status, _ in outcomes} == {200}
    assert sum(o["charged"] for _, o in outcomes) == 10
    async with services.db.system() as session:
        verdicts = (await session.execute(
            select(EventRow.verdict, func.count(), func.sum(EventRow.charged_micros))
            .group_by(EventRow.verdict).order_by(EventRow.verdict)
        )).all()  # fmt: skip
        assert [tuple(v) for v in verdicts] == [("charged", 10, 500_000), ("over_budget", 2, 0)]
        whys = [entry.why for entry in await Audit(session).of(campaign)]
    assert whys.count("budget exhausted") == 1


async def test_a_daily_budget_stops_charges_but_not_the_campaign(
    door: Door, accounts: Accounts, services: Services
) -> None:
    campaign = await make_campaign(services, accounts.advertiser, total=None, daily=500_000)
    await door.serving()
    answers = []
    for _ in range(11):
        await services.redis.delete(*Keys().holds(campaign))
        answers.append(await door.ask(accounts.web_app))
    outcomes = [await send(door, event(a, accounts.web_app)) for a in answers]
    assert [o["charged"] for _, o in outcomes] == [True] * 10 + [False]
    async with services.db.system() as session:
        assert (await Campaigns(session).get(campaign)).status == "live"


async def test_cpm_bills_impressions_by_the_thousand(
    door: Door, accounts: Accounts, services: Services
) -> None:
    await make_campaign(services, accounts.advertiser, bid=20_000_000, model=BidModel.CPM)
    await door.serving()
    answer = await door.ask(accounts.web_app)
    assert answer["ad"], answer
    seen = await send(door, event(answer, accounts.web_app, "impression"))
    clicked = await send(door, event(answer, accounts.web_app, "click"))
    assert (seen[1]["charged"], clicked[1]["charged"]) == (True, False)
    async with services.db.system() as session:
        decision = await session.get(DecisionRow, answer["requestId"].split("~")[0])
        charged = await session.scalar(select(func.sum(EventRow.charged_micros)))
    assert decision is not None
    assert decision.price_micros is not None
    assert charged == round(decision.price_micros / 1000)


@pytest.mark.parametrize(
    ("model", "kind", "price", "micros"),
    [
        ("cpc", EventType.CLICK, 420_000, 420_000),
        ("cpc", EventType.IMPRESSION, 420_000, None),
        ("cpc", EventType.CLICK, 0, None),
        ("cpm", EventType.IMPRESSION, 2_500, 2),
        ("cpm", EventType.IMPRESSION, 3_500, 4),
        ("cpm", EventType.IMPRESSION, 499, None),
        ("cpm", EventType.CLICK, 5_000, None),
        ("cpm", EventType.DISMISS, 5_000, None),
    ],
)
async def test_prices_are_rounded_half_even(
    model: str, kind: EventType, price: int, micros: int | None
) -> None:
    row = DecisionRow(bid_model=model, price_micros=price, currency="USD")
    found = price_of(row, kind)
    assert (found.micros if found else None) == micros


async def test_event_ids_of_two_publishers_never_meet(
    door: Door, accounts: Accounts, campaign: str
) -> None:
    mine = await door.ask(accounts.web_app)
    theirs = await door.ask(accounts.stranger_app, accounts.stranger_key)
    one = await send(door, event(mine, accounts.web_app, eventId="1"))
    two = await send(door, event(theirs, accounts.stranger_app, eventId="1"), accounts.stranger_key)
    assert [one[1]["duplicate"], two[1]["duplicate"]] == [False, False]
    again = await door.ask(accounts.web_app)
    status, problem = await send(door, event(again, accounts.web_app, eventId="1"))
    assert (status, problem["code"]) == (409, "event_id_reused")


async def test_a_request_without_an_ad_has_nothing_to_report(
    door: Door, accounts: Accounts, campaign: str
) -> None:
    answer = await door.ask(accounts.web_app, contextText="hello")
    assert answer["ad"] is None
    assert "~" not in answer["requestId"]
    body = {"type": "click", "requestId": answer["requestId"], "adId": "ad_" + "0" * 26}
    status, problem = await send(door, {**body, "appId": accounts.web_app})
    assert (status, problem["code"]) == (403, "nonce_missing")


async def test_nothing_personal_is_kept(
    door: Door, accounts: Accounts, campaign: str, services: Services
) -> None:
    answer = await door.ask(accounts.web_app, userId="user-4711", conversationId="talk-4711")
    body = event(answer, accounts.web_app, "submit", userId="user-4711", conversationId="talk-4711")
    status, problem = await send(door, {**body, "email": "a@b.example"})
    assert (status, problem["code"]) == (422, "personal_data_refused")
    assert (await send(door, body))[0] == 200
    async with services.db.system() as session:
        for table in ("ad_events", "decisions"):
            rows = await session.scalar(text(f"SELECT string_agg(t::text, ' ') FROM {table} t"))
            assert rows is not None
            for word in ("4711", "a@b.example", "recommend the best"):
                assert word not in rows
