"""What the ad manager takes and gives.

Results are frozen dataclasses: LangGraph's strict msgpack brings them back typed from a checkpoint.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from domain.brief import Brief, Channel, KpiType, Missing, Period, as_tuples

#: Largest amount a model may state, in minor units; beyond it is a typing error.
MAX_MINOR = 10**15


class KpiAnswer(BaseModel):
    """The main measure, as a model states it."""

    model_config = ConfigDict(extra="ignore")

    type: KpiType
    target: float | None = Field(
        default=None,
        description="Minor units for cpa, ratio for roas, percent for ctr, else a count.",
    )
    unit: str | None = Field(default=None, max_length=40)


class PeriodAnswer(BaseModel):
    """A budget per week, month, quarter or year."""

    amount_minor: int = Field(gt=0, le=MAX_MINOR)
    period: Period


class BriefAnswer(BaseModel):
    """Fill in only what the goal states. Amounts are in minor units, dates ISO 8601, codes ISO."""

    model_config = ConfigDict(extra="ignore", title="Brief")

    product: str | None = Field(default=None, max_length=200)
    budget_total_minor: int | None = Field(default=None, gt=0, le=MAX_MINOR)
    daily_budget_minor: int | None = Field(default=None, gt=0, le=MAX_MINOR)
    period_budget: PeriodAnswer | None = None
    currency: str | None = Field(default=None, pattern=r"^[A-Z]{3}$")
    start: str | None = Field(default=None, pattern=r"^\d{4}-\d{2}-\d{2}$")
    end: str | None = Field(default=None, pattern=r"^\d{4}-\d{2}-\d{2}$")
    ongoing: bool = False
    channels: list[Channel] = Field(default_factory=list)
    geos: list[str] = Field(default_factory=list)
    languages: list[str] = Field(default_factory=list)
    audience_keywords: list[str] = Field(default_factory=list)
    kpi: KpiAnswer | None = None
    must_refuse: bool = False
    refuse_reason: str | None = Field(default=None, max_length=400)
    must_ask: list[Missing] = Field(default_factory=list)
    questions: list[str] = Field(default_factory=list)


@dataclass(frozen=True)
class BriefReading:
    """A brief and how it was read.

    Attributes:
        brief: The goal, parsed.
        model: Name of the model that read it.
        rule_based: Whether rules read it rather than a language model.
        attempts: Calls made.
        warnings: One sentence for each thing that went wrong or was overruled.
        prompt_hash: SHA-256 of the prompt file, hexadecimal.
        prompt_version: Version of the prompt.
    """

    brief: Brief
    model: str
    rule_based: bool
    attempts: int
    warnings: tuple[str, ...]
    prompt_hash: str
    prompt_version: int


@dataclass(frozen=True)
class MediaPlan:
    """Where, at which price and with which budget a campaign runs.

    Attributes:
        channel: The channel that is served: inside chats.
        bid_model: `cpc`: the advertiser pays per click.
        bid_micros: Highest price per click, micros of `currency`.
        currency: ISO 4217.
        budget_total_micros: Whole budget, None if there is no total.
        budget_daily_micros: Most to spend per UTC day, None if the budget may be spent freely.
        not_connected: Channels that were asked for and are stored, but not served yet.
        assumptions: One sentence for each number that was not stated in the goal.
        summary: The plan in one sentence.
    """

    bid_micros: int
    currency: str
    budget_total_micros: int | None
    budget_daily_micros: int | None
    channel: Literal["in_chat"] = "in_chat"
    bid_model: Literal["cpc"] = "cpc"
    not_connected: tuple[Channel, ...] = ()
    assumptions: tuple[str, ...] = ()
    summary: str = ""

    def __post_init__(self) -> None:
        """Make tuples of lists: a checkpoint keeps no difference between the two."""
        as_tuples(self)
