# cython: boundscheck=True, wraparound=False, initializedcheck=False, nonecheck=True, cdivision=True
"""Writing ids out and finding them: some for every decision, so compiled (types: `_ids.pxd`)."""

from __future__ import annotations

from typing import Any

try:
    import cython
except ImportError:  # Cython is a build tool; plain Python needs only its names
    from fastpath import _nocython as cython

_ALPHABET = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ"
_DIGITS = memoryview(_ALPHABET)
_CHARS = 26
_MASK = 0xFFFFFFFFFFFFFFFF
_NONE = 255
_BASE = 48
#: Value of each character from `0` to `Z`; I, L, O and U are none.
_VALUES = memoryview(bytes(_ALPHABET.find(bytes([_BASE + i])) & 255 for i in range(43)))


class Packed:
    """Ids of 16 bytes each behind one prefix, see `idlist`.

    Args:
        prefix: ASCII. blob: The bytes of all ids.
    """

    def __init__(self, prefix: str, blob: Any) -> None:
        self.form = prefix.encode("ascii") + bytes(_CHARS)
        self.out = bytearray(self.form)
        self.start = len(prefix)
        self.blob = memoryview(blob)

    def text(self, number: Any) -> str:
        """Return the id of a number: the prefix and 26 base-32 characters."""
        high = low = 0
        for i in range(16 * number, 16 * number + 8):
            high = (high << 8) | self.blob[i]
            low = (low << 8) | self.blob[i + 8]
        # Compiled, nobody else runs until the text is made of it.
        out = self.out if cython.compiled else bytearray(self.form)
        place = self.start + _CHARS
        while place > self.start:
            place -= 1
            out[place] = _DIGITS[low & 31]
            low = (low >> 5) | ((high & 31) << 59)
            high = high >> 5
        return out.decode("ascii")

    def number(self, name: str, count: Any) -> Any:
        """Return the number of an id among so many sorted ones, or -1."""
        raw = name.encode("utf-8", "replace")
        end = self.start + _CHARS
        if len(raw) != end or raw[: self.start] != self.form[: self.start]:
            return -1
        high = low = 0
        for i in range(self.start, end):
            code = raw[i] - _BASE
            value = _VALUES[code] if 0 <= code < len(_VALUES) else _NONE
            # 26 characters hold 130 bits: the first may not be above 7.
            if value == _NONE or (i == self.start and value > 7):
                return -1
            high = ((high << 5) | (low >> 59)) & _MASK
            low = ((low << 5) | value) & _MASK
        first = 0
        last = count
        while first < last:
            middle = (first + last) // 2
            if self._before(middle, high, low):
                first = middle + 1
            else:
                last = middle
        if first < count and not self._after(first, high, low):
            return first
        return -1

    def _before(self, number: Any, high: Any, low: Any) -> Any:
        """Return whether the id of a number stands before one of these 128 bits."""
        own = self._half(16 * number)
        return own < high or (own == high and self._half(16 * number + 8) < low)

    def _after(self, number: Any, high: Any, low: Any) -> Any:
        own = self._half(16 * number)
        return own > high or (own == high and self._half(16 * number + 8) > low)

    def _half(self, at: Any) -> Any:
        """Return 64 bits of the ids."""
        bits = 0
        for i in range(at, at + 8):
            bits = (bits << 8) | self.blob[i]
        return bits
