"""Decision records on their way to be recomputed, whatever became of them."""

from __future__ import annotations

from pathlib import Path

import msgspec

from domain.errors import ParleyError
from fastpath.record import DecisionRecord, decode
from fastpath.snapshot import Snapshot

#: Request id, record and snapshot; a sentence stands where one of them could not be had.
Found = tuple[str, DecisionRecord | str, Snapshot | str]


class SavedRecord(msgspec.Struct, frozen=True):
    """One line of a file of decision records.

    Attributes:
        request_id: Whose. snapshot: id of the one that decided.
        record: As `fastpath.record` wrote it. verdict: what the state said, if known.
    """

    request_id: str
    snapshot: str
    record: bytes
    verdict: str | None = None


def decoded(data: bytes, verdict: str | None = None) -> DecisionRecord | str:
    """Return a record with what the state said, or why it cannot be read."""
    try:
        return decode(data, verdict)
    except ParleyError as error:
        return error.detail


def opened_snapshot(path: Path) -> Snapshot | str:
    """Return a snapshot, or why it cannot be read."""
    if not path.is_dir():
        return (
            f"Snapshot {path.name} is not on this machine; `parley replay` without a file fetches it "
            "while the service runs."
        )
    try:
        return Snapshot.open(path)
    except ParleyError as error:
        return error.detail
