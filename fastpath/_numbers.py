# cython: boundscheck=True, wraparound=False, initializedcheck=False, nonecheck=True, cdivision=True
"""What the numbers of a text say: a price, the name of a model. One source, compiled or not (`_numbers.pxd`)."""

from __future__ import annotations

from typing import Any

PRICE, MODEL = 1, 2
_SHORTEST = 3


def numbers(folded: str, signs: str, units: tuple[str, ...], limits: tuple[str, ...]) -> int:
    """Return `PRICE` and `MODEL` bits of a folded text.

    A price has a sign before it or a unit behind it, a blank between them or not, or a limit ("under ") before
    it. A model name is a word of at least three letters a to z and digits 0 to 9, of both kinds.

    Args:
        folded: The text.
        signs: Signs of currencies.
        units: What stands behind a price.
        limits: Words that stand before one, each with its blank.
    """
    found: int = _numbers(folded, signs, units, limits)
    return found


def _numbers(text: Any, signs: Any, units: Any, limits: Any) -> Any:
    found = 0
    total = len(text)
    i = 0
    while i < total:
        if not _inner(text[i]):
            i += 1
            continue
        start = i
        digits = False
        letters = False
        plain = True
        while i < total and _inner(text[i]):
            c = text[i]
            code = ord(c)
            if 97 <= code <= 122:
                letters = True
            elif _digit(c):
                digits = True
                plain = plain and code < 128
                if not found & PRICE and _price(text, i, total, signs, units, limits):
                    found |= PRICE
            else:
                plain = False
            i += 1
        if digits and letters and plain and i - start >= _SHORTEST:
            found |= MODEL
    return found


def _price(text: Any, at: Any, total: Any, signs: Any, units: Any, limits: Any) -> Any:
    """Return whether what stands beside a digit makes it a price."""
    if at > 0:
        before = text[at - 1]
        if before in signs or (at > 1 and before.isspace() and text[at - 2] in signs):
            return True
        if before == " ":
            for limit in limits:
                start = at - len(limit)
                if start < 0 or (start > 0 and _inner(text[start - 1])):
                    continue
                if text.startswith(limit, start):
                    return True
    end = at + 1
    if end >= total or _digit(text[end]):
        return False
    if text.startswith(units, end):
        return True
    return text[end].isspace() and text.startswith(units, end + 1)


def _digit(c: Any) -> Any:
    code = ord(c)
    if code < 128:
        return 48 <= code <= 57
    return c.isdecimal()


def _inner(c: Any) -> Any:
    """Return whether a character is of the kind that regular expressions call a word character."""
    code = ord(c)
    if code < 128:
        return 97 <= code <= 122 or 48 <= code <= 57 or 65 <= code <= 90 or code == 95
    return c.isalnum()
