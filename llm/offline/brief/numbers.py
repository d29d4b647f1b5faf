"""Numbers as people write them: 3,000 / 3.000 / 3 000 / 2k / five thousand / 10 lakh / 三千 / 1億2千万."""

from __future__ import annotations

import re
from decimal import Decimal

_UNITS = {
    "zero": 0, "one": 1, "two": 2, "three": 3, "four": 4, "five": 5, "six": 6, "seven": 7,
    "eight": 8, "nine": 9, "ten": 10, "eleven": 11, "twelve": 12, "thirteen": 13, "fourteen": 14,
    "fifteen": 15, "sixteen": 16, "seventeen": 17, "eighteen": 18, "nineteen": 19, "twenty": 20,
    "thirty": 30, "forty": 40, "fifty": 50, "sixty": 60, "seventy": 70, "eighty": 80, "ninety": 90,
}  # fmt: skip
_SCALES = {
    "hundred": 100, "thousand": 1_000, "grand": 1_000, "k": 1_000, "lakh": 100_000,
    "lakhs": 100_000, "lac": 100_000, "million": 1_000_000, "mio": 1_000_000, "mn": 1_000_000,
    "m": 1_000_000, "mm": 1_000_000, "crore": 10_000_000, "crores": 10_000_000,
    "billion": 1_000_000_000, "bn": 1_000_000_000, "b": 1_000_000_000,
}  # fmt: skip
_KANJI_DIGITS = {c: i for i, c in enumerate("〇一二三四五六七八九")} | {"零": 0}
_KANJI_SMALL = {"十": 10, "百": 100, "千": 1_000}
_KANJI_BIG = {"万": 10_000, "億": 100_000_000, "兆": 1_000_000_000_000}

#: Digits with grouping in any of the usual styles.
DIGITS = (
    r"\d{1,2}(?:,\d\d)+,\d{3}(?!\d)|\d{1,3}(?:[,.' ]\d{3})+(?:[.,]\d{1,2})?(?!\d)|"
    r"\d+(?:[.,]\d+)?"
)
SCALE = r"(?:thousand|grand|million|mio|billion|lakhs?|lac|crores?|hundred|mn|bn|mm|k|m|b)\b"
_WORD = "|".join(sorted(_UNITS, key=len, reverse=True))
_SCALE_WORD = r"hundred|thousand|grand|million|billion|lakhs?|crores?"
#: Number words; at least one of them is a unit, or "a"/"half a" before a scale word.
WORDS = (
    rf"(?:half an? (?:{_SCALE_WORD})"
    rf"|(?:(?:{_WORD})|an? (?={_SCALE_WORD}))"
    rf"(?:(?:[ -]| and )(?:{_WORD}|{_SCALE_WORD})\b)*|an? (?:{_SCALE_WORD}))"
)
#: Japanese numbers: digits and kanji numerals mixed.
KANJI = r"[\d〇一二三四五六七八九十百千万億兆][\d,.〇一二三四五六七八九十百千万億兆]*"


def digits_value(text: str) -> Decimal | None:
    """Return the value of grouped digits: `3,000.50`, `3.000,50`, `3 000`, `4'000`, or None."""
    body = text.replace(" ", "").replace("'", "")
    if "," in body and "." in body:
        decimal_mark = max(body.rfind(","), body.rfind("."))
        whole = re.sub(r"[.,]", "", body[:decimal_mark])
        return _decimal(f"{whole}.{body[decimal_mark + 1 :]}")
    for mark in (",", "."):
        if mark in body:
            head, *groups = body.split(mark)
            grouped = all(len(group) == 3 for group in groups) and 0 < len(head) <= 3
            if len(groups) > 1 or (grouped and head != "0"):
                return _decimal("".join([head, *groups]))
            return _decimal(f"{head}.{groups[0]}")
    return _decimal(body)


def english_value(text: str) -> Decimal | None:
    """Return the value of an English amount: digits with a scale, or number words, or None."""
    body = text.strip().lower()
    match = re.fullmatch(rf"({DIGITS})\s?-?({SCALE})?", body)
    if match:
        value = digits_value(match[1])
        return value * _SCALES[match[2]] if value is not None and match[2] else value
    return _words_value(body)


def japanese_value(text: str) -> Decimal | None:
    """Return the value of a Japanese amount: `30万`, `1億2000万`, `三千`, `5百万`, or None."""
    total = section = Decimal(0)
    digits = ""
    for char in text.replace(",", "") + " ":
        if char.isascii() and (char.isdigit() or char == "."):
            digits += char
            continue
        if char in _KANJI_DIGITS:
            digits += str(_KANJI_DIGITS[char])
            continue
        number = _decimal(digits) if digits else None
        digits = ""
        if char in _KANJI_SMALL:
            section += (Decimal(1) if number is None else number) * _KANJI_SMALL[char]
        elif char in _KANJI_BIG:
            section += number or 0
            total += (section or Decimal(1)) * _KANJI_BIG[char]
            section = Decimal(0)
        elif char == " ":
            section += number or 0
        else:
            return None
    return total + section


def _words_value(body: str) -> Decimal | None:
    words = re.split(r"[\s-]+", body)
    if words[:2] in (["half", "a"], ["half", "an"]) and len(words) == 3:
        return Decimal(_SCALES[words[2]]) / 2 if words[2] in _SCALES else None
    total = section = 0
    for word in words:
        if word == "and":
            continue
        if word in ("a", "an"):
            section += 1
        elif word in _UNITS:
            section += _UNITS[word]
        elif word == "hundred":
            section = (section or 1) * 100
        elif word in _SCALES:
            total += (section or 1) * _SCALES[word]
            section = 0
        else:
            return None
    return Decimal(total + section)


def _decimal(text: str) -> Decimal | None:
    try:
        return Decimal(text)
    except ArithmeticError:
        return None
