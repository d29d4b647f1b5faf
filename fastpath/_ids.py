# cython: boundscheck=True, wraparound=False, initializedcheck=False, nonecheck=True, cdivision=True
"""Writing an id out: some for every decision, so compiled (types: `_ids.pxd`)."""

from __future__ import annotations

from typing import Any

_DIGITS = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ"


def crockford(blob: Any, at: int) -> str:
    """Return the 26 base-32 characters of the 16 bytes of `blob` from `at` on, see `idlist`."""
    return str(_crockford(blob, at), "ascii")


def _crockford(blob: Any, at: Any) -> Any:
    out = bytearray(26)
    rest = 0
    bits = 2
    place = 0
    for i in range(at, at + 16):
        rest = (rest << 8 | blob[i]) & 0xFFFF
        bits += 8
        while bits >= 5:
            bits -= 5
            digit = rest >> bits & 31
            out[place] = _DIGITS[digit]
            place += 1
    return out
