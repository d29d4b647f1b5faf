"""The first pure stage of the decision: text → features.

It sees the chat and keeps nothing of it; `decide.choose` sees only what comes out here.
"""

from __future__ import annotations

import unicodedata
from typing import Final

from domain.formats import Intent
from fastpath.gate import check
from fastpath.intent import read_intent
from fastpath.language import UNKNOWN, detect_conversation
from fastpath.match import find_tags
from fastpath.snapshot import Snapshot
from fastpath.types import AdRequest, Features, Match, Reason

MAX_TURNS: Final = 1_000
MAX_CHARS: Final = 200_000
_EXPANSION: Final = 18
MATCH_TURNS: Final = 6
MATCH_CHARS: Final = 8_000
MAX_MATCHES: Final = 64


def read_turns(snapshot: Snapshot, request: AdRequest) -> Features:
    """Read the conversation: language, gate, intent, opportunity and tags.

    The last turn is the one to answer, whoever said it; what the user wants is read from user turns.
    """
    refusal = _size_problem(request)
    if refusal is not None:
        return Features(refusal=refusal, language=UNKNOWN, language_why="default")
    said = [turn.text for turn in request.turns if turn.role == "user"]
    gate = check([turn.text for turn in request.turns])
    spoken = detect_conversation(said, request.language)
    matches, cut = _matches(snapshot, request)
    asked = len({match.tag for match in matches if match.asked})
    reading = read_intent(said, asked)
    refusal = None
    if gate.verdict == "sensitive":
        refusal = Reason.SENSITIVE
    elif gate.verdict == "restricted":
        refusal = Reason.RESTRICTED
    elif spoken.language is None:
        refusal = Reason.UNSUPPORTED_LANGUAGE
    closed = gate.verdict == "sensitive"
    return Features(
        refusal=refusal,
        language=spoken.seen,
        language_why=spoken.why,
        categories=gate.categories,
        intent=Intent.SENSITIVE if closed else reading.intent,
        opportunity_milli=0 if closed else reading.opportunity_milli,
        signals=reading.signals,
        matches=matches,
        cut=cut,
    )


def _size_problem(request: AdRequest) -> Reason | None:
    if not request.turns or not any(turn.role == "user" for turn in request.turns):
        return Reason.INVALID
    length = sum(len(turn.text) for turn in request.turns)
    if len(request.turns) <= MAX_TURNS and length > MAX_CHARS // _EXPANSION and length <= MAX_CHARS:
        # One character may normalise to eighteen: what counts is the text that has to be read.
        length = sum(len(unicodedata.normalize("NFKC", turn.text)) for turn in request.turns)
    return Reason.TOO_LONG if len(request.turns) > MAX_TURNS or length > MAX_CHARS else None


def _matches(snapshot: Snapshot, request: AdRequest) -> tuple[tuple[Match, ...], int]:
    """Return the tags of the last turns; the latest mention by the user counts."""
    found: dict[int, Match] = {}
    age = 0
    for turn in reversed(request.turns[-MATCH_TURNS:]):
        user = turn.role == "user"
        for tag, form in find_tags(snapshot, turn.text[-MATCH_CHARS:]).items():
            known = found.get(tag)
            if known is None or (user and not known.asked):
                found[tag] = Match(tag, form, age, user)
        age += user
    ranked = sorted(found.values(), key=lambda m: (not m.asked, m.age, m.tag))
    return tuple(sorted(ranked[:MAX_MATCHES], key=lambda m: m.tag)), max(
        0, len(found) - MAX_MATCHES
    )
