"""From the catalogue and the measurements to campaigns that compete for budget."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, datetime, timedelta

from sqlalchemy.ext.asyncio import AsyncSession

from billing.service import BillingService, Spend
from catalog.export import spec_of
from catalog.repository import Ads, Campaigns
from catalog.specs import price_of_one
from catalog.tables import Campaign
from domain.time import start_of_day_ms, utc
from graphs.context import GraphContext
from graphs.optimisation.material import Performance
from measurement.performance import CampaignDay, ad_counts, campaign_days
from measurement.proposals import AdArm, Amount, Arm

_SECONDS = 86_400
#: A day on which this share of the budget was spent is one that the budget ended.
_ENDED_PPM = 900_000
#: Earliest share of a day that is believed; below, a few clicks decide.
_LEAST_SHARE = 0.05


async def measure(ctx: GraphContext, window_days: int) -> Performance:
    """Return what live campaigns did in whole days up to yesterday."""
    last = ctx.today - timedelta(days=1)
    first = last - timedelta(days=window_days - 1)
    moments = _midnight(first), _midnight(ctx.today)
    async with ctx.db.tenant(ctx.org_id) as session:
        rows = [row for row, *_ in await Campaigns(session).live()]
        ids = [row.id for row in rows]
        days = await campaign_days(session, ids, *moments)
        spend = await BillingService(session, ctx.ids, ctx.clock).spend_of(ids)
        ads = await _ads(session, ids, moments)
    arms, skipped = [], {}
    for row in rows:
        own = [day for day in days if day.campaign_id == row.id]
        arm = _arm(row, own, spend[row.id], first, ctx.today, ctx.clock.now_ms())
        if isinstance(arm, str):
            skipped[row.id] = arm
        else:
            arms.append(arm)
    return Performance(
        first=first.isoformat(), last=last.isoformat(), arms=tuple(arms), ads=ads, skipped=skipped
    )


async def _ads(
    session: AsyncSession, ids: Sequence[str], moments: tuple[datetime, datetime]
) -> tuple[AdArm, ...]:
    counts = {count.ad_id: count for count in await ad_counts(session, ids, *moments)}
    return tuple(
        AdArm(
            ad_id=ad.id,
            campaign_id=ad.campaign_id,
            format=creative.format,
            impressions=counts[ad.id].impressions if ad.id in counts else 0,
            clicks=counts[ad.id].clicks if ad.id in counts else 0,
        )
        for ad, creative in await Ads(session).servable(ids)
    )


def _arm(
    row: Campaign, own: Sequence[CampaignDay], spend: Spend, first: date, today: date, now_ms: int
) -> Arm | str:
    """Return a campaign as it competes, or why it does not."""
    began = max(first, row.created_at.date(), row.starts_at.date() if row.starts_at else first)
    days = (today - began).days
    if row.house:
        return "It advertises the app itself and pays nothing."
    if days < 1:
        return "It has not run a whole day yet."
    amount: Amount
    ceiling = {}
    if row.budget_daily_micros is not None:
        amount, budget, borne = "budget_daily_micros", row.budget_daily_micros, spend.today_micros
        demand, known = _daily_demand(row, own, days)
        if row.budget_total_micros is not None:
            ceiling = {"ceiling_micros": row.budget_total_micros}
    elif row.budget_total_micros is not None and row.ends_at is not None:
        amount, budget, borne = "budget_total_micros", row.budget_total_micros, spend.total_micros
        left = max(0.0, (row.ends_at.timestamp() * 1000 - now_ms) / 86_400_000)
        rate = sum(day.spent_micros for day in own) / days
        demand, known = round(spend.total_micros + rate * left), True
    else:
        return "It has no daily budget, and no end that a total budget could be spent by."
    return Arm(
        campaign_id=row.id, name=row.name, currency=row.currency, amount=amount,
        budget_micros=budget, floor_micros=max(borne, price_of_one(spec_of(row))),
        demand_micros=demand, demand_known=known, days=days,
        spent_micros=sum(day.spent_micros for day in own), clicks=sum(day.clicks for day in own),
        submits=sum(day.submits for day in own), **ceiling,
    )  # fmt: skip


def _daily_demand(row: Campaign, own: Sequence[CampaignDay], days: int) -> tuple[int, bool]:
    """Return what it would spend on a day without a budget, and whether that is known.

    A day on which the budget was used up by noon would have brought about twice as much; an evenly paced
    campaign is held back all day, and does not show by how much.
    """
    budget, whole, ended = row.budget_daily_micros or 0, 0.0, False
    for day in own:
        share = 1.0
        if day.spent_micros * 1_000_000 >= budget * _ENDED_PPM and day.last_charge is not None:
            ended = True
            passed = (day.last_charge - _midnight(day.day)).total_seconds()
            share = max(_LEAST_SHARE, passed / _SECONDS) if row.pacing == "asap" else 1.0
        whole += day.spent_micros / share
    return round(whole / days), row.pacing == "asap" or not ended


def _midnight(day: date) -> datetime:
    return utc(start_of_day_ms(day))


def live_by_id(rows: Sequence[tuple[Campaign, str, str | None]]) -> Mapping[str, Campaign]:
    """Return live campaigns by id."""
    return {row.id: row for row, *_ in rows}
