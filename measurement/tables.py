"""Tables of decisions and events. Both sides of an ad, advertiser and publisher, may see its rows."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import Index, LargeBinary, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from storage.base import Row


class DecisionRow(Row):
    """One answered ad request, `id` being the request id. Holds features and hashes, never text.

    Attributes:
        record: The decision record (msgpack), from which the answer can be recomputed byte for byte.
        price_micros: Price per click (CPC) or per 1,000 impressions (CPM).
        expires_at: Until when events on it are accepted.
    """

    __tablename__ = "decisions"
    __table_args__ = (
        Index("ix_decisions_advertiser", "advertiser_id", "created_at"),
        Index("ix_decisions_publisher", "publisher_id", "created_at"),
    )

    app_id: Mapped[str]
    publisher_id: Mapped[str]
    advertiser_id: Mapped[str | None]
    campaign_id: Mapped[str | None] = mapped_column(index=True)
    ad_id: Mapped[str | None]
    snapshot_id: Mapped[str]
    reason: Mapped[str]
    language: Mapped[str | None]
    intent: Mapped[str | None]
    bid_model: Mapped[str | None]
    price_micros: Mapped[int | None]
    currency: Mapped[str | None]
    expires_at: Mapped[datetime | None]
    record: Mapped[bytes] = mapped_column(LargeBinary)


class EventRow(Row):
    """One thing that happened to a shown ad; `id` is the event id of the sender or derived from the offer."""

    __tablename__ = "ad_events"
    __table_args__ = (
        UniqueConstraint("request_id", "type"),
        Index("ix_ad_events_campaign", "campaign_id", "type", "created_at"),
        Index("ix_ad_events_advertiser", "advertiser_id", "created_at"),
        Index("ix_ad_events_publisher", "publisher_id", "created_at"),
    )

    request_id: Mapped[str]
    type: Mapped[str]
    app_id: Mapped[str]
    publisher_id: Mapped[str]
    advertiser_id: Mapped[str]
    campaign_id: Mapped[str]
    ad_id: Mapped[str]
    charged_micros: Mapped[int] = mapped_column(default=0)
    currency: Mapped[str]
    verdict: Mapped[str]
    extra: Mapped[dict[str, Any]] = mapped_column(default=dict)
