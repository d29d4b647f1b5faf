"""Counter-based randomness keyed by (request id, purpose): the same key gives the same draws, in any order."""

from __future__ import annotations

from hashlib import blake2b
from typing import Final

_STEPS: Final = float(2**53)


def draw(request_id: str, purpose: str, counter: int = 0) -> float:
    """Return a uniform number in [0, 1) that depends on its arguments only.

    Args:
        request_id: The request the draw belongs to.
        purpose: What it decides, e.g. `"explore"`; two purposes never share draws.
        counter: Which draw of that purpose.
    """
    return draw_int(request_id, purpose, counter) / _STEPS


def draw_int(request_id: str, purpose: str, counter: int = 0, bits: int = 53) -> int:
    """Return `bits` uniform bits (at most 64) that depend on the arguments only."""
    key = f"{request_id}\x1f{purpose}\x1f{counter}".encode()
    return int.from_bytes(blake2b(key, digest_size=8).digest(), "big") >> (64 - bits)
