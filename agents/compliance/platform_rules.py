"""What each platform demands, as rows of data with source and dates."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, fields
from datetime import date
from functools import cache
from importlib.resources import files
from typing import get_args

from agents.compliance.schemas import Severity
from domain.errors import BadInput

COLUMNS = (
    "id", "platform", "field", "kind", "value", "severity", "source",
    "checked_on", "valid_from", "expires_on", "message",
)  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class PlatformRule:
    """One demand of one platform.

    Attributes:
        id: Stable code.
        platform: `google`, `meta`, `linkedin`, `tiktok`, `producthunt`, or `all`.
        field: Which part of the ad; `*` is every text.
        kind: How it is checked; see `agents.compliance.platforms.KINDS`.
        value: What the kind needs: a number, a pattern, an age range.
        severity: `block`, `revise` or `warn`.
        source: Where it is published.
        checked_on: When it was compared with its source.
        valid_from, expires_on: First and last day on which it is applied without another look.
        message: One sentence that says what to change.
    """

    id: str
    platform: str
    field: str
    kind: str
    value: str
    severity: Severity
    source: str
    checked_on: date
    valid_from: date
    expires_on: date
    message: str


@dataclass(frozen=True)
class PlatformRules:
    """A version of all rows.

    Attributes:
        rows: In the order of the file.
        hash: Of the file's text; stored with every report.
    """

    rows: tuple[PlatformRule, ...]
    hash: str

    def of(self, platform: str, day: date) -> tuple[PlatformRule, ...]:
        """Return what holds on a platform on a day.

        A rule past its date still holds, since nobody has seen that it was lifted; `expired` names it.
        """
        return tuple(
            r for r in self.rows if r.platform in (platform, "all") and r.valid_from <= day
        )

    def expired(self, day: date) -> tuple[PlatformRule, ...]:
        """Return the rules that have to be compared with their source again."""
        return tuple(r for r in self.rows if r.expires_on < day)


@cache
def load_platform_rules() -> PlatformRules:
    """Return the rules this installation ships with."""
    text = files("agents.compliance").joinpath("platform_rules.tsv").read_text("utf-8")
    return read_platform_rules(text)


def read_platform_rules(text: str) -> PlatformRules:
    """Return the rules of a tab-separated text.

    Raises:
        BadInput: `bad_rules`, with the line that breaks the form.
    """
    rows = []
    for number, line in enumerate(text.splitlines(), 1):
        if line and not line.startswith("#"):
            rows.append(_row(number, line.split("\t")))
    seen: set[str] = set()
    for row in rows:
        if row.id in seen:
            raise BadInput("bad_rules", f"Two rules are called {row.id}; give one another id.")
        seen.add(row.id)
    return PlatformRules(tuple(rows), hashlib.blake2b(text.encode(), digest_size=8).hexdigest())


def _row(number: int, cells: list[str]) -> PlatformRule:
    if len(cells) != len(COLUMNS):
        raise BadInput(
            "bad_rules", f"Line {number} has {len(cells)} columns; a rule has {len(COLUMNS)}."
        )
    named: dict[str, str] = dict(zip(COLUMNS, cells, strict=True))
    if named["severity"] not in get_args(Severity):
        raise BadInput("bad_rules", f"Line {number}: severity is block, revise or warn.")
    try:
        dates = {f.name: date.fromisoformat(named[f.name]) for f in _DATES}
    except ValueError as error:
        raise BadInput("bad_rules", f"Line {number}: {error}; write dates as 2026-11-21.") from None
    return PlatformRule(**{**named, **dates})  # type: ignore[arg-type]


_DATES = tuple(f for f in fields(PlatformRule) if f.type == "date")
