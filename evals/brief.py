"""How well goals are read: field by field over a labelled set that was written for this project."""

from __future__ import annotations

import json
import math
from collections import Counter
from datetime import date
from importlib.resources import files
from pathlib import Path
from typing import Any

import msgspec

from domain.errors import BadInput
from llm.offline.brief import run_brief

#: Fields in which order means nothing.
_UNORDERED = frozenset({"must_ask", "channels"})
#: Two-sided 95 %.
_Z = 1.959964


class BriefFigures(msgspec.Struct, frozen=True, kw_only=True):
    """What came of reading a labelled set.

    Attributes:
        goals: How many.
        fields: By field: right, of how many.
        wrong: One line for each field that was read wrong.
        whole: Goals of which every field is right.
    """

    goals: int
    fields: dict[str, tuple[int, int]]
    wrong: tuple[str, ...]
    whole: int

    @property
    def accuracy(self) -> float:
        """Share of all fields of all goals that are right."""
        right, all_ = self._sums
        return right / all_

    @property
    def lowest(self) -> float:
        """Accuracy of the field that is read worst."""
        return min(right / all_ for right, all_ in self.fields.values())

    @property
    def interval(self) -> tuple[float, float]:
        """Wilson's 95 % interval of the accuracy."""
        return wilson(*self._sums)

    @property
    def _sums(self) -> tuple[int, int]:
        rows = self.fields.values()
        return sum(right for right, _ in rows), sum(all_ for _, all_ in rows)


def goals_file() -> Path:
    """Return the labelled set."""
    return Path(str(files("evals").joinpath("goals.jsonl")))


def measure_brief(path: Path | None = None) -> BriefFigures:
    """Read every goal of a labelled set by the rules and compare.

    Args:
        path: JSON Lines of `{id, today, goal, expect: {field: value}}`; the shipped set by default.

    Raises:
        BadInput: `bad_goals` if a line is not of that form.
    """
    file = path or goals_file()
    try:
        rows = [json.loads(line) for line in file.read_text("utf-8").splitlines() if line.strip()]
        wants: list[dict[str, Any]] = [dict(row["expect"]) for row in rows]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise BadInput(
            "bad_goals", f"{file.name} is not a labelled set of goals: {error}."
        ) from error
    right: Counter[str] = Counter()
    total: Counter[str] = Counter()
    wrong: list[str] = []
    whole = 0
    for row, want, got in zip(rows, wants, run_brief(rows, date(2026, 11, 16)), strict=True):
        before = len(wrong)
        for field, value in want.items():
            total[field] += 1
            if "error" not in got and _same(value, got.get(field), field):
                right[field] += 1
            else:
                wrong.append(
                    f"{row['id']} {field}: {value!r} is right, {got.get(field)!r} was read"
                )
        whole += len(wrong) == before
    if not total:
        raise BadInput("bad_goals", f"{file.name} holds no labelled goal.")
    fields = {name: (right[name], total[name]) for name in total}
    return BriefFigures(goals=len(rows), fields=fields, wrong=tuple(wrong), whole=whole)


def wilson(right: int, all_: int) -> tuple[float, float]:
    """Return Wilson's score interval of a share, 95 % (Wilson 1927)."""
    if not all_:
        return 0.0, 1.0
    share, square = right / all_, _Z * _Z
    middle = (share + square / (2 * all_)) / (1 + square / all_)
    half = (
        _Z
        / (1 + square / all_)
        * math.sqrt(share * (1 - share) / all_ + square / (4 * all_ * all_))
    )
    return max(0.0, middle - half), min(1.0, middle + half)


def _same(want: Any, got: Any, field: str) -> bool:
    if field in _UNORDERED:
        return sorted(want) == sorted(got or ())
    return bool(want == got)
