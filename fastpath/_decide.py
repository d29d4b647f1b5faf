# cython: boundscheck=True, wraparound=False, initializedcheck=False, nonecheck=True, annotation_typing=False
"""The way from features and context to the proposal: what the request allows, as numbers, then the auction.

One source, compiled or not (types: `_decide.pxd`). It reads each field once and makes only objects that leave.
What an app always asks is kept with the columns; what few requests ask stands in `eligibility`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from auction.types import PPM, Rule
from domain.catalogue import AppEntry
from domain.formats import EXPLORE_TOP, T_LOW, formats_for
from fastpath import eligibility, layout
from fastpath._auction import MAX_CANDIDATES, propose
from fastpath._choose import Market
from fastpath._columns import Asked
from fastpath._fields import Field
from fastpath.plain import kernel_of, plain_market
from fastpath.types import Context, Features, Proposal, Reason, Scored

_GSP = Rule.GSP
#: Fields of what the choice sees.
_APP_ID = Field(Context, "app_id")
_TEST = Field(Context, "test")
_TOPICS = Field(Context, "topics")
_RULE = Field(Context, "rule")
_REFUSAL = Field(Features, "refusal")
_CONSENT_ADS = Field(Context, "consent_ads")
_OPPORTUNITY = Field(Features, "opportunity_milli")
_REQUEST_ID = Field(Context, "request_id")
_FORMATS = Field(Context, "formats")
_LANGUAGE = Field(Features, "language")
_GEO = Field(Context, "geo")
_DEVICE = Field(Context, "device")
_NOW_MS = Field(Context, "now_ms")
_BLOCKED_TOPICS = Field(Context, "blocked_topics")
_BLOCKED_ADVERTISERS = Field(Context, "blocked_advertisers")
_SPENT_CAMPAIGNS = Field(Context, "spent_campaigns")
_CAPPED_CAMPAIGNS = Field(Context, "capped_campaigns")
_SHOWN = Field(Context, "shown")
_PACES = Field(Context, "paces")
#: Refusals that count whatever the app and the user allow.
_FIRST = (Reason.INVALID, Reason.TOO_LONG, Reason.SENSITIVE)
_UNKNOWN_APP, _NO_CONSENT, _LOW = Reason.UNKNOWN_APP, Reason.NO_CONSENT, Reason.LOW_OPPORTUNITY
_LEAST_OPPORTUNITY = round(T_LOW * 1_000)
_ANY_MOMENT = 1_000
_DAY_MS = 86_400_000
#: 1970-01-01 was a Thursday.
_FIRST_DAY = 3
#: Bits of the formats that each opportunity allows, in thousandths.
_ALLOWED = bytes(eligibility.bits_of(formats_for(one / 1_000)) for one in range(_ANY_MOMENT + 1))
_LANGUAGES = {str(one): 1 << i for i, one in enumerate(layout.LANGUAGES)}
_DEVICES = {one: 1 << i for i, one in enumerate(layout.DEVICES)}


def choose(
    snapshot: Any,
    features: Features,
    context: Context,
    *,
    app: AppEntry | None = None,
    rule: Rule | None = None,
    kept: int = MAX_CANDIDATES,
    paces: Mapping[str, int] | None = None,
) -> Proposal:
    """Choose the ad and its price, or say why there is none.

    How well an ad fits (its relevance, parts per million, at most 3,000,000) is the sum over its tags in the
    conversation, the most telling first, or what semantic search says of it where that is more:

        tag = words (0.7, 0.9, 1, 1) · recency (1, 0.6, 0.4, 0.3 by user turns ago) · weight in the catalogue
        relevance = 1 · tag1 + 0.7 · tag2 + 0.5 · tag3 + 0.35, 0.25, 0.175, 0.125, 0.1…

    Expected click rate = the format's prior · relevance · (0.5 + opportunity); score = bid · expected billable
    units · quality · (1 − fatigue). Five per cent of the requests show one of the top five at random, among
    those whose score is within 20 % of the best.

    Args:
        snapshot: What may be served: a `snapshot.Snapshot`.
        features: Of the conversation.
        context: Of the request; `context.request_id` seeds tie-break, pacing and exploration.
        app: The asking app; by default looked up in the snapshot.
        rule: Which price is charged, by default that of the context; the other is the shadow.
        kept: How many ranked and how many dropped candidates to name, at least as many as explored
            ones; the outcome does not depend on it.
        paces: Share of auctions by campaign id as known now, by default those of the context. What of it
            played a part comes back in `Proposal.paces` and belongs into the context of the record.
    """
    made: Proposal = _chosen(snapshot, features, context, app, rule, kept, paces)
    return made


def _chosen(
    snapshot: Any, features: Any, context: Any, app: Any, rule: Any, kept: Any, paces: Any
) -> Any:
    market = snapshot.market
    desk = desk_for(snapshot, market, _APP_ID.of(context), app)
    refusal = refusal_of(features, context, desk)
    if refusal is not None:
        return Proposal(refusal)
    if not desk.safe:
        market = plain_market(snapshot)
    test = _TEST.of(context)
    asked = asked_of(snapshot, features, context, desk, market, paces, test)
    declared = eligibility.declared_of(snapshot, context) if _TOPICS.of(context) else None
    second = (rule or _RULE.of(context)) is _GSP
    if type(market) is Market and not test:
        return propose(market, features, declared, asked, second, kept)
    kernel = kernel_of(market)
    if test:
        found = kernel.ranked(market, features, declared, asked, EXPLORE_TOP)
        return _test_ad(found, market, asked)
    return kernel.propose(market, features, declared, asked, second, kept)


def desk_for(snapshot: Any, market: Any, app_id: Any, app: Any) -> Any:
    """Return what an app always asks, kept with the columns; None for an app that the snapshot does not know.

    Args:
        snapshot: Where apps are looked up.
        market: Its columns.
        app_id: Of the asking app.
        app: Its entry where the caller brings its own.
    """
    desk = market.desks.get(app_id if app is None else app.app_id)
    if desk is not None and (desk.own if app is None else desk.entry is app):
        return desk
    own = snapshot.app(app_id if app is None else app.app_id)
    entry = own if app is None else app
    return None if entry is None else eligibility.desk_kept(snapshot, market, entry, entry is own)


def refusal_of(features: Any, context: Any, desk: Any) -> Any:
    """Return why there can be no ad whatever the catalogue holds, or None; safety comes first."""
    refusal = _REFUSAL.of(features)
    if refusal is not None and refusal in _FIRST:
        return refusal
    if desk is None:
        return _UNKNOWN_APP
    if _CONSENT_ADS.of(context) is False:
        return _NO_CONSENT
    if refusal is not None:
        return refusal
    if _OPPORTUNITY.of(features) < _LEAST_OPPORTUNITY and not _TEST.of(context):
        return _LOW
    return None


def asked_of(
    snapshot: Any, features: Any, context: Any, desk: Any, market: Any, paces: Any, test: Any
) -> Any:
    """Return the rules of one request.

    Args:
        snapshot: What the candidates come from.
        features: Language, opportunity and tags of the conversation.
        context: Formats, place, device, time, mutes, used-up and capped campaigns.
        desk: What the app always asks.
        market: The columns of the snapshot.
        paces: Share of auctions by campaign id as known now, or None: those of the context.
        test: Ask for a test ad: opportunity, budgets, caps and pace do not count.
    """
    asked = Asked()
    asked.desk = desk
    asked.test = test
    asked.request_id = _REQUEST_ID.of(context)
    opportunity = _ANY_MOMENT if test else _OPPORTUNITY.of(features)
    asked.opportunity = opportunity
    asked.formats = desk.formats & _ALLOWED[min(opportunity, _ANY_MOMENT)]
    formats = _FORMATS.of(context)
    if formats is not None:
        asked.formats = asked.formats & eligibility.bits_of(formats)
    asked.language = _LANGUAGES.get(_LANGUAGE.of(features), 0)
    geo = _GEO.of(context)
    asked.geo = market.places.get(geo, -1) if geo else -1
    device = _DEVICE.of(context)
    asked.device = _DEVICES.get(device, 0) if device else 0
    now = _NOW_MS.of(context)
    asked.now = now
    asked.day = 1 << (now // _DAY_MS + _FIRST_DAY) % 7
    _wishes(snapshot, context, asked)
    if not test:
        _state(snapshot, context, market, asked, paces)
    return asked


def _wishes(snapshot: Any, context: Any, asked: Any) -> Any:
    """Note what the user muted and what the host declared."""
    topics = _BLOCKED_TOPICS.of(context)
    if topics:
        asked.mutes = eligibility.mutes_of(snapshot, topics)
    advertisers = _BLOCKED_ADVERTISERS.of(context)
    if advertisers:
        asked.muted = eligibility.numbers_of(snapshot.names.advertisers, advertisers)
    topics = _TOPICS.of(context)
    if topics:
        asked.topics = set(eligibility.declared_tags(snapshot, topics))
    return None


def _state(snapshot: Any, context: Any, market: Any, asked: Any, paces: Any) -> Any:
    """Note which campaigns stand back and how often they take part."""
    if _SPENT_CAMPAIGNS.of(context) or _CAPPED_CAMPAIGNS.of(context):
        asked.closed = eligibility.closed_of(snapshot, context)
    shown = _SHOWN.of(context)
    if shown:
        asked.keep = eligibility.fatigue_of(snapshot, shown)
    if not paces:
        paces = _PACES.of(context)
    if paces:
        known = market.live
        # Shares come by the thousand and change every few seconds: they are kept by number.
        if known is None or known[0] is not paces:
            known = market.live = paces, eligibility.shares_of(snapshot, paces)
        asked.paces = known[1] or None
    return None


def _test_ad(found: Any, market: Any, asked: Any) -> Any:
    """Return the ad that fits best, else the first that may be shown, at no price."""
    if found:
        winner = min(found, key=_fit)[1]
    else:
        ad = market.first(asked)
        if ad < 0:
            return Proposal(reason=Reason.NO_MATCH)
        winner = Scored(ad, market.ad_id(ad), None)
    return Proposal(
        reason=Reason.TEST_AD, winner=winner, propensity_ppm=PPM, propensities=(PPM,),
        eligible=(winner,), eligible_count=1,
    )  # fmt: skip


def _fit(row: Any) -> Any:
    return -row[1].relevance_ppm, -row[0], row[1].ad
