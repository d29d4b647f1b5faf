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
from fastpath.language import UNKNOWN
from fastpath.memory import Memory, shared
from fastpath.snapshot import Snapshot
from fastpath.types import AdRequest, Features, Reason

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
    turns = request.turns
    users = [at for at, turn in enumerate(turns) if turn.role == "user"]
    if not users:
        return _unread(Reason.INVALID)
    if _too_long(request):
        return _unread(Reason.TOO_LONG)
    remembered = shared() if memory is None else memory
    features: Features = ear_of(snapshot).read(snapshot, turns, users, request.language, remembered)
    return features


def ear_of(snapshot: Snapshot) -> Ear:
    """Return what reads turns for a snapshot; made once, unless its model cannot be read."""
    ear = snapshot.ear
    if ear is None:
        ear = Ear(snapshot)
        if ear.sound:
            snapshot.ear = ear
    return ear


def _unread(reason: Reason) -> Features:
    return Features(refusal=reason, language=UNKNOWN, language_why="default")


def _too_long(request: AdRequest) -> bool:
    length = sum([len(turn.text) for turn in request.turns])
    if len(request.turns) <= MAX_TURNS and length > MAX_CHARS // _EXPANSION and length <= MAX_CHARS:
        # One character may normalise to eighteen: what counts is the text that has to be read.
        length = sum(len(unicodedata.normalize("NFKC", turn.text)) for turn in request.turns)
    return len(request.turns) > MAX_TURNS or length > MAX_CHARS
