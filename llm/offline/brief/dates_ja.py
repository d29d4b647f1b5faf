"""Japanese date expressions."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import date, timedelta
from functools import cache

from llm.offline.brief import calendar as cal
from llm.offline.brief.dates_make import unit_range
from llm.offline.brief.lexicon import alternation, cell, rows
from llm.offline.brief.moments import Moment, day_moment
from llm.offline.brief.text import Text

Make = Callable[[re.Match[str], date], Moment | None]

_YEAR = (
    r"(?:(?P<y>\d{4})年(?!間)の?|(?P<era>令和|平成|r)(?P<ey>\d{1,2}|元)年の?|"
    r"(?P<ry>再来年|来年|今年|本年|去年|昨年)の?)?"
)
_PART = r"(?P<part>末日?|の?終わり|上旬|初旬|中旬|下旬|半ば|なかば|初め|はじめ|頭|いっぱい|一杯)?"
_STEP = {
    "今": 0,
    "本": 0,
    "当": 0,
    "来": 1,
    "翌": 1,
    "再来": 2,
    "先": -1,
    "前": -1,
    "昨": -1,
    "去": -1,
}
_STEPS = "|".join(sorted(_STEP, key=len, reverse=True))
_WEEKDAYS = "月火水木金土日"
_DAYS = {
    "今日": 0,
    "本日": 0,
    "きょう": 0,
    "今すぐ": 0,
    "即日": 0,
    "明日": 1,
    "あした": 1,
    "明後日": 2,
    "あさって": 2,
    "昨日": -1,
    "きのう": -1,
    "一昨日": -2,
    "おととい": -2,
}
_SEASONS = {"春": "spring", "夏": "summer", "秋": "autumn", "冬": "winter"}


def _year(match: re.Match[str], today: date) -> int | None:
    if match["y"]:
        return int(match["y"])
    if match["era"]:
        number = 1 if match["ey"] == "元" else int(match["ey"])
        return (1988 if match["era"] == "平成" else 2018) + number
    step = {"再来年": 2, "来年": 1, "今年": 0, "本年": 0, "去年": -1, "昨年": -1}.get(
        match["ry"] or ""
    )
    return None if step is None else today.year + step


def _part(part: str | None, first: date, last: date, match: re.Match[str], year: bool) -> Moment:
    start, end = match.span()
    word = (part or "").removeprefix("の")
    if word in ("末", "末日", "終わり", "いっぱい", "一杯"):
        return Moment(last, last, "edge", start, end, year)
    if word in ("半ば", "なかば"):
        middle = date(first.year, first.month, 15)
        return Moment(middle, middle, "edge", start, end, year)
    if word in ("上旬", "初旬", "初め", "はじめ", "頭"):
        return Moment(first, first + timedelta(days=9), "span", start, end, year)
    if word == "中旬":
        return Moment(
            first + timedelta(days=10), first + timedelta(days=19), "span", start, end, year
        )
    if word == "下旬":
        return Moment(first + timedelta(days=20), last, "span", start, end, year)
    return Moment(first, last, "span", start, end, year)


def _full(match: re.Match[str], today: date) -> Moment:
    return day_moment(today, _year(match, today), int(match["m"]), int(match["d"]), *match.span())


def _slashed(match: re.Match[str], today: date) -> Moment:
    year = int(match["y"]) if match["y"] else None
    return day_moment(today, year, int(match["m"]), int(match["d"]), *match.span())


def _month(match: re.Match[str], today: date) -> Moment | None:
    month = int(match["m"])
    if not 1 <= month <= 12:
        return Moment(today, today, "day", *match.span(), True, "impossible")
    year = _year(match, today)
    first, last = cal.month_range(year if year is not None else today.year, month)
    if year is None and last < today:
        first, last = cal.month_range(today.year + 1, month)
    return _part(match["part"], first, last, match, year is not None)


def _relative_month(match: re.Match[str], today: date) -> Moment:
    first, last = unit_range("month", _STEP[match["w"]], today)
    if match["d"]:
        return day_moment(today, first.year, first.month, int(match["d"]), *match.span())
    return _part(match["part"], first, last, match, True)


def _relative_week(match: re.Match[str], today: date) -> Moment:
    step = _STEP[match["w"]]
    if match["d"]:
        day = cal.week_range(today, step)[0] + timedelta(days=_WEEKDAYS.index(match["d"]))
        return Moment(day, day, "day", *match.span(), True)
    if match["end"]:
        saturday = cal.week_range(today, step)[0] + timedelta(days=5)
        return Moment(saturday, saturday + timedelta(days=1), "span", *match.span(), True)
    return Moment(*cal.week_range(today, step), "span", *match.span(), True)


def _relative_year(match: re.Match[str], today: date) -> Moment:
    year = (
        today.year
        + {"再来年": 2, "来年": 1, "今年": 0, "本年": 0, "去年": -1, "昨年": -1}[match["ry"]]
    )
    first, last = date(year, 1, 1), date(year, 12, 31)
    if match["season"]:
        first, last = cal.season_range(year, _SEASONS[match["season"]])
        return Moment(first, last, "span", *match.span(), True)
    return _part(match["part"], first, last, match, True)


def _absolute_year(match: re.Match[str], today: date) -> Moment:
    year = _year(match, today) or today.year
    return _part(match["part"], date(year, 1, 1), date(year, 12, 31), match, True)


def _quarter(match: re.Match[str], today: date) -> Moment:
    number = int(match["q"])
    year = _year(match, today)
    first, last = cal.quarter_range(year if year is not None else today.year, number)
    if year is None and last < today:
        first, last = cal.quarter_range(today.year + 1, number)
    return _part(match["part"], first, last, match, year is not None)


def _relative_quarter(match: re.Match[str], today: date) -> Moment:
    step = 1 if match["w"] in ("来", "翌", "次の") else -1 if match["w"] in ("前", "先") else 0
    return _part(match["part"], *unit_range("quarter", step, today), match, True)


def _edge(match: re.Match[str], today: date) -> Moment:
    word = match[0]
    if word.startswith("年度"):
        year = today.year + (today.month > 3)
        last = date(year, 3, 31)
    elif word.startswith("年"):
        last = date(today.year, 12, 31)
    elif word.startswith("月"):
        last = cal.month_end(today.year, today.month)
    else:
        last = cal.week_range(today)[1]
        return Moment(last - timedelta(days=1), last, "span", *match.span(), True)
    return Moment(last, last, "edge", *match.span(), True)


def _day_word(match: re.Match[str], today: date) -> Moment:
    day = today + timedelta(days=_DAYS[match[0]])
    role = "start" if match[0] in ("今すぐ", "即日") else None
    return Moment(day, day, "day", *match.span(), True, None, role)


def _day_only(match: re.Match[str], today: date) -> Moment | None:
    day = int(match["d"])
    for step in (0, 1, 2):
        first, last = cal.month_range(today.year, today.month + step)
        if 1 <= day <= last.day and first + timedelta(days=day - 1) >= today:
            value = first + timedelta(days=day - 1)
            return Moment(value, value, "day", *match.span())
    return Moment(today, today, "day", *match.span(), True, "impossible")


def _season(match: re.Match[str], today: date) -> Moment:
    if match["rest"] in ("休み", "休み中"):
        month, first_day, last_month, last_day = {
            "夏": (7, 20, 8, 31), "冬": (12, 25, 1, 7), "春": (3, 20, 4, 5), "秋": (9, 1, 11, 30),
        }[match["s"]]  # fmt: skip
        last = date(today.year + (last_month < month), last_month, last_day)
        if last < today:
            last = date(last.year + 1, last_month, last_day)
        first = date(last.year - (last_month < month), month, first_day)
        return Moment(first, last, "span", *match.span())
    return Moment(*unit_range(_SEASONS[match["s"]], 0, today), "span", *match.span())


@cache
def _holidays() -> tuple[re.Pattern[str], dict[str, str]]:
    names = {name: row[0] for row in rows("holidays") for name in cell(row, 2)}
    pattern = re.compile(
        rf"{_YEAR}(?P<h>{alternation(list(names))})(?P<tail>前)?(?!ケーキ|ツリー|カード|"
        rf"プレゼント|ギフト|衣装|コスプレ|飾り)"
    )
    return pattern, names


def _holiday(match: re.Match[str], today: date) -> Moment:
    rule, year = _holidays()[1][match["h"]], _year(match, today)
    first, last = cal.holiday_range(rule, year) if year else cal.next_holiday(rule, today)
    if match["tail"]:
        day = first - timedelta(days=1)
        return Moment(day, day, "edge", *match.span(), bool(year))
    unit = "holiday" if first == last else "span"
    return Moment(first, last, unit, *match.span(), bool(year))  # type: ignore[arg-type]


@cache
def _table() -> tuple[tuple[re.Pattern[str], Make], ...]:
    weekday = rf"(?P<d>[{_WEEKDAYS}])曜日?"
    return (
        (re.compile(rf"{_YEAR}(?P<m>\d{{1,2}})月の?(?P<d>\d{{1,2}})日(?!間)"), _full),
        (
            re.compile(
                r"(?<![\d/-])(?P<y>(?:20|19)\d\d)[-/.](?P<m>\d{1,2})[-/.](?P<d>\d{1,2})(?!\d)"
            ),
            _slashed,
        ),
        (re.compile(r"(?<![\d/])(?P<y>)(?P<m>1[0-2]|0?[1-9])/(?P<d>\d{1,2})(?![\d/])"), _slashed),
        (
            re.compile(
                rf"{_YEAR}(?:第(?P<q>[1-4])四半期|q(?P<q2>[1-4]))".replace("|q(?P<q2>[1-4])", "")
                + _PART
            ),
            _quarter,
        ),
        (re.compile(rf"{_YEAR}q(?P<q>[1-4]){_PART}"), _quarter),
        (re.compile(rf"(?P<w>今|来|翌|次の|前|先|当)四半期{_PART}"), _relative_quarter),
        (re.compile(rf"(?P<w>{_STEPS})月の?(?:(?P<d>\d{{1,2}})日(?!間)|{_PART})"), _relative_month),
        (re.compile(rf"(?P<w>{_STEPS})週の?(?:{weekday}|(?P<end>末))?"), _relative_week),
        (
            re.compile(
                rf"(?:(?P<w>次の|今度の))?{weekday}".replace("(?P<w>次の|今度の)", "次の|今度の")
            ),
            lambda m, t: _next_weekday(m, t),
        ),
        (re.compile(rf"{_YEAR}(?<![\d,.])(?P<m>\d{{1,2}})月(?!額|\d|曜){_PART}"), _month),
        (re.compile(r"年内|年度[内末]|年末|月末|月内|週末|年度いっぱい"), _edge),
        (
            re.compile(
                rf"(?P<ry>再来年|来年|今年|本年|去年|昨年)の?(?P<season>[春夏秋冬])?{_PART}"
            ),
            _relative_year,
        ),
        (
            re.compile(
                rf"(?:(?P<y>(?:20|19)\d\d)年(?!間)|(?P<era>令和)(?P<ey>\d{{1,2}}|"
                rf"元)年)(?P<ry>)の?{_PART}"
            ),
            _absolute_year,
        ),
        (re.compile("|".join(sorted(_DAYS, key=len, reverse=True))), _day_word),
        (
            re.compile(r"(?<![\d月/,.])(?P<d>\d{1,2})日(?=まで|から|に|より|以降|の夜|開始|~|-)"),
            _day_only,
        ),
        (
            re.compile(
                r"(?P<s>[春夏秋冬])(?P<rest>休み中?|季|いっぱい)?(?=まで|から|の間|に|限定|の期間|"
                r"いっぱい|中|、)"
            ),
            _season,
        ),
    )


def _next_weekday(match: re.Match[str], today: date) -> Moment:
    day = today + timedelta(days=(_WEEKDAYS.index(match["d"]) - today.weekday()) % 7 or 7)
    return Moment(day, day, "day", *match.span(), True)


def find_japanese(text: Text, today: date) -> list[Moment]:
    """Return the Japanese date expressions in order; marks them as `date`."""
    found: list[Moment] = []
    pattern, _ = _holidays()
    table: list[tuple[re.Pattern[str], Make]] = [(pattern, _holiday), *_table()]
    for regex, make in table:
        for match in regex.finditer(text.low):
            if not match[0] or text.taken(*match.span(), "date", "money"):
                continue
            moment = make(match, today)
            if moment is not None:
                found.append(moment)
                text.mark("date", *match.span())
    return sorted(found, key=lambda m: (m.start, m.end))
