"""Reserve filter and ranking with a tie-break nobody can influence after the fact."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

from auction.types import Candidate
from domain.errors import BadInput


def tie_key(auction_id: str, ad_id: str) -> int:
    """Return the stable 64-bit rank of an ad among equals; differs from auction to auction."""
    key = f"{auction_id}\x1f{ad_id}".encode("utf-8", "surrogatepass")
    return int.from_bytes(hashlib.blake2b(key, digest_size=8).digest(), "big")


def split(candidates: Sequence[Candidate]) -> tuple[list[Candidate], tuple[str, ...]]:
    """Return the candidates that meet their reserve, and the ad ids of those that do not.

    Raises:
        BadInput: `bad_bid` for a negative bid or reserve or a weight that is not positive.
    """
    kept: list[Candidate] = []
    dropped: list[str] = []
    for candidate in candidates:
        if candidate.bid_micros < 0 or candidate.reserve_micros < 0 or candidate.weight <= 0:
            raise BadInput(
                "bad_bid", f"Ad {candidate.ad_id} needs a bid and reserve >= 0 and a weight > 0."
            )
        if candidate.bid_micros >= candidate.reserve_micros:
            kept.append(candidate)
        else:
            dropped.append(candidate.ad_id)
    return kept, tuple(dropped)


def order(auction_id: str, candidates: Sequence[Candidate]) -> list[Candidate]:
    """Return candidates by score, best first; ties by hash(auction id, ad id), then ad id."""
    return sorted(
        candidates,
        key=lambda c: (-c.bid_micros * c.weight, tie_key(auction_id, c.ad_id), c.ad_id),
    )
