"""Charts as data: a Vega-Lite specification that holds its values."""

from __future__ import annotations

from typing import Any

from agents.analytics import shown
from agents.analytics.schemas import Tongue
from measurement.figures import value_of
from measurement.query_types import MONEY, RATES, TIMES, Dimension, Group, Metric, Query

SCHEMA = "https://vega.github.io/schema/vega-lite/v5.json"
#: Values of one chart.
_MOST = 1_000


def chart(
    query: Query, groups: list[Group], names: dict[str, str], tongue: Tongue
) -> dict[str, Any] | None:
    """Return a chart of the first metric over the first dimension; None without a dimension.

    Args:
        query: What was asked.
        groups: In the order they are to be drawn in.
        names: Of campaigns and apps, by id.
        tongue: Language of the titles.
    """
    if not query.by or not groups:
        return None
    metric, by = query.metrics[0], query.by[0]
    values = [row for group in groups for row in _rows(query, group, names, tongue)][:_MOST]
    series = len(query.by) > 1 or len({row["series"] for row in values}) > 1
    line = by in TIMES and by not in (Dimension.HOUR, Dimension.WEEKDAY)
    title = shown.name_of(metric, tongue)
    encoding: dict[str, Any] = {
        "x": {
            "field": "x",
            "type": "temporal" if by is Dimension.DAY else "nominal",
            "sort": None,
            "title": shown.name_by(by, tongue),
        },
        "y": {
            "field": "y",
            "type": "quantitative",
            "title": title,
            **({"axis": {"format": "%"}} if metric in RATES else {}),
        },
    }
    if series:
        encoding["color"] = {"field": "series", "type": "nominal", "title": None}
    return {
        "$schema": SCHEMA,
        "title": title,
        "mark": {"type": "line", "point": True} if line else {"type": "bar"},
        "data": {"values": values},
        "encoding": encoding,
    }


def _rows(
    query: Query, group: Group, names: dict[str, str], tongue: Tongue
) -> list[dict[str, Any]]:
    metric = query.metrics[0]
    keys = [
        shown.name_key(by, part, names, tongue)
        for by, part in zip(query.by, group.key, strict=True)
    ]
    rows = []
    for code in group.currencies if metric in MONEY else ("",):
        exact = value_of(metric, group, code)
        if exact is None:
            continue
        series = " · ".join(filter(None, (*keys[1:], code)))
        rows.append({"x": keys[0], "y": _plain(metric, exact), "series": series})
    return rows


def _plain(metric: Metric, exact: Any) -> float | int:
    """Return a number to draw; money in units of its currency."""
    if metric in MONEY:
        return round(float(exact) / 1_000_000, 6)
    return round(float(exact), 6) if metric in RATES else int(exact)
