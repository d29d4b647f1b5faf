"""What the catalogue hands to the compiler."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec
from sqlalchemy.ext.asyncio import AsyncSession

from auction.spreading import START_PPM
from auction.types import PPM
from catalog.repository import Ads, Apps, Campaigns
from catalog.specs import CampaignSpec
from catalog.tables import Ad, App, Campaign, Creative
from domain.catalogue import AdEntry, AdText, AppEntry, Cap, CapScope, CatalogueExport, Pacing
from domain.formats import AdFormat, BidModel
from domain.time import to_ms


async def export_catalogue(session: AsyncSession) -> CatalogueExport:
    """Return everything that may be served now, in a canonical order. Needs the system role."""
    campaigns = {row[0].id: row for row in await Campaigns(session).live()}
    caps = account_caps([campaign for campaign, _, _ in campaigns.values()])
    pairs = await Ads(session).servable(list(campaigns))
    return CatalogueExport(
        ads=tuple(
            _ad_entry(ad, creative, *campaigns[ad.campaign_id], caps) for ad, creative in pairs
        ),
        apps=tuple(_app_entry(app) for app in await Apps(session).active()),
    )


def spec_of(row: Campaign) -> CampaignSpec:
    """Return a stored campaign as it was written."""
    return CampaignSpec(
        name=row.name,
        currency=row.currency,
        bid_micros=row.bid_micros,
        bid_model=BidModel(row.bid_model),
        budget_total_micros=row.budget_total_micros,
        budget_daily_micros=row.budget_daily_micros,
        starts_ms=to_ms(row.starts_at) if row.starts_at else None,
        ends_ms=to_ms(row.ends_at) if row.ends_at else None,
        geos=tuple(row.geos),
        languages=tuple(row.languages),
        blocked_topics=tuple(row.blocked_topics),
        house=row.house,
        devices=tuple(row.devices),
        weekdays=tuple(row.weekdays),
        apps=tuple(row.apps),
        blocked_apps=tuple(row.blocked_apps),
        topics=tuple(row.topics),
        caps=caps_of_row(row.caps),
        pacing=Pacing(row.pacing),
    )


def caps_of_row(stored: Sequence[Mapping[str, Any]]) -> tuple[Cap, ...]:
    """Return stored frequency caps."""
    return msgspec.convert(stored, tuple[Cap, ...])


def account_caps(campaigns: Sequence[Campaign]) -> dict[str, tuple[Cap, ...]]:
    """Return the account caps that hold for each advertiser: the tightest per window of its campaigns.

    A cap of the account speaks about all its ads, so all its campaigns must carry it, whichever states it.
    """
    tightest: dict[str, dict[int, int]] = {}
    for campaign in campaigns:
        for cap in caps_of_row(campaign.caps):
            if cap.scope is CapScope.ACCOUNT:
                windows = tightest.setdefault(campaign.org_id, {})
                windows[cap.window_ms] = min(cap.limit, windows.get(cap.window_ms, cap.limit))
    return {
        org: tuple(Cap(CapScope.ACCOUNT, limit, window) for window, limit in sorted(found.items()))
        for org, found in tightest.items()
    }


def _app_entry(app: App) -> AppEntry:
    return AppEntry(
        app_id=app.id,
        publisher_id=app.org_id,
        formats=tuple(AdFormat(f) for f in app.formats),
        currency=app.currency,
        reserve_micros=app.reserve_micros,
        default_geo=app.default_geo,
        blocked_advertisers=tuple(app.blocked_advertisers),
        blocked_topics=tuple(app.blocked_topics),
        relevance_floor_ppm=app.relevance_floor_ppm,
        allowed_advertisers=tuple(app.allowed_advertisers),
    )


def _ad_entry(
    ad: Ad,
    creative: Creative,
    campaign: Campaign,
    name: str,
    payer: str | None,
    account: Mapping[str, tuple[Cap, ...]],
) -> AdEntry:
    spec = spec_of(campaign)
    own = tuple(cap for cap in spec.caps if cap.scope is not CapScope.ACCOUNT)
    return AdEntry(
        ad_id=ad.id,
        campaign_id=campaign.id,
        creative_id=creative.id,
        advertiser_id=campaign.org_id,
        advertiser_name=name,
        payer=payer or name,
        format=AdFormat(creative.format),
        texts=msgspec.convert(creative.texts, dict[str, AdText]),
        landing_url=creative.landing_url,
        image_url=creative.image_url,
        tags=tuple(creative.tags),
        negative_tags=tuple(creative.negative_tags),
        bid_model=spec.bid_model,
        bid_micros=spec.bid_micros,
        currency=spec.currency,
        quality_ppm=ad.quality_ppm,
        geos=spec.geos,
        languages=spec.languages,
        starts_ms=spec.starts_ms,
        ends_ms=spec.ends_ms,
        blocked_topics=spec.blocked_topics,
        budget_total_micros=spec.budget_total_micros,
        budget_daily_micros=spec.budget_daily_micros,
        house=spec.house,
        devices=spec.devices,
        weekdays=spec.weekdays,
        apps=spec.apps,
        blocked_apps=spec.blocked_apps,
        topics=spec.topics,
        caps=own + account.get(campaign.org_id, ()),
        pacing=spec.pacing,
        # What holds until the pacing controller has spoken.
        pace_ppm=START_PPM if spec.pacing is Pacing.EVEN else PPM,
    )
