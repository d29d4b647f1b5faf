"""The first pure stage of the decision: text → features.

It sees the chat and keeps nothing of it; `decide.choose` sees only what comes out here. A conversation is sent
again with every turn, so what was found in a turn is remembered for a while (`memory.Memory`: numbers and
codes under a keyed hash of the text, never the text); the features are the same with and without.
"""

from __future__ import annotations

import unicodedata
from typing import Final

from fastpath._turns import Ear
from fastpath._turns import Reading as Reading
from fastpath.memory import Memory, shared
from fastpath.snapshot import Snapshot
from fastpath.types import AdRequest, Features, Turn

MAX_TURNS: Final = 1_000
MAX_CHARS: Final = 200_000
_EXPANSION: Final = 18
MATCH_TURNS: Final = 6
MATCH_CHARS: Final = 8_000
MAX_MATCHES: Final = 64


def read_turns(snapshot: Snapshot, request: AdRequest, *, memory: Memory | None = None) -> Features:
    """Read the conversation: language, gate, intent, opportunity and tags.

    The last turn is the one to answer, whoever said it; what the user wants is read from user turns.

    Args:
        snapshot: Whose tags are looked for.
        request: Whose turns are read.
        memory: Where readings are remembered; by default one for the whole process.
    """
    remembered = shared() if memory is None else memory
    ear = snapshot.ear or ear_of(snapshot)
    found: Features = ear.read(snapshot, request.turns, request.language, remembered, _readable)
    return found


def ear_of(snapshot: Snapshot) -> Ear:
    """Return what reads turns for a snapshot; made once, unless its model cannot be read."""
    ear = snapshot.ear
    if ear is None:
        ear = Ear(snapshot)
        if ear.sound:
            snapshot.ear = ear
    return ear


def _readable(turns: tuple[Turn, ...]) -> bool:
    length = sum(len(turn.text) for turn in turns)
    if len(turns) <= MAX_TURNS and length > MAX_CHARS // _EXPANSION and length <= MAX_CHARS:
        # One character may normalise to eighteen: what counts is the text that has to be read.
        length = sum(len(unicodedata.normalize("NFKC", turn.text)) for turn in turns)
    return len(turns) <= MAX_TURNS and length <= MAX_CHARS
