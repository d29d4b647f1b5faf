"""The decision record: features, context and outcome, enough to recompute the answer; no word of the chat."""

from __future__ import annotations

from typing import Final

import msgspec

from domain.errors import BadInput
from fastpath.engines import Engine
from fastpath.packed import key, map_head, pack, str_head
from fastpath.reservation import Verdict
from fastpath.types import Context, Features, Proposal, Reason, Scored

SCHEMA: Final = 2
#: Ranked and dropped candidates written out: those exploration chose from. Replay and explanation recompute
#: all of them.
KEPT: Final = 5
#: The beginning of a hash that is written as hexadecimal digits.
HEX: Final = str_head(32)


class DecisionRecord(msgspec.Struct, frozen=True, kw_only=True):
    """One decision, immutable. What the state said is kept beside it (`verdict` in the stream entry).

    Attributes:
        schema: Version of this record.
        snapshot_id: Which snapshot decided.
        conversation, message: Hashes of the host's ids.
        features, context: Everything the choice depends on; `context.request_id` is the seed.
        reason: Outcome before the state was asked.
        winner, rank, propensity_ppm, price_micros, vcg_micros, hold_micros: As in `Proposal`.
        eligible: Best ranked candidates. eligible_count: how many there were.
        dropped: Some of the dropped. dropped_counts: how many per reason.
        nonce_mac, signature: The two parts that need secret keys.
        answers_hash: See `_answer.answers_hash`.
        engine: Which rule chose.
    """

    schema: int
    snapshot_id: str
    conversation: str
    message: str
    features: Features
    context: Context
    reason: Reason
    winner: Scored | None
    rank: int
    propensity_ppm: int
    price_micros: int
    vcg_micros: int
    hold_micros: int
    eligible: tuple[Scored, ...]
    eligible_count: int
    dropped: tuple[Scored, ...]
    dropped_counts: dict[str, int]
    nonce_mac: bytes
    signature: bytes
    answers_hash: bytes
    engine: Engine = Engine.V2
    verdict: Verdict = Verdict.REFUSED


def opening(snapshot_id: str) -> bytes:
    """Return a record's bytes up to the hash of the conversation."""
    count = len(DecisionRecord.__struct_fields__)
    head = map_head(count) + key("schema") + pack(SCHEMA)
    return head + key("snapshot_id") + pack(snapshot_id) + key("conversation") + HEX


def encode(record: DecisionRecord) -> bytes:
    """Return the msgpack bytes of a record."""
    return pack(record)


def decode(data: bytes, verdict: str | None = None) -> DecisionRecord:
    """Return a record from its bytes and the verdict that stands beside it in the stream.

    Raises:
        BadInput: `record_unreadable` or `record_schema_unsupported`.
    """
    try:
        record = msgspec.msgpack.decode(data, type=DecisionRecord)
        settled = record.verdict if verdict is None else Verdict(verdict)
    except (msgspec.MsgspecError, ValueError) as error:
        raise BadInput("record_unreadable", "This is not a decision record.") from error
    if record.schema != SCHEMA:
        raise BadInput(
            "record_schema_unsupported",
            f"The record has schema {record.schema}, this build reads {SCHEMA}: replay it with the"
            " build that wrote it.",
        )
    return msgspec.structs.replace(record, verdict=settled)


def rested(proposal: Proposal) -> Proposal:
    """Return what becomes of a proposal in a conversation that is known to have had an ad just now."""
    return msgspec.structs.replace(
        proposal,
        reason=Reason.COOLDOWN,
        winner=None,
        rank=0,
        propensity_ppm=0,
        propensities=(),
        price_micros=0,
        gsp_micros=0,
        vcg_micros=0,
        hold_micros=0,
    )
