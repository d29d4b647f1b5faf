# cython: boundscheck=True, wraparound=False, initializedcheck=False, nonecheck=True, cdivision=True
"""A small memory of what was found in a text, under a keyed hash of it: it holds no text and gives none away.

One source, compiled or not (types: `_memory.pxd`).
"""

from __future__ import annotations

import sys
from typing import Any, Final

from domain.errors import Unavailable

#: How many texts of each of two generations are remembered.
SIZE: Final = 2_048


class Memory:
    """Remembers between `size` and twice as many findings, the ones asked for of late.

    Two generations instead of an order of use: every operation is one step of one dictionary, so threads
    may share it without a lock.

    Args:
        secret: Key of the hashes, at least 16 bytes; fresh per process.
        size: Entries per generation.

    Raises:
        Unavailable: `string_hash_unfit`, if this Python hashes texts with something else than 64-bit SipHash.
    """

    def __init__(self, secret: bytes, size: int = SIZE) -> None:
        if not sys.hash_info.algorithm.startswith("siphash") or sys.hash_info.hash_bits < 64:
            raise Unavailable(
                "string_hash_unfit",
                "This Python hashes texts without SipHash; run Parley on one built with the default.",
            )
        self.secret = secret
        self.size = size
        self.young: dict[tuple[int, int], Any] = {}
        self.old: dict[tuple[int, int], Any] = {}

    def key(self, text: str) -> Any:
        """Return two keyed 64-bit hashes of a text; any string has them, lone surrogates too.

        Both are Python's own SipHash, which takes a tenth of what a 128-bit hash of `hashlib` takes: of the text,
        under the key that Python draws for itself (unless it is told not to), and of the text behind the secret.
        """
        return hash(text), hash(self.secret + text.encode("utf-8", "surrogatepass"))

    def get(self, key: Any) -> Any:
        """Return what was remembered under a key, or None."""
        found = self.young.get(key)
        if found is None:
            found = self.old.get(key)
            if found is not None:
                self.put(key, found)
        return found

    def put(self, key: Any, found: Any) -> None:
        """Remember something under a key."""
        if len(self.young) >= self.size:
            self.old = self.young
            self.young = {}
        self.young[key] = found

    def __len__(self) -> int:
        """Return how many findings are remembered, those of both generations twice."""
        return len(self.young) + len(self.old)
