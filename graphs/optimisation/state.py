"""The typed state of an optimisation run: counts and hashes; what was measured and proposed lies on the desk."""

from __future__ import annotations

from typing import Literal, NotRequired, TypedDict

from graphs.campaign.state import Approval, ApprovalMode

Outcome = Literal["done", "rejected", "failed"]


class OptimisationInput(TypedDict):
    """What a run starts with.

    Keys:
        window_days: How many whole days up to yesterday are looked at.
        approval_mode: Who approves.
        approval_policy: JSON text of `graphs.optimisation.approving.OptimisationPolicy`, if `policy`.
    """

    window_days: int
    approval_mode: ApprovalMode
    approval_policy: NotRequired[str]


class OptimisationState(OptimisationInput, total=False):
    """What a run knows. Every key has one writer.

    Keys:
        campaigns: How many were looked at.
        under: How many surely do worse than the others.
        proposed: How many changes were proposed.
        moves, rests: How many were let through by the guards.
        changeset: Hash of all that is shown for approval.
        summary: That in one sentence.
        approval: The decision of a person or policy.
        cut, cuts_failed: Budgets that were lowered, and that could not be.
        raised: Budgets that were raised.
        rested: Ads that were taken out.
        outcome, reason: How it ended.
    """

    campaigns: int
    under: int
    proposed: int
    moves: int
    rests: int
    changeset: str
    summary: str
    approval: Approval
    cut: int
    cuts_failed: int
    raised: int
    rested: int
    outcome: Outcome
    reason: str
