"""The brief: what a marketer's sentence says, and only what it says.

Dataclasses, not msgspec structs: LangGraph's strict msgpack brings dataclasses back typed from a
checkpoint, and msgspec reads and writes them just as well.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Literal

Channel = Literal["google", "meta", "linkedin", "tiktok", "producthunt", "in_chat"]
KpiType = Literal["cpa", "roas", "ctr", "leads", "awareness", "installs", "sales"]
Period = Literal["day", "week", "month", "quarter", "year", "total"]
Missing = Literal[
    "product", "budget", "geos", "end_date", "contradictory", "past", "impossible", "ambiguous"
]

CHANNELS: tuple[Channel, ...] = ("google", "meta", "linkedin", "tiktok", "producthunt", "in_chat")


@dataclass(frozen=True)
class Kpi:
    """What success means.

    Attributes:
        type: Kind of goal.
        target: The stated number: money per action in minor units for `cpa`, a ratio for `roas`
            (4.0 = 400 %), a percentage for `ctr` (2.5 = 2.5 %), a count for the others; None if unstated.
        unit: What `target` counts: a currency code, `ratio`, `percent`, or a noun such as `sign-ups`.
    """

    type: KpiType
    target: float | None = None
    unit: str | None = None


@dataclass(frozen=True)
class PeriodBudget:
    """A budget stated per week, month, quarter or year.

    Attributes:
        amount_minor: Minor units of the brief's currency.
        period: Which period it is for.
    """

    amount_minor: int
    period: Period


@dataclass(frozen=True, kw_only=True)
class Brief:
    """A goal, parsed. Fields that were not stated stay empty.

    Attributes:
        goal: The sentence as given, whitespace normalised.
        goal_language: ISO 639-3 code of the sentence.
        product: What is advertised, as stated.
        budget_total_minor: Whole budget in minor units (cents, yen).
        daily_budget_minor: Budget per day in minor units.
        period_budget: Budget stated per week, month, quarter or year.
        currency: ISO 4217; `$` is USD unless a place says otherwise.
        start: First day, ISO 8601 date.
        end: Last day (inclusive), ISO 8601 date.
        ongoing: True if the goal says that there is no end.
        channels: Where to advertise, of `CHANNELS`.
        geos: ISO 3166-1 alpha-2 codes (`GB`, `JP`, `US`).
        languages: ISO 639-3 codes that were stated.
        audience_keywords: Who it is for, lower-case phrases from the goal.
        kpi: The main measure.
        must_refuse: True if it must not be done at all.
        refuse_reason: One sentence why.
        must_ask: What has to be asked before anything is spent.
        questions: One sentence to put to the person for each `must_ask`.
    """

    goal: str
    goal_language: str = "eng"
    product: str | None = None
    budget_total_minor: int | None = None
    daily_budget_minor: int | None = None
    period_budget: PeriodBudget | None = None
    currency: str | None = None
    start: str | None = None
    end: str | None = None
    ongoing: bool = False
    channels: tuple[Channel, ...] = ()
    geos: tuple[str, ...] = ()
    languages: tuple[str, ...] = ()
    audience_keywords: tuple[str, ...] = ()
    kpi: Kpi | None = None
    must_refuse: bool = False
    refuse_reason: str | None = None
    must_ask: tuple[Missing, ...] = ()
    questions: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        """Make tuples of lists: a checkpoint keeps no difference between the two."""
        as_tuples(self)


def as_tuples(frozen: object) -> None:
    """Turn every list in the fields of a frozen dataclass into a tuple."""
    for field in fields(frozen):  # type: ignore[arg-type]
        value = getattr(frozen, field.name)
        if isinstance(value, list):
            object.__setattr__(frozen, field.name, tuple(value))
