"""The first pure stage of the decision: text → features.

It sees the chat and keeps nothing of it; `decide.choose` sees only what comes out here. A conversation is sent
again with every turn, so what was found in a turn is remembered for a while (`memory.Memory`: numbers and
codes under a keyed hash of the text, never the text); the features are the same with and without.
"""

from __future__ import annotations

import unicodedata
from typing import Final

from domain.formats import Intent
from fastpath import gate, lexicons, semantic
from fastpath._points import Points, reader
from fastpath.intent import TURNS, Said, numbers_too_in, weigh
from fastpath.language import SAMPLE, UNKNOWN, Evidence, decide_language, evidence_in, evidence_of
from fastpath.match import tags_in, tags_of
from fastpath.memory import Memory, shared
from fastpath.snapshot import Snapshot
from fastpath.text import fold
from fastpath.types import AdRequest, Features, Match, Reason

MAX_TURNS: Final = 1_000
MAX_CHARS: Final = 200_000
_EXPANSION: Final = 18
MATCH_TURNS: Final = 6
MATCH_CHARS: Final = 8_000
MAX_MATCHES: Final = 64

_GATE_ERROR: Final = frozenset({"gate_error"})
_NOTHING: Final[frozenset[str]] = frozenset()


class Reading:
    """What was found in one turn; language and tags only once they are asked for.

    Attributes:
        categories: Of the gate. model: digest of the model they stand on. said: of the intent.
        evidence: Of the language, or None. tags: Id of a snapshot; tag → form in it.
    """

    __slots__ = ("categories", "evidence", "model", "said", "tags")

    def __init__(self, points: Points, snapshot: Snapshot) -> None:
        self.model = snapshot.manifest.gate
        self.evidence: Evidence | None = None
        self.tags: tuple[str, dict[int, int]] = ("", {})
        self.said = Said(_NOTHING, greeting=False)
        self.categories = _GATE_ERROR
        try:
            found, signals, greeting = lexicons.shipped().read_in(points)
            self.said = numbers_too_in(signals, greeting, points)
            self.categories = gate.beyond_phrases_in(found, points, snapshot.gate_model)
        except Exception:  # the promise to users: a defect in here must close the gate
            self.categories = _GATE_ERROR


class _Turns:
    """The turns of one request with what is known of them.

    Args:
        texts: What was said. memory: Where readings are remembered, or None.
        snapshot: Whose model judges them, so that a replay judges as the decision did.
    """

    def __init__(
        self, texts: list[str], memory: Memory[Reading] | None, snapshot: Snapshot
    ) -> None:
        self.texts = texts
        self.snapshot = snapshot
        self.points: dict[int, Points] = {}
        self.readings = [self._reading(at, memory) for at in range(len(texts))]

    def _reading(self, at: int, memory: Memory[Reading] | None) -> Reading:
        if memory is None:
            return Reading(self.points_at(at), self.snapshot)
        key = memory.key(self.texts[at])
        known = memory.get(key)
        if known is None or known.model != self.snapshot.manifest.gate:
            known = Reading(self.points_at(at), self.snapshot)
            if known.categories is not _GATE_ERROR:
                memory.put(key, known)
        return known

    def points_at(self, at: int) -> Points:
        """Return a turn, folded and cut into code points."""
        points = self.points.get(at)
        if points is None:
            points = self.points[at] = reader().read(fold(self.texts[at]))
        return points

    def close(self) -> None:
        """Give back the scratch of the texts."""
        give = reader().give
        for points in self.points.values():
            give(points)

    def evidence(self, at: int) -> Evidence:
        """Return what a turn says about its language."""
        reading = self.readings[at]
        if reading.evidence is None:
            text = self.texts[at]
            short = len(text) <= SAMPLE
            reading.evidence = evidence_in(self.points_at(at)) if short else evidence_of(text)
        return reading.evidence

    def tags(self, at: int, snapshot: Snapshot) -> dict[int, int]:
        """Return tag → form of the end of a turn."""
        reading = self.readings[at]
        known = reading.tags
        if known[0] == snapshot.snapshot_id:
            return known[1]
        text = self.texts[at]
        if len(text) <= MATCH_CHARS:
            tags = tags_of(snapshot, self.points_at(at))
        else:
            tags = tags_in(snapshot, fold(text[-MATCH_CHARS:]))
        if len(tags) <= MAX_MATCHES:
            reading.tags = (snapshot.snapshot_id, tags)
        return tags


def read_turns(
    snapshot: Snapshot, request: AdRequest, *, memory: Memory[Reading] | None = None
) -> Features:
    """Read the conversation: language, gate, intent, opportunity and tags.

    The last turn is the one to answer, whoever said it; what the user wants is read from user turns.

    Args:
        snapshot: Whose tags are looked for.
        request: Whose turns are read.
        memory: Where readings are remembered; by default one for the whole process.
    """
    refusal = _size_problem(request)
    if refusal is not None:
        return Features(refusal=refusal, language=UNKNOWN, language_why="default")
    remembered = _readings() if memory is None else memory
    turns = _Turns([turn.text for turn in request.turns], remembered, snapshot)
    users = [at for at, turn in enumerate(request.turns) if turn.role == "user"]
    found: set[str] = set()
    for reading in turns.readings:
        found |= reading.categories
    spoken = decide_language(len(users), lambda at: turns.evidence(users[at]), request.language)
    matches, cut = _matches(snapshot, request, turns)
    asked = len([match for match in matches if match.asked])
    wish = weigh([turns.readings[at].said for at in users[-TURNS:]], asked)
    closed = False
    if found:
        closed = not found <= gate.RESTRICTED
        refusal = Reason.SENSITIVE if closed else Reason.RESTRICTED
    elif spoken.language is None:
        refusal = Reason.UNSUPPORTED_LANGUAGE
    near: list[tuple[int, int]] = []
    if refusal is None and semantic.wanted(spoken.language, asked):
        near = sorted(semantic.similar(snapshot, turns.points_at(users[-1]).text))
    turns.close()
    return Features(
        refusal=refusal,
        language=spoken.seen,
        language_why=spoken.why,
        categories=tuple(sorted(found)),
        intent=Intent.SENSITIVE if closed else wish.intent,
        opportunity_milli=0 if closed else wish.opportunity_milli,
        signals=wish.signals,
        matches=matches,
        similar=tuple(near),
        cut=cut,
    )


def _readings() -> Memory[Reading]:
    return shared()


def _size_problem(request: AdRequest) -> Reason | None:
    asked = False
    length = 0
    for turn in request.turns:
        asked = asked or turn.role == "user"
        length += len(turn.text)
    if not asked:
        return Reason.INVALID
    if len(request.turns) <= MAX_TURNS and length > MAX_CHARS // _EXPANSION and length <= MAX_CHARS:
        # One character may normalise to eighteen: what counts is the text that has to be read.
        length = sum(len(unicodedata.normalize("NFKC", turn.text)) for turn in request.turns)
    return Reason.TOO_LONG if len(request.turns) > MAX_TURNS or length > MAX_CHARS else None


def _matches(
    snapshot: Snapshot, request: AdRequest, turns: _Turns
) -> tuple[tuple[Match, ...], int]:
    """Return the tags of the last turns; the latest mention by the user counts."""
    last = len(request.turns)
    if last == 1:
        tags = turns.tags(0, snapshot)
        if len(tags) <= MAX_MATCHES:
            return tuple([Match(tag, form, 0, True) for tag, form in tags.items()]), 0
    found: dict[int, tuple[bool, int, int, int]] = {}
    age = 0
    for at in range(last - 1, max(-1, last - 1 - MATCH_TURNS), -1):
        user = request.turns[at].role == "user"
        for tag, form in turns.tags(at, snapshot).items():
            known = found.get(tag)
            if known is None or (user and known[0]):
                found[tag] = (not user, age, tag, form)
        age += user
    cut = len(found) - MAX_MATCHES
    kept = found.values() if cut <= 0 else sorted(found.values())[:MAX_MATCHES]
    matches = [Match(tag, form, ago, not unasked) for unasked, ago, tag, form in kept]
    if len(matches) > 1:
        matches.sort(key=_by_tag)
    return tuple(matches), max(0, cut)


def _by_tag(match: Match) -> int:
    return match.tag
