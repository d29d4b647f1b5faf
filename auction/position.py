"""The position auction: GSP and VCG prices of every slot in one pass.

For the candidate at rank s let r(s), r(s+1), … be the scores of the candidates below it that belong to
other advertisers, and a(s) ≥ a(s+1) ≥ … the slot multipliers (0 after the last slot).

    GSP(s) = max(reserve, ceil(r(s) / weight))
    VCG(s) = sum_j≥s (a(j) − a(j+1)) · max(r(j), reserve · weight) / (a(s) · weight)

Both are per billable unit and at most the bid, because nothing below outscores the winner. VCG is
rounded half-even once at the end, so VCG ≤ GSP holds in integers too.
Source: Edelman, Ostrovsky, Schwarz 2007; Varian 2007; reserves as an eager per-click filter.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import islice

from auction.rank import order, split
from auction.types import PPM, Candidate, Outcome, Rule, Sale
from domain.errors import BadInput


def run(
    auction_id: str,
    candidates: Sequence[Candidate],
    *,
    slots_ppm: Sequence[int] = (PPM,),
    rule: Rule = Rule.GSP,
) -> Outcome:
    """Sell the slots to the candidates with the highest `bid * weight`.

    Args:
        auction_id: Keys the tie-break.
        candidates: Who wants a slot, in any order.
        slots_ppm: Click multiplier of each slot in parts per million, not increasing; a slot with
            multiplier 0 sells nothing.
        rule: Which price is charged.

    Raises:
        BadInput: `bad_slots` for increasing or negative multipliers; `bad_bid` as in `rank.split`.
    """
    slots = [slot for slot in slots_ppm if slot > 0]
    if any(slot < 0 for slot in slots_ppm) or list(slots_ppm) != sorted(slots_ppm, reverse=True):
        raise BadInput("bad_slots", "Slot multipliers must be >= 0 and must not increase.")
    eligible, below_reserve = split(candidates)
    ranked = order(auction_id, eligible)
    sales = tuple(
        price_at(ranked, rank, slots[rank:], slot=rank, rule=rule)
        for rank in range(min(len(slots), len(ranked)))
    )
    scores = [c.bid_micros * c.weight for c in ranked]
    return Outcome(
        sales=sales,
        ranking=tuple(c.ad_id for c in ranked),
        below_reserve=below_reserve,
        tied=len(set(scores)) < len(scores),
    )


def price_at(
    ranked: Sequence[Candidate],
    rank: int,
    slots_ppm: Sequence[int],
    *,
    slot: int = 0,
    rule: Rule = Rule.GSP,
) -> Sale:
    """Price the candidate at `rank` when it stands in the first of `slots_ppm`.

    Exploration uses this with rank > 0: the explored ad pays what its own rank costs.

    Args:
        ranked: All eligible candidates, best first.
        rank: Whose price.
        slots_ppm: Positive multipliers of its slot and of every slot below it.
        slot: Number written into the sale.
        rule: Which price is charged.
    """
    winner = ranked[rank]
    floor = winner.reserve_micros * winner.weight
    rivals: list[int] = []
    for rival in islice(ranked, rank + 1, None):
        if rival.advertiser_id != winner.advertiser_id:
            rivals.append(rival.bid_micros * rival.weight)
            if len(rivals) >= len(slots_ppm):
                break  # nobody below the last slot sets a price
    following = rivals[0] if rivals else 0
    gsp = min(winner.bid_micros, max(winner.reserve_micros, -(-following // winner.weight)))
    externality = 0
    for step, multiplier in enumerate(slots_ppm):
        below = slots_ppm[step + 1] if step + 1 < len(slots_ppm) else 0
        score = rivals[step] if step < len(rivals) else 0
        externality += (multiplier - below) * max(score, floor)
    vcg = min(winner.bid_micros, half_even(externality, slots_ppm[0] * winner.weight))
    return Sale(
        ad_id=winner.ad_id,
        slot=slot,
        gsp_micros=gsp,
        vcg_micros=vcg,
        charged_micros=gsp if rule is Rule.GSP else vcg,
        reserve_bound=floor >= following,
    )


def half_even(numerator: int, denominator: int) -> int:
    """Return the quotient of two non-negative integers rounded half to even."""
    quotient, rest = divmod(numerator, denominator)
    twice = 2 * rest
    if twice > denominator or (twice == denominator and quotient % 2):
        return quotient + 1
    return quotient
