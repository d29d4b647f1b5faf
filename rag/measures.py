"""Measures of ranked retrieval, with confidence intervals. Pure functions."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import msgspec
import numpy as np
from numpy.typing import NDArray

#: What is measured, in the order it is shown.
MEASURES = ("nDCG@10", "R@10", "R@100", "MRR@10")
#: Resamples of a bootstrap; its seed makes the intervals the same every time.
_RESAMPLES, _SEED = 2_000, 20261121


class Interval(msgspec.Struct, frozen=True):
    """A mean over queries with its 95 % confidence interval (percentile bootstrap)."""

    mean: float
    low: float
    high: float


class Comparison(msgspec.Struct, frozen=True):
    """A paired comparison.

    Attributes:
        difference: Mean of one minus the other, with its interval.
        p: Two-sided bootstrap probability of a difference this far from zero by chance.
    """

    difference: Interval
    p: float


def measure(ranked: Sequence[str], grades: Mapping[str, int]) -> dict[str, float]:
    """Return the measures of one ranked list; what has no grade counts as wrong.

    Args:
        ranked: Document ids, best first, each once.
        grades: Document id → grade; above zero is relevant.
    """
    relevant = {doc for doc, grade in grades.items() if grade > 0}
    gains = [(2 ** grades.get(doc, 0) - 1) / math.log2(i + 2) for i, doc in enumerate(ranked[:10])]
    ideal = sorted((2**grade - 1 for grade in grades.values()), reverse=True)[:10]
    best = sum(gain / math.log2(i + 2) for i, gain in enumerate(ideal))
    first = next((i + 1 for i, doc in enumerate(ranked[:10]) if doc in relevant), None)
    return {
        "nDCG@10": sum(gains) / best if best else 0.0,
        "R@10": len(relevant & set(ranked[:10])) / max(1, len(relevant)),
        "R@100": len(relevant & set(ranked[:100])) / max(1, len(relevant)),
        "MRR@10": 1 / first if first else 0.0,
    }


def interval(values: Sequence[float]) -> Interval:
    """Return the mean of values per query with its interval."""
    means = _resampled(np.asarray(values, np.float64))
    return Interval(
        float(np.mean(values)), float(np.quantile(means, 0.025)), float(np.quantile(means, 0.975))
    )


def compare(one: Sequence[float], other: Sequence[float]) -> Comparison:
    """Compare two systems over the same queries (paired bootstrap)."""
    differences = np.asarray(one, np.float64) - np.asarray(other, np.float64)
    means = _resampled(differences)
    p = 2 * min(float(np.mean(means <= 0)), float(np.mean(means >= 0)))
    return Comparison(interval(differences.tolist()), min(1.0, p))


def _resampled(values: NDArray[np.float64]) -> NDArray[np.float64]:
    chance = np.random.default_rng(_SEED)
    drawn = chance.integers(0, len(values), (_RESAMPLES, len(values)))
    means: NDArray[np.float64] = values[drawn].mean(axis=1)
    return means
