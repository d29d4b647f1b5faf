"""Small phrase lexicons: words with endings and gaps for spaced text, fragments for unspaced text.

Used by the gate and by the intent features. A lexicon is a data file of `category<TAB>phrase` lines; the
category `exception` hides what it covers from all others.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable
from pathlib import Path
from typing import Final

from fastpath._lexicon import Lexicon
from fastpath.japanese import KATAKANA, char_class
from fastpath.text import fold

_DATA: Final = Path(__file__).parent / "data"
_BLANKS: Final = re.compile(r"\s+")
_EXCEPTION: Final = "exception"
_AGES: Final = frozenset(str(age) for age in range(5, 18))
_ORDINALS: Final = {1: "1st", 2: "2nd", 3: "3rd"}
_GRADES: Final = frozenset(_ORDINALS.get(n, f"{n}th") for n in range(1, 13))
_CLASSES: Final = {"{age}": _AGES, "{grade}": _GRADES}


def _edge_pattern(fragment: str) -> str | None:
    """Return the pattern of a fragment that must stand alone, or None if it may stand anywhere.

    Latin letters must not be the middle of a Latin word; up to three katakana are too often a piece of a
    longer loanword.
    """
    if fragment.isascii():
        return rf"(?<![a-z0-9]){re.escape(fragment)}(?![a-z0-9])"
    if len(fragment) <= 3 and all(char_class(char) == KATAKANA for char in fragment):
        return f"(?<![ァ-ヺー]){fragment}(?![ァ-ヺー])"
    return None


def read_lexicon(name: str) -> list[tuple[str, str]]:
    """Return the (category, folded phrase) rows of a data file."""
    rows = []
    for line in (_DATA / name).read_text("utf-8").splitlines():
        if line and not line.startswith("#"):
            category, _, phrase = line.partition("\t")
            rows.append((category, phrase if phrase.startswith("~") else fold(phrase)))
    return rows


class Phrases:
    """Matches word phrases: exact words, `word*`, `...` gaps, number classes, hashed words.

    Args:
        rows: (category, phrase) pairs; category `exception` hides what it covers.
    """

    def __init__(self, rows: Iterable[tuple[str, str]]) -> None:
        self._hashed: dict[str, str] = {}
        numbers: dict[str, int] = {_EXCEPTION: 0}
        found: list[tuple[int, tuple[str, ...]]] = []
        for category, phrase in rows:
            if phrase.startswith("~"):
                self._hashed[phrase[1:]] = category
            else:
                number = numbers.setdefault(category, len(numbers))
                found.append((number, tuple(phrase.replace("'", "").split())))
        self._numbers = numbers
        self._names = tuple(numbers)
        self._lexicon = Lexicon(found, _CLASSES, watch=bool(self._hashed))

    def categories(self, folded: str) -> set[str]:
        """Return the categories found in a folded text, exceptions taken out first."""
        hits, _, _, watched = self._lexicon.scan(folded)
        found: set[str] = set()
        if hits:
            hidden = {at for number, start, end in hits if number == 0 for at in range(start, end)}
            for number, start, end in hits:
                if number and hidden.isdisjoint(range(start, end)):
                    found.add(self._names[number])
        for start, end in watched:
            self._look_at(folded[start:end].replace("'", ""), found)
        return found

    def covers(self, category: str, folded: str) -> bool:
        """Return whether phrases of one category cover every word of a text."""
        hits, count, marks, _ = self._lexicon.scan(folded)
        wanted = self._numbers.get(category, -1)
        if count > len(marks) and all(number != wanted for number, _, _ in hits):
            return False
        covered = set(marks)
        for number, start, end in hits:
            if number == wanted:
                covered.update(range(start, end))
        return len(covered) == count

    def _look_at(self, word: str, found: set[str]) -> None:
        category = self._hashed.get(_digest(word))
        if category is None:
            self._lexicon.harmless(word)
        else:
            found.add(category)


def _digest(word: str) -> str:
    return hashlib.blake2b(word.encode("utf-8", "replace"), digest_size=8).hexdigest()


class Fragments:
    """Matches phrases of an unspaced language anywhere in the text.

    Args:
        rows: (category, phrase) pairs; category `exception` hides what it covers.
    """

    def __init__(self, rows: Iterable[tuple[str, str]]) -> None:
        pairs = list(rows)
        hide = sorted(
            {p for category, p in pairs if category == _EXCEPTION}, key=lambda p: (-len(p), p)
        )
        self._hide = re.compile("|".join(map(re.escape, hide))) if hide else None
        self._category: dict[str, list[str]] = {}
        for category, phrase in pairs:
            if category != _EXCEPTION:
                self._category.setdefault(phrase, []).append(category)
        self._edges = {
            phrase: re.compile(edge) for phrase in self._category if (edge := _edge_pattern(phrase))
        }

    def categories(self, folded: str) -> set[str]:
        """Return the categories found in a folded text, exceptions taken out first."""
        text = _BLANKS.sub(" ", folded)
        if self._hide is not None:
            text = self._hide.sub("\n", text)
        found: set[str] = set()
        for phrase, names in self._category.items():
            # A plain search per phrase is an order of magnitude quicker than one large pattern.
            if phrase in text and (phrase not in self._edges or self._edges[phrase].search(text)):
                found.update(names)
        return found

    def without(self, category: str, folded: str) -> str:
        """Return a text with the fragments of one category taken out, longest first."""
        names = [phrase for phrase, found in self._category.items() if category in found]
        for phrase in sorted(names, key=lambda p: (-len(p), p)):
            folded = folded.replace(phrase, " ")
        return folded
