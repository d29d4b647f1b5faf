"""The second pure stage of the decision: features → proposal.

It sees only features (`reading.read_turns` makes them) and the snapshot, so a decision can be recomputed from
its record.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import cache
from importlib.machinery import SourceFileLoader
from importlib.util import module_from_spec, spec_from_loader
from pathlib import Path
from typing import Any, Final

from auction.explore import pick
from auction.position import price_at
from auction.rank import tie_key
from auction.types import PPM, Candidate, Rule
from domain.catalogue import AppEntry
from domain.formats import EXPLORE_RATE, EXPLORE_TOP, BidModel, formats_for
from domain.randomness import draw
from fastpath import layout
from fastpath._choose import Market, Selection
from fastpath.eligibility import REASONS, asked_of
from fastpath.snapshot import Snapshot
from fastpath.types import AdRequest, Context, Features, Match, Proposal, Reason, Scored

MAX_CANDIDATES: Final = 1_024

#: How much a tag of 1, 2, 3, 4 words says about what is wanted, per mille.
_SPECIFIC: Final = (700, 900, 1_000, 1_000)
#: How much a tag still says after 0, 1, 2… user turns, per mille.
_RECENT: Final = (1_000, 600, 400, 300)
_EXPLORE_PPM: Final = round(EXPLORE_RATE * PPM)
#: Which of several drop reasons names the whole refusal when they are equally frequent.
_ORDER: Final = {reason: i for i, reason in enumerate(Reason)}


def context_of(
    request: AdRequest,
    *,
    now_ms: int,
    spent: Iterable[str] = (),
    capped: Iterable[str] = (),
    shown: Mapping[str, int] | None = None,
    rule: Rule = Rule.GSP,
) -> Context:
    """Return what the choice may know of a request besides its text.

    Args:
        request: What was asked.
        now_ms: The service's clock; schedules and the day of the week (UTC) are read from it.
        spent: Campaigns known to be without budget.
        capped: Campaigns known to be at a frequency cap.
        shown: How often this conversation (or consenting user) saw a campaign.
        rule: Which price is charged.
    """
    device = request.device.lower() if request.device else None
    return Context(
        request_id=request.request_id,
        app_id=request.app_id,
        now_ms=now_ms,
        formats=request.formats,
        geo=request.geo.upper() if request.geo else None,
        topics=tuple(sorted(request.topics)),
        blocked_advertisers=tuple(sorted(request.blocked_advertisers)),
        consent_ads=request.consent.ads,
        spent_campaigns=tuple(sorted(spent)),
        device=device if device in layout.DEVICES else None,
        blocked_topics=tuple(sorted(request.blocked_topics)),
        capped_campaigns=tuple(sorted(capped)),
        shown=tuple(sorted(shown.items())) if shown else (),
        test=request.test,
        rule=rule,
    )


def choose(
    snapshot: Snapshot,
    features: Features,
    context: Context,
    *,
    app: AppEntry | None = None,
    rule: Rule = Rule.GSP,
    kept: int = MAX_CANDIDATES,
) -> Proposal:
    """Choose the ad and its price, or say why there is none.

    Args:
        snapshot: What may be served.
        features: Of the conversation.
        context: Of the request; `context.request_id` seeds tie-break and exploration.
        app: The asking app; by default looked up in the snapshot.
        rule: Which price is charged; the other is the shadow.
        kept: How many ranked and how many dropped candidates to name, at least as many as explored
            ones; the outcome does not depend on it.
    """
    asking = app or snapshot.app(context.app_id)
    refusal = _refusal(features, context, asking)
    if refusal is not None or asking is None:
        return Proposal(reason=refusal or Reason.UNKNOWN_APP)
    weighed = [(-_relevance(snapshot, m), m.tag, m.form) for m in features.matches if m.asked]
    if not weighed:
        return Proposal(reason=Reason.NO_MATCH)
    weighed.sort()
    market: Market = snapshot.market
    if not market.safe(asking.reserve_micros):
        market = plain_market(snapshot)
    chosen: Selection = market.select(
        [tag for _, tag, _ in weighed],
        [-relevance for relevance, _, _ in weighed],
        asked_of(snapshot, features, context, asking),
        MAX_CANDIDATES,
        max(kept, EXPLORE_TOP),
    )
    return _auction(snapshot, context, chosen, [form for _, _, form in weighed], rule, kept)


def _refusal(features: Features, context: Context, app: AppEntry | None) -> Reason | None:
    """Return why there can be no ad whatever the catalogue holds; safety comes first."""
    if features.refusal in (Reason.INVALID, Reason.TOO_LONG, Reason.SENSITIVE):
        return features.refusal
    if app is None:
        return Reason.UNKNOWN_APP
    if context.consent_ads is False:
        return Reason.NO_CONSENT
    if features.refusal is not None:
        return features.refusal
    if not formats_for(features.opportunity_milli / 1000):
        return Reason.LOW_OPPORTUNITY
    return None


def _relevance(snapshot: Snapshot, match: Match) -> int:
    """Return how much a matched tag says, parts per million."""
    words = min(int(snapshot.tag_words[match.tag]), len(_SPECIFIC))
    return _SPECIFIC[words - 1] * _RECENT[min(match.age, len(_RECENT) - 1)]


def _auction(
    snapshot: Snapshot,
    context: Context,
    chosen: Selection,
    forms: list[int],
    rule: Rule,
    kept: int,
) -> Proposal:
    """Rank, explore, price one slot."""
    reasons = zip(REASONS, chosen.counts, strict=True)
    counts = dict(sorted((reason.value, count) for reason, count in reasons if reason and count))
    dropped = tuple(
        Scored(ad, snapshot.ad_id(ad), REASONS[why], rate, bid, weight, floor, forms[place])
        for ad, why, place, rate, bid, weight, floor in chosen.dropped[:kept]
    )
    if not chosen.eligible:
        reason = _main_reason(counts)
        return Proposal(reason=reason, dropped=dropped, dropped_counts=counts, cut=chosen.cut)
    ranked = _ranked(snapshot, context.request_id, chosen.best)
    chance = int(draw(context.request_id, "explore") * PPM)
    rank, propensity = pick(chosen.eligible, chance, rate_ppm=_EXPLORE_PPM, top=EXPLORE_TOP)
    eligible = tuple(
        Scored(ad, snapshot.ad_id(ad), None, rate, bid, weight, floor, forms[place])
        for _, ad, place, rate, bid, weight, floor in ranked[: max(kept, rank + 1)]
    )
    winner = eligible[rank]
    sale = price_at(_rivals(snapshot, chosen, ranked[rank:], winner), 0, (PPM,), rule=rule)
    cpm = layout.MODELS[int(snapshot.ad_model[winner.ad])] is BidModel.CPM
    return Proposal(
        reason=Reason.SERVED,
        winner=winner,
        rank=rank,
        propensity_ppm=propensity,
        price_micros=sale.charged_micros,
        vcg_micros=sale.vcg_micros,
        hold_micros=-(-sale.charged_micros // 1_000) if cpm else sale.charged_micros,
        eligible=eligible[:kept],
        eligible_count=chosen.eligible,
        dropped=dropped,
        dropped_counts=counts,
        cut=chosen.cut,
    )


def _ranked(
    snapshot: Snapshot, request_id: str, best: list[tuple[int, ...]]
) -> list[tuple[int, ...]]:
    """Return scored rows, best first; only equal scores need the tie-break of `auction.rank.order`."""
    best.sort(reverse=True)
    if all(best[i][0] != best[i + 1][0] for i in range(len(best) - 1)):
        return best

    def key(row: tuple[int, ...]) -> tuple[int, int, str]:
        ad_id = snapshot.ad_id(row[1])
        return -row[0], tie_key(request_id, ad_id), ad_id

    return sorted(best, key=key)


def _rivals(
    snapshot: Snapshot, chosen: Selection, ranked: list[tuple[int, ...]], winner: Scored
) -> list[Candidate]:
    """Return the winner and whoever sets its price: the best of another advertiser below it."""
    advertiser = snapshot.ad_advertiser
    own = int(advertiser[winner.ad])
    field = [
        Candidate(winner.ad_id, "own", winner.bid_micros, winner.weight, winner.reserve_micros)
    ]
    following = next((row[0] for row in ranked[1:] if advertiser[row[1]] != own), -1)
    if following < 0:
        first, owner, other = chosen.rest
        following = first if owner != own else other
    if following >= 0:
        field.append(Candidate("next", "other", following, 1))
    return field


@cache
def _plain() -> Any:
    """Return the source of the choice as plain Python, whose integers have no limit."""
    path = Path(__file__).with_name("_choose.py")
    spec = spec_from_loader(
        "fastpath._choose_plain", SourceFileLoader("fastpath._choose_plain", str(path))
    )
    assert spec is not None
    assert spec.loader is not None
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def plain_market(snapshot: Snapshot) -> Any:
    """Return the market of a snapshot for bids so high that sums would leave 64 bits."""
    return _plain().Market(snapshot)


def _main_reason(counts: dict[str, int]) -> Reason:
    """Return the most frequent reason; equally frequent ones in the order of `Reason`."""
    if not counts:
        return Reason.NO_MATCH
    return Reason(min(counts, key=lambda name: (-counts[name], _ORDER[Reason(name)])))
