"""What each campaign and ad did day by day: the raw material of proposals."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime

import msgspec
from sqlalchemy import func, select, text
from sqlalchemy.ext.asyncio import AsyncSession

from measurement.tables import EventRow


class CampaignDay(msgspec.Struct, frozen=True, kw_only=True):
    """One UTC day of one campaign.

    Attributes:
        campaign_id, day: Which.
        impressions, clicks, submits: What happened.
        spent_micros: What was charged.
        last_charge: When the last money was spent; None if none was.
    """

    campaign_id: str
    day: date
    impressions: int
    clicks: int
    submits: int
    spent_micros: int
    last_charge: datetime | None


class AdCount(msgspec.Struct, frozen=True, kw_only=True):
    """What one ad did."""

    ad_id: str
    campaign_id: str
    impressions: int
    clicks: int


async def campaign_days(
    session: AsyncSession, campaign_ids: Sequence[str], first: datetime, end: datetime
) -> list[CampaignDay]:
    """Return days on which something happened, by campaign and day.

    Args:
        session: Of the tenant.
        campaign_ids: Which campaigns.
        first: From when on.
        end: Up to when, exclusive.
    """
    # A literal, not a parameter: the same expression must stand in SELECT and GROUP BY.
    day = func.date(func.timezone(text("'UTC'"), EventRow.created_at))
    query = (
        select(
            EventRow.campaign_id,
            day,
            func.count().filter(EventRow.type == "impression"),
            func.count().filter(EventRow.type == "click"),
            func.count().filter(EventRow.type == "submit"),
            func.coalesce(func.sum(EventRow.charged_micros), 0),
            func.max(EventRow.created_at).filter(EventRow.charged_micros > 0),
        )
        .where(
            EventRow.campaign_id.in_(campaign_ids),
            EventRow.created_at >= first,
            EventRow.created_at < end,
        )
        .group_by(EventRow.campaign_id, day)
        .order_by(EventRow.campaign_id, day)
    )
    return [
        CampaignDay(
            campaign_id=row[0], day=row[1], impressions=row[2], clicks=row[3], submits=row[4],
            spent_micros=int(row[5]), last_charge=row[6],
        )
        for row in (await session.execute(query)).all()
    ]  # fmt: skip


async def ad_counts(
    session: AsyncSession, campaign_ids: Sequence[str], first: datetime, end: datetime
) -> list[AdCount]:
    """Return what each ad did in a time; arguments as `campaign_days`."""
    query = (
        select(
            EventRow.ad_id,
            EventRow.campaign_id,
            func.count().filter(EventRow.type == "impression"),
            func.count().filter(EventRow.type == "click"),
        )
        .where(
            EventRow.campaign_id.in_(campaign_ids),
            EventRow.created_at >= first,
            EventRow.created_at < end,
        )
        .group_by(EventRow.ad_id, EventRow.campaign_id)
        .order_by(EventRow.ad_id)
    )
    return [
        AdCount(ad_id=row[0], campaign_id=row[1], impressions=row[2], clicks=row[3])
        for row in (await session.execute(query)).all()
    ]
