"""Compile time: many strings as one run of bytes, hashed, compared and gathered without a loop over them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final, NamedTuple

import numpy as np

#: Stands behind every string; none contains it.
SEPARATOR: Final = "\x1f"
_CODE: Final = ord(SEPARATOR)
_BLANK: Final = ord(" ")
#: Constants of `_core.hash_text`.
_PRIME: Final = np.uint64(0x9E3779B97F4A7C15)
_MIX: Final = np.uint64(0xBF58476D1CE4E5B9)
_STEP: Final = np.uint64(29)
_LAST: Final = np.uint64(31)
_HALF: Final = np.uint64(32)

_KINDS: Final = np.full(256, 3, dtype=np.uint8)
_KINDS[list(b"abcdefghijklmnopqrstuvwxyz0123456789")] = 0
_KINDS[_BLANK] = 1
_KINDS[_CODE] = 2


class Strings(NamedTuple):
    """Strings within one run of bytes; behind each stands the separator.

    Attributes:
        blob: uint8. starts, lengths: int64, one entry a string, in bytes.
    """

    blob: Any
    starts: Any
    lengths: Any

    @classmethod
    def of(cls, texts: Sequence[str]) -> Strings:
        """Return the UTF-8 of some strings without a separator in them."""
        if not texts:
            none = np.zeros(0, dtype=np.int64)
            return cls(np.zeros(0, dtype=np.uint8), none, none)
        data = (SEPARATOR.join(texts) + SEPARATOR).encode("utf-8", "surrogatepass")
        blob = np.frombuffer(data, dtype=np.uint8)
        ends = np.flatnonzero(blob == _CODE)
        starts = np.concatenate([[0], ends[:-1] + 1])
        return cls(blob, starts, ends - starts)

    def __add__(self, other: object) -> Strings:
        """Return these strings and others behind them."""
        assert isinstance(other, Strings)
        return Strings(
            np.concatenate([self.blob, other.blob]),
            np.concatenate([self.starts, other.starts + len(self.blob)]),
            np.concatenate([self.lengths, other.lengths]),
        )

    def take(self, numbers: Any) -> Strings:
        """Return some of the strings, in the given order; the bytes stay where they are."""
        return Strings(self.blob, self.starts[numbers], self.lengths[numbers])

    def gathered(self) -> tuple[Any, Any]:
        """Return (offsets, bytes) of the strings one behind the other, without separators."""
        return self._copied(self.lengths)

    def texts(self) -> list[str]:
        """Return the strings as Python knows them."""
        if not len(self.starts):
            return []
        _, blob = self._copied(self.lengths + 1)
        whole = str(blob.tobytes()[:-1], "utf-8", "surrogatepass")
        return whole.split(SEPARATOR)

    def _copied(self, lengths: Any) -> tuple[Any, Any]:
        offsets = np.concatenate([[0], np.cumsum(lengths)])
        places = np.repeat(self.starts - offsets[:-1], lengths)
        places += np.arange(offsets[-1])
        return offsets, self.blob[places]


def hashes(seed: int, strings: Strings) -> Any:
    """Return what `_core.hash_text` says of each string's bytes; the same for ASCII."""
    order = np.argsort(-strings.lengths, kind="stable")
    starts, lengths = strings.starts[order], strings.lengths[order]
    found = np.full(len(order), np.uint64(seed) ^ _PRIME, dtype=np.uint64)
    for at, count in _columns(lengths):
        part = found[:count]
        part ^= strings.blob[starts[:count] + at]
        part *= _PRIME
        part ^= part >> _STEP
    found ^= found >> _HALF
    found *= _MIX
    found ^= found >> _LAST
    found[found == 0] = 1
    out = np.empty_like(found)
    out[order] = found
    return out


def same(one: Strings, other: Strings) -> bool:
    """Return whether two rows of strings are equal, string by string."""
    if not np.array_equal(one.lengths, other.lengths):
        return False
    order = np.argsort(-one.lengths, kind="stable")
    left, right = one.starts[order], other.starts[order]
    return all(
        np.array_equal(one.blob[left[:count] + at], other.blob[right[:count] + at])
        for at, count in _columns(one.lengths[order])
    )


def words(strings: Strings) -> tuple[Any, Any]:
    """Return which strings are nothing but words of a-z and 0-9 with single blanks between, and their blanks."""
    if not len(strings.starts):
        return np.zeros(0, dtype=bool), np.zeros(0, dtype=np.int64)
    kinds = _KINDS[strings.blob]
    count = len(strings.starts)
    blanks = np.flatnonzero(kinds == 1)
    # Before the first string stands nothing; behind the last its separator.
    lone = (blanks > 0) & (kinds[blanks - 1] == 0) & (kinds[blanks + 1] == 0)
    odd = np.concatenate([np.flatnonzero(kinds == 3), blanks[~lone]])
    bad = strings.lengths == 0
    bad[np.searchsorted(strings.starts, odd, side="right") - 1] = True
    owners = np.searchsorted(strings.starts, blanks, side="right") - 1
    return ~bad, np.bincount(owners, minlength=count)


def _columns(lengths: Any) -> list[tuple[int, int]]:
    """Return (place, how many strings are longer) for each place; the lengths fall."""
    longest = int(lengths[0]) if len(lengths) else 0
    counts = len(lengths) - np.searchsorted(lengths[::-1], np.arange(longest), side="right")
    return list(enumerate(counts.tolist()))
