"""Tables of the audience: leads, imports, suppressions, audiences, cursors."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import DateTime, Index, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from storage.base import TenantRow


class Lead(TenantRow):
    """Somebody who may be written to, and why.

    Attributes:
        email, phone: Normalised; empty if unknown.
        email_hash, phone_hash: Keyed hashes, by which a lead is recognised; None if unknown.
        source, source_ref: Where it is from, and its id there.
        lawful_basis, basis_note: GDPR Art. 6, and what it rests on.
        consent_at, consent_text: When was agreed to which words, if the basis is consent.
        purposes: What was agreed to: `marketing`, `enrichment`.
        interests: What it is interested in, lower case.
        enriched: What was derived from its own fields, with how.
        score, grade, reasons: How promising it is, and which rules said so.
        import_id: The import that brought it.
    """

    __tablename__ = "leads"
    __table_args__ = (
        Index(
            "uq_leads_email_hash", "org_id", "email_hash", unique=True,
            postgresql_where=text("email_hash IS NOT NULL"),
        ),
        Index(
            "uq_leads_phone_hash", "org_id", "phone_hash", unique=True,
            postgresql_where=text("phone_hash IS NOT NULL"),
        ),
        Index(
            "uq_leads_source_ref", "org_id", "source", "source_ref", unique=True,
            postgresql_where=text("source_ref IS NOT NULL"),
        ),
        Index("ix_leads_org_id_score", "org_id", "score"),
    )  # fmt: skip

    updated_at: Mapped[datetime]
    email_hash: Mapped[str | None]
    phone_hash: Mapped[str | None]
    email: Mapped[str]
    phone: Mapped[str]
    given_name: Mapped[str]
    family_name: Mapped[str]
    company: Mapped[str]
    job_title: Mapped[str]
    country: Mapped[str]
    language: Mapped[str]
    interests: Mapped[list[str]]
    source: Mapped[str]
    source_ref: Mapped[str | None]
    lawful_basis: Mapped[str]
    basis_note: Mapped[str]
    consent_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    consent_text: Mapped[str]
    purposes: Mapped[list[str]]
    enriched: Mapped[dict[str, Any]]
    score: Mapped[int]
    grade: Mapped[str]
    reasons: Mapped[list[str]]
    import_id: Mapped[str | None]


class LeadImport(TenantRow):
    """One file that was read.

    Attributes:
        name, sha256: The file.
        status: `running`, `done` or `failed`.
        rows: Lines with content.
        added, merged, unchanged: Leads that are new, that learned something, that were known already.
        suppressed, rejected: Rows left out: of people who must not be written to; with a problem.
        counts: How many problems of each code.
        problems: The first of them: line, code, reason; never a value.
    """

    __tablename__ = "lead_imports"

    name: Mapped[str]
    sha256: Mapped[str]
    lawful_basis: Mapped[str]
    status: Mapped[str]
    requested_by: Mapped[str]
    rows: Mapped[int]
    added: Mapped[int]
    merged: Mapped[int]
    unchanged: Mapped[int]
    suppressed: Mapped[int]
    rejected: Mapped[int]
    counts: Mapped[dict[str, Any]]
    problems: Mapped[list[dict[str, Any]]]
    finished_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))


class Suppression(TenantRow):
    """Somebody who must not be written to, known by a keyed hash only.

    Attributes:
        kind: `email` or `phone`.
        hash: Keyed hash; tells nothing without the installation's key.
        why: `unsubscribed`, `erased` or `listed`.
    """

    __tablename__ = "lead_suppressions"
    __table_args__ = (UniqueConstraint("org_id", "kind", "hash"),)

    kind: Mapped[str]
    hash: Mapped[str]
    why: Mapped[str]


class AudienceRow(TenantRow):
    """A named rule over leads; who is in it is looked up when it is asked for."""

    __tablename__ = "audiences"
    __table_args__ = (UniqueConstraint("org_id", "name"),)

    name: Mapped[str]
    rule: Mapped[dict[str, Any]]


class LeadCursor(TenantRow):
    """How far leads of another system were read.

    Attributes:
        source, owner: Whose.
        until_ms: Everything submitted before was read, milliseconds since 1970.
    """

    __tablename__ = "lead_cursors"
    __table_args__ = (UniqueConstraint("org_id", "source", "owner"),)

    source: Mapped[str]
    owner: Mapped[str]
    until_ms: Mapped[int]
    updated_at: Mapped[datetime]
