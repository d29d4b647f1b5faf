"""Days that texts and pages state: of what they were published on, and what they are about."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from datetime import date
from email.utils import parsedate_to_datetime

from lxml import html

_ISO = re.compile(
    r"(?<!\d)(19|20)(\d\d)[-/.](0?[1-9]|1[0-2])(?:[-/.](0?[1-9]|[12]\d|3[01]))?(?!\d)"
)
_JAPANESE = re.compile(
    r"(?<!\d)((?:19|20)\d\d)年\s*(1[0-2]|0?[1-9])月(?:\s*(3[01]|[12]\d|0?[1-9])日)?"
)
_MONTHS = (
    "january", "february", "march", "april", "may", "june", "july", "august", "september", "october", "november",
    "december",
)  # fmt: skip
_NAMED = "|".join(f"{month[:3]}(?:{month[3:]})?" for month in _MONTHS) + "|sept"
_WORDS = re.compile(
    rf"\b(?:(\d{{1,2}})(?:st|nd|rd|th)?\s+)?({_NAMED})\.?\s+(?:(\d{{1,2}})(?:st|nd|rd|th)?,?\s+)?((?:19|20)\d\d)\b",
    re.I,
)
_MOST_BLOCK, _MOST_NODES = 1_000_000, 2_000
#: Names of `meta` tags that hold a day.
_DATED = frozenset(
    ("article:published_time", "datepublished", "date", "dc.date", "article:modified_time")
)


def days_in(text: str) -> tuple[date, ...]:
    """Return the days a text names, in the order of their kind; a month alone counts as its first day.

    Only forms that cannot be misread: `2026-03-05`, `2026年3月5日`, `5 March 2026`, `March 5, 2026`, `March 2026`.
    """
    return tuple(dict.fromkeys(_found(text)))


def published(root: html.HtmlElement) -> date | None:
    """Return the day a page says it was published, or last changed."""
    return next((day for stated in _stated_days(root) if (day := first_day(stated))), None)


def first_day(stated: str) -> date | None:
    """Return the day of a timestamp (ISO 8601 or RFC 2822), or None."""
    for day in _found(stated):
        return day
    try:
        return parsedate_to_datetime(stated).date()
    except (ValueError, TypeError, IndexError):
        return None


def _stated_days(root: html.HtmlElement) -> Iterator[str]:
    for tag in root.iter("meta"):
        name = (tag.get("property") or tag.get("name") or tag.get("itemprop") or "").lower()
        if name in _DATED:
            yield tag.get("content") or ""
    for script in root.iter("script"):
        block = script.text or ""
        if "ld+json" in (script.get("type") or "").lower() and len(block) < _MOST_BLOCK:
            yield from _in_json(block)
    for tag in root.iter("time"):
        yield tag.get("datetime") or ""


def _in_json(block: str) -> Iterator[str]:
    try:
        queue: list[object] = [json.loads(block, strict=False)]
    except (ValueError, RecursionError):
        return
    for seen, value in enumerate(queue):
        if seen > _MOST_NODES:
            return
        if isinstance(value, list):
            queue += value
        elif isinstance(value, dict):
            yield str(value.get("datePublished") or value.get("dateModified") or "")
            queue += [v for v in value.values() if isinstance(v, (list, dict))]


def _found(text: str) -> Iterator[date]:
    for m in _ISO.finditer(text):
        yield from _day(int(m[1] + m[2]), int(m[3]), int(m[4] or 1))
    for m in _JAPANESE.finditer(text):
        yield from _day(int(m[1]), int(m[2]), int(m[3] or 1))
    for m in _WORDS.finditer(text):
        month = next(n for n, name in enumerate(_MONTHS, 1) if name[:3] == m[2][:3].lower())
        yield from _day(int(m[4]), month, int(m[1] or m[3] or 1))


def _day(year: int, month: int, day: int) -> Iterator[date]:
    try:
        yield date(year, month, day)
    except ValueError:
        return
