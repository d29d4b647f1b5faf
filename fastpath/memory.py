"""A small memory of what was found in a text, under a keyed hash of it: it holds no text and gives none away."""

from __future__ import annotations

import hashlib
import secrets
from functools import cache
from typing import Any, Final, Generic, TypeVar

Found = TypeVar("Found")

#: How many texts of each of two generations are remembered.
SIZE: Final = 2_048
_KEY: Final = 16


class Memory(Generic[Found]):
    """Remembers between `size` and twice as many findings, the ones asked for of late.

    Two generations instead of an order of use: every operation is one step of one dictionary, so threads
    may share it without a lock.

    Args:
        secret: Key of the hashes; fresh per process.
        size: Entries per generation.
    """

    def __init__(self, secret: bytes, size: int = SIZE) -> None:
        self._secret = secret
        self._size = size
        self._young: dict[bytes, Found] = {}
        self._old: dict[bytes, Found] = {}

    def key(self, text: str) -> bytes:
        """Return the keyed 128-bit hash of a text; any string has one, lone surrogates too."""
        data = text.encode("utf-8", "surrogatepass")
        return hashlib.blake2b(data, digest_size=_KEY, key=self._secret).digest()

    def get(self, key: bytes) -> Found | None:
        """Return what was remembered under a key, or None."""
        found = self._young.get(key)
        if found is None:
            found = self._old.get(key)
            if found is not None:
                self.put(key, found)
        return found

    def put(self, key: bytes, found: Found) -> None:
        """Remember something under a key."""
        if len(self._young) >= self._size:
            self._old, self._young = self._young, {}
        self._young[key] = found

    def __len__(self) -> int:
        """Return how many findings are remembered, those of both generations twice."""
        return len(self._young) + len(self._old)


@cache
def shared() -> Memory[Any]:
    """Return the memory of this process."""
    return Memory(secrets.token_bytes(_KEY))
