"""Word tables of the goal parser: read from the data files once, on first use."""

from __future__ import annotations

import re
from functools import cache
from importlib import resources


@cache
def rows(name: str) -> tuple[tuple[str, ...], ...]:
    """Return the rows of `data/<name>.tsv`, split at tabs, without comments and empty lines."""
    text = resources.files(__package__).joinpath("data", f"{name}.tsv").read_text("utf-8")
    return tuple(
        tuple(cell.strip() for cell in line.split("\t"))
        for line in text.splitlines()
        if line.strip() and not line.startswith("# ")
    )


def cell(row: tuple[str, ...], index: int) -> tuple[str, ...]:
    """Return the `|`-separated words of one cell, empty if the row is shorter."""
    return tuple(w for w in row[index].split("|") if w) if index < len(row) else ()


def alternation(words: list[str] | tuple[str, ...]) -> str:
    """Return a regular expression for any of the words, longest first."""
    return "|".join(re.escape(word) for word in sorted(set(words), key=lambda w: (-len(w), w)))


@cache
def word_list(name: str) -> frozenset[str]:
    """Return the first column of a table as a set."""
    return frozenset(row[0] for row in rows(name))
