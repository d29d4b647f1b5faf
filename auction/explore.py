"""Seeded exploration, with propensities that sum to exactly one million.

Two rules: uniform over the top k (`propensities`), and the one that serves (`near_ties`), which leaves out whoever
scores far below the best, so that exploring costs little and no logged weight is in vain.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

from auction.types import PPM


@lru_cache(maxsize=256)
def propensities(count: int, *, rate_ppm: int, top: int) -> tuple[int, ...]:
    """Return the chance of each of the first min(count, top) ranks, in parts per million.

    With rate 50_000 and five ranks: 960_000, then 10_000 each. What does not divide evenly stays
    with rank 1.
    """
    ranks = min(count, top)
    if ranks <= 0:
        return ()
    share = rate_ppm // ranks
    return (PPM - share * (ranks - 1),) + (share,) * (ranks - 1)


def near_ties(
    scores: Sequence[int], *, rate_ppm: int, top: int, within_ppm: int
) -> tuple[int, ...]:
    """Return the chance of each of the first min(len(scores), top) ranks, in parts per million.

    Uniform exploration over the ranks whose score is at most `within_ppm` below the best; the others have
    none. The least positive chance is `rate_ppm // top`: with 5 % and five ranks, one in a hundred.

    Args:
        scores: Best first.
        rate_ppm: Share of requests that explore.
        top: Most ranks that take part.
        within_ppm: How far below the best a score may be.
    """
    looked = min(len(scores), top)
    if not looked:
        return ()
    least = scores[0] - scores[0] * within_ppm // PPM
    near = 1
    while near < looked and scores[near] >= least:
        near += 1
    return chances(near, looked, rate_ppm, top)


@lru_cache(maxsize=256)
def chances(near: int, looked: int, rate_ppm: int, top: int) -> tuple[int, ...]:
    """Return the chance of each of `looked` ranks of which the first `near` may be explored; as `near_ties`."""
    return propensities(near, rate_ppm=rate_ppm, top=top) + (0,) * (looked - near)


def pick(count: int, draw_ppm: int, *, rate_ppm: int, top: int) -> tuple[int, int]:
    """Return (rank, its propensity in ppm) under the plain rule for a draw in [0, 1_000_000).

    Raises:
        ValueError: if there is nothing to pick from.
    """
    return pick_from(propensities(count, rate_ppm=rate_ppm, top=top), draw_ppm)


def pick_from(chances: Sequence[int], draw_ppm: int) -> tuple[int, int]:
    """Return (rank, its propensity in ppm) for a draw in [0, 1_000_000).

    Raises:
        ValueError: if there is nothing to pick from.
    """
    passed = 0
    for rank, chance in enumerate(chances):
        passed += chance
        if draw_ppm < passed:
            return rank, chance
    raise ValueError("Picking needs at least one candidate and a draw below 1_000_000")
