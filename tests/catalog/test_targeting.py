"""Targeting, caps and pacing: what cannot be kept is refused with one sentence; the rest reaches serving."""

from __future__ import annotations

from typing import Any

import pytest

from bootstrap.services import Services
from catalog.access import AccessService
from catalog.changes import CampaignChange, Committed
from catalog.controls import AppControls
from catalog.files import export_of, read_ad_rows
from catalog.lifecycle import CampaignStatus
from catalog.repository import Audit, Campaigns
from catalog.service import CatalogService, export_catalogue
from catalog.specs import CampaignSpec, check_campaign
from domain.catalogue import Cap, CapScope, Pacing
from domain.errors import Conflict, ParleyError, Unprocessable
from storage.outbox import CATALOGUE_CHANGED, waiting_ids
from tests.support.catalogue import Market, live_campaign, market, move

HOUR, DAY = 3_600_000, 86_400_000
NOW = 1_795_000_000_000  # Wednesday, 18 November 2026, 11:06 UTC
USER, TALK, CAMPAIGN, ACCOUNT = CapScope


def spec(**changes: Any) -> CampaignSpec:
    values = {"name": "Spring", "currency": "USD", "bid_micros": 500_000, "ends_ms": NOW + DAY}
    return CampaignSpec(**{**values, **changes})


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"devices": ("phone",)}, "unknown_device"),
        ({"weekdays": (0,)}, "bad_weekday"),
        ({"weekdays": (8,)}, "bad_weekday"),
        ({"weekdays": (1, 2)}, "weekdays_never_come"),
        ({"weekdays": (3,), "starts_ms": NOW + DAY, "ends_ms": NOW + 2 * DAY}, "weekdays_never_come"),
        ({"apps": ("web",)}, "bad_app"),
        ({"apps": ("app_a",), "blocked_apps": ("app_a",)}, "app_allowed_and_blocked"),
        ({"blocked_apps": tuple(f"app_{n}" for n in range(201))}, "list_too_long"),
        ({"topics": ("quantum gardening",)}, "unknown_topic"),
        ({"geos": ("XX",)}, "unknown_geo"),
        ({"caps": (Cap(USER, 0, DAY),)}, "cap_below_one"),
        ({"caps": (Cap(USER, 10_001, DAY),)}, "cap_too_large"),
        ({"caps": (Cap(USER, 1, 999),)}, "cap_window_too_short"),
        ({"caps": (Cap(USER, 1, 30 * DAY + 1),)}, "cap_window_too_long"),
        ({"caps": (Cap(USER, 1, DAY), Cap(USER, 2, DAY))}, "cap_twice"),
        ({"caps": (Cap(USER, 3, HOUR), Cap(USER, 2, DAY))}, "cap_never_reached"),
        ({"caps": (Cap(USER, 3, HOUR), Cap(CAMPAIGN, 3, DAY))}, "cap_never_reached"),
        ({"caps": (Cap(CAMPAIGN, 9, DAY), Cap(ACCOUNT, 5, DAY))}, "cap_never_reached"),
        ({"caps": tuple(Cap(USER, n, n * DAY) for n in range(1, 10))}, "too_many_caps"),
        ({"pacing": Pacing.EVEN}, "pacing_needs_budget"),
        ({"pacing": Pacing.EVEN, "budget_total_micros": 10**9, "ends_ms": None}, "pacing_needs_budget"),
        ({"pacing": Pacing.EVEN, "budget_daily_micros": 10**9, "house": True}, "pacing_house"),
        ({"budget_total_micros": 10**6, "budget_daily_micros": 10**7}, "daily_above_total"),
        ({"budget_daily_micros": 400_000}, "budget_below_bid"),
    ],
)  # fmt: skip
def test_what_cannot_be_kept_is_refused_in_one_sentence(changes: Any, code: str) -> None:
    with pytest.raises(Unprocessable) as caught:
        check_campaign(spec(**changes), NOW)
    assert caught.value.code == code
    assert caught.value.detail.endswith((".", "10000."))
    assert "\n" not in caught.value.detail


@pytest.mark.parametrize(
    "changes",
    [
        {"weekdays": (3,)},
        {"weekdays": (4,)},
        {"weekdays": (1,), "ends_ms": NOW + 8 * DAY},
        {"weekdays": (1,), "ends_ms": None},
        {"devices": ("mobile", "tablet"), "topics": ("1", "iab:2")},
        {"caps": (Cap(USER, 2, HOUR), Cap(USER, 5, DAY), Cap(TALK, 1, DAY), Cap(ACCOUNT, 9, DAY))},
        {"caps": (Cap(USER, 3, DAY), Cap(TALK, 3, DAY))},
        {"pacing": Pacing.EVEN, "budget_total_micros": 10**9},
        {"pacing": Pacing.EVEN, "budget_daily_micros": 10**9, "ends_ms": None},
    ],
)
def test_what_can_be_kept_is_taken(changes: Any) -> None:
    check_campaign(spec(**changes), NOW)


async def app_of(services: Services, sides: Market, **controls: Any) -> str:
    async with services.db.system() as session:
        access = AccessService(session, services.ids, services.clock, services.new_secret)
        made = await access.create_app(
            sides.publisher, "More", currency=controls.pop("currency", "USD"),
            controls=AppControls(**controls),
        )  # fmt: skip
        return made.id


async def create(services: Services, sides: Market, **changes: Any) -> str:
    async with services.db.tenant(sides.advertiser) as session:
        catalog = CatalogService(session, services.ids, services.clock)
        campaign = await catalog.create_campaign(
            sides.advertiser, spec(**{"ends_ms": None, **changes}), who="test"
        )
        return campaign.id


@pytest.mark.asyncio
async def test_apps_of_other_publishers_are_checked_without_being_shown(services: Services) -> None:
    sides = await market(services)
    yen = await app_of(services, sides, currency="JPY")
    knows = await app_of(services, sides, passes_user_ids=True)
    by_user = (Cap(USER, 2, DAY),)
    for changes, code in (
        ({"apps": ("app_nobody",)}, "unknown_app"),
        ({"apps": (yen,)}, "app_currency"),
        ({"apps": (sides.app,), "caps": by_user}, "cap_without_users"),
    ):
        with pytest.raises(Unprocessable) as caught:
            await create(services, sides, **changes)
        assert caught.value.code == code
    await create(services, sides, apps=(sides.app, knows), caps=by_user)
    await create(services, sides, apps=(sides.app,), caps=(Cap(TALK, 2, DAY),))
    await create(services, sides, caps=by_user)


@pytest.mark.asyncio
async def test_everything_reaches_the_export(services: Services) -> None:
    sides = await market(services)
    app = await app_of(
        services, sides, relevance_floor_ppm=300_000, allowed_advertisers=(sides.advertiser,)
    )
    wanted: dict[str, Any] = {
        "devices": ("mobile",), "weekdays": (1, 7), "apps": (app,), "blocked_apps": (sides.app,),
        "topics": ("1",), "caps": (Cap(TALK, 2, HOUR),), "pacing": Pacing.EVEN,
        "budget_daily_micros": 50_000_000,
    }  # fmt: skip
    await live_campaign(services, sides.advertiser, **wanted)
    async with services.db.system() as session:
        export = await export_catalogue(session)
    (one,) = export.ads
    assert {name: getattr(one, name) for name in wanted} == wanted
    (entry,) = [entry for entry in export.apps if entry.app_id == app]
    assert (entry.relevance_floor_ppm, entry.allowed_advertisers) == (300_000, (sides.advertiser,))


@pytest.mark.asyncio
async def test_an_account_cap_holds_for_every_campaign_of_the_account(services: Services) -> None:
    sides = await market(services)
    await live_campaign(services, sides.advertiser, caps=(Cap(ACCOUNT, 9, DAY),))
    await live_campaign(
        services, sides.advertiser, caps=(Cap(USER, 1, DAY), Cap(ACCOUNT, 5, DAY), Cap(ACCOUNT, 4, HOUR))
    )  # fmt: skip
    await live_campaign(services, sides.advertiser)
    other = await market(services)
    await live_campaign(services, other.advertiser)
    async with services.db.system() as session:
        ads = (await export_catalogue(session)).ads
    account = (Cap(ACCOUNT, 4, HOUR), Cap(ACCOUNT, 5, DAY))
    theirs = [ad.caps for ad in ads if ad.advertiser_id == sides.advertiser]
    assert sorted(theirs, key=len) == [account, account, (Cap(USER, 1, DAY), *account)]
    assert [ad.caps for ad in ads if ad.advertiser_id == other.advertiser] == [()]


async def change(services: Services, sides: Market, campaign: str, **fields: Any) -> bool:
    committed = Committed(fields.pop("total", 0), fields.pop("today", 0))
    async with services.db.tenant(sides.advertiser) as session:
        catalog = CatalogService(session, services.ids, services.clock)
        return await catalog.change_campaign(
            campaign, CampaignChange(**fields), committed=committed, who="key_1", why="More demand"
        )


@pytest.mark.asyncio
async def test_a_change_is_audited_and_wakes_the_compiler(services: Services) -> None:
    sides = await market(services)
    campaign = await live_campaign(services, sides.advertiser)
    async with services.db.system() as session:
        before = await waiting_ids(session, CATALOGUE_CHANGED)
    assert await change(
        services, sides, campaign, budget_total_micros=200_000_000, caps=(Cap(USER, 1, DAY),)
    )
    assert not await change(services, sides, campaign, budget_total_micros=200_000_000)
    async with services.db.tenant(sides.advertiser) as session:
        row = await Campaigns(session).get(campaign)
        last = (await Audit(session).of(campaign))[-1]
    assert (row.budget_total_micros, row.caps) == (
        200_000_000, [{"scope": "user", "limit": 1, "window_ms": DAY}],
    )  # fmt: skip
    assert (last.from_state, last.to_state, last.who) == ("live", "live", "key_1")
    assert last.why == (
        "More demand; budget_total_micros: 100000000 → 200000000; "
        "caps: [] → [1 per 86400 s and user]"
    )
    async with services.db.system() as session:
        assert len(await waiting_ids(session, CATALOGUE_CHANGED)) == len(before) + 1


@pytest.mark.asyncio
async def test_a_budget_never_falls_below_what_it_bears(services: Services) -> None:
    sides = await market(services)
    campaign = await live_campaign(services, sides.advertiser, budget_daily_micros=20_000_000)
    borne = {"total": 60_000_000, "today": 9_000_000}
    for fields in ({"budget_total_micros": 59_999_999}, {"budget_daily_micros": 8_999_999}):
        with pytest.raises(Conflict, match="spent or promised") as caught:
            await change(services, sides, campaign, **borne, **fields)
        assert caught.value.code == "budget_below_spent"
    assert await change(
        services, sides, campaign, **borne, budget_total_micros=60_000_000,
        budget_daily_micros=9_000_000,
    )  # fmt: skip
    # A budget that is over already may be left as it is while something else changes.
    assert await change(services, sides, campaign, total=70_000_000, today=0, bid_micros=400_000)
    assert await change(services, sides, campaign, **borne, budget_total_micros=None)


@pytest.mark.asyncio
async def test_a_change_is_checked_as_a_new_campaign_is(services: Services) -> None:
    sides = await market(services)
    campaign = await live_campaign(services, sides.advertiser)
    for fields, code in (
        ({"caps": (Cap(USER, 0, DAY),)}, "cap_below_one"),
        ({"apps": ("app_nobody",)}, "unknown_app"),
        ({"bid_micros": 0}, "bid_not_positive"),
        ({"budget_daily_micros": 100_000_001}, "daily_above_total"),
    ):
        with pytest.raises(Unprocessable) as caught:
            await change(services, sides, campaign, **fields)
        assert caught.value.code == code
    stranger = await market(services)
    with pytest.raises(ParleyError) as hidden:
        await change(services, stranger, campaign, bid_micros=1)
    assert hidden.value.code == "not_found"
    await move(services, campaign, CampaignStatus.ENDED)
    with pytest.raises(Conflict, match="ended"):
        await change(services, sides, campaign, bid_micros=600_000)


def test_a_catalogue_file_may_say_all_of_it() -> None:
    line = (
        b'{"advertiser": "Kaze", "url": "https://kaze.example/", "tags": ["shoes"], "title": "Shoes",'
        b' "description": "Light.", "devices": ["tv"], "weekdays": [1], "topics": ["1"],'
        b' "apps": ["app_x"], "caps": [{"scope": "user", "limit": 3, "window_ms": 1000}]}'
    )
    bad = line.replace(b'"limit": 3', b'"limit": 0')
    rows, problems = read_ad_rows(line + b"\n" + bad, NOW)
    (entry,) = export_of(rows).ads
    assert (entry.devices, entry.weekdays, entry.caps) == (("tv",), (1,), (Cap(USER, 3, 1000),))
    assert [(problem.line, "at least one" in problem.reason) for problem in problems] == [(2, True)]
