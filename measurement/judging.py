"""Who does worse than the others, and how sure that is: posteriors, never raw rates.

Events per unit of money are Poisson with a gamma prior around the rate of all; clicks per impression are
binomial with a beta prior. A verdict needs enough data to be possible at all, a difference that matters, and a
high probability. Draws are seeded: the same numbers give the same verdicts.
"""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum

import msgspec
import numpy as np
from numpy.random import Generator, Philox

from domain.randomness import draw_int

_DRAWS = 20_000
#: How many events the prior is worth.
_PRIOR = 2.0


class Standing(StrEnum):
    """How something does beside the others."""

    UNDER = "under"
    TYPICAL = "typical"
    OVER = "over"
    UNKNOWN = "unknown"


class Tally(msgspec.Struct, frozen=True):
    """What was tried, and how often it worked.

    Attributes:
        key: Whose.
        tries: Money spent, in any unit, or impressions.
        hits: Events.
    """

    key: str
    tries: float
    hits: int


class Rule(msgspec.Struct, frozen=True, kw_only=True):
    """When to speak.

    Attributes:
        least_expected: Events that the rate of all would have brought it, and the others; with fewer nothing
            is known.
        margin: By which share it must be worse (better) to matter.
        sure: Least probability of that.
    """

    least_expected: float = 5.0
    margin: float = 0.1
    sure: float = 0.95


class Verdict(msgspec.Struct, frozen=True, kw_only=True):
    """What is known of one.

    Attributes:
        key, tries, hits: As in `Tally`.
        standing: How it does.
        sure: Probability of that standing; of typical and unknown, that it is worse.
        rate: Posterior mean, hits per try.
        rest: Rate of the others together.
    """

    key: str
    tries: float
    hits: int
    standing: Standing
    sure: float
    rate: float
    rest: float


def judge_rates(tallies: Sequence[Tally], seed: str, rule: Rule | None = None) -> list[Verdict]:
    """Return a verdict for each, of events per money.

    Args:
        tallies: All that compete with each other.
        seed: Names the draws.
        rule: When to speak.
    """
    return [_one(tally, tallies, seed, rule or Rule(), share=False) for tally in tallies]


def judge_shares(tallies: Sequence[Tally], seed: str, rule: Rule | None = None) -> list[Verdict]:
    """Return a verdict for each, of clicks per impression.

    Args:
        tallies: As in `judge_rates`; hits are at most tries.
        seed: Names the draws.
        rule: When to speak.
    """
    return [_one(tally, tallies, seed, rule or Rule(), share=True) for tally in tallies]


def _one(tally: Tally, tallies: Sequence[Tally], seed: str, rule: Rule, *, share: bool) -> Verdict:
    tries = sum(t.tries for t in tallies if t.key != tally.key)
    hits = sum(t.hits for t in tallies if t.key != tally.key)
    pooled = (hits + tally.hits) / max(tries + tally.tries, 1e-12)
    rest = hits / tries if tries > 0 else 0.0
    worst, best, mean = _compared(tally, Tally("", tries, hits), pooled, seed, rule, share=share)
    standing, sure = Standing.TYPICAL, worst
    # Both need data: something tried a lot against others that were never tried is not good or bad.
    if pooled * min(tally.tries, tries) < rule.least_expected:
        standing = Standing.UNKNOWN
    elif worst >= rule.sure:
        standing = Standing.UNDER
    elif best >= rule.sure:
        standing, sure = Standing.OVER, best
    return Verdict(
        key=tally.key, tries=tally.tries, hits=tally.hits, standing=standing, sure=sure, rate=mean,
        rest=rest,
    )  # fmt: skip


def _compared(
    tally: Tally, others: Tally, pooled: float, seed: str, rule: Rule, *, share: bool
) -> tuple[float, float, float]:
    """Return the probabilities of being worse and better by the margin, and the posterior mean."""
    if pooled <= 0:
        return 0.0, 0.0, 0.0
    weight = _PRIOR / pooled
    rng = Generator(Philox(key=draw_int(seed, f"judge:{tally.key}", bits=64)))
    mine, theirs = (
        rng.beta(_PRIOR + min(t.hits, t.tries), max(weight - _PRIOR, 1e-9) + max(t.tries - t.hits, 0.0), _DRAWS)
        if share
        else rng.gamma(_PRIOR + t.hits, 1 / (weight + t.tries), _DRAWS)
        for t in (tally, others)
    )  # fmt: skip
    worse = float(np.mean(mine < theirs * (1 - rule.margin)))
    better = float(np.mean(mine > theirs * (1 + rule.margin)))
    return worse, better, (_PRIOR + tally.hits) / (weight + tally.tries)
