"""Seeded exploration among the top k, with propensities that sum to exactly one million."""

from __future__ import annotations

from auction.types import PPM


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


def pick(count: int, draw_ppm: int, *, rate_ppm: int, top: int) -> tuple[int, int]:
    """Return (rank, its propensity in ppm) for a draw in [0, 1_000_000).

    Raises:
        ValueError: if there is nothing to pick from.
    """
    chances = propensities(count, rate_ppm=rate_ppm, top=top)
    passed = 0
    for rank, chance in enumerate(chances):
        passed += chance
        if draw_ppm < passed:
            return rank, chance
    raise ValueError("pick() needs at least one candidate and a draw below 1_000_000")
