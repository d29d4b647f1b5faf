"""The publisher's side of the reports."""

from __future__ import annotations

import msgspec
from sqlalchemy import ColumnElement, func, select
from sqlalchemy.ext.asyncio import AsyncSession

from measurement.tables import EventRow


class AppReport(msgspec.Struct, frozen=True, kw_only=True):
    """What happened in one app, in one currency; `charged_micros` is what advertisers were charged."""

    app_id: str
    currency: str
    impressions: int
    clicks: int
    submits: int
    dismissals: int
    charged_micros: int


async def app_reports(session: AsyncSession, publisher_id: str) -> list[AppReport]:
    """Return what happened in a publisher's apps, by app and currency."""

    def of(kind: str) -> ColumnElement[int]:
        return func.count().filter(EventRow.type == kind)

    query = (
        select(
            EventRow.app_id,
            EventRow.currency,
            of("impression"),
            of("click"),
            of("submit"),
            of("dismiss"),
            func.coalesce(func.sum(EventRow.charged_micros), 0),
        )
        .where(EventRow.publisher_id == publisher_id)
        .group_by(EventRow.app_id, EventRow.currency)
        .order_by(EventRow.app_id, EventRow.currency)
    )
    return [
        AppReport(
            app_id=app_id,
            currency=currency,
            impressions=impressions,
            clicks=clicks,
            submits=submits,
            dismissals=dismissals,
            charged_micros=int(charged),
        )
        for app_id, currency, impressions, clicks, submits, dismissals, charged in (
            await session.execute(query)
        ).all()
    ]
