"""Spending a budget evenly: the adaptive multiplier, and throttling as the alternative that leaves bids truthful.

Adaptive pacing (Balseiro and Gur 2019): a budget of B over T auctions may spend rho = B / T in each. The
multiplier mu grows by `rate * (spend - rho)` after every auction and is kept within [0, most]; the bid is
`value / (1 + mu)`, never above what is left. Under throttling the same multiplier becomes a chance to take part,
`1 / (1 + mu)`, and bids stay as they are: this is what a campaign's `pace_ppm` means.

Everything is in integers: money in micros, `mu` and shares in parts per million. Pure.
"""

from __future__ import annotations

from typing import Final

from auction.types import PPM
from domain.randomness import draw_int

_MASK: Final = (1 << 64) - 1


def updated(
    mu_ppm: int, *, target_micros: int, spend_micros: int, rate_ppm: int, most_ppm: int
) -> int:
    """Return the multiplier after one auction, or one interval of them.

    Args:
        mu_ppm: Multiplier before.
        target_micros: What should have been spent.
        spend_micros: What was.
        rate_ppm: How much of the difference, counted in whole units of money (1,000,000 micros), the
            multiplier takes over.
        most_ppm: Upper bound of the multiplier.
    """
    moved = mu_ppm + rate_ppm * (spend_micros - target_micros) // PPM
    return min(max(moved, 0), most_ppm)


def paced_bid(value_micros: int, mu_ppm: int, *, remaining_micros: int) -> int:
    """Return the bid of adaptive pacing: value / (1 + mu), rounded down, at most what is left."""
    return min(value_micros * PPM // (PPM + mu_ppm), remaining_micros)


def participation(mu_ppm: int, *, least_ppm: int = 10_000) -> int:
    """Return the share of auctions to take part in at a multiplier: 1 / (1 + mu), at least `least_ppm`.

    A campaign that never takes part learns nothing and never comes back, hence the least share.
    """
    return min(PPM, max(least_ppm, PPM * PPM // (PPM + mu_ppm)))


def takes_part(request_id: str, campaign_id: str, pace_ppm: int) -> bool:
    """Return whether a campaign takes part in an auction: seeded, and the same for all its ads.

    The compiled choice computes the same from `seed_of` and `key_of`, one of each per request and campaign.
    """
    return pace_ppm >= PPM or mixed_ppm(seed_of(request_id), key_of(campaign_id)) < pace_ppm


def seed_of(request_id: str) -> int:
    """Return the 64-bit part of a pacing draw that belongs to the request."""
    return draw_int(request_id, "pace", bits=64)


def key_of(campaign_id: str) -> int:
    """Return the 64-bit part of a pacing draw that belongs to the campaign."""
    return draw_int(campaign_id, "pace-campaign", bits=64)


def mixed_ppm(seed: int, key: int) -> int:
    """Return a uniform number in [0, 1_000_000) from both parts (the finaliser of splitmix64)."""
    z = (seed ^ key) & _MASK
    z = ((z ^ (z >> 30)) * 0xBF58476D1CE4E5B9) & _MASK
    z = ((z ^ (z >> 27)) * 0x94D049BB133111EB) & _MASK
    z ^= z >> 31
    return (z >> 32) * PPM >> 32
