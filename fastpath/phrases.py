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
#: What `Book.read` saw besides categories: (category, first word, end word), words, sentence marks.
Seen = tuple[list[tuple[int, int, int]], int, list[int]]


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
    """

    def __init__(self, shelves: Mapping[str, Rows]) -> None:
        self._hashed: dict[str, list[tuple[int, str]]] = {}
        #: Numbers below the number of shelves are their exceptions.
        self._numbers = {(shelf, _EXCEPTION): at for at, shelf in enumerate(shelves)}
        self._shelves = len(self._numbers)
        found: list[tuple[int, tuple[str, ...]]] = []
        self._open: set[tuple[str, str]] = set()
        for at, (shelf, rows) in enumerate(shelves.items()):
            for category, phrase in rows:
                if phrase.startswith("~"):
                    self._hashed.setdefault(phrase[1:], []).append((at, category))
                    continue
                number = self._numbers.setdefault((shelf, category), len(self._numbers))
                found.append((number, tuple(phrase.replace("'", "").split())))
                if not phrase.isascii() or "*" in phrase or "." in phrase or "{" in phrase:
                    self._open.add((shelf, category))
        order = list(shelves)
        self._names = [(order.index(shelf), category) for shelf, category in self._numbers]
        self._lexicon = Lexicon(found, _CLASSES, watch=bool(self._hashed))

    def read(self, folded: str) -> tuple[list[set[str]], Seen]:
        """Return the categories found in a folded text, shelf by shelf, exceptions taken out first."""
        hits, count, marks, watched = self._lexicon.scan(folded)
        found: list[set[str]] = [set() for _ in range(self._shelves)]
        if hits:
            self._sort(hits, found)
        for start, end in watched:
            self._look_at(_INSIDE.sub("", folded[start:end]), found)
        return found, (hits, count, marks)

    def covers(self, shelf: str, category: str, seen: Seen) -> bool:
        """Return whether phrases of one category cover every word of a text that was read."""
        hits, count, marks = seen
        wanted = self._numbers.get((shelf, category), -1)
        if count > len(marks) and all(number != wanted for number, _, _ in hits):
            return False
        covered = set(marks)
        for number, start, end in hits:
            if number == wanted:
                covered.update(range(start, end))
        return len(covered) == count

    def ascii_only(self, shelf: str, category: str) -> bool:
        """Return whether the phrases of a category can only cover words of ASCII letters."""
        return (shelf, category) not in self._open

    def _sort(self, hits: list[tuple[int, int, int]], found: list[set[str]]) -> None:
        hidden: dict[int, set[int]] = {}
        for number, start, end in hits:
            if number < self._shelves:
                hidden.setdefault(number, set()).update(range(start, end))
        for number, start, end in hits:
            if number >= self._shelves:
                shelf, category = self._names[number]
                if shelf not in hidden or hidden[shelf].isdisjoint(range(start, end)):
                    found[shelf].add(category)

    def _look_at(self, word: str, found: list[set[str]]) -> None:
        known = self._hashed.get(_digest(word))
        if known is None:
            self._lexicon.harmless(word)
            return
        for shelf, category in known:
            found[shelf].add(category)


def _digest(word: str) -> str:
    return hashlib.blake2b(word.encode("utf-8", "replace"), digest_size=8).hexdigest()


class Fragments:
    """Matches phrases of an unspaced language anywhere in the text.

    Args:
        shelves: Name → (category, phrase) pairs; category `exception` hides what it covers on its shelf.
        cover: (shelf, category) whose phrases `read` also looks at as a cover of the text.
    """

    def __init__(self, shelves: Mapping[str, Rows], cover: tuple[str, str] | None = None) -> None:
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

    def read(self, folded: str) -> tuple[list[set[str]], bool]:
        """Return the categories found in a folded text, shelf by shelf, exceptions taken out first.

        Returns:
            The categories; whether the cover surely leaves a Japanese letter uncovered.
        """
        found, bare = self._trie.scan(folded)
        names: list[set[str]] = []
        for at, kinds in enumerate(self._kinds):
            bits = found
            pattern = self._hide[at]
            if found & self._exceptions[at] and pattern is not None:
                text = pattern.sub(_HIDDEN, _BLANKS.sub(" ", folded))
                bits = self._trie.scan(text)[0]
            names.append({name for bit, name in kinds if bits & bit} if bits else set())
        return names, bare and self._whole

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
