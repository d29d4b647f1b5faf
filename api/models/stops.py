"""Kill switches on the wire."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, Field

from api.models.common import Line, Moment, Out, example


class StopSpending(BaseModel):
    """Which channel is stopped, and why."""

    model_config = example({"channel": "*", "why": "Wrong prices in the feed"})

    channel: Literal["*", "in_chat", "google", "meta", "linkedin", "tiktok", "producthunt"] = Field(
        "*", description="* is all of them."
    )
    why: Line = Field(min_length=1, max_length=200)


class StopOut(Out):
    """A kill switch."""

    id: str
    channel: str
    who: str
    why: str
    created_at: Moment
    lifted_at: Moment | None
