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

from fastpath.japanese import KATAKANA, char_class
from fastpath.text import fold

_DATA: Final = Path(__file__).parent / "data"
_WORD: Final = re.compile(r"[^\W_]+(?:'[^\W_]+)*|[.!?\n]")
_BLANKS: Final = re.compile(r"\s+")
_GAP: Final = 3
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
        self._exact: dict[str, list[tuple[str, tuple[str, ...]]]] = {}
        self._prefix: dict[str, list[tuple[str, tuple[str, ...]]]] = {}
        self._hashed: dict[str, str] = {}
        for category, phrase in rows:
            if phrase.startswith("~"):
                self._hashed[phrase[1:]] = category
                continue
            parts = tuple(phrase.replace("'", "").split())
            head = parts[0]
            if head.endswith("*"):
                self._prefix.setdefault(head[:-1], []).append((category, parts))
            else:
                self._exact.setdefault(head, []).append((category, parts))
        self._lengths = sorted({len(prefix) for prefix in self._prefix})

    def categories(self, folded: str) -> set[str]:
        """Return the categories found in a folded text, exceptions taken out first."""
        words = [word.replace("'", "") for word in _WORD.findall(folded)]
        hidden = [False] * len(words)
        hits: list[tuple[str, int, int]] = []
        for start, word in enumerate(words):
            for category, parts in self._candidates(word):
                end = _match(parts, words, start)
                if end is None:
                    continue
                if category == _EXCEPTION:
                    hidden[start:end] = [True] * (end - start)
                else:
                    hits.append((category, start, end))
        found = {category for category, start, end in hits if not any(hidden[start:end])}
        return found | self._slurs(words)

    def without(self, category: str, folded: str) -> str:
        """Return the words of a text that no phrase of one category covers."""
        words = [word.replace("'", "") for word in _WORD.findall(folded)]
        covered = [False] * len(words)
        for start, word in enumerate(words):
            for found, parts in self._candidates(word):
                end = _match(parts, words, start) if found == category else None
                if end is not None:
                    covered[start:end] = [True] * (end - start)
        return " ".join(word for word, done in zip(words, covered, strict=True) if not done)

    def _candidates(self, word: str) -> list[tuple[str, tuple[str, ...]]]:
        out = list(self._exact.get(word, ()))
        for length in self._lengths:
            out += self._prefix.get(word[:length], ()) if len(word) >= length else ()
        return out

    def _slurs(self, words: list[str]) -> set[str]:
        if not self._hashed:
            return set()
        found = (self._hashed.get(_digest(word)) for word in set(words) if 2 < len(word) < 14)
        return {category for category in found if category is not None}


def _digest(word: str) -> str:
    return hashlib.blake2b(word.encode("utf-8", "replace"), digest_size=8).hexdigest()


def _match(parts: tuple[str, ...], words: list[str], start: int) -> int | None:
    """Return the index after the last word of the phrase, or None if it does not stand at `start`."""
    at = start
    gap = 0
    for part in parts:
        if part == "...":
            gap = _GAP
            continue
        for skip in range(gap + 1):
            if at + skip < len(words) and _same(part, words[at + skip]):
                at += skip + 1
                break
        else:
            return None
        gap = 0
    return at


def _same(part: str, word: str) -> bool:
    if part.endswith("*"):
        return word.startswith(part[:-1])
    return word == part or word in _CLASSES.get(part, ())


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
