"""What the host of an app wants beside its chats, and what it does not."""

from __future__ import annotations

from typing import Final

import msgspec

from catalog.targeting import MAX_LISTED, require

_PPM: Final = 1_000_000


class AppControls(msgspec.Struct, frozen=True, kw_only=True):
    """A host's own rules.

    Attributes:
        relevance_floor_ppm: Least relevance of a match, parts per million; 0 = any.
        allowed_advertisers: Only these; empty = all.
        blocked_advertisers, blocked_topics: None of these.
        passes_user_ids: Its requests carry opaque user ids (with consent), so that users can be counted.
    """

    relevance_floor_ppm: int = 0
    allowed_advertisers: tuple[str, ...] = ()
    blocked_advertisers: tuple[str, ...] = ()
    blocked_topics: tuple[str, ...] = ()
    passes_user_ids: bool = False


def check_controls(controls: AppControls) -> None:
    """Raise `Unprocessable` with one sentence for rules that contradict each other or mean nothing."""
    require(
        0 <= controls.relevance_floor_ppm <= _PPM,
        "bad_relevance_floor",
        "The relevance floor is a share in parts per million, from 0 to 1,000,000.",
    )
    for listed in (
        controls.allowed_advertisers,
        controls.blocked_advertisers,
        controls.blocked_topics,
    ):
        require(
            len(listed) <= MAX_LISTED,
            "list_too_long",
            f"A list of an app may hold {MAX_LISTED}; leave some out.",
        )
    for advertiser in (*controls.allowed_advertisers, *controls.blocked_advertisers):
        require(
            advertiser.startswith("org_") and advertiser.isascii() and len(advertiser) <= 80,
            "bad_advertiser",
            f"{advertiser[:40]!r} is not the id of an advertiser; it begins with org_.",
        )
    for topic in controls.blocked_topics:
        require(
            0 < len(topic.strip()) <= 100 and "\x00" not in topic,
            "bad_topic",
            "A blocked topic is a short word or phrase, or an IAB id.",
        )
    both = sorted(set(controls.allowed_advertisers).intersection(controls.blocked_advertisers))
    require(
        not both,
        "advertiser_allowed_and_blocked",
        f"{', '.join(both[:3])} is both allowed and blocked; take it off one of the lists.",
    )
