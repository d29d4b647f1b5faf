"""Calendar arithmetic: months, quarters, seasons and the feasts that goals are tied to.

Sources: Easter by the anonymous Gregorian algorithm (Meeus, Astronomical Algorithms, ch. 8); moving
secular days by their weekday rule; Diwali and Lunar New Year from published almanacs, as a table.
"""

from __future__ import annotations

import calendar
from collections.abc import Callable
from datetime import date, timedelta

Range = tuple[date, date]

_DIWALI = {
    2024: (10, 31),
    2025: (10, 20),
    2026: (11, 8),
    2027: (10, 29),
    2028: (10, 17),
    2029: (11, 5),
    2030: (10, 26),
}
_LUNAR = {
    2024: (2, 10),
    2025: (1, 29),
    2026: (2, 17),
    2027: (2, 6),
    2028: (1, 26),
    2029: (2, 13),
    2030: (2, 3),
}


def month_end(year: int, month: int) -> date:
    """Return the last day of a month."""
    return date(year, month, calendar.monthrange(year, month)[1])


def month_range(year: int, month: int) -> Range:
    """Return the first and last day of a month; months outside 1-12 roll over."""
    index = year * 12 + month - 1
    year, month = index // 12, index % 12 + 1
    return date(year, month, 1), month_end(year, month)


def add_months(day: date, months: int) -> date:
    """Return the same day `months` later, or the last day of that month."""
    first, last = month_range(day.year, day.month + months)
    return first + timedelta(days=min(day.day, last.day) - 1)


def quarter_range(year: int, quarter: int) -> Range:
    """Return a quarter; quarters outside 1-4 roll over."""
    first = month_range(year, quarter * 3 - 2)[0]
    return first, month_range(first.year, first.month + 2)[1]


def week_range(day: date, weeks: int = 0) -> Range:
    """Return Monday and Sunday of the week of `day`, moved by `weeks`."""
    monday = day - timedelta(days=day.weekday()) + timedelta(weeks=weeks)
    return monday, monday + timedelta(days=6)


def season_range(year: int, season: str) -> Range:
    """Return a northern season that begins in `year` (winter: December to February)."""
    month = {"spring": 3, "summer": 6, "autumn": 9, "winter": 12}[season]
    first = date(year, month, 1)
    return first, month_range(year, month + 2)[1]


def nth_weekday(year: int, month: int, weekday: int, nth: int) -> date:
    """Return the nth (1-based; -1: last) weekday (Monday 0) of a month."""
    if nth < 0:
        last = month_end(year, month)
        return last - timedelta(days=(last.weekday() - weekday) % 7)
    first = date(year, month, 1)
    return first + timedelta(days=(weekday - first.weekday()) % 7 + 7 * (nth - 1))


def easter(year: int) -> date:
    """Return Easter Sunday of the Gregorian calendar."""
    a, b, c = year % 19, year // 100, year % 100
    d, e = b // 4, b % 4
    g = (8 * b + 13) // 25
    h = (19 * a + b - d - g + 15) % 30
    i, k = c // 4, c % 4
    weekday = (32 + 2 * e + 2 * i - h - k) % 7
    m = (a + 11 * h + 22 * weekday) // 451
    month, day = divmod(h + weekday - 7 * m + 114, 31)
    return date(year, month, day + 1)


def _thanksgiving(year: int) -> date:
    return nth_weekday(year, 11, 3, 4)


def _table(table: dict[int, tuple[int, int]], year: int) -> date:
    month, day = table.get(year, table[max(table)])
    return date(year, month, day)


def _one(day: date) -> Range:
    return day, day


_RULES: dict[str, Callable[[int], Range]] = {
    "new_year": lambda y: _one(date(y, 1, 1)),
    "thanksgiving": lambda y: _one(_thanksgiving(y)),
    "black_friday": lambda y: _one(_thanksgiving(y) + timedelta(days=1)),
    "black_friday_weekend": lambda y: (
        _thanksgiving(y) + timedelta(days=1),
        _thanksgiving(y) + timedelta(days=3),
    ),
    "cyber_monday": lambda y: _one(_thanksgiving(y) + timedelta(days=4)),
    "easter": lambda y: _one(easter(y)),
    "easter_monday": lambda y: _one(easter(y) + timedelta(days=1)),
    "good_friday": lambda y: _one(easter(y) - timedelta(days=2)),
    "mothers_day": lambda y: _one(nth_weekday(y, 5, 6, 2)),
    "fathers_day": lambda y: _one(nth_weekday(y, 6, 6, 3)),
    "labor_day": lambda y: _one(nth_weekday(y, 9, 0, 1)),
    "memorial_day": lambda y: _one(nth_weekday(y, 5, 0, -1)),
    "mlk": lambda y: _one(nth_weekday(y, 1, 0, 3)),
    "super_bowl": lambda y: _one(nth_weekday(y, 2, 6, 2)),
    "diwali": lambda y: _one(_table(_DIWALI, y)),
    "lunar_new_year": lambda y: _one(_table(_LUNAR, y)),
    "aged_day": lambda y: _one(nth_weekday(y, 9, 0, 3)),
    "coming_of_age": lambda y: _one(nth_weekday(y, 1, 0, 2)),
    "silver_week": lambda y: (
        nth_weekday(y, 9, 0, 3) - timedelta(days=2),
        nth_weekday(y, 9, 0, 3) + timedelta(days=2),
    ),
    "oktoberfest": lambda y: (
        nth_weekday(y, 9, 5, 3),
        nth_weekday(y, 10, 6, 1),
    ),
}


def holiday_range(rule: str, year: int) -> Range:
    """Return first and last day of a holiday rule of `data/holidays.tsv` in a year."""
    if rule in _RULES:
        return _RULES[rule](year)
    first, _, last = rule.partition("..")
    return _month_day(first, year), _month_day(last or first, year)


def next_holiday(rule: str, today: date) -> Range:
    """Return the first occurrence that is not over yet."""
    this_year = holiday_range(rule, today.year)
    return this_year if this_year[1] >= today else holiday_range(rule, today.year + 1)


def _month_day(text: str, year: int) -> date:
    month, day = text.split("-")
    return date(year, int(month), int(day))
