"""Compile time: which ads each tag and topic leads to, best bid first."""

from __future__ import annotations

from collections.abc import Sequence
from operator import mul
from typing import Any, Final

import numpy as np

from fastpath.compile_gather import Gathered
from fastpath.compile_rows import Rows
from fastpath.compile_tags import Tags

MAX_POSTINGS: Final = 2_048
_MOST: Final = 1 << 63


class Postings:
    """The ads of tags and topics.

    Attributes:
        tags: Tag → its best ads. counts: how many it had.
        topics: IAB topic → its best ads.

    Args:
        ads: In number order.
        tags: Of the catalogue.
        warnings: Takes what was cut.
    """

    def __init__(self, ads: Gathered, tags: Tags, warnings: list[str]) -> None:
        rank = _rank(ads)
        best = np.argsort(rank)
        owners, shown = tags.positive.owners(), tags.positive.values
        order = np.lexsort((rank[owners], shown))
        numbers, found = shown[order], owners[order]
        self.counts = np.bincount(numbers, minlength=tags.count)
        first = np.concatenate([[0], np.cumsum(self.counts)])[:-1]
        kept = np.arange(len(numbers)) - first[numbers] < MAX_POSTINGS
        rows = []
        for topic in range(len(tags.bought.names)):
            sources = [np.asarray(row) for row in tags.bought.sources(topic)]
            # The best of all are among the best of each.
            tops = [np.sort(rank[row])[:MAX_POSTINGS] for row in sources]
            joined = np.unique(np.concatenate(tops)) if tops else np.zeros(0, np.int64)
            rows.append(best[joined[:MAX_POSTINGS]])
            self.counts[tags.bought_tags[topic]] = sum(map(len, sources))
        self.topics = Rows.of_counts([len(row) for row in rows], _flat(rows))
        self.tags = Rows.of_pairs(
            np.concatenate([numbers[kept], tags.bought_tags[self.topics.owners()]]),
            np.concatenate([found[kept], self.topics.values]),
            tags.count,
        )
        warnings.extend(
            f"Tag {tags.names[number]!r} has {self.counts[number]} ads;"
            f" the best {MAX_POSTINGS} were kept."
            for number in np.flatnonzero(self.counts > MAX_POSTINGS).tolist()
        )


def _rank(ads: Gathered) -> Any:
    """Return the place of each ad: paid before house, then by bid times quality, then by number."""
    columns = ads.columns
    worth = list(map(mul, columns["bid_micros"], columns["quality_ppm"]))
    house = np.asarray(columns["house"], dtype=bool)
    values: Any = np.asarray(worth, dtype=np.int64 if max(worth, default=0) < _MOST else object)
    if values.dtype == object:
        order = np.asarray(sorted(range(len(ads)), key=lambda i: (house[i], -worth[i], i)))
    else:
        order = np.lexsort((-values, house))
    rank = np.empty(len(ads), dtype=np.int64)
    rank[order] = np.arange(len(ads))
    return rank


def _flat(rows: Sequence[Any]) -> Any:
    return np.concatenate(rows) if rows else np.zeros(0, dtype=np.int64)
