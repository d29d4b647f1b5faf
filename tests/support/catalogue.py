"""A live campaign and the apps it is shown in, for tests of what happens after the catalogue."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from billing.service import PLATFORM
from bootstrap.services import Services
from catalog.access import AccessService
from catalog.lifecycle import CampaignStatus
from catalog.repository import Organisations
from catalog.service import CatalogService
from catalog.specs import CampaignSpec, CreativeSpec
from catalog.tables import Organisation
from domain.catalogue import AdText
from domain.formats import AdFormat
from domain.time import utc

TEXT = AdText(title="Trail shoes for wet rock", description="Sticky rubber.", cta_text="See them")
ASK = "Which trail running shoes should I buy? Please recommend the best pair."


@dataclass(frozen=True)
class Market:
    """An advertiser, a publisher, its app."""

    advertiser: str
    publisher: str
    app: str


async def market(services: Services) -> Market:
    """Create both sides of an ad, and the platform between them."""
    async with services.db.system() as session:
        if await Organisations(session).find(PLATFORM) is None:
            await Organisations(session).add(
                Organisation(
                    id=PLATFORM, created_at=utc(services.clock.now_ms()), kind="platform",
                    name="Parley", legal_name="Parley",
                )
            )  # fmt: skip
        access = AccessService(session, services.ids, services.clock, services.new_secret)
        advertiser = await access.create_organisation("advertiser", "Ridgeline")
        publisher = await access.create_organisation("publisher", "Chat")
        app = await access.create_app(publisher.id, "Web chat")
    return Market(advertiser.id, publisher.id, app.id)


async def live_campaign(
    services: Services, org_id: str, *tags: str, name: str = "Shoes", **spec: Any
) -> str:
    """Create and launch a campaign with one action card; return its id."""
    given = {"currency": "USD", "bid_micros": 500_000, "budget_total_micros": 100_000_000, **spec}
    async with services.db.system() as session:
        catalog = CatalogService(session, services.ids, services.clock)
        campaign = await catalog.create_campaign(
            org_id, CampaignSpec(name=name, **given), who="test"
        )
        card = CreativeSpec(
            key="one", format=AdFormat.ACTION_CARD, texts={"eng": TEXT, "jpn": TEXT},
            landing_url="https://shop.example/trail", tags=tags or ("trail running shoes",),
        )  # fmt: skip
        await catalog.add_creatives(campaign, [card])
        for creative in await catalog.creatives.of(campaign.id):
            creative.status = "approved"
        await session.flush()
        for status in (CampaignStatus.IN_REVIEW, CampaignStatus.APPROVED):
            await catalog.move(campaign.id, status, who="test", why="test")
        await catalog.launch(campaign.id, who="test", why="test")
        return campaign.id


async def move(services: Services, campaign_id: str, to: CampaignStatus) -> None:
    """Move a campaign as its owner does."""
    async with services.db.system() as session:
        catalog = CatalogService(session, services.ids, services.clock)
        await catalog.move(campaign_id, to, who="test", why="test")
