"""Decisions, events and reports inside one unit of work. Never commits."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import msgspec
from sqlalchemy import func, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from domain.errors import Conflict, NotFound
from domain.formats import EventType
from domain.ids import stable_id
from measurement.tables import DecisionRow, EventRow


class Decision(msgspec.Struct, frozen=True, kw_only=True):
    """One answered request, as it is kept. See `DecisionRow`."""

    request_id: str
    created_at: datetime
    app_id: str
    publisher_id: str
    snapshot_id: str
    reason: str
    record: bytes
    advertiser_id: str | None = None
    campaign_id: str | None = None
    ad_id: str | None = None
    language: str | None = None
    intent: str | None = None
    bid_model: str | None = None
    price_micros: int | None = None
    currency: str | None = None
    expires_at: datetime | None = None


class CampaignReport(msgspec.Struct, frozen=True, kw_only=True):
    """How a campaign did. `ctr` is clicks ÷ impressions, None without impressions; money in micros.

    Attributes:
        cpc_micros: Spend ÷ clicks, rounded down; None without clicks.
    """

    campaign_id: str
    currency: str | None
    impressions: int
    clicks: int
    submits: int
    dismissals: int
    spend_micros: int
    ctr: float | None
    cpc_micros: int | None


async def keep_decisions(session: AsyncSession, decisions: Sequence[Decision]) -> int:
    """Insert decisions that are not kept yet (the stream delivers at least once); return how many."""
    if not decisions:
        return 0
    rows = [_row(decision) for decision in decisions]
    # Rows as parameters: a statement with the rows in it is compiled anew for each batch, at ten times the cost.
    statement = insert(DecisionRow).on_conflict_do_nothing(index_elements=["id"])
    result = await session.execute(statement.returning(DecisionRow.id), rows)
    return len(result.all())


async def decision_of(session: AsyncSession, request_id: str) -> DecisionRow:
    """Return a kept decision.

    Raises:
        NotFound: if there is none that the session may see.
    """
    found = await session.get(DecisionRow, request_id)
    if found is None:
        raise NotFound("request_not_found", f"There is no ad request {request_id[:40]!r}.")
    return found


async def record_event(
    session: AsyncSession,
    decision: DecisionRow,
    event_type: EventType,
    *,
    event_id: str | None,
    at: datetime,
    extra: dict[str, Any] | None = None,
) -> tuple[EventRow, bool]:
    """Record that something happened to an ad, once.

    The same event id again returns what was recorded the first time. Another event id for the same
    offer and type is refused: an offer pays once.

    Returns:
        The event and whether it is new.

    Raises:
        Conflict: if the offer was used for this type before, or the event id for something else.
    """
    if decision.ad_id is None:
        raise Conflict(
            "no_ad_shown", "This request was answered without an ad; there is nothing to report."
        )
    chosen = event_id or stable_id("evt", decision.id, str(event_type))
    values = {
        "id": chosen,
        "created_at": at,
        "request_id": decision.id,
        "type": str(event_type),
        "app_id": decision.app_id,
        "publisher_id": decision.publisher_id,
        "advertiser_id": decision.advertiser_id,
        "campaign_id": decision.campaign_id,
        "ad_id": decision.ad_id,
        "charged_micros": 0,
        "currency": decision.currency,
        "verdict": "recorded",
        "extra": extra or {},
    }
    # ON CONFLICT waits for a rival transaction, so of two at once one inserts and the other reads.
    inserted = await session.execute(
        insert(EventRow).values(values).on_conflict_do_nothing().returning(EventRow.id)
    )
    new = inserted.scalar_one_or_none() is not None
    event = await session.get(EventRow, chosen)
    if event is None:
        raise Conflict(
            "nonce_used", f"This ad has already reported its {event_type}; each offer counts once."
        )
    if (event.request_id, event.type) != (decision.id, str(event_type)):
        raise Conflict(
            "event_id_reused", "This event id was used for another event; send a new one."
        )
    return event, new


async def campaign_report(session: AsyncSession, campaign_id: str) -> CampaignReport:
    """Return how one campaign did."""
    reports = await campaign_reports(session, [campaign_id])
    return reports[campaign_id]


async def campaign_reports(
    session: AsyncSession, campaign_ids: Sequence[str]
) -> dict[str, CampaignReport]:
    """Return how campaigns did, recomputed from the events that the session may see."""
    query = (
        select(
            EventRow.campaign_id,
            EventRow.type,
            func.max(EventRow.currency),
            func.count(),
            func.coalesce(func.sum(EventRow.charged_micros), 0),
        )
        .where(EventRow.campaign_id.in_(campaign_ids))
        .group_by(EventRow.campaign_id, EventRow.type)
    )
    found: dict[str, list[tuple[str, str | None, int, int]]] = {c: [] for c in campaign_ids}
    for campaign_id, kind, currency, count, micros in (await session.execute(query)).all():
        found[campaign_id].append((kind, currency, count, int(micros)))
    return {campaign_id: _report(campaign_id, rows) for campaign_id, rows in found.items()}


def _report(campaign_id: str, rows: list[tuple[str, str | None, int, int]]) -> CampaignReport:
    counts = {kind: count for kind, _, count, _ in rows}
    spend = sum(micros for *_, micros in rows)
    impressions, clicks = counts.get("impression", 0), counts.get("click", 0)
    return CampaignReport(
        campaign_id=campaign_id,
        currency=next((currency for _, currency, *_ in rows if currency), None),
        impressions=impressions,
        clicks=clicks,
        submits=counts.get("submit", 0),
        dismissals=counts.get("dismiss", 0),
        spend_micros=spend,
        ctr=clicks / impressions if impressions else None,
        cpc_micros=spend // clicks if clicks else None,
    )


def _row(decision: Decision) -> dict[str, Any]:
    row = msgspec.structs.asdict(decision)
    row["id"] = row.pop("request_id")
    return row
