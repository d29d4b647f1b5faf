"""Days that are far from usual: robust, seasonal, and silent where there is little to see.

A count x is looked at as 2·√(x + 3/8) (Anscombe 1948), in which chance alone has a spread of one however large x
is. Usual is the median of the same weekday in earlier weeks; the spread is 1.4826 · MAD, at least one.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from math import sqrt
from statistics import median
from typing import Final

import msgspec

from domain.money import Money
from measurement.performance import CampaignDay

#: Robust z from which on a day is unusual, and by which share it must differ.
SCORE: Final = 4.0
LEAST_CHANGE: Final = 0.25
#: Events that a day must have had, or should have had.
LEAST_VOLUME: Final = 20
#: Same weekdays that are looked back at, and how many of them are needed; otherwise the last days.
WEEKS, LEAST_WEEKS, LEAST_DAYS = 8, 4, 10
WINDOW_DAYS: Final = 7 * WEEKS + 1

_NAMES: Final = {
    "impressions": "Impressions",
    "clicks": "Clicks",
    "submits": "Sign-ups",
    "spend": "Spend",
}
_WEEKDAYS: Final = (
    "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday",
)  # fmt: skip


class Series(msgspec.Struct, frozen=True, kw_only=True):
    """What was counted on consecutive days, the last of which is in question.

    Attributes:
        metric: `impressions`, `clicks`, `submits` or `spend`.
        campaign_id: Whose; empty = all together.
        currency: Of spend.
        last: The day in question.
        values: Oldest first, one a day; money in micros.
        unit: What one event is worth: 1, or micros a click for spend.
    """

    metric: str
    campaign_id: str
    currency: str
    last: date
    values: tuple[int, ...]
    unit: int = 1


class Anomaly(msgspec.Struct, frozen=True, kw_only=True):
    """An unusual day; fields as in `measurement.report_tables.Alert`."""

    metric: str
    campaign_id: str
    currency: str
    day: date
    direction: str
    value: int
    expected: int
    score: float


def unusual(series: Series) -> Anomaly | None:
    """Return what is unusual about the last day of a series; None if nothing is, or too little is known."""
    *past, value = series.values
    same = past[-7::-7][:WEEKS]
    usual = same if len(same) >= LEAST_WEEKS else past[-14:]
    if len(usual) < LEAST_WEEKS or (len(same) < LEAST_WEEKS and len(usual) < LEAST_DAYS):
        return None
    expected = median(usual)
    if max(value, expected) < LEAST_VOLUME * series.unit:
        return None
    stable = [_stable(x, series.unit) for x in usual]
    middle = median(stable)
    spread = max(1.0, 1.4826 * median(abs(x - middle) for x in stable))
    # The median of few days is uncertain itself: their number widens the spread.
    spread *= sqrt(1 + 1.57 / len(usual))
    score = (_stable(value, series.unit) - middle) / spread
    change = abs(value - expected) / max(expected, series.unit)
    if abs(score) < SCORE or change < LEAST_CHANGE:
        return None
    return Anomaly(
        metric=series.metric, campaign_id=series.campaign_id, currency=series.currency,
        day=series.last, direction="high" if score > 0 else "low", value=value,
        expected=round(expected), score=round(score, 2),
    )  # fmt: skip


def series_of(
    days: Sequence[CampaignDay], currencies: Mapping[str, str], last: date
) -> list[Series]:
    """Return the series of every campaign, and of all together, from the first day on which anything happened.

    Args:
        days: What happened, by campaign and day, up to the day in question.
        currencies: By campaign.
        last: The day in question.
    """
    found: list[Series] = []
    whole: dict[str, list[CampaignDay]] = {}
    for day in days:
        whole.setdefault(day.campaign_id, []).append(day)
    for campaign_id, own in sorted(whole.items()):
        found += _series(campaign_id, own, currencies.get(campaign_id, ""), last)
    codes = {currencies.get(campaign_id, "") for campaign_id in whole}
    if len(whole) > 1:
        found += _series("", days, codes.pop() if len(codes) == 1 else "", last)
    return found


def in_words(anomaly: Anomaly, names: Mapping[str, str], all_of: Sequence[Series]) -> str:
    """Return what is unusual in one sentence, with what did most to it."""
    whose = (
        f" of {names.get(anomaly.campaign_id, anomaly.campaign_id)}" if anomaly.campaign_id else ""
    )
    weekday = _WEEKDAYS[anomaly.day.weekday()]
    value, expected = (_shown(n, anomaly) for n in (anomaly.value, anomaly.expected))
    text = (
        f"{_NAMES[anomaly.metric]}{whose} on {anomaly.day.isoformat()}: {value} instead of about "
        f"{expected} on a usual {weekday}"
    )
    if not anomaly.campaign_id:
        parts = [
            (series.values[-1] - _usual(series), series.campaign_id)
            for series in all_of
            if series.metric == anomaly.metric and series.campaign_id
        ]
        sign = 1 if anomaly.direction == "high" else -1
        change, most = max(parts, key=lambda part: (sign * part[0], part[1]), default=(0, ""))
        if sign * change > 0:
            change_text = f"{'+' if change > 0 else '−'}{_shown(abs(change), anomaly)}"
            text += f"; most of it {names.get(most, most)} ({change_text})"
    return text + "."


def _series(
    campaign_id: str, days: Sequence[CampaignDay], currency: str, last: date
) -> list[Series]:
    first = max(min(day.day for day in days), last - timedelta(days=WINDOW_DAYS - 1))
    length = (last - first).days + 1
    counts: dict[str, list[int]] = {name: [0] * length for name in _NAMES}
    for day in days:
        at = (day.day - first).days
        if not 0 <= at < length:
            continue
        for name, value in (
            ("impressions", day.impressions), ("clicks", day.clicks), ("submits", day.submits),
            ("spend", day.spent_micros),
        ):  # fmt: skip
            counts[name][at] += value
    clicks, spent = sum(counts["clicks"]), sum(counts["spend"])
    return [
        Series(
            metric=name, campaign_id=campaign_id, currency=currency if name == "spend" else "",
            last=last, values=tuple(values),
            unit=max(1, spent // max(1, clicks)) if name == "spend" else 1,
        )
        for name, values in counts.items()
        # Money of several currencies is not one series.
        if name != "spend" or currency
    ]  # fmt: skip


def _usual(series: Series) -> int:
    *past, _ = series.values
    same = past[-7::-7][:WEEKS]
    usual = same if len(same) >= LEAST_WEEKS else past[-14:]
    return round(median(usual)) if usual else 0


def _stable(value: float, unit: int) -> float:
    return 2 * sqrt(value / unit + 0.375)


def _shown(value: int, anomaly: Anomaly) -> str:
    return str(Money(value, anomaly.currency)) if anomaly.metric == "spend" else f"{value:,}"
