"""Tables of the catalogue."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import ARRAY, ForeignKey, Index, SmallInteger, UniqueConstraint, false, text
from sqlalchemy.orm import Mapped, mapped_column

from storage.base import Row, TenantRow
from storage.leases import LeasedRow


class Organisation(Row):
    """An advertiser, a publisher, or the platform itself. Sees itself only (row-level security on `id`)."""

    __tablename__ = "organisations"

    kind: Mapped[str]
    name: Mapped[str]
    legal_name: Mapped[str]
    tier: Mapped[str] = mapped_column(default="free")


class App(TenantRow):
    """A publisher's chat product that asks for ads."""

    __tablename__ = "apps"

    name: Mapped[str]
    status: Mapped[str] = mapped_column(default="active")
    formats: Mapped[list[str]]
    currency: Mapped[str] = mapped_column(default="USD")
    reserve_micros: Mapped[int] = mapped_column(default=50_000)
    blocked_advertisers: Mapped[list[str]] = mapped_column(default=list)
    blocked_topics: Mapped[list[str]] = mapped_column(default=list)
    #: Where the app's users mostly are; stands in for a request that names no country.
    default_geo: Mapped[str | None]
    #: A web app has no secret: its requests carry the app id only and are limited by app and address.
    web: Mapped[bool] = mapped_column(default=False)
    #: Least relevance of a match, parts per million, that the host wants to see.
    relevance_floor_ppm: Mapped[int] = mapped_column(default=0, server_default="0")
    #: Only these advertisers; empty = all.
    allowed_advertisers: Mapped[list[str]] = mapped_column(default=list, server_default="{}")
    #: Its requests carry opaque user ids (with consent): caps per user can be kept there.
    passes_user_ids: Mapped[bool] = mapped_column(default=False, server_default=false())


class ApiKey(TenantRow):
    """A hashed, scoped key. The secret is shown once and never stored."""

    __tablename__ = "api_keys"
    __table_args__ = (UniqueConstraint("secret_hash"),)

    name: Mapped[str]
    secret_hash: Mapped[str]
    hint: Mapped[str]
    scopes: Mapped[list[str]]
    app_id: Mapped[str | None] = mapped_column(ForeignKey("apps.id"))
    expires_at: Mapped[datetime | None]
    revoked_at: Mapped[datetime | None]
    replaces: Mapped[str | None]


class BrandKit(TenantRow):
    """How an advertiser wants to look and sound; one per organisation.

    Attributes:
        formality: `polite`, `plain` or `any`; None = nobody has said so, and ads are not held to it.
    """

    __tablename__ = "brand_kits"
    __table_args__ = (UniqueConstraint("org_id"),)

    name: Mapped[str]
    payer: Mapped[str]
    tone: Mapped[str] = mapped_column(default="plain")
    colours: Mapped[list[str]] = mapped_column(default=list)
    banned_words: Mapped[list[str]] = mapped_column(default=list)
    tone_words: Mapped[list[str]] = mapped_column(default=list, server_default="{}")
    formality: Mapped[str | None] = mapped_column(default=None)


class ProductSourceRow(TenantRow):
    """A landing page or feed: the original and the facts read from it lie in the object store."""

    __tablename__ = "product_sources"

    kind: Mapped[str]
    name: Mapped[str]
    object_key: Mapped[str]
    sha256: Mapped[str]
    size_bytes: Mapped[int]
    products: Mapped[int]
    problems: Mapped[list[dict[str, Any]]]


class Run(LeasedRow):
    """One run of an agent graph. Its checkpoints are execution detail; this row is the record.

    Attributes:
        status: queued | running | needs_input | awaiting_approval | succeeded | failed | refused.
        pending: An answer that the next start hands to the waiting interrupt.
        question: What the run waits for.
    """

    __tablename__ = "runs"
    __table_args__ = (
        Index("ix_runs_lease", "status", "lease_until"),
        UniqueConstraint("org_id", "idempotency_key"),
    )

    graph: Mapped[str]
    graph_version: Mapped[str]
    goal: Mapped[str]
    inputs: Mapped[dict[str, Any]]
    idempotency_key: Mapped[str | None]
    requested_by: Mapped[str]
    step: Mapped[str | None]
    question: Mapped[dict[str, Any] | None]
    pending: Mapped[dict[str, Any] | None]
    result: Mapped[dict[str, Any] | None]
    error: Mapped[dict[str, Any] | None]
    campaign_id: Mapped[str | None]


class Campaign(TenantRow):
    """A campaign. Money is integer micros of `currency`."""

    __tablename__ = "campaigns"

    name: Mapped[str]
    status: Mapped[str] = mapped_column(default="draft")
    run_id: Mapped[str | None] = mapped_column(index=True)
    brief: Mapped[dict[str, Any]] = mapped_column(default=dict)
    plan: Mapped[dict[str, Any]] = mapped_column(default=dict)
    currency: Mapped[str]
    bid_model: Mapped[str]
    bid_micros: Mapped[int]
    budget_total_micros: Mapped[int | None]
    budget_daily_micros: Mapped[int | None]
    starts_at: Mapped[datetime | None]
    ends_at: Mapped[datetime | None]
    geos: Mapped[list[str]] = mapped_column(default=list)
    languages: Mapped[list[str]] = mapped_column(default=list)
    blocked_topics: Mapped[list[str]] = mapped_column(default=list)
    house: Mapped[bool] = mapped_column(default=False)
    devices: Mapped[list[str]] = mapped_column(default=list, server_default="{}")
    weekdays: Mapped[list[int]] = mapped_column(
        ARRAY(SmallInteger), default=list, server_default="{}"
    )
    apps: Mapped[list[str]] = mapped_column(default=list, server_default="{}")
    blocked_apps: Mapped[list[str]] = mapped_column(default=list, server_default="{}")
    topics: Mapped[list[str]] = mapped_column(default=list, server_default="{}")
    #: `{"scope", "limit", "window_ms"}` each.
    caps: Mapped[list[dict[str, Any]]] = mapped_column(
        default=list, server_default=text("'[]'::jsonb")
    )
    pacing: Mapped[str] = mapped_column(default="asap", server_default="asap")


class Creative(TenantRow):
    """What an ad says: per-language texts of one format, with the facts that support them."""

    __tablename__ = "creatives"

    campaign_id: Mapped[str] = mapped_column(ForeignKey("campaigns.id"), index=True)
    format: Mapped[str]
    status: Mapped[str] = mapped_column(default="draft")
    texts: Mapped[dict[str, Any]]
    tags: Mapped[list[str]]
    negative_tags: Mapped[list[str]] = mapped_column(default=list)
    landing_url: Mapped[str]
    image_url: Mapped[str | None]
    claims: Mapped[list[dict[str, Any]]] = mapped_column(default=list)
    findings: Mapped[list[dict[str, Any]]] = mapped_column(default=list)


class Ad(TenantRow):
    """A creative that runs in a campaign."""

    __tablename__ = "ads"

    campaign_id: Mapped[str] = mapped_column(ForeignKey("campaigns.id"), index=True)
    creative_id: Mapped[str] = mapped_column(ForeignKey("creatives.id"))
    status: Mapped[str] = mapped_column(default="active")
    quality_ppm: Mapped[int] = mapped_column(default=1_000_000)


class AuditEntry(TenantRow):
    """Who changed the state of what, when and why."""

    __tablename__ = "audit_log"
    __table_args__ = (Index("ix_audit_log_subject", "subject_id", "created_at"),)

    subject_kind: Mapped[str]
    subject_id: Mapped[str]
    from_state: Mapped[str | None]
    to_state: Mapped[str]
    who: Mapped[str]
    why: Mapped[str]


class SnapshotRow(Row):
    """A compiled snapshot; the newest one is served. A pinned one stays the newest until it is let go."""

    __tablename__ = "snapshots"

    object_prefix: Mapped[str]
    ads: Mapped[int]
    apps: Mapped[int]
    catalogue_hash: Mapped[str]
    files: Mapped[dict[str, Any]]
    pinned: Mapped[bool] = mapped_column(default=False, server_default=false())
