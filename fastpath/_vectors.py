# cython: boundscheck=True, wraparound=False, initializedcheck=False, nonecheck=True, cdivision=True
"""The inner loops of matching by meaning: word pieces, a query vector, and the ads nearest to it.

One source, compiled or not (types and the innermost loops: `_vectors.pxd`). Every sum is a whole number, so
the same text finds the same ads with the same similarity on any machine, in either form.
"""

from __future__ import annotations

from array import array
from math import isqrt
from typing import Any

import numpy as np

try:
    import cython
except ImportError:  # Cython is a build tool; plain Python needs only its names
    from fastpath import _nocython as cython

DIM = 256
PPM = 1_000_000
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
        tables: Has `piece_slots`, `piece_rows`, `piece_vectors`, `piece_weights`, `ad_vectors`,
            `ad_vector_norms`, `ad_vector_bits` as in `layout.ARRAYS`.
    """

    def __init__(self, tables: Any) -> None:
        self.slots = memoryview(tables.piece_slots)
        self.mask = len(tables.piece_slots) - 1
        self.rows = memoryview(tables.piece_rows)
        self.pieces = memoryview(tables.piece_vectors)
        self.weights = memoryview(tables.piece_weights)
        self.ads = memoryview(tables.ad_vectors)
        self.norms = memoryview(tables.ad_vector_norms)
        self.bits = memoryview(tables.ad_vector_bits)
        self.count = len(tables.ad_vector_norms)

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
                row = self._find(_finish(h))
                if row >= 0:
                    best = row
                    stop = i + 1
            if best < 0:
                return found
            _add(sums, self.pieces, best, self.weights[best])
            found += 1
            start = stop
        return found

    def _find(self, wanted: Any) -> Any:
        at = wanted & self.mask
        while True:
            seen = self.slots[at]
            if seen == wanted:
                return self.rows[at]
            if seen == 0:
                return -1
            at = (at + 1) & self.mask

    def nearest(self, query: Any, top: int, floor: int, keep: int) -> list[tuple[int, int]]:
        """Return (ad number, similarity) of the most similar ads, best first; equal ones by number.

        Args:
            query: What `query` returned.
            top: Most ads to return.
            floor: Least similarity, parts per million.
            keep: How many ads the comparison of signs lets through to the comparison of numbers.

        Returns:
            Similarity is the cosine in parts per million.
        """
        return self._nearest(query, top, floor, keep)  # type: ignore[no-any-return]  # a list, in both forms

    def _nearest(self, query: Any, top: Any, floor: Any, keep: Any) -> Any:
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
            numbers = _candidates(self.bits, signs, self.count, keep)
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
            ppm = product * PPM * PPM // (length * self.norms[number])
            if ppm >= floor:
                found.append((-ppm, number))
        found.sort()
        return [(number, -ppm) for ppm, number in found[:top]]
