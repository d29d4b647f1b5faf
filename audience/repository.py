"""Queries over leads. Batches go through the database as one JSON document: one round trip, however many rows."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import msgspec
from sqlalchemy import ARRAY, Text, cast, delete, func, or_, select, text
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.sql.elements import ColumnElement

from audience.rule import AudienceRule
from audience.tables import AudienceRow, Lead, LeadCursor, LeadImport, Suppression
from domain.ids import stable_id
from storage.base import Repository

_SHAPE = """
  id text, email_hash text, phone_hash text, email text, phone text, given_name text, family_name text,
  company text, job_title text, country text, language text, interests text[], source text, source_ref text,
  lawful_basis text, basis_note text, consent_at timestamptz, consent_text text, purposes text[], enriched jsonb,
  score bigint, grade text, reasons text[]"""
_COLUMNS = ", ".join(part.split()[0] for part in _SHAPE.replace("\n", " ").split(","))

#: A row of which address or number is suppressed is left out; one that is there already is left for `_MERGE`.
_ADD = text(f"""
WITH given AS (
  SELECT * FROM jsonb_to_recordset(CAST(:rows AS jsonb)) AS g({_SHAPE})
), wanted AS (
  SELECT g.* FROM given g
   WHERE NOT EXISTS (SELECT FROM lead_suppressions s WHERE s.org_id = :org_id AND s.kind = 'email'
                        AND s.hash = g.email_hash)
     AND NOT EXISTS (SELECT FROM lead_suppressions s WHERE s.org_id = :org_id AND s.kind = 'phone'
                        AND s.hash = g.phone_hash)
), added AS (
  INSERT INTO leads (org_id, created_at, updated_at, import_id, {_COLUMNS})
  SELECT CAST(:org_id AS text), CAST(:now AS timestamptz), CAST(:now AS timestamptz), CAST(:import_id AS text),
         {_COLUMNS} FROM wanted
  ON CONFLICT DO NOTHING RETURNING id
)
SELECT id, true AS added FROM added UNION ALL SELECT id, false FROM wanted
""")  # noqa: S608 - made of constants above
#: What was empty is filled; newer consent replaces older; nothing else changes.
_MERGE = text(f"""
WITH given AS (
  SELECT * FROM jsonb_to_recordset(CAST(:rows AS jsonb)) AS g({_SHAPE})
), matched AS (
  SELECT l.id AS lead_id, g.* FROM given g
    JOIN leads l ON l.org_id = :org_id AND l.email_hash = g.email_hash
  UNION ALL
  SELECT l.id, g.* FROM given g JOIN leads l ON l.org_id = :org_id AND l.phone_hash = g.phone_hash
   WHERE NOT EXISTS (SELECT FROM leads o WHERE o.org_id = :org_id AND o.email_hash = g.email_hash)
  UNION ALL
  SELECT l.id, g.* FROM given g
    JOIN leads l ON l.org_id = :org_id AND l.source = g.source AND l.source_ref = g.source_ref
), pairs AS (
  SELECT DISTINCT ON (lead_id) * FROM matched ORDER BY lead_id, consent_at DESC NULLS LAST, id
)
UPDATE leads l SET
  updated_at = :now,
  phone = CASE WHEN l.phone = '' AND p.fits THEN p.phone ELSE l.phone END,
  phone_hash = CASE WHEN l.phone_hash IS NULL AND p.fits THEN p.phone_hash ELSE l.phone_hash END,
  given_name = coalesce(nullif(l.given_name, ''), p.given_name),
  family_name = coalesce(nullif(l.family_name, ''), p.family_name),
  company = coalesce(nullif(l.company, ''), p.company),
  job_title = coalesce(nullif(l.job_title, ''), p.job_title),
  country = coalesce(nullif(l.country, ''), p.country),
  language = coalesce(nullif(l.language, ''), p.language),
  interests = ARRAY(SELECT DISTINCT unnest(l.interests || p.interests) ORDER BY 1),
  lawful_basis = CASE WHEN p.newer THEN p.lawful_basis ELSE l.lawful_basis END,
  consent_text = CASE WHEN p.newer THEN p.consent_text ELSE l.consent_text END,
  purposes = CASE WHEN p.newer THEN p.purposes ELSE l.purposes END,
  consent_at = CASE WHEN p.newer THEN p.consent_at ELSE l.consent_at END
FROM (
  SELECT pairs.*, (pairs.phone_hash IS NOT NULL AND NOT EXISTS (
            SELECT FROM leads o WHERE o.org_id = :org_id AND o.phone_hash = pairs.phone_hash)) AS fits,
         (pairs.lawful_basis = 'consent' AND pairs.consent_at >
            coalesce((SELECT o.consent_at FROM leads o WHERE o.id = pairs.lead_id), '-infinity')) AS newer
    FROM pairs
) p
WHERE l.id = p.lead_id AND (
     p.newer
  OR (l.phone = '' AND p.fits)
  OR (l.given_name = '' AND p.given_name <> '') OR (l.family_name = '' AND p.family_name <> '')
  OR (l.company = '' AND p.company <> '') OR (l.job_title = '' AND p.job_title <> '')
  OR (l.country = '' AND p.country <> '') OR (l.language = '' AND p.language <> '')
  OR NOT p.interests <@ l.interests)
RETURNING l.id
""")  # noqa: S608 - made of constants above
_RESCORE = text("""
UPDATE leads l SET score = g.score, grade = g.grade, reasons = g.reasons, enriched = g.enriched
  FROM jsonb_to_recordset(CAST(:rows AS jsonb))
       AS g(id text, score bigint, grade text, reasons text[], enriched jsonb)
 WHERE l.id = g.id
""")
_ONE_AT_A_TIME = text("SELECT pg_advisory_xact_lock(hashtextextended('leads:' || :org_id, 0))")


class Leads(Repository[Lead]):
    """Leads of one organisation."""

    row = Lead
    prefix = "led"

    async def one_at_a_time(self, org_id: str) -> None:
        """Let no other batch of this organisation in until the transaction ends.

        Two imports of the same people at once would otherwise wait for each other's rows in different orders.
        """
        await self.session.execute(_ONE_AT_A_TIME, {"org_id": org_id})

    async def add_all(
        self, org_id: str, rows: Sequence[dict[str, Any]], *, now: datetime, import_id: str | None
    ) -> dict[str, bool]:
        """Insert rows that are new.

        Returns:
            For the id of every row that is not suppressed: whether it was added (or was there).
        """
        found = await self.session.execute(
            _ADD, {"rows": _json(rows), "org_id": org_id, "now": now, "import_id": import_id}
        )
        # Two lists, not a join: the planner knows neither size and would compare each with each.
        outcome: dict[str, bool] = {}
        for row in found:
            outcome[row.id] = bool(row.added) or outcome.get(row.id, False)
        return outcome

    async def merge_all(
        self, org_id: str, rows: Sequence[dict[str, Any]], *, now: datetime
    ) -> Sequence[Lead]:
        """Let leads that are there learn from rows; return those that did."""
        found = await self.session.execute(
            _MERGE, {"rows": _json(rows), "org_id": org_id, "now": now}
        )
        ids = [row.id for row in found]
        return (
            (await self.session.scalars(select(Lead).where(Lead.id.in_(ids)))).all() if ids else ()
        )

    async def rescore(self, rows: Sequence[dict[str, Any]]) -> None:
        """Write scores: `id`, `score`, `grade`, `reasons`, `enriched`."""
        await self.session.execute(_RESCORE, {"rows": _json(rows)})

    async def best(self, limit: int, grade: str | None = None) -> Sequence[Lead]:
        """Return the most promising leads."""
        query = select(Lead).order_by(Lead.score.desc(), Lead.id).limit(limit)
        return (
            await self.session.scalars(query if grade is None else query.where(Lead.grade == grade))
        ).all()

    async def known_by(self, hashes: Sequence[str]) -> Sequence[Lead]:
        """Return leads by hashes of their addresses or numbers."""
        query = select(Lead).where(or_(Lead.email_hash.in_(hashes), Lead.phone_hash.in_(hashes)))
        return (await self.session.scalars(query)).all()

    async def erase(self, ids: Sequence[str]) -> int:
        """Delete leads; return how many there were."""
        gone = await self.session.execute(delete(Lead).where(Lead.id.in_(ids)).returning(Lead.id))
        return len(gone.all())

    async def size(self, rule: AudienceRule | None = None) -> int:
        """Return how many leads a rule chooses; of all leads without one."""
        query = select(func.count()).select_from(Lead)
        return int(await self.session.scalar(query.where(*_where(rule)) if rule else query) or 0)

    async def counts(self, column: str, limit: int = 50) -> dict[str, int]:
        """Return how many leads have each value of `lawful_basis`, `grade`, `country`, `language` or `source`."""
        chosen = getattr(Lead, column)
        query = (
            select(chosen, func.count()).group_by(chosen).order_by(func.count().desc()).limit(limit)
        )
        return {
            str(value): int(count) for value, count in (await self.session.execute(query)).all()
        }

    async def interests(self, limit: int = 50) -> dict[str, int]:
        """Return how many leads have each interest, the most frequent first."""
        each = select(func.unnest(Lead.interests).label("interest")).subquery()
        query = (
            select(each.c.interest, func.count())
            .group_by(each.c.interest)
            .order_by(func.count().desc(), each.c.interest)
            .limit(limit)
        )
        return {
            str(value): int(count) for value, count in (await self.session.execute(query)).all()
        }


class Imports(Repository[LeadImport]):
    """Files that were read."""

    row = LeadImport
    prefix = "lim"


class Audiences(Repository[AudienceRow]):
    """Named rules over leads."""

    row = AudienceRow
    prefix = "adn"

    async def named(self, name: str) -> AudienceRow | None:
        """Return an audience by its name."""
        found: AudienceRow | None = await self.session.scalar(
            select(AudienceRow).where(AudienceRow.name == name)
        )
        return found


class Suppressions(Repository[Suppression]):
    """Who must not be written to."""

    row = Suppression
    prefix = "sup"

    async def put(
        self, org_id: str, hashes: Sequence[tuple[str, str]], why: str, now: datetime
    ) -> None:
        """Add pairs of kind and hash; those that are there stay as they are."""
        if hashes:
            rows = [
                {
                    "id": stable_id("sup", org_id, kind, digest), "org_id": org_id, "created_at": now,
                    "kind": kind, "hash": digest, "why": why,
                }
                for kind, digest in hashes
            ]  # fmt: skip
            await self.session.execute(insert(Suppression).values(rows).on_conflict_do_nothing())

    async def have(self, hashes: Sequence[str]) -> set[str]:
        """Return which of the hashes are suppressed."""
        query = select(Suppression.hash).where(Suppression.hash.in_(hashes))
        return set((await self.session.scalars(query)).all())


class Cursors(Repository[LeadCursor]):
    """How far other systems were read."""

    row = LeadCursor
    prefix = "lcu"

    async def until(self, source: str, owner: str) -> int | None:
        """Return until when somebody's leads were read, milliseconds since 1970."""
        found: int | None = await self.session.scalar(
            select(LeadCursor.until_ms).where(
                LeadCursor.source == source, LeadCursor.owner == owner
            )
        )
        return found

    async def move(
        self, org_id: str, source: str, owner: str, until_ms: int, now: datetime
    ) -> None:
        """Move a cursor forward; it never moves back."""
        query = insert(LeadCursor).values(
            id=stable_id("lcu", org_id, source, owner), org_id=org_id, created_at=now, source=source,
            owner=owner, until_ms=until_ms, updated_at=now,
        )  # fmt: skip
        await self.session.execute(
            query.on_conflict_do_update(
                index_elements=["org_id", "source", "owner"],
                set_={"until_ms": func.greatest(LeadCursor.until_ms, until_ms), "updated_at": now},
            )
        )


def _where(rule: AudienceRule) -> list[ColumnElement[bool]]:
    """Return what a rule asks; leads without a lawful basis are in no audience."""
    chosen: list[ColumnElement[bool]] = [Lead.lawful_basis != ""]
    if rule.interests:
        chosen.append(Lead.interests.bool_op("&&")(cast(rule.interests, ARRAY(Text))))
    for column, values in (
        (Lead.country, rule.countries),
        (Lead.language, rule.languages),
        (Lead.lawful_basis, rule.bases),
        (Lead.grade, rule.grades),
        (Lead.source, rule.sources),
    ):
        if values:
            chosen.append(column.in_(values))
    return chosen


def _json(rows: Sequence[dict[str, Any]]) -> str:
    return msgspec.json.encode(rows).decode()
