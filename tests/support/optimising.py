"""Campaigns that have run for weeks, one well and one badly, for tests of the optimisation graph."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from sqlalchemy import text

from bootstrap.services import Services
from catalog.lifecycle import CampaignStatus
from catalog.repository import Ads, Campaigns
from catalog.service import CatalogService
from catalog.specs import CampaignSpec, CreativeSpec
from catalog.tables import Run
from domain.formats import AdFormat
from domain.time import utc
from graphs.versions import CURRENT
from tests.support.catalogue import TEXT, Market, market
from tests.support.happenings import Shown, happened

DAILY = 10_000_000
DAYS = 14


@dataclass(frozen=True)
class Field:
    """Two campaigns of one advertiser: `good` and `bad`, and an ad of the good one that nobody clicks."""

    market: Market
    good: str
    bad: str
    weak_ad: str

    @property
    def org(self) -> str:
        """The advertiser."""
        return self.market.advertiser


async def field(services: Services) -> Field:
    """Make the campaigns, and two weeks in which they spent all they had, by noon."""
    sides = await market(services)
    good = await _campaign(services, sides.advertiser, "good", 4)
    bad = await _campaign(services, sides.advertiser, "bad", 2)
    async with services.db.tenant(sides.advertiser) as session:
        of = {c: [ad.id for ad, _ in await Ads(session).servable([c])] for c in (good, bad)}
    noon = utc(services.clock.now_ms()).replace(hour=12, minute=0, second=0, microsecond=0)
    weak, shown = of[good][-1], []
    for back in range(1, DAYS + 1):
        at = noon - timedelta(days=back)
        common: dict[str, Any] = {
            "at": at, "advertiser": sides.advertiser, "publisher": sides.publisher, "app": sides.app,
        }  # fmt: skip
        for ad in of[good][:-1]:
            shown.append(
                Shown(campaign=good, ad=ad, impressions=20, clicks=12, per_click=277_778, **common)
            )
        shown.append(Shown(campaign=good, ad=weak, impressions=20, clicks=1, per_click=1, **common))
        for ad in of[bad]:
            shown.append(
                Shown(campaign=bad, ad=ad, impressions=8, clicks=2, per_click=2_500_000, **common)
            )
    await happened(services, shown)
    return Field(sides, good, bad, weak)


def optimisation_run(services: Services, org_id: str, **inputs: Any) -> Run:
    """Return a run row that is not stored."""
    now = utc(services.clock.now_ms())
    return Run(
        id=services.ids.new("run"), org_id=org_id, created_at=now, updated_at=now,
        graph="optimisation", graph_version=CURRENT["optimisation"], goal="Optimise",
        inputs={"window_days": 28, **inputs}, requested_by="test", attempts=1, status="running",
    )  # fmt: skip


async def budgets(services: Services, where: Field) -> dict[str, int | None]:
    """Return the daily budgets by name."""
    async with services.db.tenant(where.org) as session:
        rows = await Campaigns(session).newest()
        return {row.name: row.budget_daily_micros for row in rows}


async def _campaign(services: Services, org: str, name: str, creatives: int) -> str:
    spec = CampaignSpec(
        name=name, currency="USD", bid_micros=3_000_000, budget_daily_micros=DAILY,
        budget_total_micros=1_000_000_000,
    )  # fmt: skip
    async with services.db.system() as session:
        catalog = CatalogService(session, services.ids, services.clock)
        campaign = await catalog.create_campaign(org, spec, who="test")
        cards = [
            CreativeSpec(
                key=str(n), format=AdFormat.ACTION_CARD, texts={"eng": TEXT}, tags=("trail shoes",),
                landing_url="https://shop.example/trail",
            )
            for n in range(creatives)
        ]  # fmt: skip
        await catalog.add_creatives(campaign, cards)
        for creative in await catalog.creatives.of(campaign.id):
            creative.status = "approved"
        await session.flush()
        for status in (CampaignStatus.IN_REVIEW, CampaignStatus.APPROVED):
            await catalog.move(campaign.id, status, who="test", why="test")
        await catalog.launch(campaign.id, who="test", why="test")
        # It has been there for two weeks.
        await session.execute(
            text(
                "UPDATE campaigns SET created_at = created_at - interval '14 days' WHERE id = :id"
            ),
            {"id": campaign.id},
        )
        return campaign.id
