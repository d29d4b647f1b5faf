"""A set of names in eight bytes each: a feed of a million rows is remembered in eight megabytes."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

_Hashes = NDArray[np.uint64]


class KeySet:
    """Names seen, by 64 bits of their hash; in a million, two are taken for one once in 30 million times."""

    def __init__(self) -> None:
        self._sorted: list[_Hashes] = []

    def add(self, names: Iterable[str]) -> list[bool]:
        """Add names; tell of each whether it is new, also within the call."""
        hashes = _hashed(names)
        known = self._known(hashes)
        fresh: list[bool] = []
        seen: set[int] = set()
        for value, there in zip(hashes.tolist(), known.tolist(), strict=True):
            fresh.append(not there and value not in seen)
            seen.add(value)
        self._sorted.append(np.unique(hashes[~known]))
        # Pieces of like size are joined, so that there are few and each name is moved few times.
        while len(self._sorted) > 1 and len(self._sorted[-2]) <= 2 * len(self._sorted[-1]):
            last = self._sorted.pop()
            self._sorted[-1] = np.union1d(self._sorted[-1], last)
        return fresh

    def missing(self, names: Iterable[str]) -> list[bool]:
        """Tell of each name whether it was never added."""
        return [not there for there in self._known(_hashed(names)).tolist()]

    def _known(self, hashes: _Hashes) -> NDArray[np.bool_]:
        known = np.zeros(len(hashes), bool)
        for piece in self._sorted:
            if len(piece):
                at = np.minimum(np.searchsorted(piece, hashes), len(piece) - 1)
                known |= piece[at] == hashes
        return known


def _hashed(names: Iterable[str]) -> _Hashes:
    digests = b"".join(
        hashlib.blake2b(name.encode("utf-8", "replace"), digest_size=8).digest() for name in names
    )
    return np.frombuffer(digests, np.uint64)
