"""One row of a feed, before anybody looked at what its columns mean."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


class RowError(Exception):
    """A row that cannot be used; its text is one sentence a person can act on."""


@dataclass(frozen=True)
class Row:
    """Cells of one row.

    Attributes:
        line: 1-based line (or item) where it starts.
        cells: Text by normalised column name (see `column_name`).
        broken: Why the row could not be read, if it could not.
    """

    line: int
    cells: Mapping[str, str] = field(default_factory=dict)
    broken: str | None = None


def column_name(stated: str) -> str:
    """Return the lower-case name with `_` for blanks and hyphens, without a `g:` prefix."""
    name = stated.strip().strip("\"'\ufeff").lower().removeprefix("g:")
    return "_".join(name.replace("-", " ").replace("_", " ").split())
