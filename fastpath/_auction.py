# cython: boundscheck=True, wraparound=False, initializedcheck=False, nonecheck=True, cdivision=True
"""From the selected candidates to the proposal: break ties, explore, price one slot, name who was there.

One source, compiled or not (types: `_auction.pxd`).
"""

from __future__ import annotations

from array import array
from hashlib import blake2b
from typing import Any

from auction.explore import chances, pick_from
from auction.rank import tie_key
from auction.types import PPM
from domain.formats import EXPLORE_RATE, EXPLORE_TOP
from fastpath._columns import REASONS
from fastpath._fields import Field
from fastpath.types import Features, Proposal, Reason, Scored

_MATCHES, _SIMILAR = Field(Features, "matches"), Field(Features, "similar")
#: Most candidates that are looked at.
MAX_CANDIDATES = 1_024
#: Exploration looks at ads whose score is at most so far below the best. The least chance that it gives is
#: `EXPLORE_RATE / EXPLORE_TOP`: 10,000 parts per million.
EXPLORE_WITHIN_PPM = 200_000
_EXPLORE_PPM = round(EXPLORE_RATE * PPM)
#: Chances of the best, by how many there are and how many of them are near enough.
_CHANCES = tuple(
    tuple(chances(near, looked, _EXPLORE_PPM, EXPLORE_TOP) for near in range(looked + 1))
    for looked in range(EXPLORE_TOP + 1)
)
#: A hash to copy: a copy is made sooner than a new one.
_HASH = blake2b(digest_size=8)
_STEPS = float(2**53)
_SERVED, _NO_MATCH = Reason.SERVED, Reason.NO_MATCH
_BELOW_RESERVE = 16
_NAMES = tuple("" if reason is None else reason.value for reason in REASONS)
#: Numbers of the reasons in order of their names: counts are written sorted.
_BY_NAME = array("i", sorted(range(1, len(REASONS)), key=_NAMES.__getitem__))
_REASON_COUNT = len(REASONS)
#: Which of several drop reasons names the whole refusal when they are equally frequent.
_ORDER = {reason: i for i, reason in enumerate(Reason)}


def propose(market: Any, features: Any, declared: Any, asked: Any, second: Any, kept: Any) -> Any:
    """Return the `Proposal` for a request.

    Args:
        market: The columns to choose from.
        features: Of the conversation.
        declared: Tag → relevance of topics the host declared, or None.
        asked: See `Asked`; its `request_id` is the seed of tie-break and exploration.
        second: Charge what GSP says, else VCG.
        kept: How many of the best and of the dropped to name.
    """
    similar = _SIMILAR.of(features)
    work = market.take()
    market.listen(work, _MATCHES.of(features), declared, asked)
    if work.heard == 0 and not similar:
        market.give(work)
        return Proposal(_NO_MATCH)
    market.select(work, similar, asked, MAX_CANDIDATES)
    sift(market, work, max(kept, EXPLORE_TOP))
    made = auction(market, work, asked, second, kept)
    market.give(work)
    return made


def ranked(market: Any, features: Any, declared: Any, asked: Any, kept: Any) -> Any:
    """Return (score, `Scored`) of the best candidates, best first; arguments as for `propose`."""
    work = market.take()
    market.listen(work, _MATCHES.of(features), declared, asked)
    market.select(work, _SIMILAR.of(features), asked, MAX_CANDIDATES)
    sift(market, work, kept)
    found = []
    for j in range(work.top):
        found.append((work.totals[work.order[j]], scored(market, work, work.order[j])))
    market.give(work)
    return found


def auction(market: Any, work: Any, asked: Any, second: Any, kept: Any) -> Any:
    """Rank, explore, price one slot; arguments as for `propose`."""
    counts = {}
    if work.low:
        for j in range(_REASON_COUNT - 1):
            number = _BY_NAME[j]
            if work.counts[number]:
                counts[_NAMES[number]] = work.counts[number]
    if market.packed is not None:
        fetch_ids(market.packed, work, kept)
    dropped = named(market, work, work.lowest, min(kept, work.low))
    paces = played(market, asked) if asked.used else ()
    if not work.eligible:
        return Proposal(
            main_reason(counts), dropped=dropped, dropped_counts=counts, cut=work.cut, paces=paces
        )
    settle(market, work, asked.request_id)
    looked = min(work.top, EXPLORE_TOP)
    near = _near(work, looked)
    propensities = _CHANCES[looked][near]
    rank = 0
    propensity = propensities[0]
    if near > 1:
        drawn = explored(asked.request_id)
        if drawn >= propensity:
            rank, propensity = pick_from(propensities, drawn)
    eligible = named(market, work, work.order, min(kept, work.top))
    best = work.order[rank]
    winner = eligible[rank] if rank < kept else scored(market, work, best)
    gsp, vcg = price(market, work, rank)
    charged = gsp if second else vcg
    hold = (charged + 999) // 1_000 if market.is_per_view(work.ads[best]) else charged
    return Proposal(
        _SERVED, winner, rank, propensity, propensities, charged, gsp, vcg, hold, eligible,
        work.eligible, dropped, counts, work.cut, paces,
    )  # fmt: skip


def explored(request_id: Any) -> Any:
    """Return the draw that exploration picks by, in [0, 1_000_000): that of `domain.randomness.draw`."""
    hashed = _HASH.copy()
    hashed.update((request_id + "\x1fexplore\x1f0").encode())
    digest = hashed.digest()
    bits = 0
    for byte in digest:
        bits = bits << 8 | byte
    return int((bits >> 11) / _STEPS * 1_000_000)


def sift(market: Any, work: Any, kept: Any) -> Any:  # noqa: C901 - one pass over rows in work
    """Order at least `kept` of the best by score, with all that tie, and of the dropped by ad."""
    kept = min(kept, work.cap)
    count = work.count
    totals = work.totals
    order = work.order
    reasons = work.reasons
    ads = work.ads
    lowest = work.lowest
    hits = work.hits
    top = low = 0
    for i in range(_REASON_COUNT):
        work.counts[i] = 0
    for i in range(count):
        reason = reasons[i]
        if reason == 0:
            if top < kept:
                top += 1
            elif totals[i] <= totals[order[top - 1]]:
                continue
            else:
                hits[order[top - 1]] = 1
            hits[i] = -1
            j = top - 1
            while j > 0 and totals[order[j - 1]] < totals[i]:
                order[j] = order[j - 1]
                j -= 1
            order[j] = i
        else:
            work.counts[reason] += 1
            if low < kept:
                low += 1
            elif ads[i] >= ads[lowest[low - 1]]:
                continue
            j = low - 1
            while j > 0 and ads[lowest[j - 1]] > ads[i]:
                lowest[j] = lowest[j - 1]
                j -= 1
            lowest[j] = i
    work.low = low
    work.first = work.owner = work.other = -1
    least = totals[order[top - 1]] if top else 0
    for i in range(count):
        if reasons[i] != 0 or hits[i] < 0:
            continue
        if totals[i] == least:
            order[top] = i
            top += 1
        elif totals[i] > work.other:
            leave(work, totals[i], market.advertiser[ads[i]])
    work.top = top
    return 0


def leave(work: Any, total: Any, owner: Any) -> Any:
    """Remember what a candidate outside the best may mean for their price."""
    if total > work.first:
        if owner != work.owner:
            work.other = work.first
        work.first = total
        work.owner = owner
    elif total > work.other and owner != work.owner:
        work.other = total
    return 0


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


def _near(work: Any, looked: Any) -> Any:
    """Return how many of the best are near enough to be explored, as `auction.explore.near_ties` counts."""
    best = work.totals[work.order[0]]
    # In two steps, since the product may need more than 64 bits.
    least = best - (
        best // 1_000_000 * EXPLORE_WITHIN_PPM + best % 1_000_000 * EXPLORE_WITHIN_PPM // 1_000_000
    )
    count = 1
    while count < looked and work.totals[work.order[count]] >= least:
        count += 1
    return count


def played(market: Any, asked: Any) -> Any:
    """Return (campaign, share) of the live shares that played a part, sorted."""
    campaigns = market.names.campaigns
    return tuple(sorted([(campaigns[number], share) for number, share in asked.used.items()]))


def fetch_ids(packed: Any, work: Any, kept: Any) -> Any:
    """Read ahead the ids that will be named: nothing waits for it, so one wait does for all."""
    seen = 0
    for j in range(min(kept, work.top)):
        ad = work.ads[work.order[j]]
        seen ^= packed.blob[16 * ad]
    for j in range(min(kept, work.low)):
        ad = work.ads[work.lowest[j]]
        seen ^= packed.blob[16 * ad]
    work.seen = seen
    return None


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
