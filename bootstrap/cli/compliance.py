"""`compliance`: hold ads of a file against the platforms' rules; say what changed in the rules."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Annotated

import msgspec
import typer

from agents.compliance import load_rules
from agents.compliance.platform_rules import load_platform_rules, read_platform_rules
from agents.compliance.platforms import PlatformAd, check_platform, worst
from agents.compliance.tracker import compare, since, touched
from bootstrap.cli.lines import read_json_lines
from bootstrap.cli.output import guarded, print_json
from domain.errors import BadInput
from domain.time import SystemClock, day_of

_File = Annotated[Path, typer.Argument(help="Ads as JSON Lines, or - for stdin.")]


@guarded
def check(file: _File) -> None:
    """Hold ads against the rules of their platform. Needs no service.

    One {key, outcome, findings} per row {key, platform, texts, payer, beneficiary, label, …}, in order;
    a row that cannot be used gives an error entry and the rest goes on.
    """
    today = day_of(SystemClock().now_ms())
    for number, row in enumerate(read_json_lines(file)):
        ad = _ad(row)
        if isinstance(ad, str):
            print_json({"key": number, "error": "bad_row", "detail": ad})
            continue
        findings = check_platform(ad, today)
        print_json(
            {
                "key": ad.key,
                "outcome": worst(findings),
                "findings": [msgspec.to_builtins(f) for f in findings],
            }
        )


@guarded
def tracker(
    day: Annotated[
        str | None, typer.Option("--since", help="Last day somebody looked, 2026-11-21.")
    ] = None,
    old: Annotated[
        Path | None, typer.Option("--old", help="An earlier platform_rules.tsv to compare with.")
    ] = None,
    ads: Annotated[
        Path | None, typer.Option("--ads", help="Ads as JSON Lines: which of them are touched.")
    ] = None,
) -> None:
    """Say what changed in the rules and which ads it touches. Needs no service."""
    rules, today = load_platform_rules(), day_of(SystemClock().now_ms())
    if (day is None) == (old is None):
        raise BadInput("since_or_old", "Give either --since DAY or --old FILE.")
    if old is not None:
        changes = compare(read_platform_rules(_text(old)), rules)
    else:
        changes = since(rules, load_rules(), _day(str(day)), today)
    rows = (
        [ad for row in read_json_lines(ads) if isinstance(ad := _ad(row), PlatformAd)]
        if ads
        else []
    )
    print_json(
        {
            "rules_hash": rules.hash,
            "changes": [msgspec.to_builtins(change) for change in changes],
            "touched": [msgspec.to_builtins(t) for t in touched(changes, rules, rows, today)],
        }
    )


def _ad(row: object) -> PlatformAd | str:
    try:
        return msgspec.convert(row, PlatformAd)
    except msgspec.ValidationError as error:
        return f"The row does not fit: {error}."


def _day(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise BadInput("bad_day", f"{text!r} is no day; write it as 2026-11-21.") from None


def _text(path: Path) -> str:
    try:
        return path.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise BadInput("bad_file", f"{path} cannot be read: {error}.") from None
