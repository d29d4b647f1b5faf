"""Approval by a policy: data with limits, which approves only what is clearly inside all of them."""

from __future__ import annotations

import msgspec

from agents.ad_manager.schemas import MediaPlan
from domain.errors import BadInput
from graphs.campaign.state import Approval, CampaignState

POLICY = "policy:limits"


class ApprovalPolicy(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Within which limits no person is asked.

    Attributes:
        currency: Of the amounts; a plan in another currency goes to a person.
        max_total_micros: Largest whole budget; a plan without a total goes to a person.
        max_bid_micros: Highest price per click.
        channels: Channels that may be launched.
        allow_warnings: Whether findings that a person should look at are let through.
    """

    currency: str
    max_total_micros: int
    max_bid_micros: int
    channels: tuple[str, ...] = ("in_chat",)
    allow_warnings: bool = False


def read_policy(written: str) -> ApprovalPolicy:
    """Return the policy of a run.

    Raises:
        BadInput: `bad_policy` if it does not have the shape it must have.
    """
    try:
        return msgspec.json.decode(written, type=ApprovalPolicy)
    except msgspec.DecodeError as error:
        raise BadInput("bad_policy", f"The approval policy does not fit: {error}.") from error


def objections(policy: ApprovalPolicy, plan: MediaPlan, warnings: int) -> tuple[str, ...]:
    """Return why a person has to be asked; empty if the policy may approve."""
    total = plan.budget_total_micros
    reasons = (
        (plan.currency != policy.currency, f"the plan is in {plan.currency}"),
        (total is None, "the plan has no total"),
        (
            total is not None and total > policy.max_total_micros,
            "the budget is beyond the policy's",
        ),
        (plan.bid_micros > policy.max_bid_micros, "the bid is beyond the policy's"),
        (plan.channel not in policy.channels, f"{plan.channel} is not a channel of the policy"),
        (warnings > 0 and not policy.allow_warnings, f"{warnings} findings are to be looked at"),
    )
    return tuple(reason for broken, reason in reasons if broken)


def by_policy(state: CampaignState) -> Approval | None:
    """Return the policy's approval, None if a person has to be asked."""
    policy = read_policy(state.get("approval_policy", ""))
    if objections(policy, state["plan"], state.get("warnings", 0)):
        return None
    return Approval(
        "approve", POLICY, "approved by the policy's limits, not by a person", state["changeset"]
    )
