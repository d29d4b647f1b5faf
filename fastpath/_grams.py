# cython: boundscheck=True, wraparound=False, initializedcheck=False, nonecheck=True, cdivision=True
"""The inner loop of the gate's linear model: the sum of the weights of a text's n-grams, window by window.

One source, compiled or not (types: `_grams.pxd`). The hashes are those of `model.hash_grams`, which training
uses; a test holds the two together.
"""

from __future__ import annotations

from array import array
from typing import Any

_MASK = 0xFFFFFFFF
_MIX = 0x9E3779B1
_STEP = 0x85EBCA6B
_PAIR = 0xC2B2AE35
_WORD = 0x27D4EB2F
_BLANK = 32
_TOP_POINT = 0xFFFF
_LONGEST = 5


def window_sum(text: str, weights: Any, bits: int, window: int, stride: int) -> Any:
    """Return (highest sum of weights of any window, length in points, highest point) of a folded text.

    Args:
        text: Folded text.
        weights: int8 buffer of 2**bits weights.
        bits: Size of the table.
        window: Points per window; a shorter text is one window.
        stride: Points between the starts of two windows.
    """
    return _window_sum(text, memoryview(weights), bits, window, stride)


def _window_sum(  # noqa: C901 - one pass over the points
    text: Any, weights: Any, bits: Any, window: Any, stride: Any
) -> Any:
    points = array("I", bytes(4 * (len(text) + 2 + _LONGEST)))
    length = 1
    points[0] = _BLANK
    top = _BLANK
    for k in range(len(text)):
        c = text[k]
        if c == "'":
            continue
        code = ord(c)
        if code < 128:
            if 48 <= code <= 57:
                code = 48
            elif not (97 <= code <= 122 or 65 <= code <= 90):
                code = _BLANK
        elif code >= _TOP_POINT or not c.isalnum():
            code = _BLANK
        elif c.isdigit():
            code = 48
        top = code if code > top else top
        points[length] = code
        length += 1
    points[length] = _BLANK
    length += 1
    if length < _LONGEST:
        for k in range(_LONGEST):
            points[length + k] = _BLANK
        length += _LONGEST
    shift = 32 - bits
    sums = array("q", bytes(8 * (length + 1)))
    word = 0
    power = 0
    before = 0
    start = -1
    previous = -1
    for i in range(length):
        mixed = (points[i] * _MIX) & _MASK
        gram = mixed
        total = 0
        for k in range(i + 1, min(i + _LONGEST, length)):
            gram = (gram * _STEP + points[k] * _MIX) & _MASK
            total += weights[gram >> shift]
        sums[i + 1] += total
        if points[i] != _BLANK:
            if start < 0:
                start = i - 1
                word = 0
                power = 1
            power = (power * _STEP) & _MASK
            word = (word + mixed * power) & _MASK
        elif start >= 0:
            word = (word * _WORD) & _MASK
            sums[start + 1] += weights[word >> shift]
            if previous >= 0:
                gram = (before * _PAIR + word) & _MASK
                sums[previous + 1] += weights[gram >> shift]
            previous = start
            before = word
            start = -1
    for i in range(length):
        sums[i + 1] += sums[i]
    if length <= window:
        return sums[length], length, top
    last = length - window
    best = sums[length] - sums[last]
    for i in range(0, last, stride):
        total = sums[i + window] - sums[i]
        best = total if total > best else best
    return best, length, top
