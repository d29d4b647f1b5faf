"""`gate eval`: what the sensitive gate says of your own texts. Needs no service."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.markup import escape
from rich.table import Table

from bootstrap.cli.lines import read_json_lines
from bootstrap.cli.output import Exit, Json, guarded, line, out, print_json
from domain.errors import BadInput
from fastpath.gate import check, ready

#: Labels that mean "this is a harmless turn"; every other label means that the gate should close.
_HARMLESS = frozenset({"harmless", "commercial", "neutral", "clear", "0", "false", "no"})

_UNLABELLED = "(no label)"
_FLAGGED = "(any flag)"


@guarded
def evaluate(
    path: Annotated[
        Path,
        typer.Argument(
            help="A JSONL file of {id?, text or turns, label or labels?}, a folder of them, or -."
        ),
    ],
    as_json: Json = False,
) -> None:
    """Say what the sensitive gate makes of texts; with labels: recall and false blocks."""
    ready()
    bad = 0
    tally: dict[str, list[int]] = {}
    for name, row in _rows(path):
        told = _verdict(name, row)
        bad += "error" in told
        if as_json:
            print_json(told)
        elif "error" in told:
            line("✗", str(told["id"]), escape(told["error"]["detail"]))
        else:
            labels = told.get("label", _UNLABELLED)
            for label in labels if isinstance(labels, list) else [labels]:
                counts = tally.setdefault(label, [0, 0])
                counts[0] += told["verdict"] != "clear"
                counts[1] += 1
    if not as_json:
        _print(tally)
    if bad:
        raise typer.Exit(Exit.REFUSED)


def _rows(path: Path) -> Iterator[tuple[str, Any]]:
    """Yield (id, row) of a file or of the JSONL files in and below a folder, in order of their names."""
    files = sorted(path.rglob("*.jsonl")) if path.is_dir() else [path]
    if not files:
        raise BadInput("input_missing", f"{path} holds no .jsonl file.")
    for file in files:
        for number, row in enumerate(read_json_lines(file), 1):
            named = row.get("id") if isinstance(row, dict) else None
            yield str(named if named is not None else f"{file.name}:{number}"), row


def _verdict(name: str, row: Any) -> dict[str, Any]:
    texts = _texts(row)
    if texts is None:
        detail = "A row is an object with a text, or with turns that have a text each."
        return {"id": name, "error": {"code": "bad_row", "detail": detail}}
    found = check(texts)
    told = {"id": name, "verdict": found.verdict, "categories": list(found.categories)}
    if "label" in row:
        told["label"] = _label(row["label"])
    elif isinstance(row.get("labels"), dict):
        flags = [str(name)[:80] for name, value in row["labels"].items() if value]
        told["label"] = [_FLAGGED, *flags] if flags else "harmless"
    return told


def _texts(row: Any) -> list[str] | None:
    if not isinstance(row, dict):
        return None
    if isinstance(row.get("text"), str):
        return [row["text"]]
    turns = row.get("turns")
    if not isinstance(turns, list) or not turns:
        return None
    said = [turn.get("text") if isinstance(turn, dict) else turn for turn in turns]
    texts = [text for text in said if isinstance(text, str)]
    return texts if len(texts) == len(said) else None


def _label(given: Any) -> str:
    if isinstance(given, bool):
        return "sensitive" if given else "harmless"
    return str(given)[:80]


def _print(tally: dict[str, list[int]]) -> None:
    table = Table(box=None)
    for heading in ("label", "rows", "closed", "share", ""):
        table.add_column(heading, justify="left" if heading in ("label", "") else "right")
    for label, (closed, rows) in sorted(tally.items()):
        what = "false blocks" if label.casefold() in _HARMLESS else "recall"
        what = "" if label == _UNLABELLED else what
        table.add_row(escape(label), str(rows), str(closed), f"{closed / rows:.3f}", what)
    out.print(table)
