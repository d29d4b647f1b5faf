"""What the analytics agent takes and gives."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from measurement.query_types import Dimension, Group, Metric, Period, Query, Result, Side

Tongue = Literal["eng", "jpn"]
Run = Callable[[Query], Awaitable[Result]]
Recount = Callable[[Query], Awaitable[tuple[Group, ...]]]


class AnalyticsQuery(BaseModel):
    """Arguments of the query tool. Days are ISO dates, both ends included; ids are those that were listed."""

    model_config = ConfigDict(extra="ignore", title="AnalyticsQuery")

    kind: Literal["figures", "why"] = "figures"
    metrics: list[Metric] = Field(min_length=1, max_length=6)
    by: list[Dimension] = Field(default_factory=list, max_length=2)
    campaigns: list[str] = Field(default_factory=list, max_length=100)
    apps: list[str] = Field(default_factory=list, max_length=100)
    languages: list[str] = Field(default_factory=list, max_length=10)
    intents: list[str] = Field(default_factory=list, max_length=10)
    first: date
    last: date
    compare_first: date | None = None
    compare_last: date | None = None
    order_by: Metric | None = None
    ascending: bool = False
    limit: int = Field(default=10, ge=1, le=50)


@dataclass(frozen=True)
class Known:
    """What an organisation may name in a question.

    Attributes:
        side: Whose numbers.
        campaigns, apps: Names by id.
        today: The day relative dates count from.
    """

    side: Side
    campaigns: Mapping[str, str]
    apps: Mapping[str, str]
    today: date


@dataclass(frozen=True)
class Said:
    """Words and digits that are no result: a day, a name, a count of the question."""

    text: str


@dataclass(frozen=True)
class Figure:
    """One number as it is shown, and where it is from.

    Attributes:
        text: As shown.
        metric: What it is.
        key: Which group; empty = all of them.
        currency: Of money; empty otherwise.
        what: `value`, `before`, `change`, `change_share`, `low` or `high`.
        exact: The number behind the text, as a fraction; money in micros.
        query: Id of the query that counted; of a change, that of the later period.
    """

    text: str
    metric: Metric
    key: tuple[str, ...]
    currency: str
    what: str
    exact: str
    query: str


Piece = str | Said | Figure


@dataclass(frozen=True)
class Source:
    """One query that was run.

    Attributes:
        id: As `Figure.query`.
        sql_hash: SHA-256 of the SQL with its parameters.
        rows: Rows that came back.
        first, last: The period.
        by: What it was split by.
    """

    id: str
    sql_hash: str
    rows: int
    first: date
    last: date
    by: tuple[str, ...]


@dataclass(frozen=True)
class Answer:
    """An answer in words.

    Attributes:
        question: As asked.
        language: Of the answer.
        pieces: The text with its figures marked; digits stand in `Said` and `Figure` only.
        sources: Queries that were run.
        chart: A Vega-Lite specification with its data; None where there is nothing to draw.
        notes: What should be known about the numbers.
        query: What was understood.
        chosen_by: Which model chose the query; the rules otherwise. Rules write every answer.
        warnings: What went wrong on the way.
    """

    question: str
    language: Tongue
    pieces: tuple[Piece, ...]
    sources: tuple[Source, ...]
    query: AnalyticsQuery
    chosen_by: str
    chart: dict[str, Any] | None = None
    notes: tuple[str, ...] = ()
    warnings: tuple[str, ...] = field(default=())

    @property
    def text(self) -> str:
        """The answer as a person reads it."""
        return "".join(piece if isinstance(piece, str) else piece.text for piece in self.pieces)

    @property
    def figures(self) -> tuple[Figure, ...]:
        """Every number of the text, in order."""
        return tuple(piece for piece in self.pieces if isinstance(piece, Figure))


def period_of(choice: AnalyticsQuery) -> Period:
    """Return the period that is asked about."""
    return Period(choice.first, choice.last)


def compared(choice: AnalyticsQuery) -> Period | None:
    """Return the period that it is compared with."""
    if choice.compare_first is None or choice.compare_last is None:
        return None
    return Period(choice.compare_first, choice.compare_last)
