"""Imports of lists: streamed from a file, a transaction for each batch, so that any size fits in memory."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Iterator, Mapping
from datetime import datetime
from pathlib import Path

from audience.batches import BATCH, Prepared, prepare, store
from audience.columns import columns_of
from audience.contacts import Hasher
from audience.csv_file import Line, rows
from audience.policy import check_terms
from audience.repository import Imports
from audience.rows import RowReader
from audience.tables import LeadImport
from audience.types import LeadDraft, Problem, Terms
from domain.errors import Unprocessable
from domain.ids import Ids
from domain.time import Clock, utc
from storage.database import Database

#: Problems that are kept with their line; all are counted.
MOST_PROBLEMS = 100
MAX_ROWS = 2_000_000


class Importer:
    """Takes lists of people in.

    Args:
        db: The database.
        ids: Makes ids.
        clock: The time.
        key: The installation's secret for leads.
    """

    def __init__(self, db: Database, ids: Ids, clock: Clock, key: bytes) -> None:
        self._db, self._ids, self._clock, self._key = db, ids, clock, key

    async def run(
        self,
        org_id: str,
        path: Path,
        terms: Terms,
        *,
        name: str,
        sha256: str,
        by: str,
        mapping: Mapping[str, str] | None = None,
    ) -> LeadImport:
        """Take a file in; return what became of it.

        Whatever was committed before a failure stays; the same file again adds each lead once.

        Args:
            org_id: Whose leads.
            path: The file.
            terms: Where it is from and why its people may be written to.
            name: What it is called.
            sha256: Of its bytes.
            by: Who asked for it.
            mapping: Field to header of its column, where the header alone does not say.

        Raises:
            Unprocessable: as `check_terms`, `rows` and `columns_of`; nothing was taken in then.
            BadInput: as `columns_of`.
        """
        now = utc(self._clock.now_ms())
        check_terms(terms, now)
        reading = _Reading(path, terms, mapping or {}, now)
        # The header is looked at before anything is written: a file that is no list leaves no trace.
        await asyncio.to_thread(reading.open)
        record = LeadImport(
            id=self._ids.new("lim"), org_id=org_id, created_at=now, name=name, sha256=sha256,
            lawful_basis=str(terms.lawful_basis), status="running", requested_by=by, rows=0, added=0,
            merged=0, unchanged=0, suppressed=0, rejected=0, counts={}, problems=[],
        )  # fmt: skip
        async with self._db.tenant(org_id) as session:
            await Imports(session).add(record)
        status = "failed"
        told: Counter[str] = Counter()
        try:
            hasher = Hasher(self._key, org_id)
            while True:
                # In a thread: parsing 2,000 rows holds a processor for a tenth of a second.
                batch = await asyncio.to_thread(reading.batch, org_id, hasher, record.id)
                if batch is None:
                    break
                async with self._db.tenant(org_id) as session:
                    told += await store(session, org_id, batch, now=now, import_id=record.id)
            status = "done"
        finally:
            record = await self._finish(org_id, record.id, status, told, reading)
        return record

    async def _finish(
        self, org_id: str, import_id: str, status: str, told: Counter[str], reading: _Reading
    ) -> LeadImport:
        async with self._db.tenant(org_id) as session:
            record = await Imports(session).get(import_id)
            record.status, record.rows, record.rejected = status, reading.rows, reading.rejected
            record.added, record.merged = told["added"], told["merged"]
            record.unchanged, record.suppressed = told["unchanged"], told["suppressed"]
            record.counts = dict(reading.counts)
            record.problems = [
                {"line": p.line, "code": p.code, "reason": p.reason, "rejected": p.rejected}
                for p in reading.problems
            ]
            record.finished_at = utc(self._clock.now_ms())
            return record


class _Reading:
    """A file on its way in."""

    def __init__(self, path: Path, terms: Terms, mapping: Mapping[str, str], now: datetime) -> None:
        self._path, self._terms, self._mapping, self._now = path, terms, mapping, now
        self._lines: Iterator[Line] = iter(())
        self._reader: RowReader | None = None
        self.rows = self.rejected = 0
        self.counts: Counter[str] = Counter()
        self.problems: list[Problem] = []

    def open(self) -> None:
        """Read the first line."""
        self._lines = rows(self._path)
        _, header = next(self._lines, (0, None))
        if header is None:
            raise Unprocessable("file_not_table", "The first line does not name any columns.")
        self._reader = RowReader(columns_of(header, self._mapping), self._terms, self._now)

    def batch(self, org_id: str, hasher: Hasher, seed: str) -> Prepared | None:
        """Return the next batch; None at the end."""
        assert self._reader is not None
        drafts: list[LeadDraft] = []
        count = 0
        for line, cells in self._lines:
            count += 1
            self.rows += 1
            if self.rows > MAX_ROWS:
                self._note(
                    Problem(
                        line, "too_many_rows", f"Only {MAX_ROWS:,} rows are read; split the file."
                    )
                )
                self._lines = iter(())
                break
            draft = self._reader.read(line, cells, self._note)
            if draft is not None:
                drafts.append(draft)
            if count >= BATCH:
                break
        return prepare(org_id, drafts, hasher, self._now, seed) if count else None

    def _note(self, problem: Problem) -> None:
        self.counts[problem.code] += 1
        self.rejected += problem.rejected
        if len(self.problems) < MOST_PROBLEMS:
            self.problems.append(problem)
