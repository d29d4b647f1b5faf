"""The decision in two pure stages: text → features, features → proposal.

The first stage sees the chat and keeps nothing of it; the second sees only features, so a decision can be
recomputed from its record. Both read the snapshot and nothing else.
"""

from __future__ import annotations

import unicodedata
from collections import Counter
from collections.abc import Iterable
from typing import Final

from auction.explore import pick
from auction.position import price_at
from auction.rank import order
from auction.types import PPM, Candidate, Rule
from auction.weight import reserve, weight
from domain.catalogue import AppEntry
from domain.formats import EXPLORE_RATE, EXPLORE_TOP, AdFormat, BidModel, Intent, formats_for
from domain.randomness import draw
from fastpath import _core, layout
from fastpath.eligibility import Rules
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

#: Expected click rate of an average ad of each format, parts per million. A prior, replaced by learned rates.
BASE_CTR_PPM: Final[dict[AdFormat, int]] = {
    AdFormat.ACTION_CARD: 20_000,
    AdFormat.LEAD_GEN: 15_000,
    AdFormat.STATIC: 8_000,
    AdFormat.FOLLOWUP: 25_000,
}
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
) -> Proposal:
    """Choose the ad and its price, or say why there is none.

    Args:
        snapshot: What may be served.
        features: Of the conversation.
        context: Of the request; `context.request_id` seeds tie-break and exploration.
        app: The asking app; by default looked up in the snapshot.
        rule: Which price is charged; the other is the shadow.
    """
    asking = app or snapshot.app(context.app_id)
    refusal = _refusal(features, context, asking)
    if refusal is not None or asking is None:
        return Proposal(reason=refusal or Reason.UNKNOWN_APP)
    asked = [m for m in features.matches if m.asked]
    if not asked:
        return Proposal(reason=Reason.NO_MATCH)
    asked.sort(key=lambda m: (-_relevance(snapshot, m), m.tag))
    found, cut = _core.gather(
        snapshot.post_offsets, snapshot.post_ads, [m.tag for m in asked], MAX_CANDIDATES
    )
    rules = Rules(snapshot, features, context, asking)
    scored = [_score(snapshot, rules, features, asking, ad, asked[i]) for ad, i in found]
    eligible = [one for one in scored if one.reason is None]
    dropped = [one for one in scored if one.reason is not None]
    paid = [one for one in eligible if not snapshot.ad_house[one.ad]]
    if paid and len(paid) < len(eligible):
        dropped += [_with(one, Reason.HOUSE) for one in eligible if snapshot.ad_house[one.ad]]
    return _auction(snapshot, context, paid or eligible, dropped, cut, rule)


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


def _score(
    snapshot: Snapshot, rules: Rules, features: Features, app: AppEntry, ad: int, match: Match
) -> Scored:
    ad_id = snapshot.ad_id(ad)
    reason = rules.why_not(ad)
    if reason is not None:
        return Scored(ad, ad_id, reason, form=match.form)
    model = layout.MODELS[int(snapshot.ad_model[ad])]
    base = BASE_CTR_PPM[layout.FORMATS[int(snapshot.ad_format[ad])]]
    pctr = max(
        1, base * _relevance(snapshot, match) // PPM * (500 + features.opportunity_milli) // 1_000
    )
    house = bool(snapshot.ad_house[ad])
    floor = 0 if house else reserve(model, per_click_micros=app.reserve_micros, pctr_ppm=pctr)
    bid = int(snapshot.ad_bid[ad])
    return Scored(
        ad,
        ad_id,
        Reason.BELOW_RESERVE if bid < floor else None,
        pctr_ppm=pctr,
        bid_micros=bid,
        weight=weight(model, pctr_ppm=pctr, quality_ppm=int(snapshot.ad_quality[ad]), keep_ppm=PPM),
        reserve_micros=floor,
        form=match.form,
    )


def _with(one: Scored, reason: Reason) -> Scored:
    return Scored(
        one.ad,
        one.ad_id,
        reason,
        one.pctr_ppm,
        one.bid_micros,
        one.weight,
        one.reserve_micros,
        one.form,
    )


def _auction(
    snapshot: Snapshot,
    context: Context,
    field: list[Scored],
    dropped: list[Scored],
    cut: int,
    rule: Rule,
) -> Proposal:
    """Rank, explore, price one slot."""
    dropped.sort(key=lambda one: one.ad)
    if not field:
        return Proposal(reason=_main_reason(dropped), dropped=tuple(dropped), cut=cut)
    by_id = {one.ad_id: one for one in field}
    ranked = order(context.request_id, [_candidate(snapshot, one) for one in field])
    chance = int(draw(context.request_id, "explore") * PPM)
    rank, propensity = pick(len(ranked), chance, rate_ppm=_EXPLORE_PPM, top=EXPLORE_TOP)
    sale = price_at(ranked, rank, (PPM,), rule=rule)
    winner = by_id[sale.ad_id]
    cpm = layout.MODELS[int(snapshot.ad_model[winner.ad])] is BidModel.CPM
    return Proposal(
        reason=Reason.SERVED,
        winner=winner,
        rank=rank,
        propensity_ppm=propensity,
        price_micros=sale.charged_micros,
        vcg_micros=sale.vcg_micros,
        hold_micros=-(-sale.charged_micros // 1_000) if cpm else sale.charged_micros,
        eligible=tuple(by_id[candidate.ad_id] for candidate in ranked),
        dropped=tuple(dropped),
        cut=cut,
    )


def _candidate(snapshot: Snapshot, one: Scored) -> Candidate:
    return Candidate(
        ad_id=one.ad_id,
        advertiser_id=snapshot.names.advertisers[int(snapshot.ad_advertiser[one.ad])],
        bid_micros=one.bid_micros,
        weight=one.weight,
        reserve_micros=one.reserve_micros,
    )


def _main_reason(dropped: list[Scored]) -> Reason:
    """Return the most frequent reason; equally frequent ones in the order of `Reason`."""
    counts = Counter(one.reason for one in dropped if one.reason is not None)
    if not counts:
        return Reason.NO_MATCH
    return min(counts, key=lambda reason: (-counts[reason], _ORDER[reason]))
