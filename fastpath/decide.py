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

from auction.types import PPM, Rule
from domain.catalogue import AppEntry
from domain.formats import EXPLORE_RATE, EXPLORE_TOP, T_LOW
from fastpath import _auction, layout
from fastpath._choose import Market
from fastpath.eligibility import asked_of, declared_of
from fastpath.snapshot import Snapshot
from fastpath.types import AdRequest, Context, Features, Proposal, Reason, Scored

MAX_CANDIDATES: Final = 1_024
#: Exploration looks at ads whose score is at most so far below the best. The least chance that it gives is
#: `EXPLORE_RATE / EXPLORE_TOP`: 10,000 parts per million.
EXPLORE_WITHIN_PPM: Final = 200_000
_EXPLORE_PPM: Final = round(EXPLORE_RATE * PPM)
#: Refusals that count whatever the app and the user allow.
_FIRST: Final = (Reason.INVALID, Reason.TOO_LONG, Reason.SENSITIVE)
_LEAST_OPPORTUNITY: Final = round(T_LOW * 1_000)


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
        topics=tuple(sorted(request.topics)) if request.topics else (),
        blocked_advertisers=tuple(sorted(request.blocked_advertisers))
        if request.blocked_advertisers
        else (),
        consent_ads=request.consent.ads,
        spent_campaigns=tuple(sorted(spent)) if spent else (),
        device=device if device in layout.DEVICES else None,
        blocked_topics=tuple(sorted(request.blocked_topics)) if request.blocked_topics else (),
        capped_campaigns=tuple(sorted(capped)) if capped else (),
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
        snapshot: What may be served.
        features: Of the conversation.
        context: Of the request; `context.request_id` seeds tie-break, pacing and exploration.
        app: The asking app; by default looked up in the snapshot.
        rule: Which price is charged, by default that of the context; the other is the shadow.
        kept: How many ranked and how many dropped candidates to name, at least as many as explored
            ones; the outcome does not depend on it.
        paces: Share of auctions by campaign id as known now, by default those of the context. What of it
            played a part comes back in `Proposal.paces` and belongs into the context of the record.
    """
    asking = app or snapshot.app(context.app_id)
    refusal = _refusal(features, context, asking)
    if refusal is not None or asking is None:
        return Proposal(reason=refusal or Reason.UNKNOWN_APP)
    market, kernel = _market(snapshot, asking)
    asked = asked_of(snapshot, features, context, asking, market, paces=paces, test=context.test)
    declared = declared_of(snapshot, context) if context.topics else None
    if context.test:
        found = kernel.ranked(market, features, declared, asked, MAX_CANDIDATES, EXPLORE_TOP)
        return _test_ad(found, market, asked)
    gsp = (rule or context.rule) is Rule.GSP
    proposal: Proposal = kernel.propose(
        market, features, declared, asked, context.request_id, gsp, MAX_CANDIDATES, kept, EXPLORE_TOP,
        EXPLORE_WITHIN_PPM, _EXPLORE_PPM,
    )  # fmt: skip
    return proposal


def rank(
    snapshot: Snapshot,
    features: Features,
    context: Context,
    *,
    app: AppEntry | None = None,
    top: int = 10,
    bids: bool = False,
) -> tuple[tuple[str, int], ...]:
    """Return the ads that may be shown, best first, as (ad id, relevance in parts per million).

    For measuring: whatever the opportunity, no budget, cap or pace counts, and nothing is explored.

    Args:
        snapshot: As for `choose`, as are the next three.
        features: Of the conversation.
        context: Of the request.
        app: The asking app.
        top: How many at most.
        bids: Rank and report by score, bids included, instead of by relevance alone.
    """
    asking = app or snapshot.app(context.app_id)
    if asking is None or _refusal(features, context, asking) not in (None, Reason.LOW_OPPORTUNITY):
        return ()
    market, kernel = _market(snapshot, asking)
    asked = asked_of(snapshot, features, context, asking, market, test=True)
    declared = declared_of(snapshot, context)
    rows = kernel.ranked(market, features, declared, asked, MAX_CANDIDATES, MAX_CANDIDATES)
    found = [(score if bids else one.relevance_ppm, one) for score, one in rows]
    found.sort(key=lambda row: (-row[0], -row[1].relevance_ppm, row[1].ad))
    return tuple((one.ad_id, value) for value, one in found[:top])


def _market(snapshot: Snapshot, app: AppEntry) -> tuple[Any, Any]:
    """Return the columns to choose from and what auctions them: compiled, unless sums could leave 64 bits."""
    market = snapshot.market
    if not market.safe(app.reserve_micros):
        return plain_market(snapshot), _plain("_auction")
    # Columns that are plain Python stay so all the way.
    return market, _auction if type(market) is Market else _plain("_auction")


def _refusal(features: Features, context: Context, app: AppEntry | None) -> Reason | None:
    """Return why there can be no ad whatever the catalogue holds; safety comes first."""
    refusal = features.refusal
    if refusal is not None and refusal in _FIRST:
        return refusal
    if app is None:
        return Reason.UNKNOWN_APP
    if context.consent_ads is False:
        return Reason.NO_CONSENT
    if refusal is not None:
        return refusal
    if not context.test and features.opportunity_milli < _LEAST_OPPORTUNITY:
        return Reason.LOW_OPPORTUNITY
    return None


def _test_ad(found: list[tuple[int, Scored]], market: Any, asked: Any) -> Proposal:
    """Return the ad that fits best, else the first that may be shown, at no price."""
    if found:
        winner = min(found, key=lambda row: (-row[1].relevance_ppm, -row[0], row[1].ad))[1]
    else:
        ad = market.first(asked)
        if ad < 0:
            return Proposal(reason=Reason.NO_MATCH)
        winner = Scored(ad, market.ad_id(ad), None)
    return Proposal(
        reason=Reason.TEST_AD, winner=winner, propensity_ppm=PPM, propensities=(PPM,),
        eligible=(winner,), eligible_count=1,
    )  # fmt: skip


@cache
def _plain(name: str) -> Any:
    """Return the source of a compiled module as plain Python, whose integers have no limit."""
    path = Path(__file__).with_name(f"{name}.py")
    spec = spec_from_loader(
        f"fastpath.{name}_plain", SourceFileLoader(f"fastpath.{name}_plain", str(path))
    )
    assert spec is not None
    assert spec.loader is not None
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def plain_market(snapshot: Snapshot) -> Any:
    """Return the market of a snapshot for bids so high that sums would leave 64 bits."""
    return _plain("_choose").Market(snapshot)
