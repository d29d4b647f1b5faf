"""What must be true after a campaign was launched, however often its run was interrupted."""

from __future__ import annotations

from sqlalchemy import func, select

from bootstrap.services import Services
from catalog.repository import Audit, Campaigns
from catalog.tables import Ad, Campaign, Creative
from storage.outbox import OutboxRow


async def audit_of(services: Services, org: str, campaign_id: str) -> list[tuple[str, str]]:
    """Return the states that a campaign came to, and who brought it there."""
    async with services.db.tenant(org) as session:
        return [(e.to_state, e.who) for e in await Audit(session).of(campaign_id)]


async def assert_launched_once(services: Services, org: str, campaign_id: str) -> None:
    """Check that there is one campaign, live, with one ad a creative, announced once and approved once."""
    async with services.db.tenant(org) as session:
        assert (await Campaigns(session).get(campaign_id)).status == "live"
        assert len((await session.scalars(select(Campaign.id))).all()) == 1
        ads = await session.scalar(select(func.count()).select_from(Ad))
        creatives = await session.scalar(select(func.count()).select_from(Creative))
        assert ads == creatives > 20
        assert (await session.scalars(select(OutboxRow.topic))).all() == ["catalogue.changed"]
    assert await audit_of(services, org, campaign_id) == [
        ("draft", "campaign graph"),
        ("in_review", "campaign graph"),
        ("approved", "policy:demo"),
        ("live", "policy:demo"),
    ]
