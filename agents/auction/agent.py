"""Proposals for reserves, charge rules and bids, each with expected effect and interval; or why there is none."""

from __future__ import annotations

from collections.abc import Sequence
from math import sqrt
from typing import Any

import numpy as np

from agents.auction import policy
from agents.auction.schemas import AuctionProposal, BidFacts, Status
from auction.types import PPM, Rule
from domain.money import Money
from measurement.shadow import (
    Estimate,
    Logged,
    Mechanism,
    best_responses,
    contrast,
    multiples,
    overlap,
    revenues,
)

_UNIT = "micros per auction"


def propose_reserve(
    app_id: str,
    reserve_micros: int,
    currency: str,
    auctions: Sequence[Logged],
    now: Mechanism,
    seed: str,
) -> AuctionProposal:
    """Return a higher reserve for an app, if it surely earns more under all three assumptions.

    Chosen on one half of the auctions and judged on the other: the best of several looks better than it is.

    Args:
        app_id: Which app.
        reserve_micros: Its reserve per click.
        currency: Of that.
        auctions: Logged ones with rivals.
        now: The rule they were run under.
        seed: Names the draws.
    """
    choosing, judging = auctions[::2], auctions[1::2]
    base: dict[str, Any] = {
        "kind": "reserve", "subject": app_id, "before": str(Money(reserve_micros, currency)),
        "currency": currency,
    }  # fmt: skip
    if (missing := _missing(auctions)) is not None:
        return _none(base, "insufficient_data", missing, auctions)
    plain = revenues(choosing, now)
    best = max(
        policy.RESERVES_PPM,
        key=lambda ppm: float((revenues(choosing, _with(now, ppm)) - plain).mean()),
    )
    after = reserve_micros * best // PPM
    return _judged(
        {**base, "after": str(Money(after, currency))}, judging, now, _with(now, best), seed
    )


def propose_rule(
    subject: str, currency: str, auctions: Sequence[Logged], now: Mechanism, seed: str
) -> AuctionProposal:
    """Return the other charge rule, if it surely earns more under all three assumptions; as `propose_reserve`."""
    other = Rule.VCG if now.rule is Rule.GSP else Rule.GSP
    base: dict[str, Any] = {
        "kind": "charge_rule", "subject": subject, "before": str(now.rule), "after": str(other),
        "currency": currency,
    }  # fmt: skip
    if (missing := _missing(auctions)) is not None:
        return _none(base, "insufficient_data", missing, auctions)
    if len([slot for slot in now.slots_ppm if slot > 0]) <= 1:
        return _none(
            base,
            "no_difference",
            "With one slot both rules charge the same; there is nothing to gain.",
            auctions,
        )
    after = Mechanism(rule=other, reserve_ppm=now.reserve_ppm, slots_ppm=now.slots_ppm)
    return _judged(base, auctions, now, after, seed)


def propose_bid(facts: BidFacts) -> AuctionProposal:
    """Return the bid at which a sign-up would cost what it may, as far as a bid may move at once.

    Args:
        facts: What is known of the campaign. Clicks become sign-ups at the measured rate, whatever the bid.
    """
    base: dict[str, Any] = {
        "kind": "bid", "subject": facts.campaign_id, "currency": facts.currency,
        "before": str(Money(facts.bid_micros, facts.currency)),
    }  # fmt: skip
    if facts.target_micros is None:
        return _none(
            base, "insufficient_data", "Its goal does not say what a sign-up may cost.", ()
        )
    if facts.clicks < policy.LEAST_CLICKS or facts.submits < policy.LEAST_SUBMITS:
        return _none(
            base,
            "insufficient_data",
            f"{facts.submits} sign-ups of {facts.clicks} clicks say too little; "
            f"{policy.LEAST_SUBMITS} of {policy.LEAST_CLICKS} are needed.",
            (),
        )
    rate = facts.submits / facts.clicks
    spread = 1.96 * sqrt(rate * (1 - min(rate, 1.0)) / facts.clicks)
    wanted = facts.target_micros * rate
    bounded = min(
        max(wanted, facts.bid_micros * (1 - policy.MAX_BID_CUT)),
        facts.bid_micros * (1 + policy.MAX_BID_RAISE),
    )
    click = facts.spent_micros / facts.clicks
    cost = click / rate
    # The rate is as uncertain before as after: what changes is the price of a click.
    change = click * (bounded / facts.bid_micros - 1)
    rates = (rate, rate + spread, max(rate - spread, 1e-9))
    mean, *ends = (change / r for r in rates)
    effect = Estimate(mean, min(ends), max(ends))
    sure = not click / rates[1] <= facts.target_micros <= click / rates[2]
    fits = facts.use_ppm is None or facts.use_ppm < 850_000
    status: Status = "proposed" if sure and (fits or bounded < facts.bid_micros) else "no_gain"
    return AuctionProposal(
        **base,
        status=status,
        after=str(Money(round(bounded), facts.currency)),
        unit="micros per sign-up",
        same_bid=effect,
        why=f"{rate:.1%} of clicks become sign-ups, which cost {Money(round(cost), facts.currency)} and may cost "
        f"{Money(facts.target_micros, facts.currency)}"
        + ("." if fits else "; its budget is used up, so a higher bid would buy fewer clicks."),
    )


def _judged(
    base: dict[str, Any], auctions: Sequence[Logged], now: Mechanism, after: Mechanism, seed: str
) -> AuctionProposal:
    covered = overlap(auctions, after)
    known: dict[str, Any] = {
        **_counts(auctions), "ess": covered.ess, "support": covered.support, "unit": _UNIT,
    }  # fmt: skip
    if covered.ess < policy.LEAST_ESS or covered.support < policy.LEAST_SUPPORT:
        return AuctionProposal(
            **base,
            **known,
            status="insufficient_overlap",
            why=f"The log says too little about what would be shown: effective sample {covered.ess:.0f} of "
            f"{policy.LEAST_ESS:.0f}, support {covered.support:.1%} of {policy.LEAST_SUPPORT:.0%}.",
        )
    plain = revenues(auctions, now)
    same = contrast(auctions, plain, revenues(auctions, after), f"{seed}:same")
    low, high = (multiples(auctions, now, high=end) for end in (False, True))
    ends = [
        contrast(auctions, plain, revenues(auctions, after, values), f"{seed}:values")
        for values in (low, high)
    ]
    recovered = Estimate(
        float(np.mean([end.mean for end in ends])),
        min(end.low for end in ends),
        max(end.high for end in ends),
    )
    middle = {name: (low[name] + high[name]) / 2 for name in low}
    bids = best_responses(auctions, after, middle, policy.ROUNDS)
    responded = contrast(auctions, plain, revenues(auctions, after, bids), f"{seed}:answers")
    gains = all(estimate.low > 0 for estimate in (same, recovered, responded))
    return AuctionProposal(
        **base,
        **known,
        status="proposed" if gains else "no_gain",
        same_bid=same,
        recovered=recovered,
        responded=responded,
        why=(
            "It earns more with the same bids, with the values they reveal, and after bidders answer."
            if gains
            else "It does not surely earn more under all three assumptions."
        ),
    )


def _missing(auctions: Sequence[Logged]) -> str | None:
    counts = _counts(auctions)
    if counts["auctions"] < policy.LEAST_AUCTIONS:
        return f"{counts['auctions']} auctions with rivals say too little; {policy.LEAST_AUCTIONS} are needed."
    if counts["advertisers"] < policy.LEAST_ADVERTISERS:
        return (
            f"{counts['advertisers']} advertisers are too few to tell chance from gain; "
            f"{policy.LEAST_ADVERTISERS} are needed."
        )
    return None


def _counts(auctions: Sequence[Logged]) -> dict[str, int]:
    names = {bidder.advertiser for logged in auctions for bidder in logged.bidders}
    return {"auctions": len(auctions), "advertisers": len(names)}


def _with(now: Mechanism, reserve_ppm: int) -> Mechanism:
    return Mechanism(rule=now.rule, reserve_ppm=reserve_ppm, slots_ppm=now.slots_ppm)


def _none(
    base: dict[str, Any], status: Status, why: str, auctions: Sequence[Logged]
) -> AuctionProposal:
    given: dict[str, Any] = {"after": base["before"], "unit": _UNIT, **base, **_counts(auctions)}
    return AuctionProposal(**given, status=status, why=why)
