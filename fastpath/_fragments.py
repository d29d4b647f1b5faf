# cython: boundscheck=True, wraparound=False, initializedcheck=False, nonecheck=True, cdivision=True
"""Phrases of unspaced languages as a trie over characters, walked from every character of a text.

One source, compiled or not (types: `_fragments.pxd`). What a phrase means is a set of categories, one bit
each; edges of the trie stand in an open-addressed table of (node, character).
"""

from __future__ import annotations

from array import array
from collections.abc import Iterable
from typing import Any

from fastpath._points import Points, reader

_MIX = 0xBF58476D1CE4E5B9
_MASK = 0xFFFFFFFFFFFFFFFF
_ROW = 2_097_152
_FIRST = 65_536
_SHARED = 4_096
_PAIRS = 65_536
#: Kind of a blank, as in `_points`.
_BLANK = 512
#: Of a first character: a phrase of one character starts so; longer ones do.
_ALONE, _LONGER = 1, 2
#: Which neighbours a phrase must not have: none, Latin letters and digits, katakana.
ANYWHERE, LATIN, KATAKANA = 0, 1, 2


class Scratch:
    """Code points of one text, runs of blanks as one. Scans take one from the pool and give it back."""

    def __init__(self, total: int) -> None:
        self.points = array("I", bytes(4 * (total + 1)))


class Trie:
    """All phrases; immutable.

    Args:
        phrases: (phrase, bits of its categories, edge rule) triples, each phrase once.
        loose: Bits that count whatever stands beside them.
        cover: Bits of which `scan` also says whether they leave a Japanese character uncovered.
    """

    def __init__(
        self, phrases: Iterable[tuple[str, int, int]], loose: int = 0, cover: int = 0
    ) -> None:
        edges: dict[tuple[int, int], int] = {}
        accepts = [0]
        rules = [ANYWHERE]
        first = bytearray(_FIRST)
        pairs = bytearray(_PAIRS // 8)
        for phrase, bits, rule in phrases:
            node = 0
            for char in phrase:
                key = (node, ord(char))
                if key not in edges:
                    edges[key] = len(accepts)
                    accepts.append(0)
                    rules.append(ANYWHERE)
                node = edges[key]
            accepts[node] |= bits
            rules[node] = rule
            first[min(ord(phrase[0]), _FIRST - 1)] |= _ALONE if len(phrase) == 1 else _LONGER
            if len(phrase) > 1:
                pair = _pair(ord(phrase[0]), ord(phrase[1]))
                pairs[pair >> 3] |= 1 << (pair & 7)
        self.loose = loose
        self.cover = cover
        self.first = first
        #: Hashed pairs of characters that phrases start with: most places of a text end here.
        self.pairs = pairs
        self.accepts = array("Q", accepts)
        self.rules = array("B", rules)
        self.pool: list[Scratch] = []
        size = 8
        while size < 2 * len(edges) + 1:
            size *= 2
        keys = array("Q", bytes(8 * size))
        targets = array("i", bytes(4 * size))
        for (node, code), to in edges.items():
            wanted = node * _ROW + code + 1
            at = _spread(wanted) & (size - 1)
            while keys[at]:
                at = (at + 1) & (size - 1)
            keys[at] = wanted
            targets[at] = to
        self.keys = keys
        self.targets = targets
        self.mask = size - 1

    def scan(self, text: str) -> tuple[int, bool]:
        """Return (bits of the phrases in a folded text, whether the cover leaves Japanese bare); see `scan_in`."""
        points = reader().read(text)
        found: tuple[int, bool] = self.scan_in(points)
        reader().give(points)
        return found

    def scan_in(self, text: Points) -> tuple[int, bool]:
        """Return (bits of the phrases in a folded text, whether the cover leaves Japanese bare).

        Runs of blanks count as one blank. The second value ignores edge rules.
        """
        total = text.total
        shared = total <= _SHARED
        scratch = self.pool.pop() if shared and self.pool else Scratch(max(total, _SHARED))
        found: tuple[int, bool] = self._scan(text, scratch)
        if shared:
            self.pool.append(scratch)
        return found

    def _scan(self, text: Any, scratch: Any) -> Any:  # noqa: C901 - one pass over the characters
        codes = text.codes
        kinds = text.kinds
        points = scratch.points
        first = self.first
        pairs = self.pairs
        total = 0
        for k in range(text.total):
            code = codes[k]
            if kinds[k] & _BLANK:
                code = 32
                if total and points[total - 1] == 32:
                    continue
            points[total] = code
            total += 1
        found = 0
        covered = 0
        bare = False
        for i in range(total):
            code = points[i]
            kind = first[code if code < _FIRST else _FIRST - 1]
            if kind == _LONGER:
                pair = _pair(code, points[i + 1]) if i + 1 < total else -1
                if pair < 0 or not (pairs[pair >> 3] >> (pair & 7)) & 1:
                    kind = 0
            if kind:
                node = self._next(0, code)
                j = i + 1
                while node >= 0:
                    bits = self.accepts[node]
                    if bits:
                        if bits & self.cover:
                            covered = j if j > covered else covered
                        found |= bits & self.loose
                        if (bits & ~found) and self._free(self.rules[node], points, i, j, total):
                            found |= bits
                    if j >= total:
                        break
                    node = self._next(node, points[j])
                    j += 1
            if i >= covered and not bare:
                bare = _letter(code)
        return found, bare

    def _next(self, node: Any, code: Any) -> Any:
        """Return the node behind a character, or -1."""
        wanted = node * _ROW + code + 1
        at = _spread(wanted) & self.mask
        while True:
            seen = self.keys[at]
            if seen == wanted:
                return self.targets[at]
            if seen == 0:
                return -1
            at = (at + 1) & self.mask

    def _free(self, rule: Any, points: Any, start: Any, end: Any, total: Any) -> Any:
        """Return whether the neighbours of a phrase let it stand."""
        if rule == ANYWHERE:
            return True
        if start > 0 and _same(rule, points[start - 1]):
            return False
        return not (end < total and _same(rule, points[end]))


def _pair(first: Any, second: Any) -> Any:
    """Return the place of two characters in the filter."""
    return ((first * 40_503) ^ second) & (_PAIRS - 1)


def _letter(code: Any) -> Any:
    """Return whether a code point is one of the usual kana or kanji."""
    return 0x3041 <= code <= 0x3096 or 0x30A1 <= code <= 0x30FA or 0x4E00 <= code <= 0x9FFF


def _same(rule: Any, code: Any) -> Any:
    """Return whether a neighbour is of the kind that a rule forbids."""
    if rule == LATIN:
        return 97 <= code <= 122 or 48 <= code <= 57
    return 0x30A1 <= code <= 0x30FA or code == 0x30FC


def _spread(key: Any) -> Any:
    h = (key * _MIX) & _MASK
    return h ^ (h >> 31)
