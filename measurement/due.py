"""When reports are due and what they are about."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from typing import Literal

from measurement.query_types import Period

Every = Literal["day", "week", "month"]


def covered(every: str, due: datetime) -> Period:
    """Return the last whole day, ISO week or month before a moment."""
    today = due.date()
    if every == "day":
        return Period(today - timedelta(days=1), today - timedelta(days=1))
    if every == "week":
        monday = today - timedelta(days=today.weekday())
        return Period(monday - timedelta(days=7), monday - timedelta(days=1))
    last = today.replace(day=1) - timedelta(days=1)
    return Period(last.replace(day=1), last)


def next_due(every: str, hour: int, after: datetime) -> datetime:
    """Return the first moment after another at which a report is due, UTC."""
    day = after.date()
    found = _at(_start(every, day), hour)
    while found <= after:
        found = _at(_following(every, found.date()), hour)
    return found


def _start(every: str, day: date) -> date:
    if every == "week":
        return day - timedelta(days=day.weekday())
    return day.replace(day=1) if every == "month" else day


def _following(every: str, day: date) -> date:
    if every == "month":
        return (day.replace(day=28) + timedelta(days=4)).replace(day=1)
    return day + timedelta(days=7 if every == "week" else 1)


def _at(day: date, hour: int) -> datetime:
    return datetime.combine(day, time(hour), UTC)
