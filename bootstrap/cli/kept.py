"""Decision records of the running installation."""

from __future__ import annotations

from collections.abc import AsyncIterator

from sqlalchemy import select

from bootstrap.cli.here import current_settings
from bootstrap.cli.recorded import Found, SavedRecord, decoded, opened_snapshot
from bootstrap.services import open_services
from bootstrap.snapshots import fetch_snapshot
from catalog.repository import Snapshots
from domain.errors import NotFound
from fastpath.reservation import Verdict
from fastpath.snapshot import Snapshot
from measurement.tables import DecisionRow
from storage.database import Database


async def from_database(request: str | None) -> list[Found]:
    """Return all kept records, or one, with their snapshots."""
    async with open_services(current_settings(), pool_size=2) as services:
        known: dict[str, Snapshot | str] = {}
        found: list[Found] = []
        async for row in _rows(services.db, request):
            if row.snapshot_id not in known:
                async with services.db.system() as session:
                    published = await Snapshots(session).find(row.snapshot_id)
                known[row.snapshot_id] = (
                    opened_snapshot(await fetch_snapshot(services, published))
                    if published
                    else f"snapshot {row.snapshot_id} is not kept any more"
                )
            found.append((row.id, decoded(row.record, _verdict(row)), known[row.snapshot_id]))
        return found


def _verdict(row: DecisionRow) -> str:
    """Return what the state said; the record was written before it spoke."""
    if row.ad_id is not None:
        return Verdict.GRANTED
    return row.reason if row.reason in set(Verdict) else Verdict.REFUSED


async def _rows(db: Database, request: str | None) -> AsyncIterator[DecisionRow]:
    query = select(DecisionRow).order_by(DecisionRow.created_at, DecisionRow.id)
    if request is not None:
        query = query.where(DecisionRow.id == request)
    async with db.system() as session:
        rows = (await session.scalars(query)).all()
    if request is not None and not rows:
        raise NotFound("request_not_found", f"There is no ad request {request[:40]!r}.")
    for row in rows:
        yield row


async def saved_records(request: str | None) -> list[SavedRecord]:
    """Return all kept records, or one, as they are written to a file."""
    async with open_services(current_settings(), pool_size=2) as services:
        return [
            SavedRecord(row.id, row.snapshot_id, row.record, _verdict(row))
            async for row in _rows(services.db, request)
        ]
