# cython: boundscheck=True, wraparound=False, initializedcheck=False, nonecheck=True, cdivision=True
"""The inner loops of matching by meaning: word pieces, a query vector, and the ads nearest to it.

One source, compiled or not (types and the innermost loops: `_vectors.pxd`). Every sum is a whole number, so
the same text finds the same ads with the same similarity on any machine, in either form.
"""

from __future__ import annotations

from array import array
from collections.abc import Sequence
from math import isqrt
from typing import Any

import numpy as np

try:
    import cython
except ImportError:  # Cython is a build tool; plain Python needs only its names
    from fastpath import _nocython as cython

DIM = 256
PPM = 1_000_000
#: Share of a word of an ad's text that counts whole.
WHOLE = 2
_DIM = 256
_WORDS = 4
_MASK = 0xFFFFFFFFFFFFFFFF
_PRIME = 0x9E3779B97F4A7C15
_MIX = 0xBF58476D1CE4E5B9
#: Where the hash of a piece starts that begins a word, and of one that goes on with it.
_FIRST = 0x51ED270B0A1F39C1
_NEXT = 0x2545F4914F6CDD1D
_LONGEST_PIECE = 18
_LONGEST_WORD = 100
#: Of the words of one turn, rarest first, so many pairs of word and ad are looked at.
_MOST_PAIRS = 16_384
_PPM = 1_000_000
_BUCKETS = 256
_SHIFT = 1 << 32
_NUMBER = 0xFFFFFFFF
#: What the words an ad answers count beside the nearness of meaning; chosen in `benchmarks/relevance.py`.
_WORDS_COUNT, _ALL_COUNT = 3, 7


def _step(h: Any, code: Any) -> Any:
    h = ((h ^ code) * _PRIME) & _MASK
    return h ^ (h >> 29)


def _finish(h: Any) -> Any:
    h = ((h ^ (h >> 32)) * _MIX) & _MASK
    h ^= h >> 31
    return h if h else 1


def piece_hash(piece: str, inside: bool) -> int:
    """Return the 64-bit hash of a word piece; never 0.

    Args:
        piece: Its letters, without the mark ## of a piece inside a word.
        inside: Whether it had that mark.
    """
    h: Any = _NEXT if inside else _FIRST
    for i in range(len(piece)):
        h = _step(h, ord(piece[i]))
    return int(_finish(h))


def open_table(names: Sequence[str]) -> tuple[Any, Any]:
    """Return the open-addressing table of words or word pieces, at most half full: (slots, numbers).

    Args:
        names: Numbered in order; a leading ## marks a piece inside a word.
    """
    size = 8
    while size < 2 * len(names) + 1:
        size *= 2
    slots = [0] * size
    numbers = [-1] * size
    for number, name in enumerate(names):
        letters = name.removeprefix("##")
        wanted = piece_hash(letters, letters != name)
        at = wanted & (size - 1)
        while slots[at]:
            at = (at + 1) & (size - 1)
        slots[at] = wanted
        numbers[at] = number
    return np.array(slots, dtype="<u8"), np.array(numbers, dtype="<i4")


def _find(slots: Any, numbers: Any, wanted: Any) -> Any:
    mask = len(slots) - 1
    at = wanted & mask
    while True:
        seen = slots[at]
        if seen == wanted:
            return numbers[at]
        if seen == 0:
            return -1
        at = (at + 1) & mask


def _add(sums: Any, vectors: Any, row: Any, weight: Any) -> Any:
    """Add a weighted row of the table to the sums."""
    if cython.compiled:
        parley_add(  # type: ignore[name-defined]  # noqa: F821 - of the .pxd
            cython.address(sums[0]), cython.address(vectors[row * _DIM]), weight, _DIM
        )
    else:
        view = np.frombuffer(sums, dtype=np.int32)
        view += weight * np.asarray(vectors[row * _DIM : row * _DIM + _DIM], dtype=np.int32)


def _candidates(bits: Any, query: Any, count: Any, keep: Any) -> Any:
    """Return the numbers of the rows whose signs differ least from the query's; equal ones: the first."""
    if cython.compiled:
        room = 4 * keep
        numbers = array("i", bytes(4 * room))
        apart = array("i", bytes(4 * room))
        left: Any = numbers
        right: Any = apart
        held = parley_nearest(  # type: ignore[name-defined]  # noqa: F821 - of the .pxd
            cython.address(bits[0]),
            cython.address(query[0]),
            count,
            keep,
            room,
            cython.address(left[0]),
            cython.address(right[0]),
        )
        return numbers[:held]
    rows = np.asarray(bits).reshape(count, _WORDS)
    apart = np.bitwise_count(rows ^ np.asarray(query)).sum(axis=1)
    return array("i", sorted(np.argsort(apart, kind="stable")[:keep].tolist()))


def _products(vectors: Any, query: Any, numbers: Any) -> Any:
    """Return the inner product of each numbered ad with the query."""
    if cython.compiled:
        out = array("i", bytes(4 * len(numbers)))
        sums: Any = out
        for i in range(len(numbers)):
            sums[i] = parley_product(  # type: ignore[name-defined]  # noqa: F821 - of the .pxd
                cython.address(vectors[numbers[i] * _DIM]), cython.address(query[0]), _DIM
            )
        return out
    chosen = np.asarray(vectors).reshape(-1, _DIM)[np.asarray(numbers)].astype(np.int32)
    return array("i", (chosen @ np.asarray(query, dtype=np.int32)).tolist())


class Vectors:
    """The query table and the ads' vectors of one snapshot.

    Args:
        tables: Has the arrays `piece_…`, `ad_vector…` and `word_…` of `layout.ARRAYS`.
    """

    def __init__(self, tables: Any) -> None:
        self.slots = memoryview(tables.piece_slots)
        self.rows = memoryview(tables.piece_rows)
        self.pieces = memoryview(tables.piece_vectors)
        self.weights = memoryview(tables.piece_weights)
        self.ads = memoryview(tables.ad_vectors)
        self.norms = memoryview(tables.ad_vector_norms)
        self.bits = memoryview(tables.ad_vector_bits)
        self.count = len(tables.ad_vector_norms)
        self.word_slots = memoryview(tables.word_slots)
        self.word_rows = memoryview(tables.word_rows)
        self.word_weights = memoryview(tables.word_weights)
        self.word_offsets = memoryview(tables.word_offsets)
        self.word_ads = memoryview(tables.word_ads)
        self.word_shares = memoryview(tables.word_shares)

    def query(self, text: str) -> Any:
        """Return the vector of a text, or None if nothing in it is known.

        Args:
            text: Folded and without accents; words are runs of a-z and 0-9. At most 4,000 characters:
                more could leave 32 bits.

        Returns:
            `array("b")` of 256 numbers, the largest ±127.
        """
        sums: Any = array("i", bytes(4 * _DIM))
        total = min(len(text), 4_000)
        known = 0
        at = 0
        while at < total:
            end = at
            plain = True
            while end < total:
                code = ord(text[end])
                if code > 127:
                    plain = False  # another script: its word has no vector, its neighbours do
                elif not (97 <= code <= 122 or 48 <= code <= 57):
                    break
                end += 1
            if end > at and plain and end - at <= _LONGEST_WORD:
                known += self._word(text, at, end, sums)
            at = end + 1
        most = 0
        for i in range(_DIM):
            value = sums[i]
            value = value if value >= 0 else -value
            most = max(most, value)
        if known == 0 or most == 0:
            return None
        out = array("b", bytes(_DIM))
        for i in range(_DIM):
            value = sums[i]
            if value >= 0:
                out[i] = (254 * value + most) // (2 * most)
            else:
                out[i] = -((most - 254 * value) // (2 * most))
        return out

    def _word(self, text: Any, at: Any, end: Any, sums: Any) -> Any:
        """Add the pieces of one word, longest first as BERT cuts it; returns how many there were."""
        start = at
        found = 0
        while start < end:
            h = _FIRST if start == at else _NEXT
            best = -1
            stop = start
            last = min(end, start + _LONGEST_PIECE)
            for i in range(start, last):
                h = _step(h, ord(text[i]))
                row = _find(self.slots, self.rows, _finish(h))
                if row >= 0:
                    best = row
                    stop = i + 1
            if best < 0:
                return found
            _add(sums, self.pieces, best, self.weights[best])
            found += 1
            start = stop
        return found

    def said(self, text: str) -> Any:
        """Return what the words of a text say about the ads.

        Args:
            text: As for `query`.

        Returns:
            (weights by ad, ads with any, how many those are, weight of all words), the first two
            `array("i")`; weights in parts per million of the most telling word. A word that no ad has weighs
            a whole one.
        """
        sums: Any = array("i", (0,)) * self.count
        touched: Any = array("i", (0,)) * min(self.count, _MOST_PAIRS)
        total, held = self._said(text, sums, touched)
        return sums, touched, held, total

    def _said(self, text: Any, sums: Any, touched: Any) -> Any:
        known: set[int] = set()
        heard: set[int] = set()
        total = 0
        end = min(len(text), 4_000)
        at = 0
        while at < end:
            h = _FIRST
            start = at
            while at < end:
                code = ord(text[at])
                if not (97 <= code <= 122 or 48 <= code <= 57 or code > 127):
                    break
                h = _step(h, code)
                at += 1
            if at - start >= 2:
                row = _find(self.word_slots, self.word_rows, _finish(h))
                if row >= 0:
                    known.add(row)
                elif _finish(h) not in heard:
                    heard.add(_finish(h))
                    total += _PPM
            at += 1
        pairs = 0
        held = 0
        # A word that many ads have says little: it is the first to be left out.
        for row in sorted(known, key=self._rarity):
            weight = self.word_weights[row]
            total += weight
            if weight < 2:
                continue
            pairs += self.word_offsets[row + 1] - self.word_offsets[row]
            if pairs > _MOST_PAIRS:
                continue
            for k in range(self.word_offsets[row], self.word_offsets[row + 1]):
                number = self.word_ads[k]
                if sums[number] == 0:
                    touched[held] = number
                    held += 1
                sums[number] += weight * self.word_shares[k] // 2
        return total, held

    def _rarity(self, row: int) -> tuple[int, int]:
        return -int(self.word_weights[row]), row

    def nearest(
        self, text: str, top: int, floor: int, least: int, keep: int
    ) -> list[tuple[int, int]]:
        """Return (ad number, relevance) of the ads nearest to a text, best first; equal ones by number.

        Args:
            text: As for `query`.
            top: Most ads to return.
            floor: Least relevance, parts per million.
            least: Least cosine, parts per million.
            keep: How many ads each of the two quick looks, at signs and at words, lets through to the
                exact comparison.

        Returns:
            Relevance in parts per million: four sevenths nearness of meaning (the cosine), three sevenths
            the share of the words said that the ad's own text has, by weight.
        """
        query = self.query(text)
        if query is None or self.count == 0:
            return []
        sums, touched, held, total = self.said(text)
        found = self._nearest(query, sums, touched, held, total, floor, least, keep)
        found.sort()
        return [(key & _NUMBER, -(key >> 32)) for key in found[:top]]

    def _nearest(
        self,
        query: Any,
        words: Any,
        touched: Any,
        held: Any,
        total: Any,
        floor: Any,
        least: Any,
        keep: Any,
    ) -> Any:
        """Return `-relevance << 32 | ad number` of every ad from the floor on, in no order."""
        view: Any = query
        if keep >= self.count:
            numbers: Any = array("i", range(self.count))
        else:
            signs = array("Q", bytes(8 * _WORDS))
            marks: Any = signs
            bit: Any = 1
            for i in range(_DIM):
                if view[i] > 0:
                    marks[i >> 6] |= bit << (i & 63)
            near = _candidates(self.bits, signs, self.count, keep)
            numbers = array("i", sorted({*near, *self._worded(words, touched, held, total, keep)}))
        which: Any = numbers
        products: Any = _products(self.ads, view, which)
        size = 0
        for i in range(_DIM):
            size += view[i] * view[i]
        length = isqrt(size * PPM)
        found = []
        for i in range(len(numbers)):
            number = which[i]
            product = products[i]
            if product <= 0 or self.norms[number] <= 0:
                continue
            # Both lengths are in thousandths.
            ppm = product * _PPM * _PPM // (length * self.norms[number])
            if ppm < least:
                continue
            ppm *= _ALL_COUNT - _WORDS_COUNT
            if total > 0:
                word = words[number]
                ppm += _WORDS_COUNT * (word * _PPM // total)
            ppm = ppm // _ALL_COUNT
            if ppm >= floor:
                key = -ppm
                found.append(key * _SHIFT + number)
        return found

    def _worded(self, words: Any, touched: Any, held: Any, total: Any, keep: Any) -> Any:
        """Return the ads with the largest share of the words; of equal ones the first found."""
        out: list[int] = []
        if total <= 0:
            return out
        seen = array("i", (0,)) * (_BUCKETS + 1)
        counts: Any = seen
        for i in range(held):
            word = words[touched[i]]
            counts[word * _BUCKETS // total] += 1
        left = keep
        at = _BUCKETS
        while at > 0 and counts[at] <= left:
            left -= counts[at]
            at -= 1
        for i in range(held):
            number = touched[i]
            word = words[number]
            bucket = word * _BUCKETS // total
            if bucket > at:
                out.append(number)
            elif bucket == at and left > 0:
                out.append(number)
                left -= 1
        return out
