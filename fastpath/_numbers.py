# cython: boundscheck=True, wraparound=False, initializedcheck=False, nonecheck=True, cdivision=True
"""What the numbers of a text say: a price, the name of a model. One source, compiled or not (`_numbers.pxd`)."""

from __future__ import annotations

from typing import Any

from fastpath._points import Points, reader

PRICE, MODEL = 1, 2
_PRICE, _MODEL = 1, 2
_SHORTEST = 3
#: Kinds of characters, as in `_points`.
_INNER, _DECIMAL, _BLANK = 16, 32, 512


def numbers(folded: str, signs: str, units: tuple[str, ...], limits: tuple[str, ...]) -> int:
    """Return `PRICE` and `MODEL` bits of a folded text; see `numbers_in`."""
    points = reader().read(folded)
    found: int = numbers_in(points, signs, units, limits)
    reader().give(points)
    return found


def numbers_in(points: Points, signs: str, units: tuple[str, ...], limits: tuple[str, ...]) -> int:
    """Return `PRICE` and `MODEL` bits of a folded text.

    A price has a sign before it or a unit behind it, a blank between them or not, or a limit ("under ") before
    it. A model name is a word of at least three letters a to z and digits 0 to 9, of both kinds.

    Args:
        points: The text.
        signs: Signs of currencies.
        units: What stands behind a price.
        limits: Words that stand before one, each with its blank.
    """
    if not points.seen & _DECIMAL:
        return 0
    found: int = _numbers(points, signs, units, limits)
    return found


def _numbers(points: Any, signs: Any, units: Any, limits: Any) -> Any:
    codes = points.codes
    kinds = points.kinds
    found = 0
    total = points.total
    i = 0
    while i < total:
        if not kinds[i] & _INNER:
            i += 1
            continue
        start = i
        digits = False
        letters = False
        plain = True
        while kinds[i] & _INNER:
            code = codes[i]
            if 97 <= code <= 122:
                letters = True
            elif kinds[i] & _DECIMAL:
                digits = True
                plain = plain and code < 128
                if not found & _PRICE and _price(points, i, signs, units, limits):
                    found |= _PRICE
            else:
                plain = False
            i += 1
        if digits and letters and plain and i - start >= _SHORTEST:
            found |= _MODEL
    return found


def _price(points: Any, at: Any, signs: Any, units: Any, limits: Any) -> Any:
    """Return whether what stands beside a digit makes it a price."""
    text = points.text
    kinds = points.kinds
    if at > 0:
        before = text[at - 1]
        if before in signs or (at > 1 and kinds[at - 1] & _BLANK and text[at - 2] in signs):
            return True
        if before == " ":
            for limit in limits:
                start = at - len(limit)
                if start < 0 or (start > 0 and kinds[start - 1] & _INNER):
                    continue
                if text.startswith(limit, start):
                    return True
    end = at + 1
    if end >= points.total or kinds[end] & _DECIMAL:
        return False
    if text.startswith(units, end):
        return True
    return bool(kinds[end] & _BLANK) and text.startswith(units, end + 1)
