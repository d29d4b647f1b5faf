"""Finds amounts of money and says in which currency they are."""

from __future__ import annotations

import re
from dataclasses import dataclass
from decimal import Decimal
from functools import cache

from domain.money import exponent
from llm.offline.brief.lexicon import alternation, rows
from llm.offline.brief.numbers import (
    DIGITS,
    KANJI,
    SCALE,
    WORDS,
    english_value,
    japanese_value,
)
from llm.offline.brief.text import Text

#: Larger stated amounts are typing errors; they would overflow money columns as well.
MAX_UNITS = Decimal(10) ** 12

_NEGATIVE = re.compile(r"(?:(?<![\w\d])-\s?|minus |negative |マイナス)$")
_NEGATIVE_INSIDE = re.compile(r"^-\s?")


@dataclass(frozen=True)
class Amount:
    """One stated amount.

    Attributes:
        value: In whole currency units; may be negative.
        currency: ISO 4217 code or a family such as `dollar`; None for a bare number.
        start: First character in the normalised text.
        end: One past the last character.
    """

    value: Decimal
    currency: str | None
    start: int
    end: int


@cache
def _surfaces() -> dict[str, str]:
    return {row[0]: row[1] for row in rows("currencies")}


@cache
def _families() -> dict[tuple[str, str], str]:
    return {(row[0], row[1]): row[2] for row in rows("currency_families")}


def _words(place: str) -> list[str]:
    return [row[0] for row in rows("currencies") if row[2] in (place, "b")]


@cache
def _patterns() -> tuple[re.Pattern[str], re.Pattern[str]]:
    prefix = rf"(?<![a-z0-9])(?P<p>{alternation(_words('p'))})"
    latin = [w for w in _words("s") if (re.match(r"[a-z]", w) and w.isascii()) or w in ("zł", "kč")]
    other = [w for w in _words("s") if w not in latin]
    suffix = rf"(?P<s>(?:{alternation(latin)})(?![a-z])|(?:{alternation(other)}))"
    number = rf"(?P<n>(?:{DIGITS})(?:[ -]?{SCALE})?|\b{WORDS})"
    english = re.compile(
        rf"(?:{prefix}\s?(?P<neg>-\s?)?)?(?<![\d]){number}(?:\s?[\(-]?{suffix}\)?)?"
    )
    japanese = re.compile(rf"(?P<n>{KANJI})\s?(?P<s>{alternation(_words('s'))})")
    return english, japanese


def find_amounts(text: Text) -> list[Amount]:
    """Return the amounts that carry a currency, in order, not overlapping; marks them as `money`."""
    english, japanese = _patterns()
    found: list[Amount] = []
    if text.japanese:
        for match in japanese.finditer(text.low):
            if re.search(r"[数何幾]$", text.before(match.start(), 1)):
                continue  # "数万円" is no number
            value = japanese_value(match["n"].rstrip(",."))
            _keep(text, found, match, value, _surfaces()[match["s"]])
    for match in english.finditer(text.low):
        surface = _surface(match)
        if surface is None or text.taken(match.start(), match.end(), "money"):
            continue
        _keep(text, found, match, english_value(match["n"]), surface)
    return sorted(found, key=lambda amount: amount.start)


def _surface(match: re.Match[str]) -> str | None:
    before, behind = match["p"], match["s"]
    if before and behind:
        # "$4,000 AUD": the code says more than the sign.
        exact = _surfaces()[behind]
        return exact if exact.isupper() else _surfaces()[before]
    word = before or behind
    return _surfaces()[word] if word else None


def _keep(
    text: Text, found: list[Amount], match: re.Match[str], value: Decimal | None, currency: str
) -> None:
    if value is None:
        return
    start = match.start()
    sign = _NEGATIVE.search(text.before(start, 10))
    if sign and not re.search(r"\d\s?-\s?$", text.before(start, 10)):
        start -= len(sign[0])
        value = -value
    elif match.re.groups >= 4 and match.groupdict().get("neg"):
        value = -value
    text.mark("money", start, match.end())
    found.append(Amount(value, currency, start, match.end()))


def resolve(currency: str | None, geos: tuple[str, ...]) -> str | None:
    """Return the ISO code that a currency or family means where the campaign runs, or None.

    `$` is USD unless the goal is for one other dollar country only.
    """
    if currency is None or currency.isupper():
        return currency
    families = _families()
    places = [families[currency, geo] for geo in geos if (currency, geo) in families]
    if currency in ("dollar", "yen") and len(geos) != 1:
        places = []
    if len(set(places)) == 1:
        return places[0]
    default = families.get((currency, "*"), "?")
    return None if default == "?" else default


def to_minor(value: Decimal, currency: str) -> int:
    """Return minor units (cents, yen), rounded half-even."""
    return int((value * 10 ** exponent(currency)).to_integral_value())
