# cython: boundscheck=True, wraparound=False, initializedcheck=False, nonecheck=True, cdivision=True
"""A small memory of what was found in a text, under a keyed hash of it: it holds no text and gives none away.

One source, compiled or not (types: `_memory.pxd`).
"""

from __future__ import annotations

import hashlib
from typing import Any, Final

#: How many texts of each of two generations are remembered.
SIZE: Final = 2_048
_KEY: Final = 16


class Memory:
    """Remembers between `size` and twice as many findings, the ones asked for of late.

    Two generations instead of an order of use: every operation is one step of one dictionary, so threads
    may share it without a lock.

    Args:
        secret: Key of the hashes; fresh per process.
        size: Entries per generation.
    """

    def __init__(self, secret: bytes, size: int = SIZE) -> None:
        # Copied for each text: the key is mixed in once and not every time.
        self.keyed = hashlib.blake2b(digest_size=_KEY, key=secret)
        self.size = size
        self.young: dict[bytes, Any] = {}
        self.old: dict[bytes, Any] = {}

    def key(self, text: str) -> bytes:
        """Return the keyed 128-bit hash of a text; any string has one, lone surrogates too."""
        mixed = self.keyed.copy()
        mixed.update(text.encode("utf-8", "surrogatepass"))
        return mixed.digest()

    def get(self, key: bytes) -> Any:
        """Return what was remembered under a key, or None."""
        found = self.young.get(key)
        if found is None:
            found = self.old.get(key)
            if found is not None:
                self.put(key, found)
        return found

    def put(self, key: bytes, found: Any) -> None:
        """Remember something under a key."""
        if len(self.young) >= self.size:
            self.old = self.young
            self.young = {}
        self.young[key] = found

    def __len__(self) -> int:
        """Return how many findings are remembered, those of both generations twice."""
        return len(self.young) + len(self.old)
