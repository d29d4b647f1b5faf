"""Runs on the wire."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Any, Literal

from pydantic import BaseModel, Field

from api.models.common import In, Line, Moment, Out, WebAddress, example

Code2 = Annotated[str, Field(pattern="^[A-Z]{2}$")]
Code3 = Annotated[str, Field(pattern="^[A-Z]{3}$")]
#: A billion units of a currency with two decimals; keeps micros far inside 64 bits.
MinorAmount = Annotated[int, Field(gt=0, le=100_000_000_000)]


class RunOut(Out):
    """A run: what was asked, where it stands, what it waits for, what came of it."""

    id: str
    status: str
    graph: str
    step: str | None
    goal: str
    campaign_id: str | None
    question: dict[str, Any] | None
    result: dict[str, Any] | None
    error: dict[str, Any] | None
    attempts: int
    created_at: Moment
    updated_at: Moment


class RunEvent(Out):
    """One line of progress."""

    id: str = Field(description="Give it as `after` to go on from here.")
    type: str
    step: str
    message: str
    at: Moment
    data: dict[str, Any]


class RunEvents(Out):
    """Progress since `after`."""

    events: list[RunEvent]
    next_after: str
    finished: bool = Field(description="True if nothing will follow.")


class Decide(BaseModel):
    """A person's decision."""

    model_config = example({"decision": "approve", "note": "Checked with legal"})

    decision: Literal["approve", "reject"]
    note: Line = Field("", max_length=500)
    changeset: Annotated[str, Field(pattern="^[0-9a-f]{32}$")] | None = Field(
        None,
        description="`question.changeset` of what was shown: nothing else is launched then, edits "
        "made meanwhile included.",
    )


class BriefFields(In):
    """Facts of the brief, given directly, and where the product can be read."""

    product: Line | None = Field(None, max_length=200)
    budget_total_minor: MinorAmount | None = None
    daily_budget_minor: MinorAmount | None = None
    currency: Code3 | None = None
    start: date | None = None
    end: date | None = None
    ongoing: bool | None = None
    geos: list[Code2] | None = Field(None, max_length=50)
    languages: list[Literal["eng", "jpn"]] | None = None
    site_url: WebAddress | None = None
    page_source_id: str | None = None
    feed_source_id: str | None = None


class AnswerQuestion(BaseModel):
    """The answer to a run's questions: free words, fields, or both."""

    model_config = example(
        {"text": "3,000 dollars until 24 December", "fields": {"geos": ["JP", "US"]}}
    )

    text: Line = Field("", max_length=2_000)
    fields: BriefFields | None = None
