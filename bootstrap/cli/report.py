"""`report`: what a run found, wrote, checked and spent, with what each statement rests on."""

from __future__ import annotations

from typing import Annotated, Any

import typer
from rich.markup import escape
from rich.table import Table
from rich.tree import Tree

from bootstrap.cli.client import connect
from bootstrap.cli.output import Json, guarded, line, out, print_json

_QUOTE = 160
_SHOWN = 10


@guarded
def report(
    run: Annotated[str, typer.Argument(help="A run.")],
    as_json: Json = False,
) -> None:
    """Show what a run found, wrote, checked and spent, each statement with its source."""
    found = connect().get(f"/api/v1/runs/{run}/report")
    if as_json:
        print_json(found)
        return
    line("■", found["status"], escape(found["goal"]))
    for part in (_research(found), _creatives(found)):
        out.print(part)
    _compliance(found["compliance"])
    out.print(_operations(found["operations"]))
    models = found["models"]
    by = (
        "rules, no model was asked" if not models["calls"] else f"{models['calls']} calls of models"
    )
    line("$", "models", f"{by}; ${models['cost_micros'] / 1e6:.4f}")
    for warning in found["warnings"]:
        line("!", "warning", escape(warning))


def _research(found: dict[str, Any]) -> Tree:
    written = "rule-based" if found["rule_based"] else "by a model"
    tree = Tree(f"[b]research[/b] [dim]({written})[/dim]")
    for insight in found["insights"]:
        branch = tree.add(
            f"{insight['kind']}: {escape(insight['statement'])} "
            f"[dim]{insight['confidence']:.0%}[/dim]"
        )
        for source in insight["sources"]:
            branch.add(_place(source["where"], source["quote"], source["citation"]))
    for segment in found["audience"]:
        tree.add(f"audience: {escape(segment['name'])} [dim]{escape(segment['reason'])}[/dim]")
    return tree


def _creatives(found: dict[str, Any]) -> Tree:
    tree = Tree(f"[b]creatives[/b] [dim]{found['creatives']} in all[/dim]")
    for one in found["written"][:_SHOWN]:
        branch = tree.add(f"{escape(one['key'])} [dim]{one['outcome']}[/dim]")
        for language, copy in one["texts"].items():
            branch.add(f"[dim]{language}[/dim] " + escape(" · ".join(copy.values())))
        for fact in one["backing"]:
            branch.add(_place(fact["where"], fact["support"], fact["citation"]))
    return tree


def _place(where: str, quote: str, citation: dict[str, Any] | None) -> str:
    name = where
    if citation:
        name = (
            f"{citation['title']} {citation['document_id']} {citation['start']}–{citation['end']}"
        )
    return f"[dim]« {escape(quote[:_QUOTE])} » {escape(name)}[/dim]"


def _compliance(checked: dict[str, Any]) -> None:
    line(
        "✓",
        "compliance",
        f"{checked['passed']} passed, {checked['to_revise']} to revise, {checked['blocked']} blocked",
    )
    for finding in checked["findings"][:_SHOWN]:
        line("!", finding["rule"], escape(f"{finding['excerpt']}: {finding['message']}"))


def _operations(rows: list[dict[str, Any]]) -> Table:
    table = Table("channel", "what", "state", "by", box=None)
    for row in rows:
        table.add_row(row["channel"], row["kind"], row["state"], escape(row["who"]))
    return table
