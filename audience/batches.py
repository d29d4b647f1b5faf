"""Puts leads into the database, a batch at a time: each lead once, however often and at once it comes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from datetime import datetime
from typing import Any

import msgspec
from sqlalchemy.ext.asyncio import AsyncSession

from audience.contacts import Hasher
from audience.enrich import FILLABLE, Derived, derive
from audience.repository import Leads, Suppressions
from audience.scoring import score
from audience.tables import Lead
from audience.types import LawfulBasis, LeadDraft
from domain.ids import stable_id

#: Rows of one transaction.
BATCH = 2_000


class Prepared(msgspec.Struct, frozen=True):
    """A batch ready for the database.

    Attributes:
        rows: One for each lead, in the order of their hashes.
        unsubscribed: Pairs of kind and hash of people who must not be written to.
        known: Rows of the batch that said again what another one said.
        left_out: Rows that are there only so that nobody writes to the person.
    """

    rows: list[dict[str, Any]]
    unsubscribed: list[tuple[str, str]]
    known: int
    left_out: int


def prepare(
    org_id: str, drafts: Sequence[LeadDraft], hasher: Hasher, now: datetime, seed: str
) -> Prepared:
    """Return a batch ready for the database: hashed, enriched from own fields, scored, each lead once.

    Args:
        org_id: Whose leads.
        drafts: As they were read.
        hasher: Makes hashes.
        now: When.
        seed: Makes ids of rows; another for every import.
    """
    rows: list[dict[str, Any]] = []
    gone: list[tuple[str, str]] = []
    seen: dict[str, dict[str, Any]] = {}
    known = left_out = 0
    for draft in drafts:
        email, phone = hasher.email(draft.email), hasher.phone(draft.phone)
        pairs = [(kind, one) for kind, one in (("email", email), ("phone", phone)) if one]
        if draft.unsubscribed:
            gone += pairs
            left_out += 1
            continue
        keys = [f"{kind}:{one}" for kind, one in pairs]
        if draft.source_ref:
            keys.append(f"ref:{draft.source_ref}")
        there = next((seen[key] for key in keys if key in seen), None)
        if there is not None:
            known += 1
            _join(there, draft)
            continue
        row = _row(draft, email, phone, now, stable_id("led", org_id, seed, str(draft.line), *keys))
        rows.append(row)
        seen.update(dict.fromkeys(keys, row))
    rows.sort(key=lambda row: (row["email_hash"] or "", row["phone_hash"] or "", row["id"]))
    return Prepared(rows, gone, known, left_out)


async def store(
    session: AsyncSession, org_id: str, batch: Prepared, *, now: datetime, import_id: str | None
) -> Counter[str]:
    """Write a batch; return how many leads were `added`, `merged`, `unchanged` and `suppressed`."""
    leads = Leads(session)
    await leads.one_at_a_time(org_id)
    await Suppressions(session).put(
        org_id, list(dict.fromkeys(batch.unsubscribed)), "unsubscribed", now
    )
    told: Counter[str] = Counter(unchanged=batch.known, suppressed=batch.left_out)
    if batch.unsubscribed:
        # Whoever is known already and has unsubscribed meanwhile is not kept either.
        gone = await leads.known_by([digest for _, digest in batch.unsubscribed])
        await leads.erase([lead.id for lead in gone])
    if not batch.rows:
        return told
    outcome = await leads.add_all(org_id, batch.rows, now=now, import_id=import_id)
    there = [row for row in batch.rows if outcome.get(row["id"]) is False]
    merged = await leads.merge_all(org_id, there, now=now) if there else ()
    if merged:
        await leads.rescore([_again(lead, now) for lead in merged])
    told["added"] += sum(outcome.values())
    told["merged"] += len(merged)
    told["unchanged"] += len(there) - len(merged)
    told["suppressed"] += len(batch.rows) - len(outcome)
    return told


def _row(
    draft: LeadDraft, email: str | None, phone: str | None, now: datetime, row_id: str
) -> dict[str, Any]:
    derived = [one for one in derive(draft) if one.field in FILLABLE]
    filled = msgspec.structs.replace(draft, **{one.field: one.value for one in derived})
    found = score(filled, now)
    row: dict[str, Any] = msgspec.to_builtins(filled)
    for name in ("line", "unsubscribed"):
        row.pop(name)
    return {
        **row,
        "id": row_id,
        "email_hash": email,
        "phone_hash": phone,
        "enriched": _how(derived),
        "score": found.points,
        "grade": found.grade,
        "reasons": found.reasons,
    }


def _join(row: dict[str, Any], draft: LeadDraft) -> None:
    """Let a row learn from another one of the same batch; its address and number stay as they are."""
    for name in ("given_name", "family_name", "company", "job_title", "country", "language"):
        row[name] = row[name] or getattr(draft, name)
    row["interests"] = list(dict.fromkeys((*row["interests"], *draft.interests)))


def _again(lead: Lead, now: datetime) -> dict[str, Any]:
    draft = LeadDraft(
        email=lead.email, phone=lead.phone, given_name=lead.given_name, family_name=lead.family_name,
        company=lead.company, job_title=lead.job_title, country=lead.country, language=lead.language,
        interests=tuple(lead.interests), source=lead.source, consent_at=lead.consent_at,
        lawful_basis=LawfulBasis(lead.lawful_basis), purposes=tuple(lead.purposes),
    )  # fmt: skip
    found = score(draft, now)
    return {
        "id": lead.id, "score": found.points, "grade": found.grade, "reasons": found.reasons,
        "enriched": lead.enriched,
    }  # fmt: skip


def _how(derived: Sequence[Derived]) -> dict[str, str]:
    return {one.field: one.how for one in derived}
