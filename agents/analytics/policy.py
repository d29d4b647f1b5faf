"""What a choice may name: only what was listed, only what may be asked; everything else is dropped or refused."""

from __future__ import annotations

from agents.analytics.schemas import AnalyticsQuery, Known
from measurement.query_types import Dimension, Filter, Metric, Period, Query, Side, check_query

_LANGUAGES = frozenset({"eng", "jpn"})
_INTENTS = frozenset(
    {"sensitive", "chitchat", "low_intent", "medium_commercial", "high_commercial"}
)
#: Without these an advertiser would ask for what only a publisher's app knows.
_PUBLISHERS = frozenset({Metric.REQUESTS, Metric.FILL})


def allowed(choice: AnalyticsQuery, known: Known) -> AnalyticsQuery:
    """Return the choice without what the organisation does not have.

    Raises:
        ValueError: if a restriction would vanish: the answer would be about something else.
    """
    for field, listed in (
        ("campaigns", frozenset(known.campaigns)),
        ("apps", frozenset(known.apps)),
        ("languages", _LANGUAGES),
        ("intents", _INTENTS),
    ):
        unknown = [one for one in getattr(choice, field) if one not in listed]
        if unknown:
            raise ValueError(f"{field} holds what was not listed: {', '.join(unknown[:3])[:120]}")
    metrics = list(dict.fromkeys(choice.metrics))
    if known.side is Side.ADVERTISER:
        # An advertiser is told of its own offers only; how many requests there were is not its business.
        metrics = [metric for metric in metrics if metric not in _PUBLISHERS] or [Metric.OFFERS]
    compare = (choice.compare_first, choice.compare_last)
    if choice.kind == "why" and None in compare:
        before = Period(choice.first, choice.last).before()
        compare = (before.first, before.last)
    return choice.model_copy(
        update={
            "metrics": metrics,
            "by": list(dict.fromkeys(choice.by)),
            "compare_first": compare[0],
            "compare_last": compare[1],
        }
    )


def to_query(choice: AnalyticsQuery, known: Known, period: Period) -> Query:
    """Return the typed query of a choice for one period.

    Raises:
        BadInput: if it is too large or contradicts itself.
    """
    filters = tuple(
        Filter(by, tuple(values))
        for by, values in (
            (Dimension.CAMPAIGN, choice.campaigns),
            (Dimension.APP, choice.apps),
            (Dimension.LANGUAGE, choice.languages),
            (Dimension.INTENT, choice.intents),
        )
        if values
    )
    query = Query(
        side=known.side,
        metrics=tuple(choice.metrics),
        period=period,
        by=tuple(choice.by),
        filters=filters,
    )
    check_query(query)
    return query
