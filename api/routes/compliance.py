"""The rules that ads are held against: what changed in them, and which running ads that touches."""

from __future__ import annotations

from datetime import date
from typing import Annotated

import msgspec
from fastapi import APIRouter, Query
from sqlalchemy import func, select

from agents.compliance import load_rules
from agents.compliance.platform_rules import load_platform_rules
from agents.compliance.platforms import PlatformAd
from agents.compliance.tracker import since, touched
from api.deps import Api, CampaignReader
from api.models.compliance import RuleChangeOut, RuleUpdates, TouchedOut
from catalog.lifecycle import CampaignStatus
from catalog.tables import Ad, BrandKit, Campaign, Creative, Organisation
from domain.time import day_of

router = APIRouter(prefix="/api/v1/compliance", tags=["campaigns"])

#: States in which an ad may still be shown.
_RUNNING = (CampaignStatus.APPROVED, CampaignStatus.LIVE, CampaignStatus.PAUSED)
_MOST = 5_000

Since = Annotated[date, Query(alias="since", description="The last day on which somebody looked.")]


@router.get("/updates")
async def updates(day: Since, caller: CampaignReader, api: Api) -> RuleUpdates:
    """Return what changed in the rules after a day, and which of the organisation's ads it touches."""
    rules, today = load_platform_rules(), day_of(api.services.clock.now_ms())
    changes = since(rules, load_rules(), day, today)
    async with api.services.db.tenant(caller.org_id) as session:
        payer = await session.scalar(
            select(func.coalesce(BrandKit.payer, Organisation.name))
            .select_from(Organisation)
            .outerjoin(BrandKit, BrandKit.org_id == Organisation.id)
            .where(Organisation.id == caller.org_id)
        )
        rows = (
            await session.execute(
                select(Creative, Campaign)
                .join(Ad, Ad.creative_id == Creative.id)
                .join(Campaign, Campaign.id == Ad.campaign_id)
                .where(Campaign.status.in_([str(status) for status in _RUNNING]))
                .order_by(Creative.id)
                .limit(_MOST)
            )
        ).all()
    campaigns = {creative.id: campaign.id for creative, campaign in rows}
    ads = [_ad(creative, campaign, payer or "") for creative, campaign in rows]
    found = touched(changes, rules, ads, today)
    return RuleUpdates(
        rules_hash=rules.hash,
        changes=[RuleChangeOut.model_validate(msgspec.to_builtins(c)) for c in changes],
        touched=[
            TouchedOut(
                creative_id=one.ad,
                campaign_id=campaigns[one.ad],
                rule=one.rule,
                field=one.field,
                excerpt=one.excerpt,
                severity=one.severity,
            )
            for one in found
        ],
    )


def _ad(creative: Creative, campaign: Campaign, payer: str) -> PlatformAd:
    """Return an in-chat ad in the form that platform rules are written for."""
    texts: dict[str, list[str]] = {}
    for copy in creative.texts.values():
        for name, value in copy.items():
            if isinstance(value, str) and value:
                texts.setdefault(name, []).append(value)
    return PlatformAd(
        key=creative.id,
        platform="in_chat",
        texts={name: tuple(values) for name, values in texts.items()},
        payer=payer,
        beneficiary=payer,
        # Every ad in a chat is labelled by the host's SDK; none can be shown without.
        label="Ad",
        landing_url=creative.landing_url,
        geos=tuple(campaign.geos),
        topics=tuple(campaign.topics),
    )
