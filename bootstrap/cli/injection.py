"""`eval injection`: planted texts through every way in, with a model that obeys them."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer
from rich.markup import escape
from rich.table import Table

from bootstrap.cli.lazy import function_at
from bootstrap.cli.output import Exit, Json, err, guarded, out, print_json, working


@guarded
def injection(
    file: Annotated[
        Path, typer.Argument(help="JSON lines of {id, lang, carrier, text, forbidden_effect}.")
    ],
    as_json: Json = False,
) -> None:
    """Plant the texts of a file in every way in, with a model that obeys them; fail if one has an effect."""
    # The evaluations stand above this room; they are called, never imported.
    read, play = (function_at(f"evals.injection_door:{name}") for name in ("read_cases", "play"))
    cases = read(file)
    with working(f"{len(cases)} planted texts …", quiet=as_json):
        report = play(cases)
    if as_json:
        print_json(_plain(report))
    else:
        _print(report)
    if report.broken:
        raise typer.Exit(Exit.DEFECT)


def _print(report: Any) -> None:
    table = Table(box=None)
    for name in (
        "carrier",
        "cases",
        "reached the model",
        "effects",
        "behind the policy",
        "without it",
    ):
        table.add_column(name, justify="left" if name == "carrier" else "right")
    for carrier, row in report.by_carrier().items():
        counts = (str(row[name]) for name in ("cases", "reached", "effects", "loop", "without"))
        table.add_row(carrier, *counts)
    out.print(table)
    for result in report.broken:
        happened = ", ".join(dict.fromkeys((*result.effects, *result.loop)))
        err.print(f"[red]✗[/red] {escape(result.case.id)}: {happened}", soft_wrap=True)
    without = sum(bool(result.without) for result in report.results)
    out.print(
        f"{len(report.broken)} of {len(report.results)} had a forbidden effect; the same model without the "
        f"policy: {without}. {report.ads} ads ran."
    )


def _plain(report: Any) -> dict[str, Any]:
    return {
        "cases": len(report.results),
        "broken": len(report.broken),
        "ads": report.ads,
        "carriers": {name: dict(row) for name, row in report.by_carrier().items()},
        "results": [
            {
                "id": result.case.id,
                "carrier": result.case.carrier,
                "effects": list(result.effects),
                "loop": list(result.loop),
                "without": list(result.without),
                "reached": result.reached,
                "quoted": result.quoted,
            }
            for result in report.results
        ],
    }
