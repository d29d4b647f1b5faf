"""Joining ranked lists, and thinning them out. Pure functions."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence

import numpy as np

from rag.types import Hit

#: Damping of reciprocal rank fusion: nDCG@10 on CA-Prod 0.450 with 10, 0.458 with 60.
RRF_K = 60
#: Share of common word triples from which two texts count as the same.
SAME_FROM = 0.8


def fuse(lists: Sequence[tuple[float, Sequence[Hit]]], k: int = RRF_K) -> list[Hit]:
    """Join ranked lists by reciprocal rank (Cormack, Clarke and Büttcher 2009).

    Args:
        lists: (weight, hits best first).
        k: Damping; the larger, the less the first places count.

    Returns:
        Hits best first; the score is 1 for a chunk that leads every list.
    """
    sums: dict[int, float] = defaultdict(float)
    for weight, hits in lists:
        for place, hit in enumerate(hits):
            sums[hit.no] += weight * (k + 1) / (k + 1 + place)
    total = sum(weight for weight, hits in lists if hits) or 1.0
    return order([Hit(no, value / total) for no, value in sums.items()])


def order(hits: Sequence[Hit]) -> list[Hit]:
    """Return hits best first; equal scores by number, so that the order is always the same."""
    return sorted(hits, key=lambda hit: (-hit.score, hit.no))


def shingles(words: Sequence[str]) -> frozenset[int]:
    """Return the hashes of all word triples; of the whole for fewer than three words."""
    if len(words) < 3:
        return frozenset({hash(tuple(words))})
    return frozenset(hash(triple) for triple in zip(words, words[1:], words[2:], strict=False))


def likeness(one: frozenset[int], other: frozenset[int]) -> float:
    """Return the share of triples two texts have in common (Jaccard)."""
    # Most pairs share nothing, and telling that is ten times as quick as counting.
    if one.isdisjoint(other):
        return 0.0
    shared = len(one & other)
    return shared / max(1, len(one) + len(other) - shared)


def distinct(hits: Sequence[Hit], signs: Mapping[int, frozenset[int]]) -> list[Hit]:
    """Return hits without those that nearly repeat a better one."""
    kept: list[Hit] = []
    for hit in hits:
        if all(likeness(signs[hit.no], signs[other.no]) < SAME_FROM for other in kept):
            kept.append(hit)
    return kept


def diverse(
    hits: Sequence[Hit], k: int, alike: Callable[[int, int], float], relevance: float = 0.8
) -> list[Hit]:
    """Choose k hits by maximal marginal relevance (Carbonell and Goldstein 1998).

    Args:
        hits: Best first, scores in [0, 1].
        k: How many to choose.
        alike: Likeness of two chunks in [0, 1].
        relevance: Weight of the score against likeness to what was chosen; 1 is the plain order.
    """
    left = list(hits)
    worst = np.zeros(len(left))
    chosen: list[Hit] = []
    while left and len(chosen) < k:
        values = relevance * np.array([h.score for h in left]) - (1 - relevance) * worst
        at = int(np.argmax(values))
        chosen.append(left.pop(at))
        worst = np.delete(worst, at)
        for i, hit in enumerate(left):
            worst[i] = max(worst[i], alike(hit.no, chosen[-1].no))
    return chosen
