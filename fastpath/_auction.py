# cython: boundscheck=True, wraparound=False, initializedcheck=False, nonecheck=True, cdivision=True
"""From the selected candidates to the proposal: break ties, explore, price one slot, name who was there.

One source, compiled or not (types: `_auction.pxd`).
"""

from __future__ import annotations

from typing import Any

from auction.explore import chances, pick_from
from auction.rank import tie_key
from domain.randomness import draw
from fastpath._columns import REASONS
from fastpath.types import Proposal, Reason, Scored

_BELOW_RESERVE = 16
_NAMES = tuple("" if reason is None else reason.value for reason in REASONS)
#: Numbers of the reasons in order of their names: counts are written sorted.
_BY_NAME = tuple(sorted(range(1, len(REASONS)), key=_NAMES.__getitem__))
#: Which of several drop reasons names the whole refusal when they are equally frequent.
_ORDER = {reason: i for i, reason in enumerate(Reason)}


def propose(
    market: Any, features: Any, declared: Any, asked: Any, request_id: Any, second: Any, cap: Any, kept: Any,
    top: Any, within: Any, rate: Any,
) -> Any:  # fmt: skip
    """Return the `Proposal` for a request.

    Args:
        market: The columns to choose from.
        features: Of the conversation.
        declared: Tag → relevance of topics the host declared, or None.
        asked: See `Asked`.
        request_id: Seed of tie-break and exploration.
        second: Charge what GSP says, else VCG.
        cap: Most candidates to look at.
        kept: How many of the best and of the dropped to name.
        top: How many ranks exploration looks at.
        within: How far below the best their scores may be, parts per million.
        rate: In how many requests it happens, parts per million.
    """
    similar = features.similar
    work = market.take()
    market.listen(work, features.matches, declared, asked)
    if work.heard == 0 and not similar:
        market.give(work)
        return Proposal(Reason.NO_MATCH)
    market.select(work, similar, asked, cap, max(kept, top))
    made = auction(market, work, asked, request_id, second, kept, top, within, rate)
    market.give(work)
    return made


def ranked(market: Any, features: Any, declared: Any, asked: Any, cap: Any, kept: Any) -> Any:
    """Return (score, `Scored`) of the best candidates, best first; arguments as for `propose`."""
    work = market.take()
    market.listen(work, features.matches, declared, asked)
    market.select(work, features.similar, asked, cap, kept)
    found = []
    for j in range(work.top):
        found.append((work.totals[work.order[j]], scored(market, work, work.order[j])))
    market.give(work)
    return found


def auction(
    market: Any, work: Any, asked: Any, request_id: Any, second: Any, kept: Any, top: Any, within: Any, rate: Any
) -> Any:  # fmt: skip
    """Rank, explore, price one slot; arguments as for `propose`."""
    counts = {}
    if work.low:
        for number in _BY_NAME:
            if work.counts[number]:
                counts[_NAMES[number]] = work.counts[number]
    dropped = named(market, work, work.lowest, min(kept, work.low))
    paces = played(market, asked) if asked.used else ()
    if not work.eligible:
        return Proposal(
            main_reason(counts), dropped=dropped, dropped_counts=counts, cut=work.cut, paces=paces
        )
    settle(market, work, request_id)
    looked = min(work.top, top)
    propensities = chances(_near(work, looked, within), looked, rate, top)
    rank = 0
    propensity = propensities[0]
    if propensity < 1_000_000:
        drawn = int(draw(request_id, "explore") * 1_000_000)
        if drawn >= propensity:
            rank, propensity = pick_from(propensities, drawn)
    eligible = named(market, work, work.order, min(kept, work.top))
    winner = eligible[rank] if rank < kept else scored(market, work, work.order[rank])
    gsp, vcg = price(market, work, rank)
    charged = gsp if second else vcg
    hold = charged if market.model[winner.ad] == 0 else (charged + 999) // 1_000
    return Proposal(
        Reason.SERVED, winner, rank, propensity, propensities, charged, gsp, vcg, hold, eligible,
        work.eligible, dropped, counts, work.cut, paces,
    )  # fmt: skip


def settle(market: Any, work: Any, request_id: Any) -> Any:
    """Break ties among the best as `auction.rank.order` does."""
    totals = work.totals
    order = work.order
    for j in range(1, work.top):
        if totals[order[j]] == totals[order[j - 1]]:
            break
    else:
        return None
    keyed = []
    for j in range(work.top):
        ad_id = market.ad_id(work.ads[order[j]])
        keyed.append((-totals[order[j]], tie_key(request_id, ad_id), ad_id, order[j]))
    keyed.sort()
    for j in range(work.top):
        order[j] = keyed[j][3]
    return None


def _near(work: Any, looked: Any, within: Any) -> Any:
    """Return how many of the best are near enough to be explored, as `auction.explore.near_ties` counts."""
    best = work.totals[work.order[0]]
    # In two steps, since the product may need more than 64 bits.
    least = best - (best // 1_000_000 * within + best % 1_000_000 * within // 1_000_000)
    count = 1
    while count < looked and work.totals[work.order[count]] >= least:
        count += 1
    return count


def played(market: Any, asked: Any) -> Any:
    """Return (campaign, share) of the live shares that played a part, sorted."""
    campaigns = market.names.campaigns
    return tuple(sorted([(campaigns[number], share) for number, share in asked.used.items()]))


def named(market: Any, work: Any, rows: Any, count: Any) -> Any:
    """Return the first of some rows as `Scored`."""
    out = []
    for j in range(count):
        out.append(scored(market, work, rows[j]))
    return tuple(out)


def scored(market: Any, work: Any, i: Any) -> Any:
    """Return one candidate as `Scored`."""
    place = work.places[i]
    reason = work.reasons[i]
    ad = work.ads[i]
    return Scored(
        ad, market.ad_id(ad), REASONS[reason], work.rates[i],
        work.bids[i] if reason == 0 or reason >= _BELOW_RESERVE else 0, work.weights[i], work.floors[i],
        work.forms[place] if place >= 0 else -1, work.relevance[i],
    )  # fmt: skip


def price(market: Any, work: Any, rank: Any) -> Any:
    """Return what GSP and VCG charge the ad at a rank for a single slot.

    The same as `auction.position.price_at`, whose formulas these are with one slot: there the multiplier
    cancels.
    """
    i = work.order[rank]
    bid = work.bids[i]
    weight = work.weights[i]
    owner = market.advertiser[work.ads[i]]
    following = work.first if work.owner != owner else work.other
    for j in range(rank + 1, work.top):
        if market.advertiser[work.ads[work.order[j]]] != owner:
            following = work.totals[work.order[j]]
            break
    following = max(following, 0)
    gsp = min(bid, max(work.floors[i], (following + weight - 1) // weight))
    least = max(following, work.floors[i] * weight)
    vcg = least // weight
    twice = 2 * (least - vcg * weight)
    if twice > weight or (twice == weight and vcg % 2):
        vcg += 1
    return gsp, min(bid, vcg)


def main_reason(counts: dict[str, int]) -> Reason:
    """Return the most frequent reason; equally frequent ones in the order of `Reason`."""
    if not counts:
        return Reason.NO_MATCH
    return Reason(min(counts, key=lambda name: (-counts[name], _ORDER[Reason(name)])))
