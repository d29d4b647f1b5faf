"""Compile time: many strings as one run of bytes, hashed, compared and gathered without a loop over them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final, NamedTuple

import numpy as np

from fastpath import _bulk
from fastpath.compile_rows import whole

#: Stands behind every string; none contains it.
SEPARATOR: Final = "\x1f"
_CODE: Final = ord(SEPARATOR)
_BLANK: Final = ord(" ")
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
        data = SEPARATOR.join([*texts, ""]).encode("utf-8", "surrogatepass")
        return cls.cut(np.frombuffer(data, dtype=np.uint8))

    @classmethod
    def cut(cls, blob: Any) -> Strings:
        """Return the strings of a run of bytes, in which the separator stands behind each."""
        ends = np.flatnonzero(blob == _CODE)
        starts = np.concatenate([[0], ends + 1])[:-1]
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

    def alone(self) -> Strings:
        """Return the same strings in a run of bytes of their own, one behind the other."""
        _, blob = self._copied(self.lengths + 1)
        return Strings.cut(blob)

    def texts(self) -> list[str]:
        """Return the strings as Python knows them."""
        whole = self._separated()
        return str(whole[:-1], "utf-8", "surrogatepass").split(SEPARATOR) if whole else []

    def spelled(self) -> list[bytes]:
        """Return their UTF-8."""
        whole = self._separated()
        return whole[:-1].split(SEPARATOR.encode()) if whole else []

    def _separated(self) -> bytes:
        return bytes(self._copied(self.lengths + 1)[1])

    def _copied(self, lengths: Any) -> tuple[Any, Any]:
        offsets = np.concatenate([[0], np.cumsum(lengths, dtype=np.int64)])
        out = np.empty(int(offsets[-1]), dtype=np.uint8)
        _bulk.copy_rows(self.blob.data, whole(self.starts), whole(lengths), out.data)
        return offsets, out


def hashes(seed: int, strings: Strings) -> Any:
    """Return what `_core.hash_text` says of each string's bytes; the same for ASCII."""
    out = np.empty(len(strings.starts), dtype=np.uint64)
    starts, lengths = whole(strings.starts), whole(strings.lengths)
    _bulk.hash_rows(seed, strings.blob.data, starts, lengths, out.data)
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
