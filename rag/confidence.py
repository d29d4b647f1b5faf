"""How sure an answer is: a logistic calibration of three features, fitted on a labelled set of this project.

The set asks every question of `tests/rag/fixtures/citations.jsonl` twice: with the document that answers it
in the store, and without. An answer is right if it cites that document.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from importlib.resources import files
from typing import TYPE_CHECKING

import msgspec
import numpy as np
from numpy.typing import NDArray

from rag.analyse import Analyser
from rag.cite import Idf

if TYPE_CHECKING:
    from rag.answer_types import Question, Statement
    from rag.types import Passage

#: Names of the features, in the order of the weights.
FEATURES = ("question covered", "best sentence covers", "support")
#: Strength of the prior that pulls weights to zero; keeps few rows from deciding too much.
_RIDGE = 0.5
_BINS = 10

Rows = NDArray[np.float64]


class Calibration(msgspec.Struct, frozen=True):
    """Weights of the features.

    Attributes:
        weights: One per feature. bias: added to them.
        rows: How many labelled answers it was fitted on.
    """

    weights: tuple[float, ...]
    bias: float
    rows: int = 0

    def probability(self, features: Sequence[float]) -> float:
        """Return the probability that an answer with these features is right."""
        value = self.bias + sum(w * f for w, f in zip(self.weights, features, strict=True))
        return float(1 / (1 + np.exp(-value)))

    @staticmethod
    @lru_cache(maxsize=1)
    def shipped() -> Calibration:
        """Return the calibration that comes with the trade."""
        return msgspec.json.decode(
            (files("rag") / "data" / "confidence.json").read_bytes(), type=Calibration
        )


def fit(rows: Sequence[Sequence[float]], right: Sequence[bool], steps: int = 50) -> Calibration:
    """Fit a calibration by ridge logistic regression (Newton's method).

    Args:
        rows: Features of each answer, shape (n, 3).
        right: Whether each answer was right.
        steps: Newton steps; it converges in a few.
    """
    x = np.column_stack([np.asarray(rows, np.float64), np.ones(len(rows))])
    y = np.asarray(right, np.float64)
    weights = np.zeros(x.shape[1])
    prior = np.diag([_RIDGE] * (x.shape[1] - 1) + [1e-6])
    for _ in range(steps):
        p = 1 / (1 + np.exp(-(x @ weights)))
        gradient = x.T @ (p - y) + prior @ weights
        hessian = x.T @ (x * (p * (1 - p))[:, None]) + prior
        weights -= np.linalg.solve(hessian, gradient)
    return Calibration(
        tuple(round(float(w), 4) for w in weights[:-1]), round(float(weights[-1]), 4), len(y)
    )


def calibration_error(said: Sequence[float], right: Sequence[bool]) -> float:
    """Return the expected calibration error: mean distance of said and seen over ten bins (Guo et al. 2017)."""
    p, y = np.asarray(said, np.float64), np.asarray(right, np.float64)
    bins = np.minimum((p * _BINS).astype(int), _BINS - 1)
    return float(
        sum(
            abs(p[bins == b].mean() - y[bins == b].mean()) * (bins == b).mean()
            for b in np.unique(bins)
        )
    )


def brier(said: Sequence[float], right: Sequence[bool]) -> float:
    """Return the mean squared distance of said and seen (Brier 1950)."""
    return float(np.mean((np.asarray(said, np.float64) - np.asarray(right, np.float64)) ** 2))


def features_of(
    asked: Question, stand: Sequence[Statement], analyser: Analyser, idf: Idf
) -> tuple[float, ...]:
    """Return the features of an answer, in the order of `FEATURES`, each in [0, 1]."""
    wanted = dict.fromkeys(analyser.content_terms(asked.text))
    known = {term: idf(term) for term in wanted}
    # A word that no chunk has is as telling as the rarest one.
    rarest = max(known.values(), default=0.0) or 1.0
    weight = {term: value or rarest for term, value in known.items()}
    total = sum(weight.values()) or 1.0
    heads = {
        p.chunk.chunk_id: " ".join((p.chunk.title, *p.chunk.heading)) for p in _passages(asked)
    }
    shares = []
    every: set[str] = set()
    for one in stand:
        said = set(analyser.content_terms(one.text))
        under = {
            t for c in one.citations for t in analyser.content_terms(heads.get(c.chunk_id, ""))
        }
        every |= said | under
        shares.append(sum(w for t, w in weight.items() if t in said) / total)
    covered = sum(w for t, w in weight.items() if t in every) / total
    return covered, max(shares), min(one.support.coverage for one in stand)


def _passages(asked: Question) -> tuple[Passage, ...]:
    return asked.retrieved.passages if asked.retrieved else ()
