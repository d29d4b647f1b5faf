"""Reports, their schedules and alerts on the wire."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Any, Literal

from pydantic import BaseModel, Field

from api.models.common import Line, Moment, Out, example

Language = Literal["eng", "jpn"]
ReportName = Annotated[Line, Field(min_length=1, max_length=120)]


class MakeReport(BaseModel):
    """A report to make now."""

    model_config = example({"name": "Weekly report", "language": "eng"})

    name: ReportName = "Report"
    language: Language = "eng"
    first: date | None = Field(None, description="First UTC day; default: seven days ago.")
    last: date | None = Field(None, description="Last UTC day; default: yesterday.")


class ReportRowOut(Out):
    """A report; its pages are at `/api/v1/reports/{id}/file`."""

    id: str
    name: str
    language: str
    status: str = Field(description="queued, done or failed.")
    first: date
    last: date
    schedule_id: str | None
    created_at: Moment
    made_at: Moment | None
    error: dict[str, Any] | None


class MakeSchedule(BaseModel):
    """Reports that are made by themselves."""

    model_config = example({"name": "Weekly report", "every": "week", "hour": 6, "language": "jpn"})

    name: ReportName = "Report"
    every: Literal["day", "week", "month"] = "week"
    hour: int = Field(6, ge=0, le=23, description="UTC hour from which on it is due.")
    language: Language = "eng"


class ScheduleOut(Out):
    """When reports are made by themselves; each is about the last whole day, week or month."""

    id: str
    name: str
    every: str
    hour: int
    language: str
    next_at: Moment
    created_at: Moment


class AlertOut(Out):
    """A day on which something was far from usual."""

    id: str
    day: date
    metric: str
    campaign_id: str = Field(description="Empty: all campaigns together.")
    currency: str
    direction: Literal["high", "low"]
    value: int = Field(description="What was counted; money in micros.")
    expected: int = Field(description="The usual of such days.")
    score: float = Field(description="Robust z.")
    why: str
