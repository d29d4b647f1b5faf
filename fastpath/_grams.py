# cython: boundscheck=True, wraparound=False, initializedcheck=False, nonecheck=True, cdivision=True
"""The inner loop of the gate's linear model: the sum of the weights of a text's n-grams, window by window.

One source, compiled or not (types: `_grams.pxd`). The hashes are those of `model.hash_grams`, which training
uses; a test holds the two together.
"""

from __future__ import annotations

from array import array
from typing import Any

from fastpath._points import Points, reader

_MASK = 0xFFFFFFFF
_MIX = 0x9E3779B1
_STEP = 0x85EBCA6B
_PAIR = 0xC2B2AE35
_WORD = 0x27D4EB2F
_BLANK = 32
_TOP_POINT = 0xFFFF
_LONGEST = 5
#: Texts up to this length share scratch; longer ones bring their own.
_SHARED = 4_096
#: Kinds of characters, as in `_points`.
_ALNUM, _DIGIT = 4, 64


def window_sum(text: str, weights: Any, bits: int, window: int, stride: int) -> Any:
    """Return what `Grams.sum_in` returns, for a folded text."""
    points = reader().read(text)
    found = Grams(weights, bits, window, stride).sum_in(points)
    reader().give(points)
    return found


class Scratch:
    """Letters of one text, mixed, and running sums. Sums take one from the pool and give it back.

    Args:
        total: Most characters of a text.
    """

    def __init__(self, total: int) -> None:
        self.letters = array("I", bytes(4 * (total + 2 + _LONGEST)))
        self.mixed = array("I", bytes(4 * (total + 2 + _LONGEST)))
        self.sums = array("q", bytes(8 * (total + 3 + _LONGEST)))


class Grams:
    """The weights of all n-grams.

    Args:
        weights: int8 buffer of 2**bits weights.
        bits: Size of the table.
        window: Points per window; a shorter text is one window.
        stride: Points between the starts of two windows.
    """

    def __init__(self, weights: Any, bits: int, window: int, stride: int) -> None:
        self.weights = memoryview(weights)
        self.shift = 32 - bits
        self.window = window
        self.stride = stride
        self.pool: list[Scratch] = []

    def sum_in(self, points: Points) -> tuple[int, int, int]:
        """Return (highest sum of weights of any window, length in points, highest point) of a folded text."""
        total = points.total
        shared = total <= _SHARED
        scratch = self.pool.pop() if shared and self.pool else Scratch(max(total, _SHARED))
        found: tuple[int, int, int] = self._sum(points, scratch)
        if shared:
            self.pool.append(scratch)
        return found

    def _sum(self, points: Any, scratch: Any) -> Any:
        length, top = self._letters(points, scratch)
        sums = scratch.sums
        self._characters(scratch, length)
        self._words(scratch, length)
        for i in range(length):
            sums[i + 1] += sums[i]
        if length <= self.window:
            return sums[length], length, top
        last = length - self.window
        best = sums[length] - sums[last]
        for i in range(0, last, self.stride):
            total = sums[i + self.window] - sums[i]
            best = total if total > best else best
        return best, length, top

    def _letters(self, points: Any, scratch: Any) -> Any:
        """Write down the canonical points: digits as 0, all but letters blank; returns length and highest."""
        codes = points.codes
        kinds = points.kinds
        letters = scratch.letters
        mixed = scratch.mixed
        top = _BLANK
        length = 1
        letters[0] = _BLANK
        for k in range(points.total):
            code = codes[k]
            if code == 39:
                continue
            kind = kinds[k]
            if not kind & _ALNUM or code >= _TOP_POINT:
                code = _BLANK
            elif kind & _DIGIT:
                code = 48
            top = code if code > top else top
            letters[length] = code
            length += 1
        letters[length] = _BLANK
        length += 1
        if length < _LONGEST:
            for k in range(_LONGEST):
                letters[length + k] = _BLANK
            length += _LONGEST
        for k in range(length):
            mixed[k] = (letters[k] * _MIX) & _MASK
        return length, top

    def _characters(self, scratch: Any, length: Any) -> Any:
        """Write down the weights of the runs of 2 to 5 points, where they start."""
        weights = self.weights
        shift = self.shift
        mixed = scratch.mixed
        sums = scratch.sums
        sums[0] = 0
        most = length - _LONGEST + 1
        for i in range(most):
            two = (mixed[i] * _STEP + mixed[i + 1]) & _MASK
            three = (two * _STEP + mixed[i + 2]) & _MASK
            four = (three * _STEP + mixed[i + 3]) & _MASK
            five = (four * _STEP + mixed[i + 4]) & _MASK
            sums[i + 1] = (
                weights[two >> shift]
                + weights[three >> shift]
                + weights[four >> shift]
                + weights[five >> shift]
            )
        for i in range(most, length):
            gram = mixed[i]
            sums[i + 1] = 0
            for k in range(i + 1, length):
                gram = (gram * _STEP + mixed[k]) & _MASK
                sums[i + 1] += weights[gram >> shift]
        return 0

    def _words(self, scratch: Any, length: Any) -> Any:
        """Add the weights of words and of pairs of words, where they start."""
        weights = self.weights
        shift = self.shift
        letters = scratch.letters
        mixed = scratch.mixed
        sums = scratch.sums
        word = 0
        power = 0
        before = 0
        start = -1
        previous = -1
        for i in range(length):
            if letters[i] != _BLANK:
                if start < 0:
                    start = i - 1
                    word = 0
                    power = 1
                power = (power * _STEP) & _MASK
                word = (word + mixed[i] * power) & _MASK
            elif start >= 0:
                word = (word * _WORD) & _MASK
                sums[start + 1] += weights[word >> shift]
                if previous >= 0:
                    gram = (before * _PAIR + word) & _MASK
                    sums[previous + 1] += weights[gram >> shift]
                previous = start
                before = word
                start = -1
        return 0
