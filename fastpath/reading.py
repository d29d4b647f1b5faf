"""The first pure stage of the decision: text → features.

It sees the chat and keeps nothing of it; `decide.choose` sees only what comes out here. A conversation is sent
again with every turn, so what was found in a turn is remembered for a while (`memory.Memory`: numbers and
codes under a keyed hash of the text, never the text); the features are the same with and without.
"""

from __future__ import annotations

from fastpath._turns import MAX_CHARS as MAX_CHARS
from fastpath._turns import MAX_MATCHES as MAX_MATCHES
from fastpath._turns import MAX_TURNS as MAX_TURNS
from fastpath._turns import Ear
from fastpath.memory import Memory, shared
from fastpath.snapshot import Snapshot
from fastpath.types import AdRequest, Features


def read_turns(snapshot: Snapshot, request: AdRequest, *, memory: Memory | None = None) -> Features:
    """Read the conversation: language, gate, intent, opportunity and tags.

    The last turn is the one to answer, whoever said it; what the user wants is read from user turns.

    Args:
        snapshot: Whose tags are looked for.
        request: Whose turns are read.
        memory: Where readings are remembered; by default one for the whole process.
    """
    remembered = shared() if memory is None else memory
    ear = ear_of(snapshot)
    found: Features = ear.read(snapshot, request.turns, request.language, remembered)
    return found


def ear_of(snapshot: Snapshot) -> Ear:
    """Return what reads turns for a snapshot; made once, unless its model cannot be read."""
    ear = snapshot.ear
    if ear is None:
        ear = Ear(snapshot)
        if ear.sound:
            snapshot.ear = ear
    return ear
