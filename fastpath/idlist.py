"""Ids in little room: 128 bits each where all are as `domain.ids` makes them, else as text."""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Sequence
from functools import cache
from typing import Any, Final, overload

import numpy as np

from fastpath._ids import Packed

_CROCKFORD: Final = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
_CHARS: Final = 26
_BYTES: Final = 16
_CHUNK: Final = 1 << 13
#: No pair of characters; the first pair of an id is below the other, else it needs more than 128 bits.
_ODD: Final = 0xFFFF
_MOST_FIRST: Final = 1 << 8
#: 26 characters hold 130 bits; an id whose first is above 7 needs more than 128.
_ID: Final = re.compile(r"([a-z]{2,5}_)[0-7][0-9A-HJKMNP-TV-Z]{25}")


def pack(ids: Sequence[str]) -> tuple[str, Any, Any]:
    """Return (prefix, offsets, bytes) of some ids; the prefix is empty where they lie there as text."""
    first = _ID.fullmatch(ids[0]) if ids else None
    prefix = first.group(1) if first else ""
    joined = "".join(ids)
    if prefix and joined.isascii() and set(map(len, ids)) == {len(prefix) + _CHARS}:
        letters = np.frombuffer(joined.encode("ascii"), dtype=np.uint8).reshape(len(ids), -1)
        head = np.frombuffer(prefix.encode("ascii"), dtype=np.uint8)
        if (letters[:, : len(head)] == head).all() and (blob := _squeeze(letters)) is not None:
            return prefix, np.zeros(1, dtype=np.int64), blob
    parts = [one.encode("utf-8", "replace") for one in ids]
    offsets = np.concatenate([[0], np.cumsum([len(part) for part in parts], dtype=np.int64)])
    return "", offsets, np.frombuffer(b"".join(parts), dtype=np.uint8)


@cache
def _pairs() -> Any:
    """Return the ten bits of every two characters, as they lie in memory; `_ODD` where one is no digit."""
    values = np.full(256, -1, dtype=np.int64)
    values[list(_CROCKFORD.encode())] = np.arange(len(_CROCKFORD))
    table = values[:, None] << 5 | values
    table[(values < 0)[:, None] | (values < 0)] = _ODD
    # The first character is the low byte.
    return np.ascontiguousarray(table.T).astype("<u2").reshape(-1)


def _squeeze(letters: Any) -> Any:
    """Return the 128-bit numbers of ids of one width, big-endian, or None if one is not a number in base 32."""
    table = _pairs()
    out = np.empty((len(letters), 2), dtype=">u8")
    for start in range(0, len(letters), _CHUNK):
        said = np.ascontiguousarray(letters[start : start + _CHUNK, -_CHARS:]).view("<u2")
        pairs = table[said.T]
        if pairs.max() == _ODD or pairs[0].max() >= _MOST_FIRST:
            return None
        part = pairs.astype(np.uint64)
        high, low = part[6] >> np.uint64(4), part[6] << np.uint64(60)
        for column, pair in enumerate(part[:6]):
            high |= pair << np.uint64(56 - 10 * column)
        for column, pair in enumerate(part[7:]):
            low |= pair << np.uint64(50 - 10 * column)
        out[start : start + _CHUNK, 0] = high
        out[start : start + _CHUNK, 1] = low
    return out.view(np.uint8).reshape(-1)


class IdList(Sequence[str]):
    """Ids read from the bytes of `pack` when asked for.

    Args:
        prefix, offsets, blob: As `pack` returned them.
    """

    def __init__(self, prefix: str, offsets: Any, blob: Any) -> None:
        self._prefix = prefix
        self._offsets = offsets
        self._blob = memoryview(blob)
        self._packed = Packed(prefix, self._blob)
        self._count = len(blob) // _BYTES if prefix else len(offsets) - 1

    def __len__(self) -> int:
        return self._count

    @overload
    def __getitem__(self, number: int) -> str: ...
    @overload
    def __getitem__(self, number: slice) -> Sequence[str]: ...
    def __getitem__(self, number: int | slice) -> str | Sequence[str]:
        if isinstance(number, slice):
            return [self[i] for i in range(*number.indices(self._count))]
        if not -self._count <= number < self._count:
            raise IndexError(number)
        at = number % self._count
        if self._prefix:
            return str(self._packed.text(at))
        return str(self._raw(at), "utf-8")

    def __contains__(self, name: object) -> bool:
        return isinstance(name, str) and self.number(name) >= 0

    def number(self, name: str) -> int:
        """Return the number of an id among sorted ones, or -1."""
        if self._prefix:
            return int(self._packed.number(str(name), self._count))
        wanted = name.encode("utf-8", "replace")
        at = bisect_left(range(self._count), wanted, key=self._raw)
        return at if at < self._count and self._raw(at) == wanted else -1

    def _raw(self, number: int) -> bytes:
        return bytes(self._blob[self._offsets[number] : self._offsets[number + 1]])
