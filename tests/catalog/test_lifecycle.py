"""A campaign moves only along the ways of its lifecycle, and every move is on record."""

from __future__ import annotations

import pytest
from sqlalchemy import select

from bootstrap.services import Services
from catalog.access import AccessService
from catalog.lifecycle import CampaignStatus, check_move
from catalog.repository import Creatives
from catalog.service import CatalogService, export_catalogue
from catalog.specs import CampaignSpec, CreativeSpec
from domain.catalogue import AdText
from domain.errors import Conflict, ParleyError, Unprocessable
from domain.formats import AdFormat
from domain.ids import stable_id
from storage.outbox import OutboxRow

S = CampaignStatus
ALLOWED = {
    (S.DRAFT, S.IN_REVIEW), (S.DRAFT, S.ENDED), (S.IN_REVIEW, S.APPROVED), (S.IN_REVIEW, S.DRAFT),
    (S.IN_REVIEW, S.ENDED), (S.APPROVED, S.LIVE), (S.APPROVED, S.ENDED), (S.LIVE, S.PAUSED),
    (S.LIVE, S.ENDED), (S.PAUSED, S.LIVE), (S.PAUSED, S.ENDED),
}  # fmt: skip


def spec(**changes: object) -> CampaignSpec:
    values: dict[str, object] = {
        "name": "Spring",
        "currency": "USD",
        "bid_micros": 500_000,
        "budget_total_micros": 10_000_000,
    }
    return CampaignSpec(**{**values, **changes})  # type: ignore[arg-type]


def creative(key: str = "a", **changes: object) -> CreativeSpec:
    values: dict[str, object] = {
        "key": key,
        "format": AdFormat.ACTION_CARD,
        "texts": {"eng": AdText(title="Shoes", description="Light shoes.", cta_text="See them")},
        "landing_url": "https://shop.example/",
        "tags": ("trail shoes",),
    }
    return CreativeSpec(**{**values, **changes})  # type: ignore[arg-type]


@pytest.mark.parametrize("now", list(S))
@pytest.mark.parametrize("to", list(S))
def test_the_lifecycle_has_just_these_ways(now: S, to: S) -> None:
    if (now, to) in ALLOWED:
        check_move(now, to)
    else:
        with pytest.raises(Conflict):
            check_move(now, to)


async def advertiser(services: Services) -> str:
    async with services.db.system() as session:
        access = AccessService(session, services.ids, services.clock, services.new_secret)
        return (await access.create_organisation("advertiser", "Kaze")).id


async def launched(services: Services, org: str) -> str:
    async with services.db.tenant(org) as session:
        catalog = CatalogService(session, services.ids, services.clock)
        campaign = await catalog.create_campaign(
            org, spec(), who="test", campaign_id=stable_id("cmp", org)
        )
        await catalog.add_creatives(campaign, [creative("a"), creative("b")])
        creatives = await Creatives(session).of(campaign.id)
        await catalog.creatives.judge([{"id": creatives[0].id, "status": "approved"}])
        await catalog.move(campaign.id, S.IN_REVIEW, who="test", why="ready")
        await catalog.move(campaign.id, S.APPROVED, who="anna", why="looks right")
        assert await catalog.launch(campaign.id, who="anna", why="go") == 1
        return campaign.id


@pytest.mark.asyncio
async def test_launching_twice_is_launching_once(services: Services) -> None:
    org = await advertiser(services)
    campaign_id = await launched(services, org)
    async with services.db.tenant(org) as session:
        catalog = CatalogService(session, services.ids, services.clock)
        assert await catalog.launch(campaign_id, who="anna", why="again") == 1
        states = [(e.from_state, e.to_state, e.who) for e in await catalog.audit.of(campaign_id)]
    assert states == [
        (None, "draft", "test"),
        ("draft", "in_review", "test"),
        ("in_review", "approved", "anna"),
        ("approved", "live", "anna"),
    ]
    async with services.db.system() as session:
        export = await export_catalogue(session)
        topics = (await session.scalars(select(OutboxRow.topic))).all()
    assert [ad.campaign_id for ad in export.ads] == [campaign_id]
    assert list(topics) == ["catalogue.changed"]


@pytest.mark.asyncio
async def test_pausing_takes_ads_out_of_the_export_and_wakes_the_compiler(
    services: Services,
) -> None:
    org = await advertiser(services)
    campaign_id = await launched(services, org)
    async with services.db.tenant(org) as session:
        catalog = CatalogService(session, services.ids, services.clock)
        assert await catalog.move(campaign_id, S.PAUSED, who="anna", why="stock is out")
        assert not await catalog.move(campaign_id, S.PAUSED, who="anna", why="again")
    async with services.db.system() as session:
        assert (await export_catalogue(session)).ads == ()
        assert len((await session.scalars(select(OutboxRow.topic))).all()) == 2


@pytest.mark.asyncio
async def test_nothing_approved_cannot_be_launched(services: Services) -> None:
    org = await advertiser(services)
    async with services.db.tenant(org) as session:
        catalog = CatalogService(session, services.ids, services.clock)
        campaign = await catalog.create_campaign(org, spec(), who="test")
        await catalog.add_creatives(campaign, [creative()])
        with pytest.raises(Conflict, match="No creative"):
            await catalog.launch(campaign.id, who="anna", why="go")


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"bid_micros": 0}, "bid_not_positive"),
        ({"bid_micros": -1}, "bid_not_positive"),
        ({"budget_total_micros": -5}, "budget_not_positive"),
        ({"budget_daily_micros": 0}, "budget_not_positive"),
        ({"budget_total_micros": 100}, "budget_below_bid"),
        ({"currency": "ZZZ"}, "unknown_currency"),
        ({"starts_ms": 2_000_000_000_000, "ends_ms": 1_900_000_000_000}, "dates_reversed"),
        ({"ends_ms": 1_000}, "end_in_past"),
        ({"geos": ("Japan",)}, "unknown_geo"),
        ({"geos": ("ZZ",)}, "unknown_geo"),
        ({"geos": ("UK",)}, "unknown_geo"),
        ({"languages": ("deu",)}, "language_not_served"),
        ({"name": "  "}, "name_missing"),
    ],
)
@pytest.mark.asyncio
async def test_what_cannot_run_is_refused_and_nothing_is_written(
    services: Services, changes: dict[str, object], code: str
) -> None:
    org = await advertiser(services)
    with pytest.raises(ParleyError) as caught:
        async with services.db.tenant(org) as session:
            catalog = CatalogService(session, services.ids, services.clock)
            await catalog.create_campaign(org, spec(**changes), who="test")
    assert caught.value.code == code
    async with services.db.tenant(org) as session:
        catalog = CatalogService(session, services.ids, services.clock)
        assert await catalog.campaigns.newest() == []


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"texts": {}}, "no_text"),
        (
            {"texts": {"fra": AdText(title="x", description="y", cta_text="z")}},
            "language_not_served",
        ),
        ({"texts": {"eng": AdText(title="x" * 61, description="y", cta_text="z")}}, "text_length"),
        ({"texts": {"eng": AdText(title=" ", description="y", cta_text="z")}}, "text_length"),
        ({"landing_url": "javascript:alert(1)"}, "bad_url"),
        ({"image_url": "file:///etc/passwd"}, "bad_url"),
        ({"tags": ()}, "tag_count"),
        ({"tags": ("one two three four five",)}, "bad_tag"),
        ({"format": AdFormat.FOLLOWUP}, "text_missing"),
    ],
)
@pytest.mark.asyncio
async def test_a_bad_creative_adds_none_of_its_siblings(
    services: Services, changes: dict[str, object], code: str
) -> None:
    org = await advertiser(services)
    async with services.db.tenant(org) as session:
        catalog = CatalogService(session, services.ids, services.clock)
        campaign = await catalog.create_campaign(org, spec(), who="test")
        with pytest.raises(Unprocessable) as caught:
            await catalog.add_creatives(campaign, [creative("good"), creative("bad", **changes)])
        assert caught.value.code == code
        assert await catalog.creatives.count(campaign.id) == {}
