"""`stops`: kill switches for everything that would spend."""

from __future__ import annotations

from typing import Annotated

import typer
from rich.markup import escape
from rich.table import Table

from bootstrap.cli.client import connect
from bootstrap.cli.output import Json, guarded, line, out, print_json

_PATH = "/api/v1/spend/stops"


@guarded
def listed(as_json: Json = False) -> None:
    """List the kill switches that are on."""
    found = connect().get(_PATH)
    if as_json:
        print_json(found)
        return
    table = Table("stop", "channel", "since", "by", "why", box=None)
    for row in found:
        table.add_row(
            row["id"], row["channel"], row["created_at"], escape(row["who"]), escape(row["why"])
        )
    out.print(table if found else "Nothing is stopped.")


@guarded
def on(
    why: Annotated[str, typer.Argument(help="Why; whoever is stopped by it reads this.")],
    channel: Annotated[str, typer.Option(help="One channel, or * for all.")] = "*",
) -> None:
    """Let nothing be launched, resumed or raised until the stop is lifted; pausing always works."""
    made = connect().post(_PATH, {"channel": channel, "why": why})
    line("■", "stopped", f"{made['channel']} by {made['id']}")


@guarded
def lift(stop: Annotated[str, typer.Argument(help="A stop.")]) -> None:
    """Take a stop back."""
    connect().delete(f"{_PATH}/{stop}")
    line("✓", "lifted", escape(stop))
