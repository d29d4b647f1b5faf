"""Makes moments out of the parts of English date expressions."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import date, timedelta

from llm.offline.brief import calendar as cal
from llm.offline.brief.lexicon import alternation
from llm.offline.brief.moments import Moment, day_moment

_MONTHS = {
    name: number
    for number, names in enumerate(
        (
            "january|jan", "february|feb", "march|mar", "april|apr", "may", "june|jun", "july|jul",
            "august|aug", "september|sept|sep", "october|oct", "november|nov", "december|dec",
        ),
        1,
    )
    for name in names.split("|")
}  # fmt: skip
MONTH = rf"(?:{alternation(list(_MONTHS))})\b\.?"
DAY = r"(?:3[01]|[12]\d|0?[1-9])(?:st|nd|rd|th)?"
ANY_DAY = r"(?:\d{1,2})(?:st|nd|rd|th)?"
YEAR = r"(?:20\d\d|19\d\d)"
DASH = r"\s?(?:-|~|to|until|till|through|thru|and)\s?(?:the )?"
_WEEKDAYS = {
    name: number
    for number, names in enumerate(
        ("monday|mon", "tuesday|tues|tue", "wednesday|wed", "thursday|thurs|thu", "friday|fri",
         "saturday|sat", "sunday|sun")
    )
    for name in names.split("|")
}  # fmt: skip
_ORDINAL = {
    "first": 1,
    "1st": 1,
    "second": 2,
    "2nd": 2,
    "third": 3,
    "3rd": 3,
    "fourth": 4,
    "4th": 4,
}
UNITS = r"(?:week|month|quarter|year|weekend|summer|spring|autumn|fall|winter)"
_WHICH = {
    "last": -1,
    "past": -1,
    "previous": -1,
    "this": 0,
    "the": 0,
    "current": 0,
    "next": 1,
    "coming": 0,
    "upcoming": 0,
    "following": 1,
}

Make = Callable[[re.Match[str], date], "Moment | tuple[Moment, ...] | None"]


def _month(name: str) -> int:
    return _MONTHS[name.rstrip(".")]


def _number(text: str) -> int:
    return int(re.sub(r"\D", "", text))


def iso_moment(match: re.Match[str], today: date) -> Moment:
    """Read 2026-12-24."""
    year, month, day = (int(part) for part in re.split(r"[-/.]", match[0]))
    return day_moment(today, year, month, day, *match.span())


def numeric_moment(match: re.Match[str], today: date) -> Moment | None:
    """12/24/2026 and 24.12.2026; dots mean day first, slashes may mean either."""
    first, second = int(match["a"]), int(match["b"])
    year = int(match["y"]) + (2000 if len(match["y"]) == 2 else 0) if match["y"] else None
    start, end = match.span()
    if match["sep"] in ".-":
        return day_moment(today, year, second, first, start, end)
    if first > 12:
        return day_moment(today, year, second, first, start, end)
    moment = day_moment(today, year, first, second, start, end)
    if second > 12 or first == second or moment.problem:
        return moment
    return Moment(moment.first, moment.last, "day", start, end, year is not None, "ambiguous")


def day_month_moment(match: re.Match[str], today: date) -> Moment:
    """Read 24 December, Dec 24, 24th of December 2026."""
    year = int(match["y"]) if match["y"] else None
    return day_moment(today, year, _month(match["m"]), _number(match["d"]), *match.span())


def day_range_moment(match: re.Match[str], today: date) -> tuple[Moment, ...]:
    """1 to 20 December, Dec 1-24: one month for both days."""
    year = int(match["y"]) if match["y"] else None
    month = _month(match["m"])
    start, end = match.span()
    last = day_moment(today, year, month, _number(match["d2"]), start, end)
    first = day_moment(today, last.first.year, month, _number(match["d1"]), start, end)
    return (
        Moment(
            first.first,
            first.last,
            "day",
            start,
            start + 1,
            last.year_given,
            first.problem,
            "start",
        ),
        Moment(last.first, last.last, "day", end - 1, end, last.year_given, last.problem, "end"),
    )


def month_only_moment(match: re.Match[str], today: date) -> Moment:
    """Read December, end of December, mid-December 2026."""
    month, start, end = _month(match["m"]), *match.span()
    if match["y"]:
        first, last = cal.month_range(int(match["y"]), month)
    else:
        first, last = cal.month_range(today.year, month)
        if last < today:
            first, last = cal.month_range(today.year + 1, month)
    return _part(match["part"], first, last, start, end, bool(match["y"]))


def _part(part: str | None, first: date, last: date, start: int, end: int, year: bool) -> Moment:
    word = (part or "").strip(" -").removeprefix("the ").removeprefix("very ")
    if word.startswith(("end", "late", "close")):
        return Moment(last, last, "edge", start, end, year)
    if word.startswith(("mid", "the mid", "middle")):
        middle = (
            date(first.year, first.month, 15)
            if (last - first).days < 32
            else first + (last - first) / 2
        )
        return Moment(middle, middle, "edge", start, end, year)
    if word.startswith(("start", "begin")):
        return Moment(first, first, "edge", start, end, year)
    if word.startswith("early"):
        middle = first + timedelta(days=9)
        return Moment(first, middle, "span", start, end, year)
    return Moment(first, last, "span", start, end, year)


def quarter_moment(match: re.Match[str], today: date) -> Moment:
    """Read Q1, the first quarter of 2027, end of Q2."""
    word = match["q"] or match["o"]
    number = int(word) if word.isdigit() else _ORDINAL[word]
    year = int(match["y"]) if match["y"] else today.year
    first, last = cal.quarter_range(year, number)
    if not match["y"] and last < today:
        first, last = cal.quarter_range(year + 1, number)
    return _part(match["part"], first, last, *match.span(), bool(match["y"]))


def half_moment(match: re.Match[str], today: date) -> Moment:
    """Read H1 2027, the second half of 2027."""
    number = 1 if match["h"] == "1" or "first" in match[0] else 2
    year = int(match["y"]) if match["y"] else today.year
    first, last = date(year, 6 * number - 5, 1), cal.month_end(year, 6 * number)
    if not match["y"] and last < today:
        first, last = date(year + 1, first.month, 1), cal.month_end(year + 1, last.month)
    return _part(match["part"], first, last, *match.span(), bool(match["y"]))


def relative_moment(match: re.Match[str], today: date) -> Moment:
    """Read this month, next quarter, end of the week."""
    step = _WHICH[match["w"] or "this"]
    first, last = unit_range(match["u"], step, today)
    return _part(match["part"], first, last, *match.span(), True)


def unit_range(unit: str, step: int, today: date) -> cal.Range:
    """Return the week, month, quarter, year, weekend or season `step` after the present one."""
    if unit == "week":
        return cal.week_range(today, step)
    if unit == "weekend":
        monday = cal.week_range(today, step)[0]
        return monday + timedelta(days=5), monday + timedelta(days=6)
    if unit == "month":
        return cal.month_range(today.year, today.month + step)
    if unit == "quarter":
        return cal.quarter_range(today.year, (today.month - 1) // 3 + 1 + step)
    if unit == "year":
        return date(today.year + step, 1, 1), date(today.year + step, 12, 31)
    season = "autumn" if unit == "fall" else unit
    first, last = cal.season_range(today.year, season)
    if season == "winter" and today.month < 3:
        first, last = cal.season_range(today.year - 1, season)
    elif last < today and step >= 0:
        first, last = cal.season_range(today.year + 1, season)
        step = 0
    if step > 0 and first <= today:
        first, last = cal.season_range(first.year + 1, season)
    if step < 0:
        first, last = cal.season_range(today.year - 1, season)
    return first, last


def season_moment(match: re.Match[str], today: date) -> Moment:
    """Read the summer, winter 2027."""
    season = "autumn" if match["u"] == "fall" else match["u"]
    if match["y"]:
        first, last = cal.season_range(int(match["y"]), season)
    else:
        first, last = unit_range(season, 0, today)
    return _part(match["part"], first, last, *match.span(), bool(match["y"]))


def weekday_moment(match: re.Match[str], today: date) -> Moment:
    """Read Friday (the coming one) and next Friday (that of next week)."""
    wanted = _WEEKDAYS[match["d"]]
    ahead = (wanted - today.weekday()) % 7 or 7
    day = today + timedelta(days=ahead)
    if match["w"] == "next":
        day = cal.week_range(today, 1)[0] + timedelta(days=wanted)
    elif match["w"] == "last":
        day = today - timedelta(days=(today.weekday() - wanted) % 7 or 7)
    return Moment(day, day, "day", *match.span(), True)


_NAMED = {
    "today": 0,
    "tonight": 0,
    "now": 0,
    "tomorrow": 1,
    "yesterday": -1,
    "the day after tomorrow": 2,
}


def named_moment(match: re.Match[str], today: date) -> Moment:
    """Read today, tomorrow, yesterday."""
    day = today + timedelta(days=_NAMED[match[0]])
    return Moment(day, day, "day", *match.span(), True)


def year_moment(match: re.Match[str], today: date) -> Moment:
    """Read 2027 as a year."""
    year = int(match["y"])
    return _part(match["part"], date(year, 1, 1), date(year, 12, 31), *match.span(), True)


def year_end_moment(match: re.Match[str], today: date) -> Moment:
    """Read year-end and month-end."""
    if match[0].startswith("month") or match[0] == "eom":
        last = cal.month_end(today.year, today.month)
    else:
        last = date(today.year, 12, 31)
    return Moment(last, last, "edge", *match.span(), True)


def at_once_moment(match: re.Match[str], today: date) -> Moment:
    """Read immediately, as soon as possible: a start today."""
    return Moment(today, today, "day", *match.span(), True, None, "start")
