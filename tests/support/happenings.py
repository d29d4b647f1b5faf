"""Things that happened to ads, put into the measurements' tables as the intake would keep them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import insert

from bootstrap.services import Services
from domain.ids import stable_id
from measurement.tables import DecisionRow, EventRow


@dataclass(frozen=True, kw_only=True)
class Shown:
    """Offers of one ad at one moment, and what came of them."""

    at: datetime
    advertiser: str
    publisher: str
    campaign: str
    ad: str = "ad_1"
    app: str = "app_1"
    offers: int = 1
    impressions: int = 0
    clicks: int = 0
    submits: int = 0
    dismissals: int = 0
    per_click: int = 0
    currency: str = "USD"
    language: str = "eng"
    intent: str = "high_commercial"
    reason: str = "served"


async def happened(services: Services, shown: Iterable[Shown]) -> None:
    """Keep decisions and events; of n offers the first ones were seen, clicked, signed up."""
    decisions: list[dict[str, Any]] = []
    events: list[dict[str, Any]] = []
    for number, one in enumerate(shown):
        for offer in range(max(one.offers, one.impressions)):
            request = stable_id(
                "req", str(number), str(offer), one.campaign, one.ad, one.at.isoformat()
            )
            decisions.append(_decision(one, request))
            for kind, many in (
                ("impression", one.impressions),
                ("click", one.clicks),
                ("submit", one.submits),
                ("dismiss", one.dismissals),
            ):
                if offer < many:
                    events.append(_event(one, request, kind))
    async with services.db.system() as session:
        for table, rows in ((DecisionRow, decisions), (EventRow, events)):
            for start in range(0, len(rows), 1_000):
                await session.execute(insert(table), rows[start : start + 1_000])


def _decision(one: Shown, request: str) -> dict[str, Any]:
    served = one.reason == "served"
    return {
        "id": request, "created_at": one.at, "app_id": one.app, "publisher_id": one.publisher,
        "advertiser_id": one.advertiser if served else None,
        "campaign_id": one.campaign if served else None, "ad_id": one.ad if served else None,
        "snapshot_id": "snp_1", "reason": one.reason, "language": one.language,
        "intent": one.intent, "bid_model": "cpc", "price_micros": one.per_click,
        "currency": one.currency if served else None, "expires_at": one.at, "record": b"",
    }  # fmt: skip


def _event(one: Shown, request: str, kind: str) -> dict[str, Any]:
    return {
        "id": stable_id("evt", request, kind), "created_at": one.at, "request_id": request,
        "type": kind, "app_id": one.app, "publisher_id": one.publisher,
        "advertiser_id": one.advertiser, "campaign_id": one.campaign, "ad_id": one.ad,
        "charged_micros": one.per_click if kind == "click" else 0, "currency": one.currency,
        "verdict": "charged" if kind == "click" else "recorded", "extra": {},
    }  # fmt: skip
