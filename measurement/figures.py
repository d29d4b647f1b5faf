"""What a number is, from counts: exact fractions, never floats; and how sure a rate can be."""

from __future__ import annotations

from fractions import Fraction
from math import sqrt

from measurement.query_types import MONEY, Cell, Group, Metric

#: Of the standard normal distribution, two-sided 95 %.
_Z = 1.959964


def value(metric: Metric, cell: Cell) -> Fraction | None:
    """Return a metric of counts; money in micros; None if its denominator is zero."""
    parts = {
        Metric.IMPRESSIONS: (cell.impressions, 1),
        Metric.CLICKS: (cell.clicks, 1),
        Metric.SUBMITS: (cell.submits, 1),
        Metric.DISMISSALS: (cell.dismissals, 1),
        Metric.SPEND: (cell.charged_micros, 1),
        Metric.REQUESTS: (cell.requests, 1),
        Metric.OFFERS: (cell.offers, 1),
        Metric.CTR: (cell.clicks, cell.impressions),
        Metric.CPC: (cell.charged_micros, cell.clicks),
        Metric.CPM: (cell.charged_micros * 1_000, cell.impressions),
        Metric.CPA: (cell.charged_micros, cell.submits),
        Metric.CONVERSION: (cell.submits, cell.clicks),
        Metric.FILL: (cell.offers, cell.requests),
    }
    above, below = parts[metric]
    return Fraction(above, below) if below else None


def value_of(metric: Metric, group: Group, currency: str | None = None) -> Fraction | None:
    """Return a metric of a group; money of one currency only.

    Args:
        metric: Which.
        group: Of what.
        currency: Required for money; ignored otherwise, because people are not counted by currency.
    """
    if metric in MONEY:
        return value(metric, group.cells.get(currency or "", Cell()))
    return value(metric, group.whole)


def wilson(hits: int, tries: int) -> tuple[float, float]:
    """Return the 95 % Wilson interval of a share; (0, 1) without tries."""
    if tries <= 0:
        return 0.0, 1.0
    # An event without its impression can be kept: the share is one at most.
    share = min(1.0, hits / tries)
    centre = share + _Z * _Z / (2 * tries)
    spread = _Z * sqrt(share * (1 - share) / tries + _Z * _Z / (4 * tries * tries))
    below = 1 + _Z * _Z / tries
    return max(0.0, (centre - spread) / below), min(1.0, (centre + spread) / below)
