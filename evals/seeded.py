"""A clock that only a scenario moves, and ids that are the same in every repetition."""

from __future__ import annotations

import hashlib

from domain.ids import encode
from domain.time import FixedClock


class VirtualClock(FixedClock):
    """Stands still until the scenario, or something that waits, moves it. Nothing waits for real."""

    async def sleep(self, seconds: float) -> None:
        """Let virtual time pass."""
        self.advance(round(seconds * 1000))


class SeededIds:
    """Ids in the order in which they are asked for: time, then what the seed makes, then a count.

    Args:
        clock: Where the time part comes from.
        seed: Two scenarios with different seeds share no id.
    """

    def __init__(self, clock: FixedClock, seed: str) -> None:
        self._clock = clock
        digest = hashlib.blake2b(f"parley-eval-{seed}".encode(), digest_size=5).digest()
        self._seed = int.from_bytes(digest, "big")
        self._count = 0

    def new(self, prefix: str) -> str:
        """Return the next id."""
        self._count += 1
        number = (self._clock.now_ms() << 80) | (self._count << 40) | self._seed
        return f"{prefix}_{encode(number)}"
