"""What goes into a position auction and what comes out."""

from __future__ import annotations

from enum import StrEnum

import msgspec

#: One in the fixed-point scales of this package (slot multipliers, propensities).
PPM = 1_000_000


class Rule(StrEnum):
    """Which price is charged; the other one is always computed as the shadow."""

    GSP = "gsp"
    VCG = "vcg"


class Candidate(msgspec.Struct, frozen=True):
    """One ad that wants a slot.

    Attributes:
        ad_id: Ad.
        advertiser_id: Whose ad it is; an advertiser never competes against itself for the price.
        bid_micros: Most it pays per billable unit (a click for CPC, 1,000 impressions for CPM).
        weight: Expected billable units per impression in slot 1, times quality, as a positive integer
            on any scale that all candidates share. The score is `bid_micros * weight`.
        reserve_micros: Least it must pay per billable unit; a lower bid is not eligible.
    """

    ad_id: str
    advertiser_id: str
    bid_micros: int
    weight: int
    reserve_micros: int = 0


class Sale(msgspec.Struct, frozen=True):
    """One sold slot.

    Attributes:
        ad_id: The winner.
        slot: Position, 0 is the best.
        gsp_micros, vcg_micros: Price per billable unit under either rule; never above the bid, never
            below the reserve.
        charged_micros: The one that counts.
        reserve_bound: The reserve, not a competitor, set the GSP price.
    """

    ad_id: str
    slot: int
    gsp_micros: int
    vcg_micros: int
    charged_micros: int
    reserve_bound: bool


class Outcome(msgspec.Struct, frozen=True):
    """What an auction decided.

    Attributes:
        sales: Sold slots in slot order; fewer than offered when candidates are few.
        ranking: Eligible ad ids, best first, ties already broken.
        below_reserve: Ad ids dropped because they bid less than their reserve.
        tied: Two eligible candidates had the same score.
    """

    sales: tuple[Sale, ...]
    ranking: tuple[str, ...]
    below_reserve: tuple[str, ...]
    tied: bool
