"""Approval of an optimisation by a policy: data with limits, which approves only what is inside all of them."""

from __future__ import annotations

import msgspec

from domain.errors import BadInput
from graphs.campaign.approving import POLICY
from graphs.campaign.state import Approval
from graphs.optimisation.material import Plan
from graphs.optimisation.state import OptimisationState


class OptimisationPolicy(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Within which limits no person is asked.

    Attributes:
        currency: Of the amounts; a move in another currency goes to a person.
        max_moved_micros: Most that all raises together may be.
        max_raise_ppm, max_cut_ppm: Most that one budget may change, parts per million.
        rest_ads: Whether ads may be taken out.
    """

    currency: str
    max_moved_micros: int
    max_raise_ppm: int = 200_000
    max_cut_ppm: int = 300_000
    rest_ads: bool = False


def read_policy(written: str) -> OptimisationPolicy:
    """Return the policy of a run.

    Raises:
        BadInput: `bad_policy` if it does not have the shape it must have.
    """
    try:
        return msgspec.json.decode(written, type=OptimisationPolicy)
    except msgspec.DecodeError as error:
        raise BadInput("bad_policy", f"The approval policy does not fit: {error}.") from error


def objections(policy: OptimisationPolicy, plan: Plan) -> tuple[str, ...]:
    """Return why a person has to be asked; empty if the policy may approve."""
    raised = sum(max(0, m.after_micros - m.before_micros) for m in plan.moves)
    reasons = [
        (any(m.currency != policy.currency for m in plan.moves), "a budget is in another currency"),
        (raised > policy.max_moved_micros, "more is moved than the policy allows"),
        (bool(plan.rests) and not policy.rest_ads, "ads would be taken out"),
    ]
    for move in plan.moves:
        change_ppm = (move.after_micros - move.before_micros) * 1_000_000 / move.before_micros
        beyond = change_ppm > policy.max_raise_ppm or -change_ppm > policy.max_cut_ppm
        reasons.append((beyond, f"{move.name} would change by {change_ppm / 10_000:.0f} %"))
    return tuple(reason for broken, reason in reasons if broken)


def by_policy(state: OptimisationState, plan: Plan) -> Approval | None:
    """Return the policy's approval, None if a person has to be asked."""
    if objections(read_policy(state.get("approval_policy", "")), plan):
        return None
    return Approval(
        "approve", POLICY, "approved by the policy's limits, not by a person", state["changeset"]
    )
