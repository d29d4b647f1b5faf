"""The states of a campaign and the ways between them."""

from __future__ import annotations

from enum import StrEnum

from domain.errors import Conflict


class CampaignStatus(StrEnum):
    """Where a campaign stands."""

    DRAFT = "draft"
    IN_REVIEW = "in_review"
    APPROVED = "approved"
    LIVE = "live"
    PAUSED = "paused"
    ENDED = "ended"


_WAYS: dict[CampaignStatus, frozenset[CampaignStatus]] = {
    CampaignStatus.DRAFT: frozenset({CampaignStatus.IN_REVIEW, CampaignStatus.ENDED}),
    CampaignStatus.IN_REVIEW: frozenset(
        {CampaignStatus.APPROVED, CampaignStatus.DRAFT, CampaignStatus.ENDED}
    ),
    CampaignStatus.APPROVED: frozenset({CampaignStatus.LIVE, CampaignStatus.ENDED}),
    CampaignStatus.LIVE: frozenset({CampaignStatus.PAUSED, CampaignStatus.ENDED}),
    CampaignStatus.PAUSED: frozenset({CampaignStatus.LIVE, CampaignStatus.ENDED}),
    CampaignStatus.ENDED: frozenset(),
}


def check_move(now: str, to: CampaignStatus) -> None:
    """Raise `Conflict` unless a campaign may go from `now` to `to`."""
    ways = _WAYS[CampaignStatus(now)]
    if to in ways:
        return
    allowed = ", ".join(sorted(ways)) or "nothing: it has ended for good"
    raise Conflict(
        "campaign_state", f"A campaign that is {now} cannot become {to}; possible: {allowed}."
    )


def serving_changes(now: str, to: CampaignStatus) -> bool:
    """Tell whether the move changes what the fast path may serve."""
    return CampaignStatus.LIVE in (CampaignStatus(now), to)
