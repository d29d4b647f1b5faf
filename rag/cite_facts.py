"""What must be equal in a sentence and its source: quantities with units, codes, names, polarity.

Pure functions on text, for English and Japanese. The rules are plain on purpose: a person can retrace each.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Sequence
from decimal import Decimal, InvalidOperation
from itertools import pairwise

import msgspec

from rag.analyse import STOP_WORDS

_WORDS = {
    "zero": 0, "one": 1, "two": 2, "three": 3, "four": 4, "five": 5, "six": 6, "seven": 7, "eight": 8,
    "nine": 9, "ten": 10, "eleven": 11, "twelve": 12, "thirteen": 13, "fourteen": 14, "fifteen": 15,
    "sixteen": 16, "seventeen": 17, "eighteen": 18, "nineteen": 19, "twenty": 20, "thirty": 30,
    "forty": 40, "fifty": 50, "sixty": 60, "seventy": 70, "eighty": 80, "ninety": 90, "hundred": 100,
    "twice": 2,
}  # fmt: skip
_KANJI = {c: n for n, c in enumerate("〇一二三四五六七八九")}
_KANJI_TENS = {"十": 10, "百": 100, "千": 1000}
_SCALES = {
    "thousand": 10**3, "million": 10**6, "billion": 10**9, "k": 10**3, "m": 10**6, "bn": 10**9,
    "万": 10**4, "億": 10**8,
}  # fmt: skip

#: Spellings of each unit; whatever else follows a number is not part of the quantity.
_UNITS = {
    "second": "seconds second secs sec s 秒間 秒",
    "minute": "minutes minute mins min 分間 分",
    "hour": "hours hour hrs hr h 時間",
    "o'clock": "時",
    "day": "days day nights night 日間 営業日 日 泊",
    "week": "weeks week 週間",
    "month": "months month か月間 ヶ月 か月 カ月 ヵ月 月間",
    "month of year": "月",
    "year": "years year 年間 年",
    "percent": "percent per\\scent % パーセント",
    "dollar": "dollars dollar usd $ ドル",
    "euro": "euros euro eur € ユーロ",
    "pound": "pounds pound gbp £ ポンド",
    "yen": "yen jpy ¥ 円",
    "kg": "kilograms kilogram kilos kilo kg キログラム キロ",
    "g": "grams gram g グラム",
    "mg": "mg milligrams",
    "km": "kilometres kilometers kilometre kilometer km キロメートル",
    "m": "metres meters metre meter m メートル",
    "cm": "cm centimetres centimeters センチメートル センチ",
    "mm": "mm millimetres millimeters ミリ",
    "m2": "square\\smetres square\\smeters 平方メートル m²",
    "litre": "litres liters litre liter l リットル",
    "ml": "ml millilitres milliliters ミリリットル",
    "hz": "hz ヘルツ",
    "db": "db decibels デシベル",
    "°c": "°c ℃ degrees 度",
    "person": "people persons person students student volunteers users seats seat 人 名",
    "gb": "gb",
    "spot": "か所 カ所 ヶ所 ヵ所 箇所",
    "point": "points point ポイント",
    "times": "times 倍",
    "household": "households household 世帯",
    "watt": "watts watt w ワット",
    "iu": "iu",
}  # fmt: skip
#: Japanese counters, each a unit of its own.
_COUNTERS = "斤通曲巻校箱束組段冊色回個本枚台階社件品種袋杯点軒室席割歳才着足缶粒匹頭皿"
#: What units measure, and in how many of which; quantities of one dimension stand against each other.
_MEASURES: dict[str, tuple[str, Decimal | None]] = {
    "second": ("time", Decimal(1)), "minute": ("time", Decimal(60)), "hour": ("time", Decimal(3_600)),
    "day": ("time", Decimal(86_400)), "week": ("time", Decimal(604_800)), "working day": ("time", None),
    "month": ("time", Decimal(2_629_800)), "year": ("time", Decimal(31_557_600)),
    "mg": ("mass", Decimal("0.001")), "g": ("mass", Decimal(1)), "kg": ("mass", Decimal(1_000)),
    "mm": ("length", Decimal(1)), "cm": ("length", Decimal(10)), "m": ("length", Decimal(1_000)),
    "km": ("length", Decimal(1_000_000)), "ml": ("volume", Decimal(1)), "litre": ("volume", Decimal(1_000)),
    "dollar": ("money", None), "euro": ("money", None), "pound": ("money", None), "yen": ("money", None),
    "free": ("money", None),
}  # fmt: skip
_ELLIPTIC = frozenset({"time", "mass", "length", "volume"})
_FREE = re.compile(r"\bgratis\b|無料")
_WORKING = re.compile(r"working|business|営業日")
_UNIT_OF = {character: character for character in _COUNTERS} | {
    unicodedata.normalize("NFKC", spelling).replace("\\s", " ").lower(): unit
    for unit, spellings in _UNITS.items()
    for spelling in spellings.split()
}
_SPELLINGS = "|".join(
    re.escape(s).replace("\\ ", r"\s+")
    + (r"(?![a-z])" if s[-1].isascii() and s[-1].isalpha() else "")
    for s in sorted(_UNIT_OF, key=len, reverse=True)
)
_NUMBER = (
    r"(?P<digits>(?<![a-z0-9.])\d+(?:,\d{3})+(?:\.\d+)?|\d+(?:\.\d+)?)"
    rf"|(?P<kanji>[〇一二三四五六七八九十百千万億]+(?={_SPELLINGS}|[ァ-ヺー]{{2,}}))"
    rf"|(?<![a-z])(?P<word>{'|'.join(sorted(_WORDS, key=len, reverse=True))})(?![a-z])"
)
_QUANTITY = re.compile(
    rf"(?P<sign>[$€£¥])?\s?(?:{_NUMBER})"
    r"(?:(?P<wide>[万億])|\s?(?P<scale>thousand|million|billion|bn)(?![a-z]))?"
    rf"(?:[\s-]?(?:working |business |calendar )?(?P<unit>{_SPELLINGS}))?"
)
_YEAR = re.compile(r"(?:19|20)\d\d(?!\d)")
_SENTENCE_END = re.compile(r"[.!?。！？](?:\s|$)|[。！？]")
_RANGE = re.compile(r"\s?(?:to|and|-|–|から|～|~|or)\s?")
_RATE = re.compile(
    r"\b(?:an?|per|each|every)\s(?P<per>seconds?|minutes?|hours?|days?|nights?|weeks?|months?|years?)\b|(?P<ja>[毎月年週日][月年週日]?額|毎[月年週日])"
)
#: Days of the week and months by name.
_CALENDAR = re.compile(
    r"\b((?:mon|tues|wednes|thurs|fri|satur|sun)day|january|february|march|april|june|july|august|september"
    r"|october|november|december)s?\b|([月火水木金土日])曜"
)
#: Ways to say a bound, all read as one.
_BOUNDS = (
    (re.compile(r"\b(?:no|not) (?:more|longer|later|greater) than\b|\bup to\b"), "at most"),
    (re.compile(r"\b(?:no|not) (?:less|fewer|shorter) than\b"), "at least"),
)
_CLOCK = re.compile(r"(?<!\d)\d{1,2}:\d{2}(?!\d)")
#: Names of models and standards: letters and digits in one word.
_CODE = re.compile(r"(?<![a-z0-9])(?=[a-z0-9-]*\d)(?=[a-z0-9-]*[a-z])[a-z0-9]+(?:-[a-z0-9]+)*")
_MODEL = re.compile(r"[ァ-ヺー]{2,}\d+(?=[」のはがをもでにとやよか、。]|$)")
_ENGLISH_NO = re.compile(
    r"\b(?:not|no|never|none|neither|nor|without|cannot|except|nobody|nothing|lacks?)\b|n't\b"
)
_JAPANESE_MUST = re.compile(
    r"な(?:ければ|くては|いと)(?:なり|いけ)ま?せ?(?:ない|ん)|だけで(?:は)?なく|少な[いく]|かもしれな[いく]|かもしれません"
)
_JAPANESE_NO = re.compile(
    r"ません|な(?:い|かっ|く)|ずに|なし|無し|不可|禁止|以外|対象外|適用外|圏外"
)


class Quantity(msgspec.Struct, frozen=True):
    """A number with its unit, and where it stands (characters, end exclusive).

    Attributes:
        value: Exact.
        unit: Canonical name; empty where none is written.
        spelled: Written as a word.
        noun: How the word behind a number without a unit begins: `34 choirs`.
    """

    value: Decimal
    unit: str
    start: int
    end: int
    spelled: bool = False
    noun: str = ""

    @property
    def kind(self) -> str:
        """What is counted: quantities of one kind stand against each other."""
        return _MEASURES.get(self.unit, (self.unit or self.noun, None))[0]

    @property
    def amount(self) -> tuple[str, Decimal]:
        """What and how much it is, the same for `90 minutes` and `1.5 hours`."""
        kind, factor = _MEASURES.get(self.unit, (self.unit, None))
        return (kind, self.value * factor) if factor is not None else (self.unit, self.value)


def folded(text: str) -> str:
    """Return the text in lower case with compatibility forms unified; offsets are of this form."""
    text = unicodedata.normalize("NFKC", text).lower().replace("\u2019", "'")
    for pattern, plain in _BOUNDS:
        text = pattern.sub(plain, text)
    return text


def quantities(text: str) -> list[Quantity]:
    """Return the quantities of a folded text in order; times of day and codes are none."""
    marked = (*_CLOCK.finditer(text), *_CODE.finditer(text), *_MODEL.finditer(text))
    taken = [m.span() for m in marked if not _is_unit(m)]
    found = []
    for match in _QUANTITY.finditer(text):
        if any(match.start() < end and start < match.end() for start, end in taken):
            continue
        value = _value(match)
        if value is not None:
            unit = _UNIT_OF.get(_spaced(match["unit"] or match["sign"] or ""), "")
            if unit in ("", "year") and _YEAR.match(match[0].strip()) and value < 2100:
                unit = "calendar year"
            elif (unit == "°c" and match["kanji"]) or match["word"] == "twice":
                unit = "times"
            elif unit == "day" and _WORKING.search(match[0]):
                unit = "working day"
            found.append(
                Quantity(
                    value,
                    unit,
                    match.start(),
                    match.end(),
                    match["word"] is not None or match["kanji"] == "一",
                    "" if unit else _noun(text, match.end()),
                )
            )
    found += [Quantity(Decimal(0), "free", m.start(), m.end()) for m in _FREE.finditer(text)]
    return _ranged(text, sorted(found, key=lambda q: q.start))


def codes(text: str) -> set[str]:
    """Return what must be the same to the letter: times and days, rates (`per month`), names with digits."""
    named = (m for m in _CODE.finditer(text) if not _is_unit(m))
    days = {m[1] or m[2] for m in _CALENDAR.finditer(text)}
    rates = {
        "per " + (_UNIT_OF.get(_spaced(m["per"] or ""), "") or m["ja"])
        for m in _RATE.finditer(text)
    }
    models = set(_MODEL.findall(text))
    return {m[0] for m in (*_CLOCK.finditer(text), *named)} | days | rates | models


def letters(text: str) -> set[str]:
    """Return what only its capital makes a name in an unfolded text: `vitamin A`, `group B`, `the Veld In`."""
    found = {f"letter {m[1]}" for m in re.finditer(r"(?<=[a-z] )([A-HJ-Z])(?![\w'])", text)}
    words = re.findall(r"(?<=[a-z] )([A-Z][a-z]+)\b", text)
    return found | {f"name {word}" for word in words if word.lower() in STOP_WORDS}


def negations(text: str) -> int:
    """Count the words of a folded text that turn its meaning around."""
    english = len(_ENGLISH_NO.findall(text))
    return english + len(_JAPANESE_NO.findall(_JAPANESE_MUST.sub(" ", text)))


def names(text: str, amounts: Sequence[Quantity] = ()) -> Iterator[str]:
    """Yield the words of an unfolded text that are written as names: inside a sentence, with a capital."""
    text = without(unicodedata.normalize("NFKC", text), amounts)
    for number, match in enumerate(
        re.finditer(r"(?<![0-9])[A-Za-z\u00c0-\u024f][A-Za-z0-9\u00c0-\u024f]*", text)
    ):
        word = match[0]
        first = number == 0 or text[: match.start()].rstrip()[-1:] in ".!?"
        if word[0].isupper() and not first:
            yield word
    yield from re.findall(r"[ァ-ヺー]{3,}", text)


def without(text: str, found: Sequence[Quantity]) -> str:
    """Return a folded text with its quantities blanked out, lengths kept."""
    for one in found:
        text = text[: one.start] + " " * (one.end - one.start) + text[one.end :]
    return text


def _ranged(text: str, found: list[Quantity]) -> list[Quantity]:
    """Give the first number of a range the unit of the second: `25 to 35 mm`."""
    out = list(found)
    for at, (one, other) in enumerate(pairwise(found)):
        if not one.unit and other.unit and _RANGE.fullmatch(text[one.end : other.start]):
            out[at] = msgspec.structs.replace(one, unit=other.unit)
    return out


def spelled_out(text: str) -> str:
    """Return a text whose bare numbers have the unit of the one before: `40 hours on low, on high for six`."""
    low = text.lower()
    if len(low) != len(text):
        return text
    before: Quantity | None = None
    missing: list[tuple[int, str]] = []
    for one in quantities(low):
        if before is not None and not one.unit and not one.noun:
            between = low[before.end : one.start]
            if before.kind in _ELLIPTIC and not _SENTENCE_END.search(between):
                missing.append((one.end, before.unit))
                continue
        before = one if one.unit else before
    for at, unit in reversed(missing):
        text = f"{text[:at]} {unit}{text[at:]}"
    return text


def _noun(text: str, at: int) -> str:
    found = re.match(r"\s?(?:([a-z]{3,})|([ァ-ヺー一-龥]+))", text[at:])
    return (found[1] or found[2])[:5] if found else ""


def _is_unit(match: re.Match[str]) -> bool:
    """Tell whether a word of digits and letters is a number with its unit (`90min`, `10kg`) or a fraction."""
    word = match[0]
    parts = re.fullmatch(r"(\d+)-?([a-z]+)", word)
    if parts is not None:
        return parts[2] in _UNIT_OF
    return re.fullmatch(r"\d+(?:th|st|nd|rd)", word) is not None


def _spaced(unit: str) -> str:
    return " ".join(unit.split())


def _value(match: re.Match[str]) -> Decimal | None:
    if match["digits"]:
        try:
            value = Decimal(match["digits"].replace(",", ""))
        except InvalidOperation:
            return None
    elif match["kanji"]:
        value = Decimal(_kanji(match["kanji"]))
    else:
        value = Decimal(_WORDS[match["word"]])
    scale = match["wide"] or match["scale"]
    return value * _SCALES[scale] if scale else value


def _kanji(text: str) -> int:
    for mark in "億万":
        head, found, tail = text.partition(mark)
        if found:
            return _kanji(head or "一") * int(_SCALES[mark]) + (_kanji(tail) if tail else 0)
    if not any(c in _KANJI_TENS for c in text):
        return int("".join(str(_KANJI[c]) for c in text))
    total, digit = 0, 0
    for character in text:
        if character in _KANJI:
            digit = _KANJI[character]
        else:
            total += (digit or 1) * _KANJI_TENS[character]
            digit = 0
    return total + digit
