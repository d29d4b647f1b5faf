"""`brief`: what a goal says, read by rules."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape
from rich.table import Table

from bootstrap.cli.lines import read_json_lines
from bootstrap.cli.output import Json, guarded, out, print_json
from domain.errors import BadInput
from llm.offline.brief.batch import run_brief


@guarded
def brief(
    text: Annotated[str | None, typer.Argument(help="A goal in your own words.")] = None,
    jsonl: Annotated[
        Path | None, typer.Option(help="Many goals: a file of {id, goal, today?}, or - for stdin.")
    ] = None,
    today: Annotated[
        str | None, typer.Option(help="The day to read dates against, YYYY-MM-DD.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Read a goal (or many) without running anything. Needs no service."""
    day = _day(today)
    if jsonl is not None:
        for row in run_brief(read_json_lines(jsonl), day):
            print_json(row)
        return
    if text is None:
        raise BadInput("goal_missing", "Give a goal, or --jsonl FILE with many.")
    read = next(iter(run_brief([{"id": "1", "goal": text}], day)))
    if "error" in read:
        raise BadInput(read["error"]["code"], read["error"]["detail"])
    if as_json:
        print_json(read)
        return
    table = Table(box=None, show_header=False)
    for key, value in read.items():
        if value not in (None, "", [], (), False) and key not in ("id", "goal"):
            table.add_row(key, escape(json.dumps(value, ensure_ascii=False)))
    out.print(table)


def _day(text: str | None) -> date:
    if text is None:
        return datetime.now(UTC).date()
    try:
        return date.fromisoformat(text)
    except ValueError as error:
        raise BadInput("bad_date", f"{text!r} is not a date; write it as 2026-12-24.") from error
