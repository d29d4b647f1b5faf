"""Questions and their answers on the wire."""

from __future__ import annotations

from datetime import date
from typing import Any, Literal

from pydantic import BaseModel, Field

from api.models.common import Line, Out, example


class AskIn(BaseModel):
    """A question about performance."""

    model_config = example({"question": "Clicks by campaign last week", "side": None})

    question: Line = Field(min_length=1, max_length=1_000)
    side: Literal["advertiser", "publisher"] | None = Field(
        None, description="Which side of the ads; null is what the organisation is."
    )


class FigureOut(Out):
    """One number of an answer and where it is from."""

    text: str
    metric: str
    key: list[str] = Field(description="Its group, one value for each split; empty is all of them.")
    currency: str
    what: str = Field(description="value, before, change, change_share, low or high.")
    exact: str = Field(description="The number behind the text, as a fraction; money in micros.")
    query: str = Field(description="Id of the query that counted it.")


class QueryOut(Out):
    """One query that was run."""

    id: str
    sql_hash: str = Field(description="SHA-256 of the SQL with its parameters.")
    rows: int
    first: date
    last: date
    by: list[str]


class AskOut(Out):
    """An answer in words whose every number was counted twice."""

    question: str
    language: Literal["eng", "jpn"]
    text: str
    figures: list[FigureOut]
    queries: list[QueryOut]
    chart: dict[str, Any] | None = Field(description="A Vega-Lite specification with its data.")
    notes: list[str]
    understood: dict[str, Any] = Field(description="Arguments of the query that was run.")
    chosen_by: str = Field(description="What chose the query; the text is written by rules.")
    warnings: list[str]
