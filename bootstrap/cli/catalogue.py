"""`catalog import` and `compile`: ads from files."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.markup import escape

from bootstrap.cli.output import Json, guarded, line, out, print_json, working
from bootstrap.local_snapshots import compile_verified, mark_current
from catalog.files import AdRow, export_of, read_ad_rows
from domain.errors import BadInput
from domain.product import RowProblem
from domain.time import SystemClock
from fastpath.compiler import SnapshotInfo


@guarded
def import_file(
    file: Annotated[Path, typer.Argument(help="Ads as JSON Lines or a JSON array.")],
    as_json: Json = False,
) -> None:
    """Import ads into the running installation's catalogue and take them live.

    Rows that cannot be used are reported with line and reason; the others are imported. The same file
    twice imports nothing new.
    """
    # Here and below: a catalogue file is compiled without the database, which takes seconds to load.
    from bootstrap.cli.publishing import import_rows  # noqa: PLC0415

    rows, problems = _read(file)
    with working("importing …", quiet=as_json):
        told = asyncio.run(import_rows(rows))
    _show(told, problems, as_json)


@guarded
def compile_catalogue(
    catalog: Annotated[
        Path | None, typer.Option(help="A catalogue file; default: the installation's database.")
    ] = None,
    out_dir: Annotated[
        Path | None, typer.Option("--out", help="Folder for snapshots; needed with --catalog.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Compile what may be served into a snapshot; from a file it needs no service."""
    if catalog is None:
        from bootstrap.cli.publishing import publish  # noqa: PLC0415

        with working("compiling …", quiet=as_json):
            told: dict[str, Any] = {"snapshot": asyncio.run(publish())}
        _show(told, [], as_json)
        return
    if out_dir is None:
        raise BadInput("out_missing", "Say where the snapshot goes: --out DIR.")
    rows, problems = _read(catalog)
    with working("compiling …", quiet=as_json):
        info = _compiled(rows, out_dir)
    told = {"snapshot": info.snapshot_id, "path": str(info.path), "ads": len(rows)}
    _show({**told, "warnings": list(info.warnings)}, problems, as_json)


def _compiled(rows: list[tuple[int, AdRow]], folder: Path) -> SnapshotInfo:
    try:
        folder.mkdir(parents=True, exist_ok=True)
        info = compile_verified(export_of(rows), folder, None, SystemClock().now_ms())
        mark_current(folder, info.snapshot_id)
    except OSError as error:
        raise BadInput(
            "out_unwritable", f"{folder} cannot be written: {error.strerror}."
        ) from error
    return info


def _read(file: Path) -> tuple[list[tuple[int, AdRow]], list[RowProblem]]:
    try:
        data = file.read_bytes()
    except OSError as error:
        raise BadInput("file_unreadable", f"{file} cannot be read: {error.strerror}.") from error
    rows, problems = read_ad_rows(data, SystemClock().now_ms())
    if not rows:
        first = f" First problem, line {problems[0].line}: {problems[0].reason}" if problems else ""
        raise BadInput("catalogue_empty", f"{file} has no row that can be used.{first}")
    return rows, problems


def _show(told: dict[str, Any], problems: list[RowProblem], as_json: bool) -> None:
    if as_json:
        print_json({**told, "problems": [{"line": p.line, "reason": p.reason} for p in problems]})
        return
    for problem in problems[:10]:
        line("!", f"line {problem.line}", escape(problem.reason))
    if len(problems) > 10:
        line("!", "more", f"{len(problems) - 10} further rows could not be used")
    out.print(", ".join(f"{k} {v}" for k, v in told.items() if k != "warnings"))
