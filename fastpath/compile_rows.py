"""Compile time: ragged rows of numbers as flat arrays."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any, NamedTuple

import numpy as np


class Rows(NamedTuple):
    """Rows of numbers: row i is `values[offsets[i]:offsets[i + 1]]`."""

    offsets: Any
    values: Any

    @classmethod
    def of_counts(cls, counts: Sequence[int] | Any, values: Any) -> Rows:
        """Return rows from the length of each and all values one after the other."""
        return cls(np.concatenate([[0], np.cumsum(counts, dtype=np.int64)]), values)

    @classmethod
    def of_pairs(cls, rows: Any, values: Any, count: int) -> Rows:
        """Return `count` rows from (row, value) pairs in any order; within a row the order stays."""
        order = np.argsort(rows, kind="stable")
        return cls.of_counts(np.bincount(rows, minlength=count), values[order])

    @classmethod
    def of(cls, items: Sequence[Any], pick: Callable[[Any], Iterable[int]]) -> Rows:
        """Return the row that `pick` makes of each item."""
        counts: list[int] = []
        values: list[int] = []
        for item in items:
            row = pick(item)
            before = len(values)
            values.extend(row)
            counts.append(len(values) - before)
        return cls.of_counts(counts, np.asarray(values, dtype=np.int64))

    def owners(self) -> Any:
        """Return, for each value, the number of its row."""
        return np.repeat(np.arange(len(self.offsets) - 1), np.diff(self.offsets))

    def sorted(self) -> Rows:
        """Return the same rows with their values in order."""
        return Rows(self.offsets, self.values[np.lexsort((self.values, self.owners()))])


def strings(texts: Sequence[str]) -> tuple[Any, Any]:
    """Return strings as (offsets, UTF-8 bytes)."""
    parts = [text.encode("utf-8", "replace") for text in texts]
    offsets = np.concatenate([[0], np.cumsum([len(part) for part in parts], dtype=np.int64)])
    return offsets, np.frombuffer(b"".join(parts), dtype=np.uint8)
