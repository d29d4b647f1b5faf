"""Splits a budget between responses of diminishing returns; and between any responses, on a grid.

Closed forms of the maximum of a sum under a budget: at the optimum every part inside its bounds has the same
marginal return λ. Sources: log x = max(0, a/λ − b); power x = (a p/λ)^(1/(1−p)); Hill (n = 1)
x = max(0, √(a k/λ) − k).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import log, sqrt

import msgspec
import numpy as np
from numpy.typing import NDArray

from domain.errors import BadInput

#: Halvings of the marginal return; 200 leave nothing of a float's digits.
_HALVINGS = 200
_GRID = 1_200


class Log(msgspec.Struct, frozen=True):
    """a · ln(1 + x/b)."""

    a: float
    b: float

    def value(self, x: float) -> float:
        """Return the response to x."""
        return self.a * log(1 + x / self.b)

    def at(self, marginal: float) -> float:
        """Return the x at which one more brings `marginal`."""
        return max(0.0, self.a / marginal - self.b)


class Power(msgspec.Struct, frozen=True):
    """a · x^p with 0 < p < 1."""

    a: float
    p: float

    def value(self, x: float) -> float:
        """Return the response to x."""
        return float(self.a * x**self.p)

    def at(self, marginal: float) -> float:
        """Return the x at which one more brings `marginal`."""
        return float((self.a * self.p / marginal) ** (1 / (1 - self.p))) if self.a > 0 else 0.0


class Hill(msgspec.Struct, frozen=True):
    """a · x / (x + k)."""

    a: float
    k: float

    def value(self, x: float) -> float:
        """Return the response to x."""
        return self.a * x / (x + self.k)

    def at(self, marginal: float) -> float:
        """Return the x at which one more brings `marginal`."""
        return max(0.0, sqrt(self.a * self.k / marginal) - self.k)


Response = Log | Power | Hill


def allocate(
    responses: Sequence[Response],
    budget: float,
    bounds: Sequence[tuple[float, float]] | None = None,
) -> list[float]:
    """Return the split with the largest sum of responses.

    Args:
        responses: Concave ones.
        budget: What is split, all of it.
        bounds: Least and most of each part; without, from nothing to all.

    Raises:
        BadInput: `bad_bounds` if the bounds cannot hold the budget.
    """
    limits = list(bounds or [(0.0, budget)] * len(responses))
    least, most = sum(low for low, _ in limits), sum(high for _, high in limits)
    if not least - 1e-9 <= budget <= most + 1e-9:
        raise BadInput("bad_bounds", "The bounds cannot hold the budget; widen them.")

    def split(marginal: float) -> list[float]:
        return [
            min(max(response.at(marginal), low), high)
            for response, (low, high) in zip(responses, limits, strict=True)
        ]

    low, high = 1e-15, 1e15
    for _ in range(_HALVINGS):
        middle = sqrt(low * high)
        if sum(split(middle)) > budget:
            low = middle
        else:
            high = middle
    return _filled(split(high), limits, budget)


def allocate_any(responses: Sequence[Callable[[float], float]], budget: float) -> list[float]:
    """Return the best split on a grid, for responses of any shape: no local optimum can hold it.

    Args:
        responses: Value of an amount; S-curves too.
        budget: What is split, all of it, in steps of 1/1,200.
    """
    steps = np.linspace(0.0, budget, _GRID + 1)
    best: NDArray[np.float64] = np.full(_GRID + 1, -np.inf)
    best[0] = 0.0
    chosen: list[NDArray[np.int64]] = []
    for response in responses:
        values = np.array([response(float(x)) for x in steps])
        after = np.full(_GRID + 1, -np.inf)
        picked = np.zeros(_GRID + 1, dtype=np.int64)
        for spent in range(_GRID + 1):
            sums = best[: spent + 1][::-1] + values[: spent + 1]
            picked[spent] = int(np.argmax(sums))
            after[spent] = sums[picked[spent]]
        best = after
        chosen.append(picked)
    left, parts = _GRID, list[float]()
    for picked in reversed(chosen):
        parts.append(float(steps[picked[left]]))
        left -= int(picked[left])
    return parts[::-1]


def whole_units(parts: Sequence[float], total: int) -> list[int]:
    """Return integers that sum to `total` and stay within one of the parts (largest remainder).

    Args:
        parts: Not negative, with a sum within one of `total`.
        total: What the integers sum to.
    """
    floors = [int(part) for part in parts]
    order = sorted(range(len(parts)), key=lambda i: (floors[i] - parts[i], i))
    for number in range(total - sum(floors)):
        floors[order[number % len(order)]] += 1
    return floors


def _filled(
    parts: list[float], limits: Sequence[tuple[float, float]], budget: float
) -> list[float]:
    """Give what rounding has left over to parts that have room, or take what is too much."""
    for number, (low, high) in enumerate(limits):
        off = budget - sum(parts)
        if abs(off) < 1e-12:
            break
        parts[number] = min(max(parts[number] + off, low), high)
    return parts
