"""What the auction agent takes and gives."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from measurement.shadow import Estimate

Kind = Literal["reserve", "charge_rule", "bid"]
Status = Literal[
    "proposed", "no_gain", "no_difference", "insufficient_data", "insufficient_overlap"
]


@dataclass(frozen=True, kw_only=True)
class AuctionProposal:
    """One proposal, or why there is none.

    Attributes:
        kind: What would change.
        subject: Of which app or campaign.
        status: Only `proposed` is one.
        before, after: As they are and as they should be: micros per click, or the name of a rule.
        currency: Of amounts.
        unit: What the estimates are measured in.
        same_bid: Effect if everybody bids as before. Never to be read alone.
        recovered: The same with the values that the bids reveal: lower and upper end.
        responded: The same after bidders have answered.
        auctions, advertisers: What it rests on.
        ess, support: How far the log covers what would be shown.
        why: In one sentence.
    """

    kind: Kind
    subject: str
    status: Status
    before: str
    after: str
    currency: str
    unit: str
    why: str
    same_bid: Estimate | None = None
    recovered: Estimate | None = None
    responded: Estimate | None = None
    auctions: int = 0
    advertisers: int = 0
    ess: float = 0.0
    support: float = 0.0


@dataclass(frozen=True, kw_only=True)
class BidFacts:
    """What is known of a campaign whose bid could change.

    Attributes:
        campaign_id, name, currency: Which.
        bid_micros: Its bid per click.
        target_micros: What a sign-up may cost; None if its goal names nothing.
        clicks, submits, spent_micros: What happened.
        use_ppm: Which share of its budget it uses; None without a budget.
    """

    campaign_id: str
    name: str
    currency: str
    bid_micros: int
    target_micros: int | None
    clicks: int
    submits: int
    spent_micros: int
    use_ppm: int | None
