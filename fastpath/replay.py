"""Recompute a decision from its record and snapshot, byte for byte, and say why it came out that way."""

from __future__ import annotations

import msgspec

from domain.errors import BadInput, Conflict
from fastpath.decide import MAX_CANDIDATES
from fastpath.engine import Seal, answers_of
from fastpath.engines import propose
from fastpath.receipt import payload
from fastpath.record import DecisionRecord, answers_hash, rested
from fastpath.render import Cards, receipt_of
from fastpath.reservation import Verdict
from fastpath.snapshot import Snapshot
from fastpath.types import Proposal, Reason, Scored


def replay(record: DecisionRecord, snapshot: Snapshot) -> bytes:
    """Return the answer bytes of a decision, recomputed from its features.

    Raises:
        BadInput: `snapshot_mismatch` when the record was made with another snapshot.
        Conflict: `replay_differs` when the outcome or its bytes are not those of the record.
    """
    proposal = _recompute(record, snapshot)
    recorded = (
        record.reason,
        record.winner,
        record.rank,
        record.propensity_ppm,
        record.price_micros,
        record.vcg_micros,
        record.hold_micros,
        record.eligible_count,
    )
    recomputed = (
        proposal.reason,
        proposal.winner,
        proposal.rank,
        proposal.propensity_ppm,
        proposal.price_micros,
        proposal.vcg_micros,
        proposal.hold_micros,
        proposal.eligible_count,
    )
    if recorded != recomputed:
        raise _differs(record, "the outcome")
    answers = _answers(record, snapshot, proposal)
    if answers_hash(answers) != record.answers_hash:
        raise _differs(record, "the answer")
    return answers.get(record.verdict) or answers[Verdict.REFUSED]


def _answers(
    record: DecisionRecord, snapshot: Snapshot, proposal: Proposal
) -> dict[Verdict, bytes]:
    features, context = record.features, record.context
    signed = b""
    if proposal.winner is not None:
        signed = payload(receipt_of(snapshot, features, context, proposal))
    seal = Seal(record.nonce_mac, signed, record.signature)
    return answers_of(snapshot, features, context, proposal, seal, Cards())


class Line(msgspec.Struct, frozen=True):
    """One candidate of an explanation.

    Attributes:
        ad_id, advertiser: Who.
        tag: What brought it in.
        reason: `served`, `outranked`, or why it was dropped.
        score: bid × weight; 0 when dropped before scoring.
        bid_micros, reserve_micros, pctr_ppm: What the score was made of.
        text: One sentence.
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


class Explanation(msgspec.Struct, frozen=True):
    """Why this ad, and why not each other candidate.

    Attributes:
        summary: One sentence.
        outcome: Reason code after the state had spoken.
        language, intent, opportunity, categories, signals: What was understood.
        tags: Tags found.
        price_micros, vcg_micros, propensity_ppm: Of the winner; 0 without one.
        candidates: Winner first, then by rank, then the dropped.
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


def explain(record: DecisionRecord, snapshot: Snapshot) -> Explanation:
    """Return why a decision came out as it did; raises as `replay` for the wrong snapshot."""
    proposal = _recompute(record, snapshot)
    outcome = proposal.reason
    if proposal.winner is not None and record.verdict is not Verdict.GRANTED:
        outcome = Reason(record.verdict.value)
    winner = proposal.winner
    lines = [_line(snapshot, one, _standing(proposal, one)) for one in proposal.eligible]
    lines.sort(key=lambda line: line.reason is not Reason.SERVED)
    lines += [_line(snapshot, one, one.reason or Reason.OUTRANKED) for one in proposal.dropped]
    features = record.features
    return Explanation(
        summary=_summary(proposal, outcome),
        outcome=outcome,
        language=features.language,
        intent=features.intent.value,
        opportunity=features.opportunity_milli / 1000,
        categories=features.categories,
        signals=features.signals,
        tags=tuple(snapshot.tag(match.tag) for match in features.matches),
        price_micros=proposal.price_micros if winner else 0,
        vcg_micros=proposal.vcg_micros if winner else 0,
        propensity_ppm=proposal.propensity_ppm if winner else 0,
        candidates=tuple(lines),
    )


def _recompute(record: DecisionRecord, snapshot: Snapshot) -> Proposal:
    if record.snapshot_id != snapshot.snapshot_id:
        raise BadInput(
            "snapshot_mismatch",
            f"The record was made with snapshot {record.snapshot_id}, not {snapshot.snapshot_id}.",
        )
    proposal = propose(
        record.engine, snapshot, record.features, record.context, kept=MAX_CANDIDATES
    )
    # The choice itself knows no pause: the process did, and asked for no ad.
    return rested(proposal) if record.reason is Reason.COOLDOWN else proposal


def _standing(proposal: Proposal, one: Scored) -> Reason:
    return Reason.SERVED if one == proposal.winner else Reason.OUTRANKED


def _line(snapshot: Snapshot, one: Scored, reason: Reason) -> Line:
    form = snapshot.form(one.form) if one.form >= 0 else ""
    return Line(
        ad_id=one.ad_id,
        advertiser=snapshot.ad(one.ad).advertiser_name,
        tag=form,
        reason=reason,
        score=one.bid_micros * one.weight,
        bid_micros=one.bid_micros,
        reserve_micros=one.reserve_micros,
        pctr_ppm=one.pctr_ppm,
        text=_SENTENCES[reason],
    )


def _summary(proposal: Proposal, outcome: Reason) -> str:
    if proposal.winner is None or outcome is not Reason.SERVED:
        return f"No ad: {_SENTENCES[outcome]}"
    how = (
        "had the highest score"
        if proposal.rank == 0
        else f"was explored from rank {proposal.rank + 1}"
    )
    return (
        f"Ad {proposal.winner.ad_id} {how} among {len(proposal.eligible)} eligible candidates"
        f" ({len(proposal.dropped)} dropped) and pays {proposal.price_micros} micros per billable unit."
    )


def _differs(record: DecisionRecord, what: str) -> Conflict:
    return Conflict(
        "replay_differs",
        f"Recomputing request {record.context.request_id} changed {what}: record, snapshot or build differ.",
    )


_SENTENCES = {
    Reason.SERVED: "It won.",
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
    Reason.GEO: "It is not meant for this place, or the place is unknown.",
    Reason.BLOCKED: "Host, user or advertiser does not want the two together.",
    Reason.NEGATIVE_TAG: "A word that excludes it stands in the conversation.",
    Reason.BUDGET: "The budget of its campaign is used up or held.",
    Reason.BELOW_RESERVE: "It bids less than the app's reserve.",
    Reason.OUTRANKED: "Another ad scored higher or was explored.",
    Reason.HOUSE: "House ads stand back behind paid ones.",
    Reason.COOLDOWN: "This conversation had an ad less than a minute ago.",
    Reason.STATE_UNAVAILABLE: "Cooldown and budget could not be checked.",
}
