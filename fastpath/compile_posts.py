"""Compile time: which ads each tag and topic leads to, best bid first."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import numpy as np

from fastpath.compile_facts import Facts
from fastpath.compile_rows import Rows, grouped
from fastpath.compile_tags import Tags

MAX_POSTINGS: Final = 2_048
_MOST: Final = 1 << 63


class Postings:
    """The ads of tags and topics.

    Attributes:
        tags: Tag → its best ads. counts: how many it had.
        topics: IAB topic → its best ads.

    Args:
        facts: Of the ads, in number order.
        tags: Of the catalogue.
        warnings: Takes what was cut.
    """

    def __init__(self, facts: Facts, tags: Tags, warnings: list[str]) -> None:
        best = _best(facts)
        rank = np.empty(len(best), dtype=np.int64)
        rank[best] = np.arange(len(best))
        shown = tags.positive.take(best)
        self.counts = np.bincount(shown.values, minlength=tags.count)
        order = grouped(shown.values, self.counts)
        numbers, found = shown.values[order], best[shown.owners()[order]]
        first = np.cumsum(self.counts) - self.counts
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


def _best(facts: Facts) -> Any:
    """Return the ads in order: paid before house, then by bid times quality, then by number."""
    bids, quality, house = (facts.column(name) for name in ("bid", "quality", "house"))
    if int(np.abs(bids).max(initial=0)) * int(np.abs(quality).max(initial=0)) < _MOST:
        worth = bids * quality
        return np.lexsort((-worth, house)) if house.any() else np.argsort(-worth, kind="stable")
    large = [one * other for one, other in zip(bids.tolist(), quality.tolist(), strict=True)]
    houses = house.tolist()
    order = sorted(range(len(large)), key=lambda i: (houses[i], -large[i], i))
    return np.asarray(order, dtype=np.int64)


def _flat(rows: Sequence[Any]) -> Any:
    return np.concatenate(rows) if rows else np.zeros(0, dtype=np.int64)
