# cython: boundscheck=True, wraparound=False, initializedcheck=False, nonecheck=True, cdivision=True
"""Reading the turns of a request: what the inner loops find, put together without a call for every piece.

One source, compiled or not (types: `_turns.pxd`). The same loops are asked that `gate`, `intent`, `language` and
`match` ask one by one; what most turns do not need (Japanese, other languages, numbers, an exception among the
phrases) is left to those modules.
"""

from __future__ import annotations

import unicodedata
from typing import Any, Final

from domain.formats import Intent
from domain.language import Language
from fastpath import gate, intent, language, lexicons, match, semantic
from fastpath._points import reader
from fastpath.text import fold
from fastpath.types import Features, Match, Reason

MAX_TURNS: Final = 1_000
MAX_CHARS: Final = 200_000
MAX_MATCHES: Final = 64
#: One character may normalise to so many.
_EXPANSION = 18
#: The same, and those of others, as compiled code has them.
_FEW, _MOST, _MAX_MATCHES = MAX_TURNS, MAX_CHARS, MAX_MATCHES
_MATCH_TURNS, _MATCH_CHARS = 6, 8_000
_SAMPLE, _INTENT_TURNS, _MOST_TAGS = language.SAMPLE, intent.TURNS, intent.MOST_TAGS
#: Of the kinds of characters, as in `_points`.
_DECIMAL = 32
_USER = "user"
_MOST_SAID = 4_096

_GATE_ERROR = frozenset({"gate_error"})
_NO_NAMES: frozenset[str] = frozenset()
_UNSAID = intent.Said(_NO_NAMES, greeting=False)
_NO_TAGS: dict[int, int] = {}
_AT_HOME = language.AT_HOME
_HOME = Language.ENG


class Reading:
    """What was found in one turn; language and tags only once they are asked for.

    Attributes:
        model: Digest of the gate's model that the categories stand on.
        categories: Of the gate. said: of the intent.
        evidence: Of the language, or None.
        source, tags: Id of a snapshot; tag → form in it.
    """

    def __init__(self, digest: str) -> None:
        self.model = digest
        self.categories = _GATE_ERROR
        self.said = _UNSAID
        self.evidence = None
        self.source = ""
        self.tags = _NO_TAGS


def _too_long(texts: Any) -> Any:
    """Return whether the text that has to be read, which is the normalised one, is too long."""
    length = sum([len(text) for text in texts])
    return length > MAX_CHARS or (
        sum([len(unicodedata.normalize("NFKC", text)) for text in texts]) > MAX_CHARS
    )


def _unread(reason: Any) -> Any:
    return Features(refusal=reason, language=language.UNKNOWN, language_why="default")


class Talk:
    """The turns of one request while they are read.

    Args:
        snapshot: Whose tags are looked for.

    Attributes:
        texts: What was said. readings: what was found in each.
    """

    def __init__(self, snapshot: Any) -> None:
        self.snapshot = snapshot
        self.texts: list[str] = []
        self.readings: list[Any] = []
        #: Those that were cut into code points, else None.
        self.points: list[Any] = []


class Ear:
    """Reads turns for one snapshot, which holds it.

    Args:
        snapshot: Its tags are looked for; its model judges, so that a replay judges as the decision did.

    Attributes:
        sound: Whether lexicons and model could be read; without them every gate is closed.
    """

    def __init__(self, snapshot: Any) -> None:
        self.source = snapshot.snapshot_id
        self.model = snapshot.manifest.gate
        self.matcher = snapshot.matcher
        self.reader = reader()
        #: Bits of the phrases → (gate's names, intent with words left, intent without).
        self.known: dict[int, tuple[Any, Any, Any]] = {}
        self.sound = False
        try:
            self.lexicons = lexicons.shipped()
            self.book = self.lexicons.book
            self.lexicon = self.book.lexicon
            self.exceptions = self.book.exceptions
            self.judge = snapshot.gate_model
            self.sound = True
        except Exception:  # the promise to users: a defect in here must close the gate
            self.sound = False

    def read(self, snapshot: Any, turns: Any, hint: Any, memory: Any) -> Any:
        """Return the features of some turns.

        Args:
            snapshot: The one that it was made for.
            turns: `types.Turn`, oldest first.
            hint: The host's hint of the language.
            memory: `Memory` of readings.
        """
        talk = Talk(snapshot)
        users = []
        length = 0
        for turn in turns:
            text = turn.text
            if turn.role == _USER:
                users.append(len(talk.texts))
            talk.texts.append(text)
            talk.points.append(None)
            length += len(text)
        if not users:
            return _unread(Reason.INVALID)
        if len(talk.texts) > _FEW or (length > _MOST // _EXPANSION and _too_long(talk.texts)):
            return _unread(Reason.TOO_LONG)
        found = self._listen(talk, memory)
        last = users[len(users) - 1]
        heard = self._evidence(talk, last)
        if heard is _AT_HOME:
            served = _HOME
            seen, why = "eng", "words"
        else:
            spoken = self.spoken(talk, users, hint)
            served, seen, why = spoken.language, spoken.seen, spoken.why
        matches, asked, cut = self._matches(talk, turns)
        said = tuple([talk.readings[at].said for at in users[-_INTENT_TURNS:]])
        wish = intent.weighed(said, min(asked, _MOST_TAGS))
        closed = False
        refusal = None
        if found:
            closed = not found <= gate.RESTRICTED
            refusal = Reason.SENSITIVE if closed else Reason.RESTRICTED
        elif served is None:
            refusal = Reason.UNSUPPORTED_LANGUAGE
        near: Any = ()
        if refusal is None and snapshot.vectors is not None and semantic.wanted(served, asked):
            near = tuple(sorted(semantic.similar(snapshot, self._points(talk, last).text)))
        for points in talk.points:
            if points is not None:
                self.reader.give(points)
        return Features(
            refusal=refusal,
            language=seen,
            language_why=why,
            categories=tuple(sorted(found)) if found else (),
            intent=Intent.SENSITIVE if closed else wish.intent,
            opportunity_milli=0 if closed else wish.opportunity_milli,
            signals=wish.signals,
            matches=matches,
            similar=near,
            cut=cut,
        )

    def spoken(self, talk: Any, users: Any, hint: Any) -> Any:
        """Return the language of a conversation whose last turn alone does not settle it."""
        return language.decide_language(
            len(users), lambda at: self._evidence(talk, users[at]), hint
        )

    def _listen(self, talk: Any, memory: Any) -> Any:
        """Put a reading of each turn into the talk; return the gate's categories of all."""
        found = _NO_NAMES
        at = 0
        for text in talk.texts:
            key = memory.key(text)
            reading = memory.get(key)
            if reading is None or reading.model != self.model:
                reading = Reading(self.model)
                self._hear(reading, self._points(talk, at))
                if reading.categories is not _GATE_ERROR:
                    memory.put(key, reading)
            if reading.categories:
                found = found | reading.categories
            talk.readings.append(reading)
            at += 1  # noqa: SIM113 - compiled
        return found

    def _points(self, talk: Any, at: Any) -> Any:
        """Return a turn, folded and cut into code points."""
        points = talk.points[at]
        if points is None:
            text = talk.texts[at]
            points = self.reader.read(text.lower() if text.isascii() else fold(text))
            talk.points[at] = points
        return points

    def _hear(self, reading: Any, points: Any) -> Any:
        """Find out what a turn says to the gate and about intent."""
        if not self.sound:
            return
        try:
            names = self._names(points)
            said = names[1]
            if points.seen & _DECIMAL:
                said = intent.numbers_too_in(said.signals, said.greeting, points)
            reading.said = said
            reading.categories = gate.beyond_phrases_in(names[0], points, self.judge)
        except Exception:  # the promise to users: a defect in here must close the gate
            reading.categories = _GATE_ERROR

    def _names(self, points: Any) -> Any:
        """Return the gate's names of the phrases in a turn, and what they say about intent."""
        bits, hits, left, watched = self.lexicon.scan_in(points)
        usual = not watched and not bits & self.exceptions and points.text.isascii()
        known = self.known.get(bits) if usual else None
        if known is None:
            found, signals = self.book.named(points.text, bits, hits, watched)
            if not points.text.isascii():
                found, signals, greeting = self.lexicons.unspaced_too(
                    points, found, signals, left=left
                )
                return found, intent.Said(signals, greeting)
            known = found, intent.Said(signals, greeting=False), intent.Said(signals, greeting=True)
            if usual and len(self.known) < _MOST_SAID:
                self.known[bits] = known
        return known if left else (known[0], known[2])

    def _evidence(self, talk: Any, at: Any) -> Any:
        reading = talk.readings[at]
        if reading.evidence is None:
            reading.evidence = self._tell(talk, at)
        return reading.evidence

    def _tell(self, talk: Any, at: Any) -> Any:
        """Return what a turn that was not asked yet says about its language."""
        text = talk.texts[at]
        if len(text) > _SAMPLE:
            return language.evidence_of(text)
        return language.evidence_in(self._points(talk, at))

    def _tags(self, talk: Any, at: Any) -> Any:
        """Return tag → form of the end of a turn."""
        reading = talk.readings[at]
        if reading.source == self.source:
            return reading.tags
        text = talk.texts[at]
        if len(text) > _MATCH_CHARS:
            tags = match.tags_in(talk.snapshot, fold(text[-_MATCH_CHARS:]))
        else:
            points = self._points(talk, at)
            forms, unsure = self.matcher.words_in(points)
            if unsure or not points.text.isascii():
                forms = match.forms_of(talk.snapshot, points.text, forms, unsure)
            elif forms:
                forms = sorted(forms)
            tags = self.matcher.tags(forms) if forms else _NO_TAGS
        if len(tags) <= _MAX_MATCHES:
            reading.tags = tags
            reading.source = self.source
        return tags

    def _matches(self, talk: Any, turns: Any) -> Any:
        """Return the tags of the last turns, how many the user said, and how many were cut off.

        The latest mention by the user counts.
        """
        last = len(talk.texts)
        asked = 0
        if last == 1:
            tags = self._tags(talk, 0)
            if len(tags) <= _MAX_MATCHES:
                return (
                    tuple([Match(tag, form, 0, True) for tag, form in tags.items()]),
                    len(tags),
                    0,
                )
        found: dict[int, Any] = {}
        age = 0
        for at in range(last - 1, max(-1, last - 1 - _MATCH_TURNS), -1):
            user = turns[at].role == _USER
            tags = self._tags(talk, at)
            for tag, form in tags.items():
                known = found.get(tag)
                if known is None or (user and not known.asked):
                    found[tag] = Match(tag, form, age, user)
                    asked += user
            age += user
        if len(found) <= _MAX_MATCHES:
            return tuple([found[tag] for tag in sorted(found)]), asked, 0
        kept = sorted(found.values(), key=_rank)[:_MAX_MATCHES]
        asked = len([match for match in kept if match.asked])
        return tuple(sorted(kept, key=_tag_of)), asked, len(found) - _MAX_MATCHES


def _rank(one: Any) -> Any:
    """Return what matches are kept by: those of the user before others, the latest first."""
    return not one.asked, one.age, one.tag


def _tag_of(one: Any) -> Any:
    return one.tag
