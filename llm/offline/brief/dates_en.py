"""English date expressions."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import date, timedelta
from functools import cache

from llm.offline.brief import calendar as cal
from llm.offline.brief.lexicon import alternation, cell, rows
from llm.offline.brief.moments import Moment, day_moment
from llm.offline.brief.text import Text

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
_M = rf"(?:{alternation(list(_MONTHS))})\b\.?"
_D = r"(?:3[01]|[12]\d|0?[1-9])(?:st|nd|rd|th)?"
_BAD_D = r"(?:\d{1,2})(?:st|nd|rd|th)?"
_Y = r"(?:20\d\d|19\d\d)"
_DASH = r"\s?(?:-|~|to|until|till|through|thru|and)\s?(?:the )?"
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
_UNITS = r"(?:week|month|quarter|year|weekend|summer|spring|autumn|fall|winter)"
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
_PREP = r"(?:in|until|till|til|by|before|through|thru|throughout|during|from|since|to|of|and|-|end|mid|early|late|next|this|starting|beginning|for|over|all|after|begin|last|runs?|late-|mid-|early-)"

Make = Callable[[re.Match[str], date], "Moment | tuple[Moment, ...] | None"]


def _month(name: str) -> int:
    return _MONTHS[name.rstrip(".")]


def _number(text: str) -> int:
    return int(re.sub(r"\D", "", text))


def _iso(match: re.Match[str], today: date) -> Moment:
    year, month, day = (int(part) for part in re.split(r"[-/.]", match[0]))
    return day_moment(today, year, month, day, *match.span())


def _numeric(match: re.Match[str], today: date) -> Moment | None:
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


def _day_month(match: re.Match[str], today: date) -> Moment:
    year = int(match["y"]) if match["y"] else None
    return day_moment(today, year, _month(match["m"]), _number(match["d"]), *match.span())


def _day_range(match: re.Match[str], today: date) -> tuple[Moment, ...]:
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


def _month_only(match: re.Match[str], today: date) -> Moment:
    month, start, end = _month(match["m"]), *match.span()
    if match["y"]:
        first, last = cal.month_range(int(match["y"]), month)
    else:
        first, last = cal.month_range(today.year, month)
        if last < today:
            first, last = cal.month_range(today.year + 1, month)
    return _part(match["part"], first, last, start, end, bool(match["y"]))


def _part(part: str | None, first: date, last: date, start: int, end: int, year: bool) -> Moment:
    word = (part or "").strip(" -")
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


def _quarter(match: re.Match[str], today: date) -> Moment:
    word = match["q"] or match["o"]
    number = int(word) if word.isdigit() else _ORDINAL[word]
    year = int(match["y"]) if match["y"] else today.year
    first, last = cal.quarter_range(year, number)
    if not match["y"] and last < today:
        first, last = cal.quarter_range(year + 1, number)
    return _part(match["part"], first, last, *match.span(), bool(match["y"]))


def _half(match: re.Match[str], today: date) -> Moment:
    number = 1 if match["h"] == "1" or "first" in match[0] else 2
    year = int(match["y"]) if match["y"] else today.year
    first, last = date(year, 6 * number - 5, 1), cal.month_end(year, 6 * number)
    if not match["y"] and last < today:
        first, last = date(year + 1, first.month, 1), cal.month_end(year + 1, last.month)
    return _part(match["part"], first, last, *match.span(), bool(match["y"]))


def _relative(match: re.Match[str], today: date) -> Moment:
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


def _season(match: re.Match[str], today: date) -> Moment:
    season = "autumn" if match["u"] == "fall" else match["u"]
    if match["y"]:
        first, last = cal.season_range(int(match["y"]), season)
    else:
        first, last = unit_range(season, 0, today)
    return _part(match["part"], first, last, *match.span(), bool(match["y"]))


def _weekday(match: re.Match[str], today: date) -> Moment:
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


def _named(match: re.Match[str], today: date) -> Moment:
    day = today + timedelta(days=_NAMED[match[0]])
    return Moment(day, day, "day", *match.span(), True)


def _year(match: re.Match[str], today: date) -> Moment:
    year = int(match["y"])
    return _part(match["part"], date(year, 1, 1), date(year, 12, 31), *match.span(), True)


def _year_end(match: re.Match[str], today: date) -> Moment:
    if match[0].startswith("month") or match[0] == "eom":
        last = cal.month_end(today.year, today.month)
    else:
        last = date(today.year, 12, 31)
    return Moment(last, last, "edge", *match.span(), True)


def _at_once(match: re.Match[str], today: date) -> Moment:
    return Moment(today, today, "day", *match.span(), True, None, "start")


@cache
def _holidays() -> tuple[re.Pattern[str], dict[str, str]]:
    names = {name: row[0] for row in rows("holidays") for name in cell(row, 1)}
    pattern = re.compile(
        rf"\b(?P<part>(?:mid|the end of|end of)[ -])?(?:the )?(?P<h>{alternation(list(names))})(?!\w)(?:(?: of)?,? (?P<y>{_Y}))?"
        rf"(?! (?:costume|tree|card|sweater|jumper|market|cookie|decoration|ornament|dinner|present|gift|crackers?\b))"
    )
    return pattern, names


def _holiday(match: re.Match[str], today: date) -> Moment:
    rule = _holidays()[1][match["h"]]
    if match["y"]:
        first, last = cal.holiday_range(rule, int(match["y"]))
    else:
        first, last = cal.next_holiday(rule, today)
    unit = "holiday" if first == last else "span"
    return Moment(first, last, unit, *match.span(), bool(match["y"]))  # type: ignore[arg-type]


_PART = r"(?P<part>(?:the )?(?:(?:very )?end of|close of|beginning of|start of|middle of|mid|early|late)[ -](?:the )?)?"


@cache
def _table() -> tuple[tuple[re.Pattern[str], Make], ...]:
    dated = rf"(?:,? (?P<y>{_Y}))?"
    return (
        (re.compile(r"(?<![\d/-])(?:20|19)\d\d[-/.]\d{1,2}[-/.]\d{1,2}(?!\d)"), _iso),
        (re.compile(rf"\b(?P<d1>{_D}){_DASH}(?P<d2>{_D})(?: of)? (?P<m>{_M}){dated}"), _day_range),
        (
            re.compile(
                rf"\b(?P<m>{_M}) (?P<d1>{_D}){_DASH}(?P<d2>{_D})(?![\d,]\d|:| (?:{_M})){dated}"
            ),
            _day_range,
        ),
        (re.compile(rf"\b(?:the )?(?P<d>{_BAD_D})(?: of)?[ -]?(?P<m>{_M}){dated}"), _day_month),
        (
            re.compile(
                rf"\b(?P<m>{_M}) (?:the )?(?P<d>{_BAD_D})(?![\d%]|,\d| ?(?:€|euros|dollars)){dated}"
            ),
            _day_month,
        ),
        (
            re.compile(
                r"(?<![\d/.])(?P<a>\d{1,2})(?P<sep>[/.-])(?P<b>\d{1,2})(?P=sep)(?P<y>\d{4}|\d\d)(?![\d/])"
            ),
            _numeric,
        ),
        (
            re.compile(
                r"(?:(?<=by )|(?<=until )|(?<=till )|(?<=before )|(?<=from )|(?<=to )|(?<=on )|(?<=starting )|(?<=through ))(?P<a>\d{1,2})(?P<sep>/)(?P<b>\d{1,2})(?P<y>)(?![\d/%])"
            ),
            _numeric,
        ),
        (re.compile(rf"{_PART}\bq(?P<q>[1-4])(?P<o>)\b(?:[ /-]?(?:of )?(?P<y>{_Y}))?"), _quarter),
        (
            re.compile(
                rf"{_PART}\b(?P<q>)(?P<o>first|second|third|fourth|1st|2nd|3rd|4th) quarter(?:(?: of)? (?P<y>{_Y}))?"
            ),
            _quarter,
        ),
        (
            re.compile(
                rf"{_PART}\b(?:h(?P<h>[12])|(?:the )?(?:first|second) half(?: of the year)?)\b(?:(?: of)? (?P<y>{_Y}))?"
            ),
            _half,
        ),
        (
            re.compile(
                rf"{_PART}\b(?:the )?(?P<w>this|next|last|coming|upcoming|current|following|past|previous) (?P<u>{_UNITS})\b(?! \d)"
            ),
            _relative,
        ),
        (
            re.compile(
                rf"(?P<part>(?:the )?(?:end of|beginning of|start of|middle of|mid)[ -])(?P<w>the )?(?P<u>week|month|quarter|year|summer|winter|spring|autumn|fall|weekend)\b".replace(
                    "(?P<w>the )", "(?:the )(?P<w>)"
                )
            ),
            _relative,
        ),
        (
            re.compile(
                rf"{_PART}\b(?:(?<=the )|(?<=in )|(?<=over )|(?<=during )|(?<=this )|(?<=until )|(?<=before ))(?:the )?(?P<u>summer|winter|spring|autumn|fall)\b(?: of)?(?: (?P<y>{_Y}))?(?! (?:dress|cloth|coat|jacket|camp|school|shoes|collection|boots|tires|tyres|sport|roll))"
            ),
            _season,
        ),
        (re.compile(r"\b(?:year[- ]end|eoy|month[- ]end|eom)\b"), _year_end),
        (
            re.compile(
                r"\b(?:(?P<w>next|this|last|coming) )?(?P<d>monday|tuesday|wednesday|thursday|friday|saturday|sunday)s?\b"
            ),
            _weekday,
        ),
        (
            re.compile(
                r"\bthe day after tomorrow\b|\b(?:today|tonight|tomorrow|yesterday)\b(?!')|(?<=from )now\b|(?<=starting )now\b"
            ),
            _named,
        ),
        (
            re.compile(
                r"\b(?:immediately|right away|straight away|as soon as possible|asap|starting at once)\b"
            ),
            _at_once,
        ),
        (
            re.compile(
                rf"{_PART}\b(?P<m>(?!may\b|mar\b|sun\b|march\b|dec\b|sat\b){_M})(?:,? (?P<y>{_Y}))?(?! \d)"
            ),
            _month_only,
        ),
        (
            re.compile(
                rf"(?:(?<=\bin )|(?<=until )|(?<=till )|(?<=by )|(?<=before )|(?<=through )|(?<=thru )|(?<=during )|(?<=from )|(?<=to )|(?<=and )|(?<=next )|(?<=throughout )|(?<=this )|(?<=- )|(?<=-)|(?<=for )|(?<=all )|(?=the end)|(?=end)|(?=mid)|(?=early)|(?=late)|(?=beginning)|(?=start of)){_PART}\b(?P<m>may|march|mar|dec)\b\.?(?:,? (?P<y>{_Y}))?(?! \d)"
            ),
            _month_only,
        ),
        (re.compile(rf"\b(?P<part>)(?P<m>may|march|mar|dec) (?P<y>{_Y})"), _month_only),
        (
            re.compile(
                rf"(?:(?<=\bin )|(?<=until )|(?<=till )|(?<=by )|(?<=before )|(?<=through )|(?<=during )|(?<=throughout )|(?<=of )|(?<=for )|(?<=the )){_PART}(?P<y>{_Y})\b(?! ?(?:€|euros|dollars|yen|people|sign|usd|eur|gbp|pounds|-|/))"
            ),
            _year,
        ),
    )


def find_english(text: Text, today: date) -> list[Moment]:
    """Return the English date expressions in order; marks them as `date`."""
    found: list[Moment] = []
    pattern, _ = _holidays()
    for match in pattern.finditer(text.low):
        _add(text, found, match, _holiday(match, today))
    for regex, make in _table():
        for match in regex.finditer(text.low):
            if text.taken(*match.span(), "date", "money"):
                continue
            moment = make(match, today)
            if moment is not None:
                _add(text, found, match, moment)
    return sorted(found, key=lambda m: (m.start, m.end))


def _add(
    text: Text, found: list[Moment], match: re.Match[str], made: Moment | tuple[Moment, ...]
) -> None:
    found.extend(made if isinstance(made, tuple) else (made,))
    text.mark("date", *match.span())
