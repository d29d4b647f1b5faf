"""Proposals of the auction agent on the wire."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from api.models.common import Out


class EstimateOut(Out):
    """A difference with its 95 % interval."""

    mean: float
    low: float
    high: float


class AuctionProposalOut(Out):
    """A proposal, or why there is none. Nothing changes by itself."""

    kind: Literal["reserve", "charge_rule", "bid"]
    subject: str = Field(description="Which app or campaign.")
    status: Literal[
        "proposed", "no_gain", "no_difference", "insufficient_data", "insufficient_overlap"
    ]
    before: str
    after: str
    currency: str
    unit: str = Field(description="What the estimates are measured in.")
    why: str
    same_bid: EstimateOut | None = Field(
        description="If everybody bids as before. Never to be read alone."
    )
    recovered: EstimateOut | None = Field(description="With the values that bids reveal.")
    responded: EstimateOut | None = Field(description="After bidders have answered.")
    auctions: int
    advertisers: int
    ess: float = Field(description="Effective sample size of the log.")
    support: float = Field(description="Share of auctions whose new winner could have been shown.")
