"""Looks at yesterday once it is over, and keeps what was far from usual: each thing once."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from typing import Any

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from bootstrap.services import Services
from catalog.tables import Campaign
from domain.ids import stable_id
from domain.time import start_of_day_ms, utc
from measurement.anomalies import WINDOW_DAYS, Anomaly, in_words, series_of, unusual
from measurement.performance import campaign_days
from measurement.report_tables import Alerts

#: Campaigns of one organisation that are looked at.
_MOST = 1_000


async def look(services: Services) -> int:
    """Look at yesterday for every organisation with campaigns that run; return how many alerts are new."""
    now = utc(services.clock.now_ms())
    async with services.db.system() as session:
        query = select(Campaign.org_id).where(Campaign.status.in_(("live", "paused"))).distinct()
        orgs = (await session.scalars(query.order_by(Campaign.org_id))).all()
    found = 0
    for org_id in orgs:
        async with services.db.tenant(org_id) as session:
            found += await look_at(session, org_id, now.date() - timedelta(days=1), now)
    return found


async def look_at(session: AsyncSession, org_id: str, day: date, now: datetime) -> int:
    """Look at one day of one organisation; return how many alerts are new."""
    query = select(Campaign).where(Campaign.status.in_(("live", "paused")))
    rows = (await session.scalars(query.order_by(Campaign.id).limit(_MOST))).all()
    first = _midnight(day - timedelta(days=WINDOW_DAYS - 1))
    days = await campaign_days(
        session, [row.id for row in rows], first, _midnight(day + timedelta(days=1))
    )
    series = series_of(days, {row.id: row.currency for row in rows}, day)
    names = {row.id: row.name for row in rows}
    alerts = [
        _row(org_id, now, in_words(anomaly, names, series), anomaly)
        for anomaly in map(unusual, series)
        if anomaly is not None
    ]
    return await Alerts(session).add_missing(alerts)


def _row(org_id: str, now: datetime, why: str, anomaly: Anomaly) -> dict[str, Any]:
    return {
        "id": stable_id("alr", org_id, anomaly.day.isoformat(), anomaly.metric, anomaly.campaign_id),
        "org_id": org_id, "created_at": now, "why": why,
        **{name: getattr(anomaly, name) for name in anomaly.__struct_fields__},
    }  # fmt: skip


def _midnight(day: date) -> datetime:
    return utc(start_of_day_ms(day))
