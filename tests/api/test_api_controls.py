"""Budgets, caps and targeting over the API: changed with audit, refused where they could not be kept."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from bootstrap.services import Services
from bootstrap.serving_state import SharedState
from bootstrap.snapshots import compile_and_publish
from catalog.repository import Campaigns
from catalog.service import export_catalogue
from domain.catalogue import Cap, CapScope, Pacing
from fastpath import record
from tests.api.conftest import Accounts, Door

pytestmark = pytest.mark.asyncio
DAY = 86_400_000


async def patch(door: Door, key: str, path: str, **body: Any) -> tuple[int, Any]:
    answer = await door.call("PATCH", path, key, json=body)
    return answer.status_code, answer.json()


async def test_a_budget_is_changed_with_audit_and_reaches_serving(
    services: Services, door: Door, accounts: Accounts, campaign: str
) -> None:
    path, key = f"/api/v1/campaigns/{campaign}", accounts.advertiser_key
    status, body = await patch(
        door, key, path, budget_total_micros=200_000_000, budget_daily_micros=20_000_000,
        pacing="even", caps=[{"scope": "user", "limit": 3, "window_ms": DAY}], devices=["mobile"],
        why="Going well",
    )  # fmt: skip
    assert (status, body) == (200, {"id": campaign, "changed": True})
    assert (await patch(door, key, path, budget_total_micros=200_000_000))[1]["changed"] is False
    detail = (await door.call("GET", path, key)).json()
    assert detail["budget_total"]["micros"] == 200_000_000
    assert (detail["devices"], detail["pacing"]) == (["mobile"], "even")
    assert detail["audit"][-1]["why"].startswith("Going well; budget_total_micros: 100000000 → ")
    assert detail["audit"][-1]["who"].startswith("key:key_")
    async with services.db.system() as session:
        (ad,) = (await export_catalogue(session)).ads
    assert (ad.budget_total_micros, ad.budget_daily_micros) == (200_000_000, 20_000_000)
    assert (ad.caps, ad.pacing) == ((Cap(CapScope.USER, 3, DAY),), Pacing.EVEN)


async def test_null_takes_a_budget_away_and_leaving_out_does_not(
    services: Services, door: Door, accounts: Accounts, campaign: str
) -> None:
    path, key = f"/api/v1/campaigns/{campaign}", accounts.advertiser_key
    await patch(door, key, path, bid_micros=400_000, ends_at="2099-01-01T00:00:00Z")
    await patch(door, key, path, budget_total_micros=None)
    async with services.db.system() as session:
        row = await Campaigns(session).get(campaign)
    assert (row.bid_micros, row.budget_total_micros) == (400_000, None)
    assert row.ends_at is not None
    assert row.ends_at.year == 2099


async def test_a_budget_cannot_fall_below_what_is_promised(
    services: Services, door: Door, accounts: Accounts, campaign: str
) -> None:
    path, key = f"/api/v1/campaigns/{campaign}", accounts.advertiser_key
    assert (await door.ask(accounts.web_app))["ad"] is not None
    assert (await door.ask(accounts.web_app))["ad"] is not None
    status, problem = await patch(door, key, path, bid_micros=1, budget_total_micros=50_001)
    assert (status, problem["code"]) == (409, "budget_below_spent")
    assert "promised" in problem["detail"]
    assert (await patch(door, key, path, budget_total_micros=1_000_000))[0] == 200


async def test_without_the_state_no_budget_is_lowered(
    door: Door, accounts: Accounts, campaign: str
) -> None:
    state = door.front.app.state.parley

    class Gone:
        def script_load(self, script: str) -> Any:
            raise ConnectionError

        def evalsha(self, *args: Any) -> Any:
            raise ConnectionError

    state.serving.state = SharedState(state.services, Gone())
    path = f"/api/v1/campaigns/{campaign}"
    status, problem = await patch(
        door, accounts.advertiser_key, path, budget_total_micros=10**8 - 1
    )
    assert (status, problem["code"]) == (503, "state_unavailable")


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({"caps": [{"scope": "user", "limit": 0, "window_ms": DAY}]}, "cap_below_one"),
        ({"caps": [{"scope": "user", "limit": 1, "window_ms": 5}]}, "cap_window_too_short"),
        ({"devices": ["phone"]}, "unknown_device"),
        ({"apps": ["app_nobody"]}, "unknown_app"),
        ({"weekdays": [9]}, "bad_weekday"),
        ({"budget_daily_micros": 100_000_001}, "daily_above_total"),
        ({"budget_total_micros": 1}, "budget_below_bid"),
        ({"geos": ["XX"]}, "unknown_geo"),
        ({"ends_at": "2001-01-01T00:00:00Z"}, "end_in_past"),
        ({"budget_totl_micros": 5}, "invalid_request"),
        ({"caps": [{"scope": "galaxy", "limit": 1, "window_ms": DAY}]}, "invalid_request"),
    ],
)
async def test_what_cannot_be_kept_is_refused(
    door: Door, accounts: Accounts, campaign: str, body: dict[str, Any], code: str
) -> None:
    status, problem = await patch(
        door, accounts.advertiser_key, f"/api/v1/campaigns/{campaign}", **body
    )
    assert (status, problem["code"]) == (422, code)


async def test_another_organisation_changes_nothing(
    door: Door, accounts: Accounts, campaign: str
) -> None:
    path = f"/api/v1/campaigns/{campaign}"
    assert (await patch(door, accounts.stranger_key, path, bid_micros=1))[0] == 404
    assert (await patch(door, accounts.publisher_key, path, bid_micros=1))[0] == 403


async def test_changes_at_once_come_one_after_the_other(
    services: Services, door: Door, accounts: Accounts, campaign: str
) -> None:
    path, key = f"/api/v1/campaigns/{campaign}", accounts.advertiser_key
    done = await asyncio.gather(
        *(patch(door, key, path, budget_total_micros=10**8 + n) for n in range(1, 9))
    )
    assert {status for status, _ in done} == {200}
    audit = (await door.call("GET", path, key)).json()["audit"][-8:]
    steps = [line["why"].removeprefix("budget_total_micros: ").split(" → ") for line in audit]
    by_before = {before: after for before, after in steps}
    seen, at = 0, "100000000"
    while at in by_before:
        at, seen = by_before[at], seen + 1
    assert seen == 8


async def test_a_goal_may_come_with_controls(door: Door, accounts: Accounts) -> None:
    goal = {"goal": "Get 200 sign-ups for our trail shoe shop in the US, 3,000 dollars in all"}
    for controls, status in (
        ({"caps": [{"scope": "conversation", "limit": 2, "window_ms": DAY}]}, 202),
        ({"caps": [{"scope": "conversation", "limit": -2, "window_ms": DAY}]}, 422),
        ({"apps": ["app_a"], "blocked_apps": ["app_a"]}, 422),
    ):
        answer = await door.call(
            "POST", "/api/v1/campaigns/create", accounts.advertiser_key,
            json={**goal, "controls": controls},
        )  # fmt: skip
        assert answer.status_code == status, answer.text


async def test_a_host_sets_its_own_rules(
    services: Services, door: Door, accounts: Accounts, campaign: str
) -> None:
    path, key = f"/api/v1/apps/{accounts.web_app}", accounts.publisher_key
    status, app = await patch(
        door, key, path, relevance_floor_ppm=300_000, allowed_advertisers=[accounts.advertiser]
    )
    assert (status, app["relevance_floor_ppm"]) == (200, 300_000)
    status, app = await patch(door, key, path, blocked_topics=["gambling"], passes_user_ids=True)
    assert (app["relevance_floor_ppm"], app["passes_user_ids"]) == (300_000, True)
    for body, code in (
        ({"relevance_floor_ppm": 1_000_001}, "bad_relevance_floor"),
        ({"blocked_advertisers": [accounts.advertiser]}, "advertiser_allowed_and_blocked"),
        ({"allowed_advertisers": ["Ridgeline"]}, "bad_advertiser"),
    ):
        status, problem = await patch(door, key, path, **body)
        assert (status, problem["code"]) == (422, code)
    assert (await patch(door, accounts.stranger_key, path, relevance_floor_ppm=1))[0] == 404
    await compile_and_publish(services)
    async with services.db.system() as session:
        apps = {app.app_id: app for app in (await export_catalogue(session)).apps}
    entry = apps[accounts.web_app]
    assert (entry.relevance_floor_ppm, entry.allowed_advertisers) == (
        300_000,
        (accounts.advertiser,),
    )
    assert entry.blocked_topics == ("gambling",)


async def test_a_cap_holds_for_a_user_over_conversations_and_one_trip_tells_which(
    services: Services, door: Door, accounts: Accounts, campaign: str
) -> None:
    caps = [{"scope": "user", "limit": 1, "window_ms": DAY}]
    await patch(door, accounts.advertiser_key, f"/api/v1/campaigns/{campaign}", caps=caps)
    newest = await compile_and_publish(services)
    async with asyncio.timeout(10):
        while door.front.app.state.parley.fastpath().snapshot.snapshot_id != newest:  # noqa: ASYNC110
            await asyncio.sleep(0.02)
    consent = {"consent": {"personalisation": True}}
    reasons = []
    for user, more in (("u1", consent), ("u1", consent), ("u2", consent), ("u1", {})):
        reasons.append((await door.ask(accounts.web_app, userId=user, **more))["reason"])
    # Without consent the conversation stands for the user.
    assert reasons == ["served", "frequency", "served", "served"]
    names = b" ".join([name async for name in services.redis.scan_iter("*cap*")])
    assert names.count(b"parley:cap:") == 3
    assert b"u1" not in names.replace(b"parley:cap:", b"").split()


async def test_declared_topics_bring_ads_muted_ones_keep_them_away_and_nothing_else_is_kept(
    services: Services, door: Door, accounts: Accounts, campaign: str
) -> None:
    path, app = f"/api/v1/campaigns/{campaign}", accounts.web_app
    assert (await patch(door, accounts.advertiser_key, path, topics=["2"]))[0] == 200
    newest = await compile_and_publish(services)
    async with asyncio.timeout(10):
        while door.front.app.state.parley.fastpath().snapshot.snapshot_id != newest:  # noqa: ASYNC110
            await asyncio.sleep(0.02)
    plain = {"contextText": "Which one should I buy? Please recommend the best and cheapest."}
    asked: list[tuple[dict[str, Any], str]] = [
        (plain, "no_match"),
        ({**plain, "topics": ["IAB:2", "Ann moved to Leeds"]}, "served"),
        ({**plain, "topics": ["2"]}, "served"),
        ({**plain, "topics": ["52", "trail"]}, "no_match"),
        ({}, "served"),
        ({"blockedTopics": ["Ann moved to Leeds", "Trail  Running SHOES"]}, "muted"),
        ({"blockedTopics": ["iab:2"]}, "muted"),
        ({"blockedTopics": ["2"]}, "muted"),
        ({"blockedTopics": ["shoes", "52"]}, "served"),
    ]
    found = [(await door.ask(app, **more))["reason"] for more, _ in asked]
    assert found == [reason for _, reason in asked]
    entries: Any = await services.redis.xrange("parley:decisions")
    records = [record.decode(fields[b"record"]) for _, fields in entries]
    kept = [(one.context.topics, one.context.blocked_topics) for one in records]
    assert kept == [
        ((), ()), (("iab:2",), ()), (("2",), ()), ((), ()), ((), ()),
        ((), ("trail running shoes",)), ((), ("iab:2",)), ((), ("2",)), ((), ()),
    ]  # fmt: skip
    assert b"ann" not in b"".join(fields[b"record"] for _, fields in entries).lower()
