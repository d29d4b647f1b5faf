"""Phrase lexicons: words with endings and gaps for spaced text, fragments for unspaced text.

A lexicon is a data file of `category<TAB>phrase` lines; the category `exception` hides what it covers from all
others of its shelf. Several lexicons (shelves: the gate's, the intent's) are read in one pass.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Final

from fastpath._fragments import ANYWHERE, LATIN, Trie
from fastpath._fragments import KATAKANA as KATAKANA_EDGE
from fastpath._lexicon import Lexicon
from fastpath._points import Points, reader
from fastpath.japanese import KATAKANA, char_class
from fastpath.text import fold

DATA: Final = Path(__file__).parent / "data"
_BLANKS: Final = re.compile(r"\s+")
#: What stands inside a word without being a letter of it.
_INSIDE: Final = re.compile("['\u0300-\u036f]")
_EXCEPTION: Final = "exception"
_HIDDEN: Final = "\0"
_AGES: Final = frozenset(str(age) for age in range(5, 18))
_ORDINALS: Final = {1: "1st", 2: "2nd", 3: "3rd"}
_GRADES: Final = frozenset(_ORDINALS.get(n, f"{n}th") for n in range(1, 13))
_CLASSES: Final = {"{age}": _AGES, "{grade}": _GRADES}

Rows = Iterable[tuple[str, str]]
Names = tuple[frozenset[str], ...]
_MOST: Final = 64
_REMEMBERED: Final = 4_096


def read_lexicon(name: str, folder: Path = DATA) -> list[tuple[str, str]]:
    """Return the (category, folded phrase) rows of a data file."""
    rows = []
    for line in (folder / name).read_text("utf-8").splitlines():
        if line and not line.startswith("#"):
            category, _, phrase = line.partition("\t")
            rows.append((category, phrase if phrase.startswith("~") else fold(phrase)))
    return rows


class Book:
    """Matches word phrases: exact words, `word*`, `...` gaps, number classes, hashed words.

    Args:
        shelves: Name → (category, phrase) pairs; category `exception` hides what it covers on its shelf.
        cover: (shelf, category) whose phrases `read` also looks at as a cover of the text.
    """

    def __init__(self, shelves: Mapping[str, Rows], cover: tuple[str, str]) -> None:
        self._hashed: dict[str, list[tuple[int, str]]] = {}
        #: Numbers below the number of shelves are their exceptions.
        self._numbers = {(shelf, _EXCEPTION): at for at, shelf in enumerate(shelves)}
        self._shelves = len(self._numbers)
        found: list[tuple[int, tuple[str, ...]]] = []
        #: Whether the cover can only cover words of ASCII letters.
        self.ascii_cover = True
        for at, (shelf, rows) in enumerate(shelves.items()):
            for category, phrase in rows:
                if phrase.startswith("~"):
                    self._hashed.setdefault(phrase[1:], []).append((at, category))
                    continue
                number = self._numbers.setdefault((shelf, category), len(self._numbers))
                found.append((number, tuple(phrase.replace("'", "").split())))
                if cover == (shelf, category):
                    letters = phrase.replace("'", "").replace(" ", "")
                    self.ascii_cover &= letters.isascii() and letters.isalpha()
        if len(self._numbers) > _MOST:
            raise ValueError(
                f"{len(self._numbers)} categories: those of a text are kept in 64 bits"
            )
        order = list(shelves)
        self._names = [(order.index(shelf), category) for shelf, category in self._numbers]
        self.exceptions = (1 << self._shelves) - 1
        self._known: dict[int, Names] = {}
        self.lexicon = Lexicon(
            found, _CLASSES, cover=self._numbers.get(cover, -1), watch=bool(self._hashed)
        )

    def read(self, folded: str) -> tuple[Names, bool]:
        """Return what stands in a folded text; see `read_in`."""
        points = reader().read(folded)
        found = self.read_in(points)
        reader().give(points)
        return found

    def read_in(self, points: Points) -> tuple[Names, bool]:
        """Return what stands in a folded text.

        Returns:
            The categories, shelf by shelf, exceptions taken out first; whether the cover leaves words.
        """
        bits, hits, left, watched = self.lexicon.scan_in(points)
        return self.named(points.text, bits, hits, watched), left

    def named(
        self,
        folded: str,
        bits: int,
        hits: list[tuple[int, int, int]],
        watched: list[tuple[int, int]],
    ) -> Names:
        """Return the categories of what a scan of a folded text found, shelf by shelf."""
        if bits & self.exceptions:
            bits = self._unhidden(hits)
        names = self._known.get(bits)
        if names is None:
            names = self._name(bits)
        return self._slurs(folded, watched, names) if watched else names

    def _unhidden(self, hits: list[tuple[int, int, int]]) -> int:
        """Return the bits of the phrases that no exception of their shelf touches."""
        hidden: dict[int, set[int]] = {}
        for number, start, end in hits:
            if number < self._shelves:
                hidden.setdefault(number, set()).update(range(start, end))
        bits = 0
        for number, start, end in hits:
            if number >= self._shelves:
                shelf = self._names[number][0]
                if shelf not in hidden or hidden[shelf].isdisjoint(range(start, end)):
                    bits |= 1 << number
        return bits

    def _name(self, bits: int) -> Names:
        found: list[set[str]] = [set() for _ in range(self._shelves)]
        for number, (shelf, category) in enumerate(self._names):
            if bits >> number & 1:
                found[shelf].add(category)
        names = tuple(map(frozenset, found))
        if len(self._known) < _REMEMBERED:
            self._known[bits] = names
        return names

    def _slurs(self, folded: str, watched: list[tuple[int, int]], names: Names) -> Names:
        """Add the categories of hashed words; remember the words that are none."""
        for start, end in watched:
            word = folded[start:end]
            if "'" in word or not word.isascii():
                word = _INSIDE.sub("", word)
            known = self._hashed.get(_digest(word))
            if known is None:
                self.lexicon.harmless(word)
                continue
            for at, category in known:
                names = tuple(
                    one | {category} if at == shelf else one for shelf, one in enumerate(names)
                )
        return names


def _digest(word: str) -> str:
    return hashlib.blake2b(word.encode("utf-8", "replace"), digest_size=8).hexdigest()


class Fragments:
    """Matches phrases of an unspaced language anywhere in the text.

    Args:
        shelves: Name → (category, phrase) pairs; category `exception` hides what it covers on its shelf.
        cover: (shelf, category) whose phrases `read` also looks at as a cover of the text.
    """

    def __init__(self, shelves: Mapping[str, Rows], cover: tuple[str, str]) -> None:
        bits: dict[tuple[int, str], int] = {}
        phrases: dict[str, int] = {}
        hide: list[set[str]] = []
        self._taken: list[str] = []
        for at, (shelf, rows) in enumerate(shelves.items()):
            hide.append(set())
            for category, phrase in rows:
                bit = bits.setdefault((at, category), 1 << len(bits))
                phrases[phrase] = phrases.get(phrase, 0) | bit
                if category == _EXCEPTION:
                    hide[at].add(phrase)
                if cover == (shelf, category):
                    self._taken.append(phrase)
        self._taken.sort(key=lambda p: (-len(p), p))
        if len(bits) > 64:
            raise ValueError(f"{len(bits)} categories: the fragments of a text are kept in 64 bits")
        self._hide = [_union(found) for found in hide]
        self._exceptions = [bits.get((at, _EXCEPTION), 0) for at in range(len(hide))]
        self._kinds = [
            [(bit, name) for (one, name), bit in bits.items() if one == at and name != _EXCEPTION]
            for at in range(len(hide))
        ]
        self._at = range(len(hide))
        self._known: dict[int, Names] = {}
        # The cover is told from the text alone only while blanks play no part in it.
        whole = not any(" " in phrase for phrase in self._taken)
        cover_bits = sum(
            bit for (at, name), bit in bits.items() if whole and (list(shelves)[at], name) == cover
        )
        self._trie = Trie(
            ((phrase, found, _rule(phrase)) for phrase, found in phrases.items()),
            loose=sum(self._exceptions),
            cover=cover_bits,
        )
        self._whole = whole

    def read_in(self, points: Points) -> tuple[Names, bool]:
        """Return what stands in a folded text.

        Returns:
            The categories, shelf by shelf, exceptions taken out first; whether the cover surely leaves a
            Japanese letter.
        """
        folded = points.text
        found, bare = self._trie.scan_in(points)
        if any(found & exception for exception in self._exceptions):
            names = tuple(self._shelf(at, self._unhidden(at, folded, found)) for at in self._at)
            return names, bare and self._whole
        known = self._known.get(found)
        if known is None:
            known = tuple(self._shelf(at, found) for at in self._at)
            if len(self._known) < _REMEMBERED:
                self._known[found] = known
        return known, bare and self._whole

    def _unhidden(self, at: int, folded: str, found: int) -> int:
        """Return the bits found once the exceptions of a shelf are taken out of the text."""
        pattern = self._hide[at]
        if pattern is None or not found & self._exceptions[at]:
            return found
        return self._trie.scan(pattern.sub(_HIDDEN, _BLANKS.sub(" ", folded)))[0]

    def _shelf(self, at: int, bits: int) -> frozenset[str]:
        return frozenset(name for bit, name in self._kinds[at] if bits & bit)

    def uncovered(self, folded: str) -> str:
        """Return a text with the fragments of the cover taken out, longest first."""
        for phrase in self._taken:
            folded = folded.replace(phrase, " ")
        return folded


def _union(phrases: set[str]) -> re.Pattern[str] | None:
    longest_first = sorted(phrases, key=lambda p: (-len(p), p))
    return re.compile("|".join(map(re.escape, longest_first))) if phrases else None


def _rule(fragment: str) -> int:
    """Return what must not stand beside a fragment.

    Latin letters must not be the middle of a Latin word; up to three katakana are too often a piece of a
    longer loanword.
    """
    if fragment.isascii():
        return LATIN
    if len(fragment) <= 3 and all(char_class(char) == KATAKANA for char in fragment):
        return KATAKANA_EDGE
    return ANYWHERE
