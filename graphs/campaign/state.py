"""The typed state of a campaign run. Small: ids, counts and the brief; bulk lies elsewhere."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, NotRequired, TypedDict

from agents.ad_manager.schemas import MediaPlan
from domain.brief import Brief, Channel

Outcome = Literal["launched", "refused", "rejected", "failed"]
ApprovalMode = Literal["person", "demo", "policy"]

#: How often compliance may send creatives back before what is left is dropped.
MAX_ROUNDS = 3


@dataclass(frozen=True)
class Clarification:
    """What a person answered to the run's questions.

    Attributes:
        text: Free words, read like a part of the goal.
        fields: Brief fields given directly, as JSON text (`{"budget_total_minor": 300000}`).
    """

    text: str = ""
    fields: str = "{}"


@dataclass(frozen=True)
class Approval:
    """Who decided what.

    Attributes:
        changeset: Hash of what was shown to them, if they were shown one; nothing else is launched then.
    """

    decision: Literal["approve", "reject"]
    by: str
    note: str
    changeset: str = ""


class CampaignInput(TypedDict):
    """What a run starts with.

    Keys:
        goal: The marketer's sentence.
        site_url, page_source_id, feed_source_id: What may be read about the product.
        approval_mode: Who approves.
        controls: Targeting, frequency caps and pacing asked for beside the goal, as JSON text of
            `catalog.targeting.Targeting`.
        approval_policy: Limits within which a policy approves, as JSON text of
            `graphs.campaign.approving.ApprovalPolicy`; read if `approval_mode` is `policy`.
    """

    goal: str
    site_url: str | None
    page_source_id: str | None
    feed_source_id: str | None
    approval_mode: ApprovalMode
    controls: NotRequired[str]
    approval_policy: NotRequired[str]


class CampaignState(CampaignInput, total=False):
    """What a run knows. Every key has one writer, but for `brief` and `round`.

    Keys:
        clarification: What a person has answered so far.
        brief: The goal, parsed.
        plan: Channels, bid and budgets.
        campaign_id: The draft in the catalogue.
        creatives, passed, to_revise, blocked: Counts after the last reading.
        warnings: How many findings of the last reading a person should look at.
        insights, segments: How much research and the audience report hold.
        changeset: Hash of the launch that is shown for approval.
        round: How often creatives were revised.
        approval: The decision of a person or policy.
        ads: How many ads went live.
        outcome, reason: How it ended.
    """

    clarification: Clarification
    brief: Brief
    plan: MediaPlan
    campaign_id: str
    creatives: int
    passed: int
    to_revise: int
    blocked: int
    warnings: int
    insights: int
    segments: int
    changeset: str
    round: int
    approval: Approval
    ads: int
    outcome: Outcome
    reason: str


class ChannelPart(TypedDict):
    """What one of the nodes gets that work side by side, one for each channel.

    Keys:
        channel: Whose part is planned.
        campaign_id, brief, plan: As in the run's state; only its types come back from a checkpoint.
    """

    channel: Channel
    campaign_id: str
    brief: Brief
    plan: MediaPlan
