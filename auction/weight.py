"""CPC and CPM bids on one scale: expected billable units per impression, times quality.

A click bid earns `pCTR` clicks per impression, a CPM bid 1/1000 of its unit. With these weights
`bid * weight` is the expected value of one impression for both, and a price found by dividing a
rival's score by the winner's weight is already in the winner's own unit.
"""

from __future__ import annotations

from domain.formats import BidModel

#: One billable unit per impression on the weight scale (parts per billion).
UNIT = 1_000_000_000


def weight(model: BidModel, *, pctr_ppm: int, quality_ppm: int, keep_ppm: int) -> int:
    """Return the auction weight, at least 1.

    Args:
        model: CPC or CPM.
        pctr_ppm: Expected click rate, parts per million.
        quality_ppm: Quality, 1_000_000 is average.
        keep_ppm: 1 − fatigue, parts per million.
    """
    units_ppm = pctr_ppm * 1_000 if model is BidModel.CPC else UNIT // 1_000
    # Two steps, each rounded down: the product of all three would leave 64 bits in the compiled choice.
    return max(1, units_ppm * quality_ppm // 1_000_000 * keep_ppm // 1_000_000)


def reserve(model: BidModel, *, per_click_micros: int, pctr_ppm: int) -> int:
    """Return a per-click reserve in the unit of the bid (per click, or per 1,000 impressions)."""
    if model is BidModel.CPC:
        return per_click_micros
    return -(-per_click_micros * pctr_ppm // 1_000)
