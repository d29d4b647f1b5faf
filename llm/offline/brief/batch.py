"""Many goals at once, for `parley brief --jsonl FILE`; needs no service and no model library."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from datetime import date
from typing import Any

import msgspec

from domain.brief import Brief
from domain.errors import BadInput, ParleyError
from llm.offline.brief.parser import parse_goal


def brief_dict(brief: Brief) -> dict[str, Any]:
    """Return a brief as plain JSON values, every field present, tuples as lists."""
    plain: dict[str, Any] = msgspec.to_builtins(brief)
    return {key: list(value) if isinstance(value, tuple) else value for key, value in plain.items()}


def run_brief(goals: Iterable[Mapping[str, Any]], today: date) -> Iterator[dict[str, Any]]:
    """Parse rows of goals; a bad row gives an error row and the others go on.

    Args:
        goals: Rows with `goal` (or `text`), optionally `id` and `today` (ISO 8601 date). A row that is
            not an object may be passed as it is and is reported as bad.
        today: The day for rows that state none.

    Yields:
        `{"id", **Brief fields}`, or `{"id", "error": {problem+json}}`.
    """
    for number, row in enumerate(goals, 1):
        identity: Any = number
        try:
            if not isinstance(row, Mapping):
                raise BadInput("bad_row", f"Row {number} must be a JSON object with a `goal`.")
            identity = row.get("id", number)
            yield {"id": identity, **brief_dict(parse_goal(_goal(row, number), _today(row, today)))}
        except ParleyError as error:
            yield {"id": identity, "error": error.problem()}


def _goal(row: Mapping[str, Any], number: int) -> str:
    for key in ("goal", "text"):
        if key in row:
            value = row[key]
            if not isinstance(value, str):
                raise BadInput("goal_not_text", f"`{key}` of row {number} must be a text.")
            return value
    raise BadInput("bad_row", f"Row {number} has no `goal`.")


def _today(row: Mapping[str, Any], today: date) -> date:
    stated = row.get("today")
    if stated is None:
        return today
    try:
        return date.fromisoformat(str(stated)[:10])
    except ValueError as error:
        raise BadInput("bad_today", f"{stated!r} is not a date; use YYYY-MM-DD.") from error
