"""Campaigns on the wire."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel, Field

from api.models.common import Line, Moment, MoneyOut, Out, WebAddress, example
from llm.offline.brief.text import MAX_GOAL_CHARS


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
        }
    )

    goal: Line = Field(description=f"At most {MAX_GOAL_CHARS:,} characters, English or Japanese.")
    site_url: WebAddress | None = None
    page_source_id: str | None = Field(None, description="From POST /api/v1/sources?kind=page.")
    feed_source_id: str | None = Field(None, description="From POST /api/v1/sources?kind=feed.")
    approval: Literal["person", "demo"] = Field(
        "person",
        description="Who approves: a person, or (on a development installation only) a demo policy.",
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


class Moved(Out):
    """What came of a change of state."""

    id: str
    status: str
    changed: bool = Field(description="False if it already was in that state.")
