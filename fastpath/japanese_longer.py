"""Longer Japanese words that hold a shorter one without being about it, at compile time only.

No tokenizer runs where a decision is made, so 椅子取りゲーム would count as ゲーム and 短パン as パン.
JMdict knows such words: one is listed for a form where the form would pass the boundary rule inside it and where
none of its English glosses shares a word with those of the form (コーヒー豆 is coffee beans, so it does not
count). Idioms and proverbs are listed whatever their words, and so are phrases of two nouns (核の傘, パンの耳)
and those of `data/japanese_phrases.txt`. What is listed depends on the form alone, never on anybody's tags.
"""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Final

import numpy as np

from fastpath.form_keys import MARK
from fastpath.japanese import HIRAGANA, char_class, leaves_it, stands_alone

#: Characters that a longer word has on either side of the shorter one, at most (`_core._AROUND`).
AROUND: Final = 8
MOST: Final = 64
_HALF: Final = np.uint64(32)
_WORD: Final = re.compile(r"[a-z]{2,}")
_ASIDE: Final = re.compile(r"\([^)]*\)")
_FILLERS: Final = (
    "an the of to in on for and or with by from at as be is one ones not used being person thing kind type"
    " small large something someone sb sth etc eg esp usu made"
)
_EMPTY: Final = frozenset(_FILLERS.split())
_FIGURATIVE: Final = ("idiom", "proverb", "yojijukugo")
_ENTRIES: Final = (
    "SELECT idseq FROM Kanji WHERE text = ? UNION SELECT idseq FROM Kana WHERE text = ?"
)
_GLOSSES: Final = """
SELECT g.text FROM Sense s JOIN SenseGloss g ON g.sid = s.ID WHERE s.idseq = ? AND +g.lang = 'eng'
"""
_NOTES: Final = "SELECT m.text FROM Sense s JOIN misc m ON m.sid = s.ID WHERE s.idseq = ?"
_KINDS: Final = "SELECT p.text FROM Sense s JOIN pos p ON p.sid = s.ID WHERE s.idseq = ?"
_WRITTEN: Final = "SELECT text FROM Kanji UNION ALL SELECT text FROM Kana"
#: Phrases, written in kanji and in kana: in a chat either half may be written either way.
_PHRASES: Final = """
SELECT k.text, n.text, k.idseq FROM Kanji k JOIN Kana n ON n.idseq = k.idseq
WHERE k.text GLOB '*[をにのがはも]*'
"""
#: Figures of speech, one a line, as far as they do not change; # starts a comment.
_FIGURES: Final = Path(__file__).parent / "data" / "japanese_phrases.txt"
_PARTICLES: Final = "をにのがはも"


class LongerWords:
    """The words of JMdict, searched for those that hold a form.

    Args:
        db: JMdict, open for reading while words are looked for.
    """

    def __init__(self, db: sqlite3.Connection) -> None:
        self._mixed = dict(_mixed(db.execute(_PHRASES)))
        self._figures = frozenset(read_figures())
        words = (text for (text,) in db.execute(_WRITTEN))
        self._page = "\n".join(["", *words, *self._mixed, *self._figures, ""])
        # Where each pair of characters stands: looking through two million of them takes a millisecond a form.
        codes = np.frombuffer(self._page.encode("utf-32-le"), dtype=np.uint32).astype(np.uint64)
        pairs = codes[:-1] << _HALF | codes[1:]
        self._places = np.argsort(pairs, kind="stable")
        self._pairs = pairs[self._places]

    def marked(self, form: str, db: sqlite3.Connection) -> tuple[str, ...]:
        """Return what a snapshot keeps among its forms so that `form` is not found inside longer words."""
        holders = dict.fromkeys(self._holders(form))
        if not holders:
            return ()
        known = _entries(db, form)
        meant = _meant(db, known)
        found: dict[str, None] = {}
        for word in holders:
            mixed = self._mixed.get(word)
            entries = _entries(db, word) if mixed is None else [mixed]
            stem = _stem(db, word, entries)
            if stem in found or not _would_pass(form, stem):
                continue
            if word in self._figures or (known and _is_other(db, form, word, entries, meant)):
                found[stem] = None
        return tuple(f"{MARK}{form}{MARK}{word}" for word in found)[:MOST]

    def _holders(self, form: str) -> Iterator[str]:
        for at in self._places_of(form):
            start, end = self._page.rfind("\n", 0, at) + 1, self._page.find("\n", at)
            if len(form) < end - start <= len(form) + 2 * AROUND:
                yield self._page[start:end]

    def _places_of(self, form: str) -> Iterator[int]:
        """Return where a form stands on the page."""
        if len(form) < 2:
            at = self._page.find(form)
            while at >= 0:
                yield at
                at = self._page.find(form, at + 1)
            return
        keys = [ord(one) << int(_HALF) | ord(two) for one, two in pairwise(form)]
        wanted = np.array(keys, dtype=np.uint64)
        first = np.searchsorted(self._pairs, wanted, "left")
        last = np.searchsorted(self._pairs, wanted, "right")
        rarest = int(np.argmin(last - first))
        for place in self._places[first[rarest] : last[rarest]].tolist():
            if self._page.startswith(form, place - rarest):
                yield place - rarest


def _mixed(rows: Iterable[tuple[str, str, int]]) -> Iterator[tuple[str, int]]:
    """Return phrases in which what stands before a particle is in kanji and what is behind it in kana, or so."""
    for written, spoken, idseq in rows:
        spots = [at for at, char in enumerate(written) if char in _PARTICLES and at]
        for at in {*spots[:1], *spots[-1:]}:
            mark, before = written[at], written[:at]
            parts = spoken.split(mark)
            number = before.count(mark)
            if len(parts) != written.count(mark) + 1:
                continue
            lead, rest = mark.join(parts[: number + 1]), mark.join(parts[number + 1 :])
            yield before + mark + rest, idseq
            yield lead + written[at:], idseq


def _named(form: str, word: str) -> bool:
    """Return whether a phrase of two nouns is a thing of its own: 核の傘, パンの耳."""
    return word.endswith("の" + form) or word.startswith(form + "の")


def _is_other(
    db: sqlite3.Connection, form: str, word: str, entries: Sequence[int], meant: set[str]
) -> bool:
    """Return whether a longer word is about something else than the form in it."""
    named = _named(form, word) or _figurative(db, entries)
    return named or not meant & _meant(db, entries)


def read_figures(path: Path = _FIGURES) -> list[str]:
    """Return the figures of speech of our own list."""
    lines = path.read_text("utf-8").splitlines()
    return [line for line in lines if line and not line.startswith("#")]


def _entries(db: sqlite3.Connection, written: str) -> list[int]:
    return [idseq for (idseq,) in db.execute(_ENTRIES, (written, written))]


def _meant(db: sqlite3.Connection, entries: Iterable[int]) -> set[str]:
    """Return the English words of some entries, singular, without what stands in brackets."""
    words: set[str] = set()
    for idseq in entries:
        for (gloss,) in db.execute(_GLOSSES, (idseq,)):
            words.update(_WORD.findall(_ASIDE.sub(" ", gloss.lower())))
    return {word.removesuffix("s") for word in words - _EMPTY}


def _figurative(db: sqlite3.Connection, entries: Iterable[int]) -> bool:
    notes = [note for idseq in entries for (note,) in db.execute(_NOTES, (idseq,))]
    return any(sign in note for note in notes for sign in _FIGURATIVE)


def _stem(db: sqlite3.Connection, word: str, entries: Iterable[int]) -> str:
    """Return a word, or of a verb and a phrase that ends in one what does not change in it."""
    kinds = [kind for idseq in entries for (kind,) in db.execute(_KINDS, (idseq,))]
    if not any("verb" in kind or "adjective" in kind or "expression" in kind for kind in kinds):
        return word
    if word.endswith("する"):
        return word.removesuffix("する")
    return word[:-1] if word[-1] in "うくぐすつぬぶむるい" else word


def _would_pass(form: str, word: str) -> bool:
    """Return whether the boundary rule lets a form pass inside a word that says more than it."""
    at = word.find(form)
    before, after = word[:at], word[at + len(form) :]
    if at < 0 or max(len(before), len(after)) > AROUND:
        return False
    more = before + after
    if not more or (len(more) == 1 and char_class(more) == HIRAGANA):
        return False  # 本の, お茶: a particle or a polite prefix
    if not before and leaves_it(after):
        return False  # 眼鏡店
    return stands_alone(word, at, at + len(form))
