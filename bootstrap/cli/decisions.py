"""`decide` and `replay`: the fast path on files, without a service."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any

import msgspec
import typer
from rich.markup import escape
from rich.table import Table

from bootstrap.cli.lines import read_json_lines
from bootstrap.cli.output import Exit, Json, guarded, line, out, print_json
from bootstrap.cli.recorded import Found, SavedRecord, decoded, opened_snapshot
from bootstrap.embedded import default_home
from bootstrap.local_snapshots import current_local
from domain.errors import BadInput, ParleyError
from domain.time import SystemClock
from fastpath.offline import decide_file
from fastpath.replay import replay as recompute
from fastpath.snapshot import Snapshot

SnapshotDir = Annotated[
    Path | None,
    typer.Option("--snapshot", help="A compiled snapshot; default: the last one served here."),
]


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
        told = {"exported": _export(export, request), "path": str(export)}
        if as_json:
            print_json(told)
        else:
            line("✓", "exported", f"{told['exported']} records to {escape(str(export))}")
        return
    found = from_file(records, snapshot) if records else from_installation(request)
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


def from_file(path: Path, given: Path | None) -> list[Found]:
    """Return the records of a file, with their snapshots."""
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
            known[saved.snapshot] = opened_snapshot(given or folder / saved.snapshot)
        found.append(
            (saved.request_id, decoded(saved.record, saved.verdict), known[saved.snapshot])
        )
    return found


def from_installation(request: str | None) -> list[Found]:
    """Return the records of the running installation, or one."""
    # The database and its drivers take seconds to load; `decide` and replay of a file do not need them.
    from bootstrap.cli.kept import from_database  # noqa: PLC0415

    return asyncio.run(from_database(request))


def _export(path: Path, request: str | None) -> int:
    from bootstrap.cli.kept import saved_records  # noqa: PLC0415 - as above

    rows = asyncio.run(saved_records(request))
    try:
        path.write_bytes(b"".join(msgspec.json.encode(row) + b"\n" for row in rows))
    except OSError as error:
        raise BadInput("file_unwritable", f"{path} cannot be written: {error.strerror}.") from error
    return len(rows)
