"""The auction agent joined to the database: logged auctions of an app, facts of a campaign. It changes nothing."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from agents.auction.agent import propose_bid, propose_reserve, propose_rule
from agents.auction.schemas import AuctionProposal, BidFacts
from bootstrap.services import Services
from catalog.repository import Apps, Campaigns
from catalog.tables import App, Campaign
from domain.errors import BadInput
from domain.formats import BidModel
from domain.money import Money
from domain.time import utc
from fastpath.record import decode
from measurement.performance import CampaignDay, campaign_days
from measurement.shadow import Bidder, Logged, Mechanism
from measurement.tables import DecisionRow

#: Days of the log, and auctions of one app, that are looked at.
DAYS, MOST = 28, 4_000


async def auction_proposals(services: Services, org_id: str) -> list[AuctionProposal]:
    """Return proposals for an organisation's apps (reserve, charge rule) and campaigns (bid).

    Args:
        services: The installation's parts.
        org_id: Whose; a publisher sees the bids in its own apps, an advertiser its own campaigns only.
    """
    now = utc(services.clock.now_ms())
    rule = services.settings.charge_rule
    found: list[AuctionProposal] = []
    async with services.db.tenant(org_id) as session:
        for app in await Apps(session).active():
            logged = await _logged(session, app, now - timedelta(days=DAYS))
            mechanism = Mechanism(rule=rule)
            found.append(
                propose_reserve(
                    app.id,
                    app.reserve_micros,
                    app.currency,
                    logged,
                    mechanism,
                    f"{app.id}:{now.date()}",
                )
            )
            found.append(propose_rule(app.id, app.currency, logged, mechanism, app.id))
        rows = [row for row, *_ in await Campaigns(session).live() if row.bid_model == BidModel.CPC]
        first = now - timedelta(days=DAYS)
        days = await campaign_days(session, [row.id for row in rows], first, now)
    for row in rows:
        own = [day for day in days if day.campaign_id == row.id]
        found.append(propose_bid(_facts(row, own)))
    return found


async def _logged(session: AsyncSession, app: App, since: datetime) -> list[Logged]:
    """Return an app's newest auctions with at least two rivals, oldest first."""
    query = (
        select(DecisionRow.record, DecisionRow.ad_id, DecisionRow.advertiser_id)
        .where(
            DecisionRow.app_id == app.id,
            DecisionRow.publisher_id == app.org_id,
            DecisionRow.ad_id.is_not(None),
            DecisionRow.created_at >= since,
        )
        .order_by(DecisionRow.created_at.desc())
        .limit(MOST)
    )
    rows = (await session.execute(query)).all()
    # Whose an ad is stands where it was shown; one that never was stands for itself.
    owners = {str(ad_id): str(advertiser) for _, ad_id, advertiser in rows}
    found = []
    for record, _, _ in reversed(rows):
        logged = _auction(record, owners)
        if logged is not None:
            found.append(logged)
    return found


def _auction(record: bytes, owners: dict[str, str]) -> Logged | None:
    try:
        read = decode(record)
    except BadInput:
        # Written by another build: what it meant is not known here.
        return None
    bidders = tuple(
        Bidder(
            owners.get(one.ad_id, one.ad_id),
            one.ad_id,
            one.bid_micros,
            one.weight,
            one.reserve_micros,
        )
        for one in read.eligible
        if one.weight > 0
    )
    if read.winner is None or len({bidder.advertiser for bidder in bidders}) < 2:
        return None
    return Logged(
        id=read.context.request_id,
        conversation=read.conversation,
        bidders=bidders,
        shown=read.winner.ad_id,
        propensity_ppm=read.propensity_ppm,
    )


def _facts(row: Campaign, days: Sequence[CampaignDay]) -> BidFacts:
    spent = sum(day.spent_micros for day in days)
    use = None
    if row.budget_daily_micros and days:
        use = spent * 1_000_000 // (row.budget_daily_micros * len(days))
    return BidFacts(
        campaign_id=row.id,
        name=row.name,
        currency=row.currency,
        bid_micros=row.bid_micros,
        target_micros=_target(row),
        clicks=sum(day.clicks for day in days),
        submits=sum(day.submits for day in days),
        spent_micros=spent,
        use_ppm=use,
    )


def _target(row: Campaign) -> int | None:
    """Return what a sign-up may cost by the campaign's goal, in micros."""
    kpi = row.brief.get("kpi") or {}
    if kpi.get("type") != "cpa" or not kpi.get("target"):
        return None
    return Money.of_minor(round(float(kpi["target"])), row.currency).micros
