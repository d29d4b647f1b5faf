"""Languages that a goal asks for: "in Japanese and English", 日本語と英語で, "French-speaking"."""

from __future__ import annotations

import re
from functools import cache

from llm.offline.brief.lexicon import alternation, cell, rows
from llm.offline.brief.text import Text

_JA_PRODUCT = re.compile(
    r"^(?:圏|教室|学校|教師|講座|会話|学習|レッスン|スクール|アプリ|検定|教材|能力|塾|"
    r"試験|オンライン|の(?:教室|教材|本|授業|レッスン|先生))"
)
_NOT_AFTER = re.compile(
    r"^(?:-language)? (?:course|class|lesson|school|tutor|teacher|learning|app\b|"
    r"cooking|food|restaurant|cuisine|breakfast|garden|tea|test|exam|literature|toast|"
    r"press|fries|new year|market|customers|people|consumers|audience|shoppers|users|"
    r"businesses|companies)"
)


@cache
def _patterns() -> tuple[re.Pattern[str], re.Pattern[str], re.Pattern[str], dict[str, str]]:
    codes: dict[str, str] = {}
    english: list[str] = []
    japanese: list[str] = []
    for row in rows("languages"):
        english += cell(row, 1)
        japanese += cell(row, 2)
        for name in (*cell(row, 1), *cell(row, 2)):
            codes[name] = row[0]
    name = rf"(?:{alternation(english)})"
    chain = (
        rf"(?:both )?{name}\b(?:(?:, and |, | and | & |/| or | as well as |\+|"
        rf" plus (?:in )?| and in ){name}\b)*"
    )
    listed = re.compile(
        rf"(?:\bin|\blanguages?:?|\bbilingual|\binto|\bwritten in|\buse|\busing|"
        rf"\bads? \()\s(?P<c>{chain})"
        rf"|(?P<d>{chain})(?:[- ]speaking\b|[- ]speakers?\b|[- ]language (?:ads?|copy|"
        rf"creatives?|campaign|content|version)|[- ](?:ads?|copy|creatives?|texts?|captions|"
        rf"versions?)\b| only\b|-only\b| bilingual)"
    )
    return listed, re.compile(name), re.compile(alternation(japanese)), codes


def read_languages(text: Text) -> tuple[str, ...]:
    """Return the ISO 639-3 codes that were stated, in order; marks them as `language`."""
    listed, name, japanese, codes = _patterns()
    found: list[tuple[int, str]] = []
    for match in listed.finditer(text.low):
        group = "c" if match["c"] else "d"
        start, end = match.span(group)
        if match["c"] and _NOT_AFTER.search(text.after(end, 24)):
            continue
        text.mark("language", start, end)
        found += [(start + m.start(), codes[m[0]]) for m in name.finditer(match[group])]
    for match in japanese.finditer(text.low):
        if not _JA_PRODUCT.search(text.after(match.end(), 8)):
            text.mark("language", *match.span())
            found.append((match.start(), codes[match[0]]))
    return tuple(dict.fromkeys(code for _, code in sorted(found)))
