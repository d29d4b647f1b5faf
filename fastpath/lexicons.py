"""The phrase lexicons of all configured languages, read together: what the gate and the intent find in a text.

Every lexicon is applied whatever the language of a text. A language is configured by its row in
`data/languages.tsv` and its files `gate_<language>.tsv` and `intent_<language>.tsv`.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Final

from fastpath._points import Points, reader
from fastpath.phrases import DATA, Book, Fragments, read_lexicon

_SHELVES: Final = ("gate", "intent")
_GREETING: Final = ("intent", "greeting")
_SPACED, _UNSPACED = "spaced", "unspaced"


class Lexicons:
    """The lexicons of one folder.

    Args:
        folder: Where `languages.tsv` and the files it speaks of are.
    """

    def __init__(self, folder: Path = DATA) -> None:
        languages = _languages(folder)
        self.book = Book(_shelves(folder, languages, _SPACED), _GREETING)
        self._fragments = Fragments(_shelves(folder, languages, _UNSPACED), _GREETING)

    def read(self, folded: str) -> tuple[frozenset[str], frozenset[str], bool]:
        """Return what stands in one folded text; see `read_in`."""
        points = reader().read(folded)
        found = self.read_in(points)
        reader().give(points)
        return found

    def read_in(self, points: Points) -> tuple[frozenset[str], frozenset[str], bool]:
        """Return what stands in one folded text.

        Returns:
            Categories of the gate; signals of intent; whether nothing is left once greetings and thanks
            are taken away.
        """
        (gate, signals), left = self.book.read_in(points)
        if points.text.isascii():
            return gate, signals, not left
        return self.unspaced_too(points, gate, signals, left=left)

    def unspaced_too(
        self, points: Points, gate: frozenset[str], signals: frozenset[str], *, left: bool
    ) -> tuple[frozenset[str], frozenset[str], bool]:
        """Add what is written without blanks to what the book says of a folded text; see `read_in`."""
        folded = points.text
        (more, others), bare = self._fragments.read_in(points)
        gate |= more
        signals |= others
        if bare and self.book.ascii_cover:
            return gate, signals, False
        rest = self._fragments.uncovered(folded)
        if rest != folded:
            left = self.book.read(rest)[1]
        return gate, signals, not left


def _languages(folder: Path) -> dict[str, str]:
    rows = (folder / "languages.tsv").read_text("utf-8").splitlines()
    found = dict(row.split("\t") for row in rows if row and not row.startswith("#"))
    if set(found.values()) - {_SPACED, _UNSPACED}:
        raise ValueError("languages.tsv: a language is written spaced or unspaced")
    return found


def _shelves(
    folder: Path, languages: Mapping[str, str], writing: str
) -> dict[str, list[tuple[str, str]]]:
    return {
        shelf: [
            row
            for language, how in languages.items()
            if how == writing
            for row in read_lexicon(f"{shelf}_{language}.tsv", folder)
        ]
        for shelf in _SHELVES
    }


@cache
def shipped() -> Lexicons:
    """Return the lexicons that ship with this code, read once."""
    return Lexicons()
