"""Recompute a decision from its record and snapshot, byte for byte, and say why it came out that way."""

from __future__ import annotations

from domain.errors import BadInput, Conflict
from fastpath._answer import Book, answers_hash
from fastpath.decide import MAX_CANDIDATES
from fastpath.engines import propose
from fastpath.explain import Explanation
from fastpath.explain import explain as tell
from fastpath.record import DecisionRecord, rested
from fastpath.reservation import Verdict
from fastpath.snapshot import Snapshot
from fastpath.types import Proposal, Reason


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
    granted, refused = _answers(record, snapshot, proposal)
    if answers_hash(granted, refused) != record.answers_hash:
        raise _differs(record, "the answer")
    if proposal.winner is None:
        return refused
    if record.verdict is Verdict.GRANTED:
        return granted
    request_id = record.context.request_id
    return Book(snapshot).refused(record.features, request_id, record.verdict.value)


def _answers(record: DecisionRecord, snapshot: Snapshot, proposal: Proposal) -> tuple[bytes, bytes]:
    """Return the answer that was hoped for, if any, and the one that stands for all refusals."""
    book, features, context = Book(snapshot), record.features, record.context
    if proposal.winner is None:
        return b"", book.refused(features, context.request_id, proposal.reason.value)
    card = book.card(proposal.winner.ad, features.language)
    signed = book.signed(card, context, proposal)
    mac, signature = record.nonce_mac, record.signature
    granted = book.granted(card, features, context, proposal, mac, signed, signature)
    return granted, book.refused(features, context.request_id, Reason.COOLDOWN.value)


def explain(record: DecisionRecord, snapshot: Snapshot) -> Explanation:
    """Return why a decision came out as it did; raises as `replay` for the wrong snapshot."""
    proposal = _recompute(record, snapshot)
    outcome = proposal.reason
    if proposal.winner is not None and record.verdict not in (Verdict.GRANTED, Verdict.REFUSED):
        outcome = Reason(record.verdict.value)
    return tell(snapshot, record.features, record.context, proposal, outcome=outcome)


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


def _differs(record: DecisionRecord, what: str) -> Conflict:
    return Conflict(
        "replay_differs",
        f"Recomputing request {record.context.request_id} changed {what}: record, snapshot or build differ.",
    )
