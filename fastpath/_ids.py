# cython: boundscheck=True, wraparound=False, initializedcheck=False, nonecheck=True, cdivision=True
"""Writing an id out: some for every decision, so compiled (types: `_ids.pxd`)."""

from __future__ import annotations

from typing import Any

_DIGITS = memoryview(b"0123456789ABCDEFGHJKMNPQRSTVWXYZ")
_CHARS = 26


class Packed:
    """Ids of 16 bytes each behind one prefix, see `idlist`.

    Args:
        prefix: ASCII. blob: The bytes of all ids.
    """

    def __init__(self, prefix: str, blob: Any) -> None:
        self.form = prefix.encode("ascii") + bytes(_CHARS)
        self.start = len(prefix)
        self.blob = memoryview(blob)

    def text(self, number: Any) -> str:
        """Return the id of a number: the prefix and 26 base-32 characters."""
        high = low = 0
        for i in range(16 * number, 16 * number + 8):
            high = (high << 8) | self.blob[i]
            low = (low << 8) | self.blob[i + 8]
        out = bytearray(self.form)
        place = self.start + _CHARS
        while place > self.start:
            place -= 1
            out[place] = _DIGITS[low & 31]
            low = (low >> 5) | ((high & 31) << 59)
            high = high >> 5
        return out.decode("ascii")
