"""A stretch of days that a goal names, before its role (start, end, both) is known."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date
from typing import Literal

Unit = Literal["day", "span", "edge", "holiday"]


@dataclass(frozen=True)
class Moment:
    """One named stretch of days.

    Attributes:
        first: First day.
        last: Last day (inclusive).
        unit: `day` one day, `span` a week or more, `edge` the end or middle of something ("end of
            March"), `holiday` a feast.
        start: Position in the text.
        end: One past the last character.
        year_given: The year was stated, so it must not be moved.
        problem: `ambiguous` or `impossible` if no date can be told.
        role: Role fixed by the expression itself, if any.
        shared: Begin of a range whose end is the next moment ("1 to 20 December").
    """

    first: date
    last: date
    unit: Unit
    start: int
    end: int
    year_given: bool = False
    problem: Literal["ambiguous", "impossible"] | None = None
    role: str | None = None
    shared: bool = False

    def at(self, start: int, end: int) -> Moment:
        """Return a copy at another position."""
        return replace(self, start=start, end=end)


def day_moment(today: date, year: int | None, month: int, day: int, start: int, end: int) -> Moment:
    """Return a single day; without a year the next one from `today` on.

    A day that does not exist (30 February) becomes a moment with `problem="impossible"`.
    """
    try:
        value = date(year if year is not None else today.year, month, day)
        if year is None and value < today:
            value = date(today.year + 1, month, day)
    except ValueError:
        if month == 2 and day == 29 and year is None:
            return _leap_day(today, start, end)
        return Moment(today, today, "day", start, end, True, "impossible")
    return Moment(value, value, "day", start, end, year is not None)


def _leap_day(today: date, start: int, end: int) -> Moment:
    year = today.year
    while year % 4 or (year % 100 == 0 and year % 400):
        year += 1
    return Moment(date(year, 2, 29), date(year, 2, 29), "day", start, end)
