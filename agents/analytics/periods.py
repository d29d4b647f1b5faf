"""Periods in words, English and Japanese: whole UTC days. Today counts, though it is not over."""

from __future__ import annotations

import calendar
import re
from collections.abc import Callable
from datetime import date, timedelta

from measurement.query_types import MAX_DAYS, Period

_MONTHS = {name.lower(): n for n, name in enumerate(calendar.month_name) if name}
_MONTHS |= {name.lower(): n for n, name in enumerate(calendar.month_abbr) if name}
_MONTH = "|".join(sorted(_MONTHS, key=len, reverse=True))
_NUMBERS = {"two": 2, "three": 3, "four": 4, "five": 5, "six": 6, "seven": 7, "ten": 10,
            "twelve": 12, "fourteen": 14, "thirty": 30, "ninety": 90}  # fmt: skip
_COUNT = rf"(\d{{1,3}}|{'|'.join(_NUMBERS)})"
_DAY = r"(\d{4})[-/.](\d{1,2})[-/.](\d{1,2})"
_DAYS_OF = {"day": 1, "日": 1, "week": 7, "週": 7, "month": 30, "月": 30, "か月": 30, "ヶ月": 30}
#: What has no beginning stated begins here, at most.
_LONGEST = timedelta(days=MAX_DAYS - 1)

Found = tuple[int, int, Period]
Reader = Callable[[re.Match[str], date], Period | None]


def periods(text: str, today: date) -> list[Found]:
    """Return every period that is named: where it stands, and what it is, in order of the text."""
    found: list[Found] = []
    taken = [False] * len(text)
    for pattern, read in _READERS:
        for match in pattern.finditer(text):
            if any(taken[match.start() : match.end()]):
                continue
            period = read(match, today)
            if period is None or period.days < 1:
                continue
            taken[match.start() : match.end()] = [True] * (match.end() - match.start())
            found.append((match.start(), match.end(), period))
    return sorted(found, key=lambda one: one[0])


def week_of(day: date) -> date:
    """Return the Monday of a day's week."""
    return day - timedelta(days=day.weekday())


def _day(year: str, month: str, day: str) -> date | None:
    try:
        return date(int(year), int(month), int(day))
    except ValueError:
        return None


def _between(match: re.Match[str], today: date) -> Period | None:
    parts = match.groups()
    first, last = _day(*parts[:3]), _day(*parts[3:6])
    return None if first is None or last is None else Period(first, last)


def _one_day(match: re.Match[str], today: date) -> Period | None:
    day = _day(*match.groups()[:3])
    return None if day is None else Period(day, day)


def _since(match: re.Match[str], today: date) -> Period | None:
    parts = match.groups()
    day = _day(*(parts[:3] if parts[0] else parts[3:6]))
    return None if day is None else Period(max(day, today - _LONGEST), today)


def _last_many(match: re.Match[str], today: date) -> Period | None:
    count = _NUMBERS.get(match[1].lower()) or int(match[1])
    days = count * _DAYS_OF[match[2].lower()]
    return Period(today - timedelta(days=min(days, MAX_DAYS) - 1), today) if days else None


def _month(year: int, month: int, today: date) -> Period:
    last = date(year, month, calendar.monthrange(year, month)[1])
    return Period(date(year, month, 1), min(last, max(today, date(year, month, 1))))


def _named_month(match: re.Match[str], today: date) -> Period | None:
    month = _MONTHS[match[1].lower()]
    if (
        match[1].lower() in ("may", "march")
        and not match[2]
        and match[0].strip().lower() == match[1].lower()
    ):
        # A verb more often than a month, unless something says that it is one.
        return None
    # "May" without a year is the last one that has begun.
    year = int(match[2]) if match[2] else today.year - (month > today.month)
    return _month(year, month, today)


def _japanese_month(match: re.Match[str], today: date) -> Period | None:
    month = int(match[2])
    if not 1 <= month <= 12:
        return None
    year = int(match[1]) if match[1] else today.year - (month > today.month)
    return _month(year, month, today)


def _japanese_day(match: re.Match[str], today: date) -> Period | None:
    year = int(match[1]) if match[1] else today.year
    day = _day(str(year), match[2], match[3])
    if day is not None and day > today and not match[1]:
        day = _day(str(year - 1), match[2], match[3])
    return None if day is None else Period(day, day)


def _last_month(match: re.Match[str], today: date) -> Period:
    before = today.replace(day=1) - timedelta(days=1)
    return Period(before.replace(day=1), before)


def _last_year(match: re.Match[str], today: date) -> Period:
    return Period(date(today.year - 1, 1, 1), date(today.year - 1, 12, 31))


def _ago(days: int) -> Reader:
    return lambda match, today: Period(today - timedelta(days=days), today - timedelta(days=days))


def _week(weeks: int) -> Reader:
    def read(match: re.Match[str], today: date) -> Period:
        first = week_of(today) - timedelta(weeks=weeks)
        return Period(first, min(today, first + timedelta(days=6)))

    return read


def _this_month(match: re.Match[str], today: date) -> Period:
    return Period(today.replace(day=1), today)


def _this_year(match: re.Match[str], today: date) -> Period:
    return Period(today.replace(month=1, day=1), today)


def _all(match: re.Match[str], today: date) -> Period:
    return Period(today - _LONGEST, today)


def _of(pattern: str, read: Reader) -> tuple[re.Pattern[str], Reader]:
    return re.compile(pattern, re.I), read


#: Longer readings first; what one has taken another cannot read.
_READERS: tuple[tuple[re.Pattern[str], Reader], ...] = (
    _of(rf"(?:from|between)?\s*{_DAY}\s*(?:to|until|and|through|[-–~〜]|から)\s*{_DAY}", _between),
    _of(rf"since\s+{_DAY}|{_DAY}\s*(?:以降|から)", _since),
    _of(rf"(?:on\s+)?{_DAY}", _one_day),
    _of(rf"(?:the\s+)?(?:last|past|previous)\s+{_COUNT}\s+(day|week|month)s?\b", _last_many),
    _of(r"(?:過去|直近|ここ|この)\s*(\d{1,3})\s*(日|週|か月|ヶ月|月)間?", _last_many),
    _of(r"(?:(\d{4})年)?(\d{1,2})月(\d{1,2})日", _japanese_day),
    _of(r"(?:(\d{4})年)?(\d{1,2})月", _japanese_month),
    _of(rf"\b(?:in|during|for|since)?\s*\b({_MONTH})\b(?!\s+(?:i|we|you)\b)\.?(?:\s+(\d{{4}}))?", _named_month),
    _of(r"day before yesterday|一昨日|おととい", _ago(2)),
    _of(r"\byesterday\b|昨日|きのう", _ago(1)),
    _of(r"\btoday\b|\bso far today\b|今日|本日|きょう", _ago(0)),
    _of(r"\bthis week\b|今週", _week(0)),
    _of(r"week before last|先々週", _week(2)),
    _of(r"\b(?:last|previous) week\b|先週|前の週", _week(1)),
    _of(r"\bthis month\b|今月", _this_month),
    _of(r"\b(?:last|previous) month\b|先月|前の月", _last_month),
    _of(r"\bthis year\b|今年", _this_year),
    _of(r"\b(?:last|previous) year\b|昨年|去年", _last_year),
    _of(r"\ball[- ]time\b|\bever\b|\boverall\b|\bso far\b|全期間|これまで|今まで", _all),
)  # fmt: skip
