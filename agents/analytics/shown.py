"""How numbers look in a sentence: counts, shares, money, and how much they changed."""

from __future__ import annotations

from datetime import date
from decimal import ROUND_HALF_EVEN, Decimal
from fractions import Fraction

from agents.analytics.schemas import Tongue
from domain.money import Money, exponent
from measurement.query_types import MONEY, RATES, Dimension, Metric, Period

_NAMES: dict[Metric, tuple[str, str]] = {
    Metric.IMPRESSIONS: ("impressions", "表示"),
    Metric.CLICKS: ("clicks", "クリック"),
    Metric.SUBMITS: ("sign-ups", "申し込み"),
    Metric.DISMISSALS: ("dismissals", "非表示"),
    Metric.SPEND: ("spend", "費用"),
    Metric.CTR: ("click-through rate", "クリック率"),
    Metric.CPC: ("cost per click", "クリック単価"),
    Metric.CPM: ("cost per thousand impressions", "千回表示あたりの費用"),
    Metric.CPA: ("cost per sign-up", "申し込み単価"),
    Metric.CONVERSION: ("sign-ups per click", "クリックあたりの申し込み率"),
    Metric.REQUESTS: ("ad requests", "広告リクエスト"),
    Metric.OFFERS: ("ads served", "配信"),
    Metric.FILL: ("fill rate", "フィルレート"),
}
_BY: dict[Dimension, tuple[str, str]] = {
    Dimension.DAY: ("day", "日"),
    Dimension.WEEK: ("week", "週"),
    Dimension.MONTH: ("month", "月"),
    Dimension.HOUR: ("hour (UTC)", "時間帯（UTC）"),
    Dimension.WEEKDAY: ("day of the week", "曜日"),
    Dimension.CAMPAIGN: ("campaign", "キャンペーン"),
    Dimension.AD: ("ad", "広告"),
    Dimension.APP: ("app", "アプリ"),
    Dimension.LANGUAGE: ("language", "言語"),
    Dimension.INTENT: ("intent", "意図"),
    Dimension.REASON: ("reason", "理由"),
}
_WEEKDAYS = (
    ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"),
    ("月曜", "火曜", "水曜", "木曜", "金曜", "土曜", "日曜"),
)
_LANGUAGES = {"jpn": ("Japanese", "日本語"), "eng": ("English", "英語")}


def name_of(metric: Metric, tongue: Tongue) -> str:
    """Return what a metric is called."""
    return _NAMES[metric][tongue == "jpn"]


def name_by(by: Dimension, tongue: Tongue) -> str:
    """Return what a dimension is called."""
    return _BY[by][tongue == "jpn"]


def name_key(by: Dimension, key: str, names: dict[str, str], tongue: Tongue) -> str:
    """Return what a group is called."""
    japanese = tongue == "jpn"
    if by is Dimension.WEEKDAY and key in "1234567" and key:
        return _WEEKDAYS[japanese][int(key) - 1]
    if by is Dimension.LANGUAGE and key in _LANGUAGES:
        return _LANGUAGES[key][japanese]
    if by is Dimension.HOUR:
        return f"{key}:00"
    return names.get(key, key) or ("不明" if japanese else "unknown")


def shown(metric: Metric, exact: Fraction, currency: str = "") -> str:
    """Return a number as a person reads it: `1,234`, `4.17 %`, `12.50 USD`."""
    if metric in MONEY:
        return _money(exact, currency, whole=metric is Metric.SPEND)
    if metric in RATES:
        return percent(exact)
    return f"{int(exact):,}"


def percent(share: Fraction) -> str:
    """Return a share in hundredths, two decimals, halves to even."""
    return f"{_rounded(share * 100, 2)} %"


def signed(metric: Metric, change: Fraction, currency: str = "") -> str:
    """Return a difference with its sign; shares in percentage points."""
    sign = "+" if change >= 0 else "−"
    if metric in RATES:
        return f"{sign}{_rounded(abs(change) * 100, 2)}"
    return f"{sign}{shown(metric, abs(change), currency)}"


def signed_percent(share: Fraction) -> str:
    """Return a relative change with its sign, one decimal."""
    sign = "+" if share >= 0 else "−"
    return f"{sign}{_rounded(abs(share) * 100, 1)} %"


def days(period: Period) -> str:
    """Return a period's first and last day."""
    return _same_day(period.first) if period.days == 1 else f"{period.first} – {period.last}"


def _same_day(day: date) -> str:
    return day.isoformat()


def _money(exact: Fraction, currency: str, *, whole: bool) -> str:
    if whole:
        return str(Money(round(exact), currency))
    # What was divided is shown with two decimals more than the currency has.
    step = 10 ** max(0, 6 - exponent(currency) - 2)
    return str(Money(round(exact / step) * step, currency))


def _rounded(exact: Fraction, places: int) -> Decimal:
    quotient = Decimal(exact.numerator) / Decimal(exact.denominator)
    return quotient.quantize(Decimal(1).scaleb(-places), ROUND_HALF_EVEN)
