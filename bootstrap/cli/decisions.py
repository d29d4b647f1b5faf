"""`decide` and `replay`: the fast path on files, without a service."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Annotated, Any

import msgspec
import typer
from rich.markup import escape
from rich.table import Table
from sqlalchemy import select

from bootstrap.cli.campaign import read_json_lines
from bootstrap.cli.output import Exit, guarded, line, out, print_json
from bootstrap.cli.service import Json, current_settings
from bootstrap.embedded import default_home
from bootstrap.services import open_services
from bootstrap.snapshots import current_local, fetch_snapshot
from catalog.repository import Snapshots
from domain.errors import BadInput, NotFound, ParleyError
from domain.time import SystemClock
from fastpath.offline import decide_file
from fastpath.record import DecisionRecord, decode
from fastpath.replay import replay as recompute
from fastpath.snapshot import Snapshot
from measurement.tables import DecisionRow

SnapshotDir = Annotated[
    Path | None,
    typer.Option("--snapshot", help="A compiled snapshot; default: the last one served here."),
]


#: Request id, record and snapshot; a sentence stands where one of them could not be had.
Found = tuple[str, DecisionRecord | str, Snapshot | str]


class SavedRecord(msgspec.Struct, frozen=True):
    """One line of a file of decision records."""

    request_id: str
    snapshot: str
    record: bytes


@guarded
def decide(
    text: Annotated[str | None, typer.Option("--text", help="One message of a user.")] = None,
    jsonl: Annotated[
        Path | None,
        typer.Option(help="Conversations: {id, turns: [{role, text}], formats?}, or - for stdin."),
    ] = None,
    snapshot: SnapshotDir = None,
    geo: Annotated[str | None, typer.Option(help="ISO 3166 country of the user.")] = None,
    as_json: Json = False,
) -> None:
    """Say which ad a conversation would get, and why. Needs no service."""
    if (text is None) == (jsonl is None):
        raise BadInput("input_missing", "Give either --text or --jsonl FILE.")
    opened = Snapshot.open(snapshot or current_local(default_home(os.environ)))
    rows: Iterator[dict[str, Any]] = (
        iter([{"id": "1", "turns": [{"role": "user", "text": text}]}])
        if jsonl is None
        else read_json_lines(jsonl)
    )
    results = decide_file(opened, rows, now_ms=SystemClock().now_ms(), geo=geo)
    if jsonl is not None or as_json:
        for result in results:
            print_json(result)
        return
    table = Table(box=None, show_header=False)
    for key, value in next(iter(results)).items():
        table.add_row(key, escape(str(value)))
    out.print(table)


@guarded
def replay(
    records: Annotated[
        Path | None, typer.Argument(help="A file of records written by --export.")
    ] = None,
    snapshot: SnapshotDir = None,
    export: Annotated[
        Path | None, typer.Option(help="Write the running installation's records to a file.")
    ] = None,
    request: Annotated[str | None, typer.Option(help="Only this request.")] = None,
    as_json: Json = False,
) -> None:
    """Recompute decisions from their records and compare byte for byte.

    With a file it needs no service; without one it takes the records of the running installation.
    """
    if export is not None:
        count = asyncio.run(_export(export, request))
        line("✓", "exported", f"{count} records to {export}")
        return
    found = _from_file(records, snapshot) if records else asyncio.run(_from_database(request))
    tally = _compare(found)
    if as_json:
        print_json(tally)
    else:
        out.print(f"{tally['equal']} of {tally['records']} decisions recompute byte for byte.")
        for problem in tally["problems"][:10]:
            line("✗", "differs", escape(problem))
    if tally["equal"] != tally["records"]:
        raise typer.Exit(Exit.REFUSED)


def _compare(found: list[Found]) -> dict[str, Any]:
    problems = []
    for request_id, record, snapshot in found:
        if isinstance(record, str) or isinstance(snapshot, str):
            problems.append(f"{request_id}: {record if isinstance(record, str) else snapshot}")
            continue
        try:
            recompute(record, snapshot)
        except ParleyError as error:
            problems.append(f"{request_id}: {error.detail}")
    return {"records": len(found), "equal": len(found) - len(problems), "problems": problems}


def _from_file(path: Path, given: Path | None) -> list[Found]:
    try:
        lines = path.read_bytes().splitlines()
    except OSError as error:
        raise BadInput("file_unreadable", f"{path} cannot be read: {error.strerror}.") from error
    known: dict[str, Snapshot | str] = {}
    folder = default_home(os.environ) / "snapshots"
    found: list[Found] = []
    for number, text in enumerate(lines, 1):
        try:
            saved = msgspec.json.decode(text, type=SavedRecord)
        except msgspec.DecodeError:
            found.append((f"line {number}", "this line is not a record", ""))
            continue
        if saved.snapshot not in known:
            known[saved.snapshot] = _opened(given or folder / saved.snapshot)
        found.append((saved.request_id, _decoded(saved.record), known[saved.snapshot]))
    return found


async def _from_database(request: str | None) -> list[Found]:
    async with open_services(current_settings(), pool_size=2) as services:
        known: dict[str, Snapshot | str] = {}
        found: list[Found] = []
        async for row in _rows(services.db, request):
            if row.snapshot_id not in known:
                async with services.db.system() as session:
                    published = await Snapshots(session).find(row.snapshot_id)
                known[row.snapshot_id] = (
                    _opened(await fetch_snapshot(services, published))
                    if published
                    else f"snapshot {row.snapshot_id} is not kept any more"
                )
            found.append((row.id, _decoded(row.record), known[row.snapshot_id]))
        return found


async def _export(path: Path, request: str | None) -> int:
    async with open_services(current_settings(), pool_size=2) as services:
        rows = [
            SavedRecord(row.id, row.snapshot_id, row.record)
            async for row in _rows(services.db, request)
        ]
    data = b"".join(msgspec.json.encode(row) + b"\n" for row in rows)
    await asyncio.to_thread(path.write_bytes, data)
    return len(rows)


async def _rows(db: Any, request: str | None) -> AsyncIterator[DecisionRow]:
    query = select(DecisionRow).order_by(DecisionRow.created_at, DecisionRow.id)
    if request is not None:
        query = query.where(DecisionRow.id == request)
    async with db.system() as session:
        rows = (await session.scalars(query)).all()
    if request is not None and not rows:
        raise NotFound("request_not_found", f"There is no ad request {request[:40]!r}.")
    for row in rows:
        yield row


def _decoded(data: bytes) -> DecisionRecord | str:
    try:
        return decode(data)
    except ParleyError as error:
        return error.detail


def _opened(path: Path) -> Snapshot | str:
    try:
        return Snapshot.open(path)
    except ParleyError as error:
        return error.detail
