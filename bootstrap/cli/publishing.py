"""Ads from files into the running installation's catalogue, and from there to the chats."""

from __future__ import annotations

from typing import Any

from bootstrap.accounts import ensure_accounts
from bootstrap.cli.here import current_settings
from bootstrap.services import Services, open_services
from bootstrap.snapshots import compile_and_publish
from catalog.files import AdRow
from catalog.lifecycle import CampaignStatus
from catalog.service import CatalogService
from domain.ids import stable_id

_WHO = "catalog import"


async def import_rows(rows: list[tuple[int, AdRow]]) -> dict[str, Any]:
    """Import ads as live campaigns of the local advertiser and publish a snapshot with them."""
    async with open_services(current_settings(), pool_size=2) as services:
        org_id = (await ensure_accounts(services)).advertiser_id
        campaigns: dict[tuple[str, str], list[tuple[int, AdRow]]] = {}
        for number, row in rows:
            campaigns.setdefault((row.advertiser, row.campaign), []).append((number, row))
        ads = 0
        for key, members in campaigns.items():
            ads += await _import_campaign(services, org_id, key, members)
        snapshot = await compile_and_publish(services)
    return {"campaigns": len(campaigns), "ads": ads, "snapshot": snapshot}


async def _import_campaign(
    services: Services, org_id: str, key: tuple[str, str], members: list[tuple[int, AdRow]]
) -> int:
    campaign_id = stable_id("cmp", org_id, *key)
    async with services.db.tenant(org_id) as session:
        catalog = CatalogService(session, services.ids, services.clock)
        campaign = await catalog.create_campaign(
            org_id, members[0][1].campaign_spec(), who=_WHO, campaign_id=campaign_id
        )
        if campaign.status != CampaignStatus.DRAFT:
            return 0
        specs = [row.creative_spec(f"{number}:{row.url}") for number, row in members]
        await catalog.add_creatives(campaign, specs)
        await catalog.creatives.judge(
            [{"id": stable_id("crt", campaign_id, s.key), "status": "approved"} for s in specs]
        )
        for status in (CampaignStatus.IN_REVIEW, CampaignStatus.APPROVED):
            await catalog.move(campaign_id, status, who=_WHO, why="imported by its owner")
        return await catalog.launch(campaign_id, who=_WHO, why="imported by its owner")


async def publish() -> str:
    """Compile and publish what the catalogue holds; return the snapshot's id."""
    async with open_services(current_settings(), pool_size=2) as services:
        return await compile_and_publish(services)
