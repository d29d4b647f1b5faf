"""English date expressions."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import date
from functools import cache

from llm.offline.brief import calendar as cal
from llm.offline.brief.dates_make import (
    ANY_DAY,
    DASH,
    DAY,
    MONTH,
    UNITS,
    YEAR,
    at_once_moment,
    day_month_moment,
    day_range_moment,
    half_moment,
    iso_moment,
    month_only_moment,
    named_moment,
    numeric_moment,
    quarter_moment,
    relative_moment,
    season_moment,
    weekday_moment,
    year_end_moment,
    year_moment,
)
from llm.offline.brief.lexicon import alternation, cell, rows
from llm.offline.brief.moments import Moment
from llm.offline.brief.text import Text

Make = Callable[[re.Match[str], date], "Moment | tuple[Moment, ...] | None"]


@cache
def _holidays() -> tuple[re.Pattern[str], dict[str, str]]:
    names = {name: row[0] for row in rows("holidays") for name in cell(row, 1)}
    pattern = re.compile(
        rf"\b(?P<part>(?:mid|the end of|"
        rf"end of)[ -])?(?:the )?(?P<h>{alternation(list(names))})(?!\w)(?:(?: of)?,? (?P<y>"
        rf"{YEAR}))?"
        rf"(?! (?:costume|tree|card|sweater|jumper|market|cookie|decoration|ornament|dinner|"
        rf"present|gift|crackers?\b))"
    )
    return pattern, names


#: A holiday in front of a noun names the thing, not the time: "Christmas hampers", "Easter eggs".
_TIMED = re.compile(
    r"^(?:$|[^ ]| (?:in|on|for|with|at|and|or|to|our|we|i|until|by|of|using|via|only|"
    r"please|as|but|so|through|is|if|the|a|my|from|"
    r"sales?|campaigns?|promotions?|promos?|season|period|deals?|push|rush|weeks?|"
    r"weekend|events?|offers?|shopping|shoppers|day|eve|this|next|budget|in)\b| \W|"
    r" \d)"
)
_TIME_BEFORE = re.compile(
    r"\b(?:by|before|until|till|through|thru|during|over|this|next|after|from|around|"
    r"ahead of|to|in time for)\s(?:the )?$"
)


def _holiday(match: re.Match[str], today: date) -> Moment:
    rule = _holidays()[1][match["h"]]
    if match["y"]:
        first, last = cal.holiday_range(rule, int(match["y"]))
    else:
        first, last = cal.next_holiday(rule, today)
    unit = "holiday" if first == last else "span"
    return Moment(first, last, unit, *match.span(), bool(match["y"]))  # type: ignore[arg-type]


_PART = (
    r"(?P<part>(?:the )?(?:(?:very )?end of|close of|beginning of|start of|middle of|"
    r"mid|early|late)[ -](?:the )?)?"
)


@cache
def _table() -> tuple[tuple[re.Pattern[str], Make], ...]:
    dated = rf"(?:,? (?P<y>{YEAR}))?"
    return (
        (re.compile(r"(?<![\d/-])(?:20|19)\d\d[-/.]\d{1,2}[-/.]\d{1,2}(?!\d)"), iso_moment),
        (
            re.compile(rf"\b(?P<d1>{DAY}){DASH}(?P<d2>{DAY})(?: of)? (?P<m>{MONTH}){dated}"),
            day_range_moment,
        ),
        (
            re.compile(
                rf"\b(?P<m>{MONTH}) (?P<d1>{DAY}){DASH}(?P<d2>{DAY})(?![\d,]\d|:| (?:{MONTH})){dated}"
            ),
            day_range_moment,
        ),
        (
            re.compile(rf"\b(?:the )?(?P<d>{ANY_DAY})(?: of)?[ -]?(?P<m>{MONTH}){dated}"),
            day_month_moment,
        ),
        (
            re.compile(
                rf"\b(?P<m>{MONTH}) (?:the )?(?P<d>{ANY_DAY})(?![\d%]|,\d| ?(?:€|euros|dollars)){dated}"
            ),
            day_month_moment,
        ),
        (
            re.compile(
                r"(?<![\d/.])(?P<a>\d{1,2})(?P<sep>[/.-])(?P<b>\d{1,2})(?P=sep)(?P<y>\d{4}|"
                r"\d\d)(?![\d/])"
            ),
            numeric_moment,
        ),
        (
            re.compile(
                r"(?:(?<=by )|(?<=until )|(?<=till )|(?<=before )|(?<=from )|(?<=to )|(?<=on )|"
                r"(?<=starting )|(?<=through )|(?<=[/\d]-)|(?<=[/\d] - )|(?=\d{1,2}/\d{1,2} ?(?:to|"
                r"-|until|through) ?\d{1,2}/\d))(?P<a>\d{1,2})(?P<sep>/)(?P<b>\d{1,2})(?P<y>)(?![\d"
                r"/%])"
            ),
            numeric_moment,
        ),
        (
            re.compile(rf"{_PART}\bq(?P<q>[1-4])(?P<o>)\b(?:[ /-]?(?:of )?(?P<y>{YEAR}))?"),
            quarter_moment,
        ),
        (
            re.compile(
                rf"{_PART}\b(?P<q>)(?P<o>first|second|third|fourth|1st|2nd|3rd|"
                rf"4th) quarter(?:(?: of)? (?P<y>{YEAR}))?"
            ),
            quarter_moment,
        ),
        (
            re.compile(
                rf"{_PART}\b(?:h(?P<h>[12])|(?:the )?(?:first|"
                rf"second) half(?: of the year)?)\b(?:(?: of)? (?P<y>{YEAR}))?"
            ),
            half_moment,
        ),
        (
            re.compile(
                rf"{_PART}\b(?:the )?(?P<w>this|next|last|coming|upcoming|current|following|past|"
                rf"previous) (?P<u>{UNITS})\b(?! \d)"
            ),
            relative_moment,
        ),
        (
            re.compile(
                (
                    r"(?P<part>(?:the )?(?:end of|beginning of|start of|middle of|"
                    r"mid)[ -])(?P<w>the )?(?P<u>week|month|quarter|year|summer|winter|spring|autumn|"
                    r"fall|weekend)\b"
                ).replace("(?P<w>the )", "(?:the )(?P<w>)")
            ),
            relative_moment,
        ),
        (
            re.compile(
                rf"{_PART}\b(?:(?<=the )|(?<=in )|(?<=over )|(?<=during )|(?<=this )|(?<=until )|"
                rf"(?<=before ))(?:the )?(?P<u>summer|winter|spring|autumn|"
                rf"fall)\b(?: of)?(?: (?P<y>{YEAR}))?(?! (?:dress|cloth|coat|jacket|camp|school|shoes|"
                rf"collection|boots|tires|tyres|sport|roll))"
            ),
            season_moment,
        ),
        (re.compile(r"\b(?:year[- ]end|eoy|month[- ]end|eom)\b"), year_end_moment),
        (
            re.compile(
                r"\b(?:(?P<w>next|this|last|coming) )?(?P<d>monday|tuesday|wednesday|thursday|"
                r"friday|saturday|sunday)s?\b"
            ),
            weekday_moment,
        ),
        (
            re.compile(
                r"\bthe day after tomorrow\b|\b(?:today|tonight|tomorrow|yesterday)\b(?!')|"
                r"(?<=from )now\b|(?<=between )now\b|(?<=starting )now\b"
            ),
            named_moment,
        ),
        (
            re.compile(
                r"\b(?:immediately|right away|straight away|as soon as possible|asap|"
                r"starting at once)\b"
            ),
            at_once_moment,
        ),
        (
            re.compile(
                rf"{_PART}\b(?P<m>(?!may\b|mar\b|sun\b|march\b|dec\b|"
                rf"sat\b){MONTH})(?:,? (?P<y>{YEAR}))?(?! \d)"
            ),
            month_only_moment,
        ),
        (
            re.compile(
                rf"(?:(?<=\bin )|(?<=until )|(?<=till )|(?<=by )|(?<=before )|(?<=through )|"
                rf"(?<=thru )|(?<=during )|(?<=from )|(?<=to )|(?<=and )|(?<=next )|"
                rf"(?<=throughout )|(?<=this )|(?<=- )|(?<=-)|(?<=for )|(?<=all )|(?=the end)|"
                rf"(?=end)|(?=mid)|(?=early)|(?=late)|(?=beginning)|(?=start of)){_PART}\b(?P<m>may|"
                rf"march|mar|dec)\b\.?(?:,? (?P<y>{YEAR}))?(?! \d)"
            ),
            month_only_moment,
        ),
        (re.compile(rf"\b(?P<part>)(?P<m>may|march|mar|dec) (?P<y>{YEAR})"), month_only_moment),
        (
            re.compile(
                rf"(?:(?<=\bin )|(?<=until )|(?<=till )|(?<=by )|(?<=before )|(?<=through )|"
                rf"(?<=during )|(?<=throughout )|(?<=of )|(?<=for )|"
                rf"(?<=the )){_PART}(?P<y>{YEAR})\b(?! ?(?:€|euros|dollars|yen|people|sign|usd|eur|"
                rf"gbp|pounds|-|/))"
            ),
            year_moment,
        ),
    )


def find_english(text: Text, today: date) -> list[Moment]:
    """Return the English date expressions in order; marks them as `date`."""
    found: list[Moment] = []
    pattern, _ = _holidays()
    for match in pattern.finditer(text.low):
        timed = _TIMED.search(text.after(match.end(), 16))
        if timed or _TIME_BEFORE.search(text.before(match.start(), 24)):
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
