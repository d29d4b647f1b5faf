"""Compile time: ragged rows of numbers as flat arrays."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any, NamedTuple

import numpy as np

from fastpath import _bulk


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
        counts = np.bincount(rows, minlength=count)
        return cls.of_counts(counts, values[grouped(rows, counts)])

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

    def take(self, numbers: Any) -> Rows:
        """Return some of the rows, in the given order."""
        starts, counts = self.offsets[:-1][numbers], np.diff(self.offsets)[numbers]
        out = np.empty(int(counts.sum()), dtype=np.int64)
        _bulk.take_rows(whole(self.values), whole(starts), whole(counts), out.data)
        return Rows.of_counts(counts, out)

    def __add__(self, other: object) -> Rows:
        """Return these rows and others behind them."""
        assert isinstance(other, Rows)
        return Rows(
            np.concatenate([self.offsets, other.offsets[1:] + self.offsets[-1]]),
            np.concatenate([self.values, other.values]),
        )

    def sorted(self, most: int) -> Rows:
        """Return the same rows with their values in order and each of them once.

        Args:
            most: All values are below it and not negative.
        """
        # Brought together by value, then by row: within a row the values stay in order.
        owners = self.owners()
        first = grouped(self.values, np.bincount(self.values, minlength=most))
        again = owners[first]
        order = first[grouped(again, np.diff(self.offsets))]
        values, owners = self.values[order], owners[order]
        kept = np.ones(len(values), dtype=bool)
        kept[1:] = (owners[1:] != owners[:-1]) | (values[1:] != values[:-1])
        if kept.all():
            return Rows(self.offsets, values)
        return Rows.of_counts(
            np.bincount(owners[kept], minlength=len(self.offsets) - 1), values[kept]
        )


def grouped(keys: Any, counts: Any) -> Any:
    """Return the order that brings equal keys together, smaller ones first; within a key the order stays.

    Args:
        keys: Not negative.
        counts: How many there are of each.
    """
    places = np.cumsum(counts, dtype=np.int64) - counts
    out = np.empty(len(keys), dtype=np.int64)
    _bulk.group(whole(keys), places.data, out.data)
    return out


def whole(array: Any) -> memoryview:
    """Return an array of int64 as the loops of `_bulk` take it."""
    return np.ascontiguousarray(array, dtype=np.int64).data


def strings(texts: Sequence[str]) -> tuple[Any, Any]:
    """Return strings as (offsets, UTF-8 bytes)."""
    parts = [text.encode("utf-8", "replace") for text in texts]
    offsets = np.concatenate([[0], np.cumsum([len(part) for part in parts], dtype=np.int64)])
    return offsets, np.frombuffer(b"".join(parts), dtype=np.uint8)
