"""How long a campaign runs: "for two weeks", "within 60 days", 2週間, 1か月間."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date, timedelta

from llm.offline.brief import calendar as cal
from llm.offline.brief.numbers import WORDS, english_value, japanese_value
from llm.offline.brief.text import Text

_N = rf"(?P<n>\d{{1,3}}|{WORDS}|an?|couple of|a couple of)"
_U = r"(?P<u>day|week|fortnight|month|quarter|year|weekend)s?"
_PUSH = (
    r"(?:campaign|push|flight|run|burst|sprint|test|pilot|window|period|blitz|drive|"
    r"promotion|promo|trial run|launch)"
)
_NOT = (
    r"(?! ?-?(?:old|ago|trial|free|guarantee|course|plan|challenge|program|"
    r"subscription|warranty|money|return|a week|delivery|membership|before|after|later|"
    r"from now|supply|diploma))"
)
_ENGLISH = (
    re.compile(
rf"\b(?:for|over|during|across|within|in|lasting|lasts|runs?(?: for)?|throughout|"
rf"next|coming)(?: the| a total of| exactly| about| up to)?(?: (?:next|coming|"
rf"following|first))? (?:only )?{_N} (?:full |whole |consecutive )?{_U}\b{_NOT}"
),
    re.compile(r"\b(?:for|over|during|in|within) the (?:next|coming) (?P<n>)(?P<u>fortnight)\b"),
    re.compile(rf"\b(?P<n>\d{{1,3}}|{WORDS}|an?)[ -]{_U}[ -](?:\w+ )?{_PUSH}\b"),
    re.compile(
rf"(?:^|[,;:.(] ?)(?:duration:? |runs? )?(?P<n>\d{{1,3}}|{WORDS}) {_U}\b(?= (?:from|"
rf"starting|beginning|only|total|in total)|[,;.)]|$)"
),
)  # fmt: skip
_JAPANESE = re.compile(
    r"(?P<n>\d{1,3}|[一二三四五六七八九十半]{1,3})(?:(?P<u>日|年)間|(?P<w>週)(?:間|"
    r"(?![目間末]))|(?P<m>[かヶカヵケ箇]月|カ月)(?:間|(?!目|あたり|前|後)))"
    r"(?!の?(?:トライアル|無料|お試し|体験|コース|保証|プラン|集中|講座|パス|"
    r"チャレンジ|あたり|につき|当たり|予算|ツアー|滞在))"
)


@dataclass(frozen=True)
class Duration:
    """A stated length.

    Attributes:
        days: Days, if counted in days or weeks.
        months: Months, if counted in months or longer.
    """

    days: int = 0
    months: int = 0

    def last(self, first: date) -> date:
        """Return the last day (inclusive) of a run that begins on `first`."""
        return cal.add_months(first, self.months) + timedelta(days=self.days - 1)

    def first(self, last: date) -> date:
        """Return the first day of a run whose last day is `last`."""
        return cal.add_months(last, -self.months) - timedelta(days=self.days - 1)


def find_duration(text: Text) -> Duration | None:
    """Return the stated length of the campaign, if any; marks it as `date`."""
    if text.japanese:
        for match in _JAPANESE.finditer(text.low):
            value = japanese_value(match["n"])
            unit = match["u"] or match["w"] or "月"
            per = re.search(
                r"^(?:に|で)?\s?\d[\d,.]*[万千]?(?:円|ドル)", text.after(match.end(), 12)
            )
            if value and not (int(value) == 1 and per and unit in "日週"):
                text.mark("date", *match.span())
                return _build(
                    {"日": "day", "週": "week", "年": "year"}.get(unit, "month"), int(value)
                )
    for pattern in _ENGLISH:
        for match in pattern.finditer(text.low):
            if text.taken(match.start("u"), match.end("u"), "money"):
                continue
            word = match["n"]
            count = 1 if word in ("a", "an", "") else 2 if "couple" in word else _int(word)
            if count:
                text.mark("date", *match.span())
                return _build(match["u"], count)
    return None


def _int(word: str) -> int:
    value = english_value(word)
    return int(value) if value is not None and value == int(value) else 0


def _build(unit: str, count: int) -> Duration:
    count = min(count, 999)
    return {
        "day": Duration(days=count),
        "week": Duration(days=7 * count),
        "fortnight": Duration(days=14 * count),
        "weekend": Duration(days=2 * count),
        "month": Duration(months=count),
        "quarter": Duration(months=3 * count),
        "year": Duration(months=12 * count),
    }[unit]
