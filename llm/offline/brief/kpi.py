"""The main measure of a goal.

Rule: a cost cap per action makes it `cpa` (the stricter, measurable bound), even next to a count; then a
stated ROAS, a stated CTR, a count of leads, installs, sales or views, and last a measure that is only
named ("more sales", "brand awareness").
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache

from domain.brief import Kpi, KpiType
from llm.offline.brief.budget import Budget
from llm.offline.brief.lexicon import rows
from llm.offline.brief.numbers import DIGITS, KANJI, SCALE, WORDS, english_value, japanese_value
from llm.offline.brief.text import Text

_ROAS = re.compile(
    r"(?:(?<![a-z])roas(?![a-z])|return on ad ?spend|"
    r"広告費用対効果)(?:[^.;,、。\d]{0,28}?)(?P<n>\d+(?:\.\d+)?)\s?(?P<u>%|percent|x\b|"
    r"倍|:1|to 1)?"
    r"|(?P<n2>\d+(?:\.\d+)?)\s?(?P<u2>%|percent|x|倍|:1|to 1)?\s?(?:の)?(?:\broas\b|"
    r"roas|return on ad ?spend)"
)
_CTR = re.compile(
    r"(?:(?<![a-z])ctr|click[- ]?through[- ]?rates?|"
    r"クリック率)(?:[^.;,、。\d]{0,28}?)(?P<n>\d+(?:\.\d+)?)\s?(?:%|percent|per cent|"
    r"パーセント)"
    r"|(?P<n2>\d+(?:\.\d+)?)\s?(?:%|percent|per cent)\s?(?:の)?(?:\bctr|ctr|"
    r"click[- ]?through)"
)
_NAMED: tuple[tuple[KpiType, re.Pattern[str]], ...] = (
    ("cpa", re.compile(
r"\b(?:cpa|cpi|cpl|cost[- ]per[- ](?:acquisition|action|lead|install|sign-?up|"
r"conversion|sale|order)|acquisition cost)\b|獲得単価|(?<![a-z])cpa|獲得コスト"
)),
    ("roas", re.compile(r"\broas\b|return on ad ?spend|広告費用対効果|(?<![a-z])roas")),
    ("ctr", re.compile(r"\bctr\b|click[- ]?through|クリック率|(?<![a-z])ctr")),
    ("awareness", re.compile(
        
r"\bawareness\b|\bget (?:\w+ ){0,4}?(?:seen|noticed|known)\b|\bspread the word\b|"
r"\bvisibility\b|\bimpressions\b|\bbrand recall\b|\b(?:maximi[sz]e|broad|wide|"
r"widest|more) reach\b|\bput (?:\w+ ){1,4}on the map\b|\bbuzz\b|"
r"\bname recognition\b|\bmake (?:\w+ ){1,5}(?:better |well[- ])known\b|"
r"\blet people know\b"
r"|認知|知名度|知ってもらい|知ってもらう|ブランディング|インプレッション|リーチを"
)),
    ("leads", re.compile(
        
r"\b(?:leads?(?! to\b| the\b| time\b)(?<!we lead)|lead gen(?:eration)?|sign-?ups?|"
r"sign ups|registrations?|demo requests?|demo bookings|subscribers|enquiries|"
r"inquiries|rsvps|appointments|applicants|applications(?= for| from)|enrol?lments|"
r"waitlist|trial users|trial sign-?ups|get people to (?:sign up|register|apply))\b"
r"|資料請求|登録者|会員登録|見込み?客|リード(?!タイム)|申し込み|申込|来場予約|"
r"問い合わせ|問合せ|応募(?!者向け)|会員(?:を|獲得|募集)|登録を|体験予約"
)),
    ("installs", re.compile(
r"\b(?:app |more )?(?:installs?|installations?|downloads?)\b|インストール|"
r"ダウンロード(?!版)"
)),
    ("sales", re.compile(
        
r"\b(?:sales(?!force| ?(?:team|people|manager|rep|tool|software|director|leader|"
r"training|call|crm|enablement|professional))|orders(?! over)|purchases|"
r"sell(?:ing)?|bookings|reservations|(?:new|more|paying|additional) customers|"
r"revenue(?! operations)|conversions|pre-?orders|donations|buyers)\b"
r"|売上|売り上げ|売りたい|売る|売って|販売(?!促進会社|サイト|店|管理|員|代理)|購入|"
r"注文|販促|予約を(?:増|獲)|成約|受注|新規顧客|顧客獲得|集客して?売"
)),
)  # fmt: skip


@dataclass(frozen=True)
class Measure:
    """The measure, and the count that was stated even if a cost cap outranks it.

    Attributes:
        kpi: The main measure, None if none is stated.
        count: Stated number of actions.
        count_type: What is counted.
        impossible: A percentage over 100 % CTR, or a ROAS nobody reaches.
    """

    kpi: Kpi | None
    count: float | None = None
    count_type: KpiType | None = None
    impossible: bool = False


@cache
def _counted() -> tuple[tuple[KpiType, re.Pattern[str], re.Pattern[str]], ...]:
    built: list[tuple[KpiType, re.Pattern[str], re.Pattern[str]]] = []
    number = rf"(?P<n>(?:{DIGITS})(?:\s?{SCALE})?|\b{WORDS})\+?"
    fill = (
        r"(?:(?:new|more|additional|extra|total|qualified|paid|paying|online|first|free|"
        r"email|monthly|in-app|organic|confirmed|trial|verified|unique|targeted|ticket|"
        r"member|webinar|course|table|hotel|room|quality|b2b|high-quality|event|early|"
        r"newsletter|beta|product|video) ){0,3}"
    )
    for kind, english, japanese in rows("kpi_nouns"):
        en = re.compile(rf"{number}\s{fill}(?P<u>{english})\b")
        counter = r"(?:件|人|名|個|本|回|枚|組|台|社|ダウンロード|セット)"
        ja = re.compile(
            rf"(?P<u>{japanese})(?:の目標)?(?:数|件数|者数)?(?:を|が|は|で|の|、|:)?(?:月|合計|"
            rf"新たに|最低)?(?P<n>{KANJI}){counter}"
            rf"|(?P<n2>{KANJI}){counter}?の?(?P<u2>{japanese})"
        )
        built.append((kind, en, ja))  # type: ignore[arg-type]
    return tuple(built)


_SELL_N = re.compile(
    rf"\bsell(?:ing)? (?:at least |about |around |over |"
    rf"up to )?(?P<n>(?:{DIGITS})(?:\s?{SCALE})?|{WORDS}) (?!%|percent)(?P<u>[a-z-]+)"
)
_PEOPLE_N = re.compile(
    rf"\b(?:sign up|register|enrol|enroll|recruit|"
    rf"subscribe) (?P<n>(?:{DIGITS})(?:\s?{SCALE})?|{WORDS}) (?:new )?(?P<u>people|"
    rf"users|members|customers|students|players|families|businesses|companies|parents|"
    rf"beta testers|testers|volunteers|participants|drivers|teachers)"
)
_PER_CLICK_NOUN = re.compile(r"^\s?(?:per|each)\b")


def read_kpi(text: Text, budget: Budget) -> Measure:
    """Read the main measure of a goal; marks what it read as `kpi`."""
    kind, count, unit = _read_count(text)
    if budget.cap_minor is not None and budget.currency is not None:
        return Measure(Kpi("cpa", float(budget.cap_minor), budget.currency), count, kind)
    if match := _ROAS.search(text.low):
        target = _ratio(match["n"] or match["n2"], match["u"] or match["u2"])
        text.mark("kpi", *match.span())
        return Measure(Kpi("roas", target, "ratio"), count, kind, target > 100 or target <= 0)
    if match := _CTR.search(text.low):
        target = float(match["n"] or match["n2"])
        text.mark("kpi", *match.span())
        return Measure(Kpi("ctr", target, "percent"), count, kind, target > 100 or target <= 0)
    if kind is not None and count is not None:
        return Measure(Kpi(kind, count, unit), count, kind, count <= 0)
    if budget.revenue_minor is not None:
        return Measure(Kpi("sales", float(budget.revenue_minor), budget.currency))
    return Measure(_named(text))


def _read_count(text: Text) -> tuple[KpiType | None, float | None, str | None]:
    best: tuple[int, KpiType, float, str] | None = None
    for kind, english, japanese in _counted():
        for pattern in (english, japanese) if text.japanese else (english,):
            for match in pattern.finditer(text.low):
                groups = match.groupdict()
                raw = match["n"] or groups.get("n2") or ""
                start = match.start("n") if match["n"] else match.start("n2")
                noun = (match["u"] or groups.get("u2") or "").strip()
                if text.taken(start, start + len(raw), "money", "date"):
                    continue
                value = (
                    japanese_value(raw.rstrip(",.")) if pattern is japanese else english_value(raw)
                )
                if value is None or (
                    _PER_CLICK_NOUN.search(text.after(match.end(), 6)) and value == 1
                ):
                    continue
                if (
                    text.japanese
                    and value == 1
                    and re.match(r"あたり|当たり|につき|\d", text.after(match.end(), 4))
                ):
                    continue
                text.mark("kpi", *match.span())
                if best is None or match.start() < best[0]:
                    best = (match.start(), kind, float(value), noun)
    if best is not None:
        return best[1], best[2], best[3]
    return _read_verbs(text)


def _read_verbs(text: Text) -> tuple[KpiType | None, float | None, str | None]:
    verbs: tuple[tuple[KpiType, re.Pattern[str]], ...] = (("sales", _SELL_N), ("leads", _PEOPLE_N))
    for kind, pattern in verbs:
        match = pattern.search(text.low)
        if match and not text.taken(*match.span("n"), "money", "date"):
            value = english_value(match["n"])
            if value is not None:
                text.mark("kpi", match.start(), match.end("n"))
                return kind, float(value), match["u"]
    return None, None, None


def _ratio(number: str, unit: str | None) -> float:
    value = float(number)
    if unit in ("%", "percent") or (unit is None and value >= 50):
        return value / 100
    return value


def _named(text: Text) -> Kpi | None:
    masked = text.masked("audience")
    found = [
        (match.start(), kind, match[0])
        for kind, pattern in _NAMED
        if (match := pattern.search(masked))
    ]
    if not found:
        return None
    measures = [hit for hit in found if hit[1] in ("cpa", "roas", "ctr")]
    outcomes = [hit for hit in found if hit[1] != "sales" or not _only_sells(hit[2])]
    _, kind, word = min(measures or outcomes or found)
    if kind in ("leads", "installs") or (
        kind == "sales" and word in ("bookings", "reservations", "orders", "donations")
    ):
        return Kpi(kind, None, word.strip())
    return Kpi(kind)


def _only_sells(word: str) -> bool:
    return word.startswith("sell") or word in ("売りたい", "売る", "売って", "販売", "販促")
