"""Why this ad, and why not each other candidate, in codes and sentences; from a decision's record alone.

Pure: the features and the context of the record, the snapshot that decided, and the proposal recomputed from them
with every candidate (`decide.choose` without `kept`). No word of the chat is needed, or can be had.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import msgspec

from auction.types import PPM, Rule
from domain.catalogue import AdEntry
from fastpath.eligibility import keep_ppm
from fastpath.snapshot import Snapshot
from fastpath.text import canonical_tag
from fastpath.topics import PREFIX
from fastpath.types import Context, Features, Proposal, Reason, Scored

_WINS: Final = (Reason.SERVED, Reason.TEST_AD)


class Line(msgspec.Struct, frozen=True):
    """One candidate of an explanation.

    Attributes:
        ad_id, advertiser: Who.
        tag: What did most to bring it in.
        reason: `served`, `outranked`, or why it was dropped.
        score: bid × weight; 0 when dropped before scoring.
        bid_micros, reserve_micros, pctr_ppm: What the score was made of.
        text: One sentence.
        tags: All its tags and topics that stand in the conversation.
        relevance_ppm: How well it fits. keep_ppm: 1 − fatigue.
        propensity_ppm: The chance with which it would have been shown.
    """

    ad_id: str
    advertiser: str
    tag: str
    reason: Reason
    score: int
    bid_micros: int
    reserve_micros: int
    pctr_ppm: int
    text: str
    tags: tuple[str, ...] = ()
    relevance_ppm: int = 0
    keep_ppm: int = PPM
    propensity_ppm: int = 0


class Explanation(msgspec.Struct, frozen=True):
    """Why this ad, and why not each other candidate.

    Attributes:
        summary: One sentence.
        outcome: Reason code after the state had spoken.
        language, intent, opportunity, categories, signals: What was understood.
        tags: Tags found.
        price_micros, vcg_micros, propensity_ppm: Of the winner; 0 without one.
        candidates: Winner first, then by rank, then the dropped.
        gsp_micros: What GSP charges. rule: which of the two was charged.
        price_set_by: Id of the ad whose score set the price, `reserve`, or "" where nothing is charged.
        cut: Candidates that were not looked at.
    """

    summary: str
    outcome: Reason
    language: str
    intent: str
    opportunity: float
    categories: tuple[str, ...]
    signals: tuple[str, ...]
    tags: tuple[str, ...]
    price_micros: int
    vcg_micros: int
    propensity_ppm: int
    candidates: tuple[Line, ...]
    gsp_micros: int = 0
    rule: Rule = Rule.GSP
    price_set_by: str = ""
    cut: int = 0


def explain(
    snapshot: Snapshot,
    features: Features,
    context: Context,
    proposal: Proposal,
    *,
    outcome: Reason | None = None,
) -> Explanation:
    """Return why a decision came out as it did.

    Args:
        snapshot: What decided.
        features: Of the decision record.
        context: Of the decision record.
        proposal: Recomputed with all candidates.
        outcome: What the state said afterwards, e.g. `cooldown`; by default the proposal's own.
    """
    teller = _Teller(snapshot, features, context, proposal)
    lines = [teller.ranked(place, one) for place, one in enumerate(proposal.eligible)]
    lines.sort(key=lambda line: line.reason not in _WINS)
    lines += [teller.dropped(one) for one in proposal.dropped]
    setter = _price_setter(snapshot, proposal)
    final = outcome or proposal.reason
    return Explanation(
        summary=_summary(proposal, final, context, setter),
        outcome=final,
        language=features.language,
        intent=features.intent.value,
        opportunity=features.opportunity_milli / 1000,
        categories=features.categories,
        signals=features.signals,
        tags=tuple(snapshot.tag(match.tag) for match in features.matches),
        price_micros=proposal.price_micros,
        vcg_micros=proposal.vcg_micros,
        propensity_ppm=proposal.propensity_ppm,
        candidates=tuple(lines),
        gsp_micros=proposal.gsp_micros,
        rule=context.rule,
        price_set_by=setter,
        cut=proposal.cut,
    )


class _Teller:
    """Writes the line of each candidate of one decision."""

    def __init__(
        self, snapshot: Snapshot, features: Features, context: Context, proposal: Proposal
    ) -> None:
        self._snapshot = snapshot
        self._context = context
        self._proposal = proposal
        self._opportunity = features.opportunity_milli / 1000
        self._language = features.language
        self._asked = {snapshot.tag(match.tag) for match in features.matches if match.asked}
        self._said = {snapshot.tag(match.tag) for match in features.matches}
        self._similar = {ad for ad, _ in features.similar}
        self._shown = dict(context.shown)

    def ranked(self, place: int, one: Scored) -> Line:
        """Return the line of a candidate that took part in the auction."""
        winner = self._proposal.winner
        if winner is None:
            return self._line(one, self._proposal.reason, SENTENCES[self._proposal.reason], 0)
        won = one.ad == winner.ad
        reason = self._proposal.reason if won else Reason.OUTRANKED
        chances = self._proposal.propensities
        return self._line(
            one,
            reason,
            self._why_it(one, place) if won else _why_not_it(one, winner, place),
            chances[place] if place < len(chances) else 0,
        )

    def dropped(self, one: Scored) -> Line:
        """Return the line of a candidate that could not be shown."""
        reason = one.reason or Reason.OUTRANKED
        ad = self._snapshot.ad(one.ad)
        tell = _DETAILS.get(reason)
        return self._line(one, reason, tell(self, one, ad) if tell else SENTENCES[reason], 0)

    def _line(self, one: Scored, reason: Reason, text: str, propensity: int) -> Line:
        ad = self._snapshot.ad(one.ad)
        return Line(
            ad_id=one.ad_id,
            advertiser=ad.advertiser_name,
            tag=self._snapshot.form(one.form) if one.form >= 0 else "",
            reason=reason,
            score=one.bid_micros * one.weight,
            bid_micros=one.bid_micros,
            reserve_micros=one.reserve_micros,
            pctr_ppm=one.pctr_ppm,
            text=text,
            tags=self._own_tags(ad),
            relevance_ppm=one.relevance_ppm,
            keep_ppm=keep_ppm(self._shown.get(ad.campaign_id, 0)),
            propensity_ppm=propensity,
        )

    def _own_tags(self, ad: AdEntry) -> tuple[str, ...]:
        own = set(map(canonical_tag, ad.tags))
        own.update(PREFIX + topic.lower().removeprefix(PREFIX) for topic in ad.topics)
        return tuple(sorted(own & self._asked))

    def _why_it(self, one: Scored, place: int) -> str:
        ad = self._snapshot.ad(one.ad)
        if self._proposal.reason is Reason.TEST_AD:
            return "A test ad was asked for: it fits best, and nothing is charged."
        how = "It had the highest score" if place == 0 else f"It was explored from rank {place + 1}"
        because = ", ".join(f"“{tag}”" for tag in self._own_tags(ad)) or "what the talk is about"
        return (
            f"{how}: it fits {because} (relevance {one.relevance_ppm / PPM:.2f}), bids"
            f" {one.bid_micros} micros and its expected click rate is {one.pctr_ppm / 10_000:.2f} %."
        )

    def negative(self, one: Scored, ad: AdEntry) -> str:
        """Return which word keeps an ad away."""
        words = sorted(set(map(canonical_tag, ad.negative_tags)) & self._said)
        return f"The advertiser excludes {', '.join(f'“{word}”' for word in words)}."

    def geo(self, one: Scored, ad: AdEntry) -> str:
        """Return where an ad is meant for."""
        where = self._context.geo or "unknown"
        return f"It is meant for {', '.join(sorted(ad.geos))}; the place is {where}."

    def device(self, one: Scored, ad: AdEntry) -> str:
        """Return which devices an ad is meant for."""
        what = self._context.device or "unknown"
        return f"It is meant for {', '.join(sorted(ad.devices))}; the device is {what}."

    def form(self, one: Scored, ad: AdEntry) -> str:
        """Return why the format of an ad does not fit."""
        return (
            f"The format {ad.format.value} is not shown here, or not at an opportunity of"
            f" {self._opportunity:.2f}."
        )

    def language(self, one: Scored, ad: AdEntry) -> str:
        """Return why the language of an ad does not fit."""
        return f"It may not be shown, or has no text, in {self._language}."

    def reserve(self, one: Scored, ad: AdEntry) -> str:
        """Return by how much an ad misses the reserve."""
        return (
            f"It bids {one.bid_micros} micros, less than the app's reserve of {one.reserve_micros}."
        )

    def relevance(self, one: Scored, ad: AdEntry) -> str:
        """Return how well an ad fits."""
        return f"Its relevance of {one.relevance_ppm / PPM:.2f} is below what the app asks for."

    def paced(self, one: Scored, ad: AdEntry) -> str:
        """Return in how many auctions the campaign takes part."""
        share = self._snapshot.ad_pace[one.ad] / 10_000
        return f"Its campaign spreads its budget and takes part in {share:.1f} % of auctions, not this."

    def schedule(self, one: Scored, ad: AdEntry) -> str:
        """Return when an ad runs."""
        late = ad.ends_ms is not None and self._context.now_ms >= ad.ends_ms
        return "Its campaign is over." if late else "Its campaign has not begun."


#: Reasons that can be told in more detail than their sentence.
_DETAILS: Final[dict[Reason, Callable[[_Teller, Scored, AdEntry], str]]] = {
    Reason.NEGATIVE_TAG: _Teller.negative,
    Reason.GEO: _Teller.geo,
    Reason.DEVICE: _Teller.device,
    Reason.FORMAT_NOT_ALLOWED: _Teller.form,
    Reason.LANGUAGE: _Teller.language,
    Reason.BELOW_RESERVE: _Teller.reserve,
    Reason.RELEVANCE: _Teller.relevance,
    Reason.PACED: _Teller.paced,
    Reason.SCHEDULE: _Teller.schedule,
}


def _why_not_it(one: Scored, winner: Scored, place: int) -> str:
    """Return why a ranked candidate was not the one."""
    own, best = one.bid_micros * one.weight, winner.bid_micros * winner.weight
    if own > best:
        return f"It was rank {place + 1}, but one request in twenty explores, and explored another."
    if own == best:
        return "Its score equals the winner's; the draw of this request put the other first."
    less = [
        name
        for name, mine, theirs in (
            ("bids less", one.bid_micros, winner.bid_micros),
            ("fits less", one.relevance_ppm, winner.relevance_ppm),
            ("is clicked less", one.pctr_ppm, winner.pctr_ppm),
        )
        if mine < theirs
    ]
    because = (
        f": it {' and '.join(less)}" if less else ": its quality is lower, or it was shown before"
    )
    return f"Its score is {100 * own // best} % of the winner's{because}."


def _price_setter(snapshot: Snapshot, proposal: Proposal) -> str:
    """Return the ad whose score set the GSP price, `reserve`, or "" when nothing is charged."""
    winner = proposal.winner
    if winner is None or proposal.price_micros == 0:
        return ""
    advertiser = snapshot.ad_advertiser
    for one in proposal.eligible[proposal.rank + 1 :]:
        if advertiser[one.ad] != advertiser[winner.ad]:
            above = one.bid_micros * one.weight > winner.reserve_micros * winner.weight
            return one.ad_id if above else "reserve"
    return "reserve"


def _summary(proposal: Proposal, outcome: Reason, context: Context, setter: str) -> str:
    if proposal.winner is None or outcome not in _WINS:
        return f"No ad: {SENTENCES[outcome]}"
    if outcome is Reason.TEST_AD:
        return f"Ad {proposal.winner.ad_id} is shown as a test; nobody is charged."
    how = (
        "had the highest score"
        if proposal.rank == 0
        else f"was explored from rank {proposal.rank + 1}"
    )
    by = {"": "", "reserve": ", set by the app's reserve"}.get(setter, f", set by ad {setter}")
    return (
        f"Ad {proposal.winner.ad_id} {how} among {proposal.eligible_count} eligible candidates"
        f" ({sum(proposal.dropped_counts.values())} dropped) and pays {proposal.price_micros} micros per"
        f" billable unit under {context.rule.value.upper()}{by}."
    )


#: One sentence for every reason code.
SENTENCES: Final = {
    Reason.SERVED: "It won.",
    Reason.TEST_AD: "A test ad was asked for.",
    Reason.INVALID: "The request had no user turn or lacked an id.",
    Reason.TOO_LONG: "The conversation was too long to be checked; send the last turns only.",
    Reason.UNKNOWN_APP: "The app is not known to this snapshot.",
    Reason.NO_CONSENT: "The user does not want ads.",
    Reason.SENSITIVE: "The conversation touches a sensitive matter.",
    Reason.RESTRICTED: "The conversation is about restricted goods.",
    Reason.UNSUPPORTED_LANGUAGE: "The language is not served.",
    Reason.LOW_OPPORTUNITY: "The user is not looking for anything an ad could help with.",
    Reason.NO_MATCH: "No tag of any ad stands in the conversation.",
    Reason.FORMAT_NOT_ALLOWED: "Its format is not shown here, or not at this opportunity.",
    Reason.LANGUAGE: "It has no text for this language.",
    Reason.CURRENCY: "It bids in another currency than the app settles in.",
    Reason.SCHEDULE: "It is not running now.",
    Reason.WEEKDAY: "It does not run on this day of the week.",
    Reason.GEO: "It is not meant for this place, or the place is unknown.",
    Reason.DEVICE: "It is not meant for this device, or the device is unknown.",
    Reason.APP_NOT_ALLOWED: "Its advertiser does not want it in this app.",
    Reason.BLOCKED: "Host or advertiser does not want the two together.",
    Reason.MUTED: "The user muted its advertiser or topic.",
    Reason.NEGATIVE_TAG: "A word that excludes it stands in the conversation.",
    Reason.BUDGET: "The budget of its campaign is used up or held.",
    Reason.FREQUENCY: "Its campaign was shown as often as a frequency cap allows.",
    Reason.PACED: "Its campaign spreads its budget and left this auction out.",
    Reason.RELEVANCE: "It fits less well than the app asks for.",
    Reason.BELOW_RESERVE: "It bids less than the app's reserve.",
    Reason.OUTRANKED: "Another ad scored higher or was explored.",
    Reason.HOUSE: "House ads stand back behind paid ones.",
    Reason.COOLDOWN: "This conversation had an ad less than a minute ago.",
    Reason.STATE_UNAVAILABLE: "Cooldown and budget could not be checked.",
}
