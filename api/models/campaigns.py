"""Campaigns on the wire."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, Field

from api.models.common import In, Line, Moment, MoneyOut, Out, WebAddress, example
from domain.catalogue import CapScope, Pacing
from domain.money import MAX_MICROS
from llm.offline.brief.text import MAX_GOAL_CHARS

Micros = Annotated[int, Field(ge=1, le=MAX_MICROS, description="Millionths of the currency.")]
Words = Annotated[list[Line], Field(max_length=200)]


class CapBody(In):
    """A frequency cap: at most so many ads within a sliding window."""

    scope: CapScope = Field(
        description="user, conversation: this campaign's ads for one of them; campaign: this campaign's "
        "ads, whoever sees them; account: all ads of the organisation."
    )
    limit: int = Field(description="At least 1.")
    window_ms: int = Field(description="From one second to 30 days.")


class Controls(In):
    """Where, when and how often a campaign's ads are shown. What is left out stays as it is."""

    devices: Words = Field(
        default=[], description="desktop, mobile, tablet, tv, watch, speaker, car; empty = all."
    )
    weekdays: list[int] = Field(
        default=[], max_length=7, description="1 (Monday) to 7, UTC; empty = all."
    )
    apps: Words = Field(default=[], description="Only in these apps; empty = all.")
    blocked_apps: Words = Field(default=[], description="Not in these apps.")
    topics: Words = Field(default=[], description="IAB Content Taxonomy 3.1 ids to buy on.")
    blocked_topics: Words = Field(default=[], description="Not beside these topics.")
    caps: list[CapBody] = Field(default=[], max_length=8)
    pacing: Pacing = Field(
        default=Pacing.ASAP, description="even: the budget lasts the day, or until the end."
    )


class ChangeCampaign(Controls):
    """What becomes different about a campaign; fields that are left out stay, null takes a budget away."""

    model_config = example(
        {
            "budget_total_micros": 5_000_000_000,
            "budget_daily_micros": 100_000_000,
            "pacing": "even",
            "caps": [{"scope": "user", "limit": 3, "window_ms": 86_400_000}],
            "why": "The first week went well",
        }
    )

    bid_micros: Micros = Field(
        default=1, description="Highest price per click or 1,000 impressions."
    )
    budget_total_micros: Micros | None = None
    budget_daily_micros: Micros | None = None
    ends_at: Moment | None = Field(None, description="With a time zone; null = no end.")
    geos: Words = Field(default=[], description="ISO 3166-1 alpha-2; empty = everywhere.")
    why: Line = Field("", max_length=200, description="For the audit.")


class PolicyBody(In):
    """Within which limits nobody is asked."""

    currency: Annotated[str, Field(pattern="^[A-Z]{3}$")] = Field(
        description="A plan in another currency goes to a person."
    )
    max_total_micros: Micros = Field(description="A plan without a total goes to a person.")
    max_bid_micros: Micros
    channels: list[Literal["in_chat"]] = Field(default=["in_chat"], max_length=8)
    allow_warnings: bool = Field(
        False, description="Whether findings that a person should look at are let through."
    )


class CreateCampaign(BaseModel):
    """A goal in plain language and what may be read about the product."""

    model_config = example(
        {
            "goal": "Get 200 sign-ups for our trail-running shop in Japan and the US before "
            "Christmas, 3,000 dollars, not more than 15 dollars each",
            "site_url": "https://shop.example/trail",
            "page_source_id": None,
            "feed_source_id": "src_01JD3ZK5W8Q4V6X7Y9A2B3C4D5",
            "approval": "person",
            "controls": {
                "devices": ["mobile"],
                "caps": [{"scope": "conversation", "limit": 2, "window_ms": 86_400_000}],
            },
        }
    )

    goal: Line = Field(description=f"At most {MAX_GOAL_CHARS:,} characters, English or Japanese.")
    site_url: WebAddress | None = None
    page_source_id: str | None = Field(None, description="From POST /api/v1/sources?kind=page.")
    feed_source_id: str | None = Field(None, description="From POST /api/v1/sources?kind=feed.")
    approval: Literal["person", "demo", "policy"] = Field(
        "person",
        description="Who approves: a person; a policy, which asks a person about anything beyond its "
        "limits; or (on a development installation only) a demo policy.",
    )
    approval_policy: PolicyBody | None = Field(
        None, description="The limits, if a policy approves; needs the scope approvals:write."
    )
    controls: Controls | None = Field(
        None, description="Targeting, frequency caps and pacing, which no goal needs to state."
    )


class Started(Out):
    """A run that was queued."""

    run_id: str
    status: str
    links: dict[str, str]


class Why(BaseModel):
    """Why the campaign changes its state; goes into the audit."""

    model_config = example({"why": "The shop is sold out until Monday"})

    why: Line = Field("", max_length=500)


class AuditOut(Out):
    """One change of state."""

    at: Moment
    from_state: str | None
    to_state: str
    who: str
    why: str
    operation: str | None = Field(None, description="The ledger's entry, if it went through one.")


class CampaignOut(Out):
    """A campaign in a list."""

    id: str
    name: str
    status: str
    run_id: str | None
    bid_model: str
    bid: MoneyOut
    budget_total: MoneyOut | None
    budget_daily: MoneyOut | None
    spent_total: MoneyOut
    spent_today: MoneyOut
    starts_at: Moment | None
    ends_at: Moment | None
    geos: list[str]
    languages: list[str]
    created_at: Moment


class CampaignDetail(CampaignOut):
    """One campaign with what happened to it."""

    brief: dict[str, Any]
    plan: dict[str, Any]
    blocked_topics: list[str]
    devices: list[str]
    weekdays: list[int]
    apps: list[str]
    blocked_apps: list[str]
    topics: list[str]
    caps: list[dict[str, Any]]
    pacing: str
    creatives: dict[str, int] = Field(description="How many stand in each status.")
    served: bool = Field(description="Whether the snapshot in use has its ads.")
    audit: list[AuditOut]


class CreativeOut(Out):
    """One creative. Its texts are the advertiser's."""

    id: str
    format: str
    status: str
    texts: dict[str, Any]
    tags: list[str]
    negative_tags: list[str]
    landing_url: str
    image_url: str | None
    claims: list[dict[str, Any]]
    findings: list[dict[str, Any]]


class Changed(Out):
    """What came of a change."""

    id: str
    changed: bool = Field(description="False if nothing became different.")


class Moved(Out):
    """What came of a change of state."""

    id: str
    status: str
    changed: bool = Field(description="False if it already was in that state.")
