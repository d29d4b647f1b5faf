"""What other auction rules would have earned on logged auctions: paired, clustered, and under three assumptions.

Bids that were made under one rule are not those that would be made under another, so one number is never enough:
with the same bids; with the values that the bids reveal in equilibrium; and after bidders have answered for some
rounds. Pure. Sources: Edelman, Ostrovsky, Schwarz 2007; Varian 2007 (bounds of values); Li, Owen on
propensity weights and effective sample size.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

import msgspec
import numpy as np
from numpy.random import Generator, Philox
from numpy.typing import NDArray

from auction.position import run
from auction.types import PPM, Candidate, Rule
from domain.randomness import draw_int

#: Expected billable units per impression, on the auction's weight scale; see `auction.weight`.
UNIT: Final = 1_000_000_000
_DRAWS: Final = 1_000
_MULTIPLIERS: Final = (0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0, 1.1)


class Bidder(msgspec.Struct, frozen=True):
    """One candidate of a logged auction; see `auction.types.Candidate`."""

    advertiser: str
    ad_id: str
    bid_micros: int
    weight: int
    reserve_micros: int


class Logged(msgspec.Struct, frozen=True, kw_only=True):
    """One logged auction.

    Attributes:
        id: Keys the tie-break.
        conversation: Which conversation it was in.
        bidders: Those that took part, best first.
        shown: The ad that was shown.
        propensity_ppm: With which probability it was.
    """

    id: str
    conversation: str
    bidders: tuple[Bidder, ...]
    shown: str
    propensity_ppm: int


class Mechanism(msgspec.Struct, frozen=True, kw_only=True):
    """A rule: who may win, and what is charged.

    Attributes:
        rule: Which price.
        reserve_ppm: Reserve as a multiple of the logged one.
        slots_ppm: Click multipliers of the slots.
    """

    rule: Rule
    reserve_ppm: int = PPM
    slots_ppm: tuple[int, ...] = (PPM,)


class Estimate(msgspec.Struct, frozen=True):
    """A difference with its 95 % interval, micros per auction."""

    mean: float
    low: float
    high: float


class Overlap(msgspec.Struct, frozen=True):
    """How much the log can say about another rule.

    Attributes:
        ess: Effective sample size of the propensity weights.
        support: Share of auctions whose new winner had a chance to be shown.
        largest: The largest weight.
    """

    ess: float
    support: float
    largest: float


def revenues(
    auctions: Sequence[Logged], mechanism: Mechanism, bids: Mapping[str, float] | None = None
) -> NDArray[np.float64]:
    """Return what each auction earns: expected charges for one impression of each slot, micros.

    Args:
        auctions: What is replayed.
        mechanism: Under which rule.
        bids: Multiples of the logged bids by advertiser; those not named bid as they did.
    """
    earned = np.zeros(len(auctions))
    for number, logged in enumerate(auctions):
        outcome = run(
            logged.id,
            _candidates(logged, mechanism, bids),
            slots_ppm=mechanism.slots_ppm,
            rule=mechanism.rule,
        )
        weights = {bidder.ad_id: bidder.weight for bidder in logged.bidders}
        earned[number] = sum(
            sale.charged_micros * weights[sale.ad_id] / UNIT * mechanism.slots_ppm[sale.slot] / PPM
            for sale in outcome.sales
        )
    return earned


def contrast(
    auctions: Sequence[Logged], before: NDArray[np.float64], after: NDArray[np.float64], seed: str
) -> Estimate:
    """Return the paired difference; of the intervals clustered by advertiser and by conversation, the wider.

    Args:
        auctions: What was replayed.
        before: Revenues under one rule.
        after: Revenues under the other.
        seed: Names the draws.
    """
    change = after - before
    intervals = []
    for name, clusters in (
        ("advertiser", [a.bidders[0].advertiser for a in auctions]),
        ("conversation", [a.conversation for a in auctions]),
    ):
        intervals.append(_bootstrapped(change, clusters, f"{seed}:{name}"))
    low, high = max(intervals, key=lambda pair: pair[1] - pair[0])
    return Estimate(float(change.mean()), low, high)


def overlap(auctions: Sequence[Logged], mechanism: Mechanism) -> Overlap:
    """Return how far the logged choices cover what another rule would show.

    With weights 1/propensity where it would show what was shown, and none elsewhere; exploration reaches the
    near-ties of the best only, so a rule that shows others has no support there.
    """
    weights, covered, asked = [], 0, 0
    for logged in auctions:
        outcome = run(logged.id, _candidates(logged, mechanism, None), rule=mechanism.rule)
        if not outcome.ranking:
            continue
        asked += 1
        if outcome.ranking[0] == logged.shown and logged.propensity_ppm > 0:
            weights.append(PPM / logged.propensity_ppm)
        # The best one is always among those that may be shown.
        covered += outcome.ranking[0] in (logged.shown, logged.bidders[0].ad_id)
    found = np.array(weights or [0.0])
    squares = float(np.sum(found**2))
    return Overlap(
        ess=float(np.sum(found)) ** 2 / squares if squares else 0.0,
        support=covered / asked if asked else 0.0,
        largest=float(found.max()),
    )


def value_bounds(logged: Logged, mechanism: Mechanism) -> dict[str, tuple[float, float | None]]:
    """Return between which values per click each winner's bid is an equilibrium bid; None = no upper bound.

    Symmetric Nash equilibrium of the generalised second price: nobody wants another's slot at the price that is
    paid there. With one slot a bid is its own value: nothing is gained by any other.

    Args:
        logged: The auction.
        mechanism: The rule it was run under.
    """
    slots = [slot / PPM for slot in mechanism.slots_ppm if slot > 0]
    bidders = [b for b in logged.bidders if b.bid_micros >= b.reserve_micros]
    if mechanism.rule is Rule.VCG or len(slots) <= 1:
        return {b.ad_id: (float(b.bid_micros), float(b.bid_micros)) for b in bidders}
    count = min(len(slots), len(bidders))
    multiplier = [*slots[:count], 0.0]
    # Price of slot s in score units per click: the next score, or the reserve of whoever holds it.
    score = [b.bid_micros * b.weight / UNIT for b in bidders]
    floor = [b.reserve_micros * b.weight / UNIT for b in bidders]
    price = [max(score[s + 1] if s + 1 < len(bidders) else 0.0, floor[s]) for s in range(count)] + [
        0.0
    ]
    steps = [
        (price[s] * multiplier[s] - price[s + 1] * multiplier[s + 1])
        / max(multiplier[s] - multiplier[s + 1], 1e-12)
        for s in range(count)
    ]
    bounds: dict[str, tuple[float, float | None]] = {}
    for rank in range(count):
        per_score = UNIT / bidders[rank].weight
        upper = steps[rank - 1] * per_score if rank else None
        bounds[bidders[rank].ad_id] = (steps[rank] * per_score, upper)
    return bounds


def multiples(auctions: Sequence[Logged], mechanism: Mechanism, *, high: bool) -> dict[str, float]:
    """Return each advertiser's value as a multiple of its bid, at the lower or upper end of what is possible.

    Where there is no upper bound the bid stands for it: nobody was seen to pay more.
    """
    sums: dict[str, list[float]] = {}
    for logged in auctions:
        owner = {b.ad_id: b for b in logged.bidders}
        for ad_id, (low, up) in value_bounds(logged, mechanism).items():
            bid = float(owner[ad_id].bid_micros)
            value = max(low, up if up is not None else bid) if high else low
            both = sums.setdefault(owner[ad_id].advertiser, [0.0, 0.0])
            both[0] += value
            both[1] += bid
    return {name: value / bid for name, (value, bid) in sums.items() if bid > 0}


def best_responses(
    auctions: Sequence[Logged], mechanism: Mechanism, values: Mapping[str, float], rounds: int
) -> dict[str, float]:
    """Return bid multiples after each advertiser in turn has taken its best of a few, some rounds long.

    Args:
        auctions: What is played again and again.
        mechanism: Under which rule.
        values: Values as multiples of the logged bids.
        rounds: How often everybody answers.
    """
    bids = dict(values)
    for _ in range(rounds):
        before = dict(bids)
        for name in sorted(values):
            mine = [a for a in auctions if any(b.advertiser == name for b in a.bidders)]
            # Of equal ones the highest: a bidder that loses nothing by it bids its value.
            bids[name] = max(
                (values[name] * m for m in _MULTIPLIERS),
                key=lambda bid, n=name, own=mine: (  # type: ignore[misc]
                    round(_gain(own, mechanism, {**bids, n: bid}, n, values[n]), 6), -abs(bid - values[n]),
                ),
            )  # fmt: skip
        if bids == before:
            break
    return bids


def _gain(
    auctions: Sequence[Logged],
    mechanism: Mechanism,
    bids: Mapping[str, float],
    name: str,
    value: float,
) -> float:
    gain = 0.0
    for logged in auctions:
        outcome = run(
            logged.id, _candidates(logged, mechanism, bids), slots_ppm=mechanism.slots_ppm,
            rule=mechanism.rule,
        )  # fmt: skip
        own = {b.ad_id: b for b in logged.bidders if b.advertiser == name}
        for sale in outcome.sales:
            if sale.ad_id in own:
                bidder = own[sale.ad_id]
                share = mechanism.slots_ppm[sale.slot] / PPM
                worth = bidder.bid_micros * value - sale.charged_micros
                gain += worth * bidder.weight / UNIT * share
    return gain


def _candidates(
    logged: Logged, mechanism: Mechanism, bids: Mapping[str, float] | None
) -> list[Candidate]:
    return [
        Candidate(
            b.ad_id,
            b.advertiser,
            b.bid_micros if bids is None else round(b.bid_micros * bids.get(b.advertiser, 1.0)),
            b.weight,
            b.reserve_micros * mechanism.reserve_ppm // PPM,
        )
        for b in logged.bidders
    ]


def _bootstrapped(
    change: NDArray[np.float64], clusters: Sequence[str], seed: str
) -> tuple[float, float]:
    """Return the 95 % interval of the mean when whole clusters are drawn again."""
    names = {name: number for number, name in enumerate(dict.fromkeys(clusters))}
    index = np.array([names[name] for name in clusters])
    sums = np.bincount(index, weights=change, minlength=len(names))
    sizes = np.bincount(index, minlength=len(names)).astype(float)
    rng = Generator(Philox(key=draw_int(seed, "bootstrap", bits=64)))
    drawn = rng.multinomial(len(names), np.full(len(names), 1 / len(names)), size=_DRAWS)
    means = (drawn @ sums) / np.maximum(drawn @ sizes, 1e-12)
    low, high = np.quantile(means, (0.025, 0.975))
    return float(low), float(high)
