"""The decision in two pure stages: text → features, features → proposal.

The first stage sees the chat and keeps nothing of it; the second sees only features, so a decision can be
recomputed from its record. Both read the snapshot and nothing else.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable
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
from domain.formats import EXPLORE_RATE, EXPLORE_TOP, BidModel, Intent, formats_for
from domain.randomness import draw
from fastpath import layout
from fastpath._choose import Market, Selection
from fastpath.eligibility import REASONS, asked_of
from fastpath.gate import check
from fastpath.intent import read_intent
from fastpath.language import UNKNOWN, detect_conversation
from fastpath.match import find_tags
from fastpath.snapshot import Snapshot
from fastpath.types import AdRequest, Context, Features, Match, Proposal, Reason, Scored

MAX_TURNS: Final = 1_000
MAX_CHARS: Final = 200_000
_EXPANSION: Final = 18
MATCH_TURNS: Final = 6
MATCH_CHARS: Final = 8_000
MAX_MATCHES: Final = 64
MAX_CANDIDATES: Final = 1_024

#: How much a tag of 1, 2, 3, 4 words says about what is wanted, per mille.
_SPECIFIC: Final = (700, 900, 1_000, 1_000)
#: How much a tag still says after 0, 1, 2… user turns, per mille.
_RECENT: Final = (1_000, 600, 400, 300)
_EXPLORE_PPM: Final = round(EXPLORE_RATE * PPM)
#: Which of several drop reasons names the whole refusal when they are equally frequent.
_ORDER: Final = {reason: i for i, reason in enumerate(Reason)}


def read_turns(snapshot: Snapshot, request: AdRequest) -> Features:
    """Read the conversation: language, gate, intent, opportunity and tags.

    The last turn is the one to answer, whoever said it; what the user wants is read from user turns.
    """
    refusal = _size_problem(request)
    if refusal is not None:
        return Features(refusal=refusal, language=UNKNOWN, language_why="default")
    said = [turn.text for turn in request.turns if turn.role == "user"]
    gate = check([turn.text for turn in request.turns])
    spoken = detect_conversation(said, request.language)
    matches, cut = _matches(snapshot, request)
    asked = len({match.tag for match in matches if match.asked})
    reading = read_intent(said, asked)
    refusal = None
    if gate.verdict == "sensitive":
        refusal = Reason.SENSITIVE
    elif gate.verdict == "restricted":
        refusal = Reason.RESTRICTED
    elif spoken.language is None:
        refusal = Reason.UNSUPPORTED_LANGUAGE
    closed = gate.verdict == "sensitive"
    return Features(
        refusal=refusal,
        language=spoken.seen,
        language_why=spoken.why,
        categories=gate.categories,
        intent=Intent.SENSITIVE if closed else reading.intent,
        opportunity_milli=0 if closed else reading.opportunity_milli,
        signals=reading.signals,
        matches=matches,
        cut=cut,
    )


def _size_problem(request: AdRequest) -> Reason | None:
    if not request.turns or not any(turn.role == "user" for turn in request.turns):
        return Reason.INVALID
    length = sum(len(turn.text) for turn in request.turns)
    if len(request.turns) <= MAX_TURNS and length > MAX_CHARS // _EXPANSION and length <= MAX_CHARS:
        # One character may normalise to eighteen: what counts is the text that has to be read.
        length = sum(len(unicodedata.normalize("NFKC", turn.text)) for turn in request.turns)
    return Reason.TOO_LONG if len(request.turns) > MAX_TURNS or length > MAX_CHARS else None


def _matches(snapshot: Snapshot, request: AdRequest) -> tuple[tuple[Match, ...], int]:
    """Return the tags of the last turns; the latest mention by the user counts."""
    found: dict[int, Match] = {}
    age = 0
    for turn in reversed(request.turns[-MATCH_TURNS:]):
        user = turn.role == "user"
        for tag, form in find_tags(snapshot, turn.text[-MATCH_CHARS:]).items():
            known = found.get(tag)
            if known is None or (user and not known.asked):
                found[tag] = Match(tag, form, age, user)
        age += user
    ranked = sorted(found.values(), key=lambda m: (not m.asked, m.age, m.tag))
    return tuple(sorted(ranked[:MAX_MATCHES], key=lambda m: m.tag)), max(
        0, len(found) - MAX_MATCHES
    )


def context_of(request: AdRequest, *, now_ms: int, spent: Iterable[str] = ()) -> Context:
    """Return what the choice may know of a request besides its text."""
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
