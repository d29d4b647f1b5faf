"""Recompute a decision from its record and snapshot, byte for byte, and say why it came out that way."""

from __future__ import annotations

from domain.errors import BadInput, Conflict
from fastpath.decide import MAX_CANDIDATES
from fastpath.engine import Seal, answers_of, overruled
from fastpath.engines import propose
from fastpath.explain import Explanation
from fastpath.explain import explain as tell
from fastpath.receipt import payload
from fastpath.record import DecisionRecord, answers_hash, rested
from fastpath.render import Cards, receipt_of
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
    granted, around = _answers(record, snapshot, proposal)
    refused = overruled(around, proposal)
    if answers_hash(granted, refused) != record.answers_hash:
        raise _differs(record, "the answer")
    if proposal.winner is None:
        return refused
    if record.verdict is Verdict.GRANTED:
        return granted
    return around[0] + record.verdict.value.encode("ascii") + around[1]


def _answers(
    record: DecisionRecord, snapshot: Snapshot, proposal: Proposal
) -> tuple[bytes, tuple[bytes, bytes]]:
    features, context = record.features, record.context
    signed = b""
    if proposal.winner is not None:
        signed = payload(receipt_of(snapshot, features, context, proposal))
    seal = Seal(record.nonce_mac, signed, record.signature)
    return answers_of(snapshot, features, context, proposal, seal, Cards())


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
