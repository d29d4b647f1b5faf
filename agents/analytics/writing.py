"""Writes an answer from results. Every digit is a figure of a query, or a day, name or count of the question."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction

from agents.analytics import shown
from agents.analytics.schemas import (
    AnalyticsQuery,
    Figure,
    Piece,
    Said,
    Tongue,
    compared,
    period_of,
)
from measurement.figures import value_of, wilson
from measurement.query_types import MONEY, RATES, TIMES, Group, Metric, Result

#: Lines of a series; the chart has all of it.
_LINES = 31
_TRIES = {Metric.CTR: "impressions", Metric.CONVERSION: "clicks", Metric.FILL: "requests"}
_HITS = {Metric.CTR: "clicks", Metric.CONVERSION: "submits", Metric.FILL: "offers"}
#: Below so many tries a share is mostly chance.
FEW = 100


@dataclass(frozen=True)
class Written:
    """What an answer is written from.

    Attributes:
        choice: What was asked.
        tongue: Language of the answer.
        now, before: Results of the period and of the one it is compared with.
        names: Of campaigns and apps, by id.
    """

    choice: AnalyticsQuery
    tongue: Tongue
    now: Result
    before: Result | None
    names: dict[str, str]


def write(what: Written) -> tuple[Piece, ...]:
    """Return the answer as pieces."""
    if not what.now.groups and not (what.before and what.before.groups):
        return tuple(_nothing(what))
    if what.choice.kind == "why":
        return tuple(_why(what))
    return tuple(_by_group(what) if what.choice.by else _whole(what))


def ordered(what: Written) -> list[Group]:
    """Return the groups in the order they are shown in: by time, or by the first metric."""
    groups = list(what.now.groups)
    choice = what.choice
    if choice.order_by is None and choice.by and choice.by[0] in TIMES:
        return groups
    metric = choice.order_by or choice.metrics[0]
    missing = [g for g in groups if value_of(metric, g, _money_of(g)) is None]
    rest = [g for g in groups if g not in missing]
    rest.sort(key=lambda g: (value_of(metric, g, _money_of(g)) or 0, g.key))
    return [*(rest if choice.ascending else rest[::-1]), *missing]


def _whole(what: Written) -> Iterator[Piece]:
    yield from _opening(what)
    yield from _listed(what, what.now.total, what.before.total if what.before else None, ())
    yield "。" if what.tongue == "jpn" else "."


def _by_group(what: Written) -> Iterator[Piece]:
    japanese = what.tongue == "jpn"
    groups = ordered(what)
    series = what.choice.order_by is None and what.choice.by[0] in TIMES
    most = _LINES if series else what.choice.limit
    names = " × ".join(shown.name_by(by, what.tongue) for by in what.choice.by)
    yield from _opening(what, f"（{names}別）" if japanese else f", by {names}")
    before = {g.key: g for g in what.before.groups} if what.before else {}
    for group in groups[:most]:
        yield Said(f"\n– {_key(what, group.key)}")
        yield "：" if japanese else ": "
        against = before.get(group.key, Group(group.key, {})) if what.before else None
        yield from _listed(what, group, against, group.key)
    left = len(groups) - most
    if left > 0:
        yield Said(f"\n（ほか {left} 件）" if japanese else f"\n(and {left} more)")


def _why(what: Written) -> Iterator[Piece]:
    """Say how much each group did to a change, the largest part first."""
    metric, japanese = what.choice.metrics[0], what.tongue == "jpn"
    yield from _whole(what)
    assert what.before is not None
    if metric in RATES or metric in MONEY - {Metric.SPEND}:
        yield from _rates_behind(what)
    before = {g.key: g for g in what.before.groups}
    keys = sorted({*before, *(g.key for g in what.now.groups)})
    now = {g.key: g for g in what.now.groups}
    counted = _count_behind(metric)
    moves = []
    for key in keys:
        after, ago = now.get(key, Group(key, {})), before.get(key, Group(key, {}))
        code = _money_of(after) or _money_of(ago)
        change = (value_of(counted, after, code) or Fraction()) - (
            value_of(counted, ago, code) or Fraction()
        )
        if change:
            moves.append((abs(change), key, change, code))
    if not moves:
        return
    moves.sort(key=lambda move: (-move[0], move[1]))
    names = " × ".join(shown.name_by(by, what.tongue) for by in what.choice.by)
    head = shown.name_of(counted, what.tongue)
    yield f"\n{names}別の{head}の変化：" if japanese else f"\nChange of {head} by {names}:"
    for _, key, change, code in moves[:5]:
        yield Said(f"\n– {_key(what, key)}")
        yield "：" if japanese else ": "
        text = shown.signed(counted, change, code)
        yield _figure(what, counted, key, code, "change", change, text)


def _rates_behind(what: Written) -> Iterator[Piece]:
    """A rate moves with what is above and what is below its line: say both."""
    above, below = _parts(what.choice.metrics[0])
    yield "\n"
    for number, metric in enumerate((above, below)):
        if number:
            yield "、" if what.tongue == "jpn" else "; "
        assert what.before is not None
        yield from _one(what, metric, what.now.total, what.before.total, ())
    yield "。" if what.tongue == "jpn" else "."


def _parts(metric: Metric) -> tuple[Metric, Metric]:
    return {
        Metric.CTR: (Metric.CLICKS, Metric.IMPRESSIONS),
        Metric.CONVERSION: (Metric.SUBMITS, Metric.CLICKS),
        Metric.FILL: (Metric.OFFERS, Metric.REQUESTS),
        Metric.CPC: (Metric.SPEND, Metric.CLICKS),
        Metric.CPM: (Metric.SPEND, Metric.IMPRESSIONS),
        Metric.CPA: (Metric.SPEND, Metric.SUBMITS),
    }[metric]


def _count_behind(metric: Metric) -> Metric:
    """Only what is counted can be taken apart into groups; of a rate, what stands above its line."""
    return _parts(metric)[0] if metric in RATES or metric in MONEY - {Metric.SPEND} else metric


def _opening(what: Written, tail: str = "") -> Iterator[Piece]:
    japanese = what.tongue == "jpn"
    who = [what.names.get(i, i) for i in (*what.choice.campaigns, *what.choice.apps)]
    named = "・".join(who) if japanese else ", ".join(who)
    if named:
        yield Said(f"{named}：" if japanese else f"{named}, ")
    yield Said(shown.days(period_of(what.choice)))
    yield f"{tail}：" if japanese else f"{tail}: "


def _nothing(what: Written) -> Iterator[Piece]:
    yield from _opening(what)
    yield "記録はありません。" if what.tongue == "jpn" else "nothing was recorded."


def _listed(
    what: Written, group: Group, before: Group | None, key: tuple[str, ...]
) -> Iterator[Piece]:
    for number, metric in enumerate(what.choice.metrics):
        if number:
            yield "、" if what.tongue == "jpn" else "; "
        yield from _one(what, metric, group, before, key)


def _one(
    what: Written, metric: Metric, group: Group, before: Group | None, key: tuple[str, ...]
) -> Iterator[Piece]:
    """Write one metric of one group; money once for each currency."""
    japanese = what.tongue == "jpn"
    codes: Sequence[str] = ("",)
    if metric in MONEY:
        other = before.currencies if before else ()
        codes = sorted({*group.currencies, *other})
    yield f"{shown.name_of(metric, what.tongue)} "
    if not codes:
        yield "なし" if japanese else "none"
    for number, code in enumerate(codes):
        if number:
            yield " + "
        exact = value_of(metric, group, code)
        if exact is None:
            yield "算出できません" if japanese else "cannot be said"
            continue
        yield _figure(what, metric, key, code, "value", exact, shown.shown(metric, exact, code))
        yield from _interval(what, metric, group, key)
        if before is not None:
            yield from _against(what, metric, exact, before, key, code)


def _interval(what: Written, metric: Metric, group: Group, key: tuple[str, ...]) -> Iterator[Piece]:
    if metric not in RATES or what.choice.by:
        return
    cell = group.whole
    hits, tries = getattr(cell, _HITS[metric]), getattr(cell, _TRIES[metric])
    low, high = (Fraction(bound).limit_denominator(10**9) for bound in wilson(hits, tries))
    yield "（" if what.tongue == "jpn" else " ("
    yield Said("95 %")
    yield "区間 " if what.tongue == "jpn" else " interval "
    yield _figure(what, metric, key, "", "low", low, shown.percent(low))
    yield "〜" if what.tongue == "jpn" else " to "
    yield _figure(what, metric, key, "", "high", high, shown.percent(high))
    yield "）" if what.tongue == "jpn" else ")"


def _against(
    what: Written, metric: Metric, exact: Fraction, before: Group, key: tuple[str, ...], code: str
) -> Iterator[Piece]:
    japanese, period = what.tongue == "jpn", compared(what.choice)
    ago = value_of(metric, before, code)
    assert period is not None
    if ago is None:
        return
    change = exact - ago
    yield "（" if japanese else " ("
    yield _figure(what, metric, key, code, "change", change, shown.signed(metric, change, code))
    if metric in RATES:
        yield " ポイント" if japanese else " points"
    elif ago:
        yield "、" if japanese else ", "
        share = change / ago
        text = shown.signed_percent(share)
        yield _figure(what, metric, key, code, "change_share", share, text)
    yield "；" if japanese else " against "
    yield Said(shown.days(period))
    yield "は " if japanese else ": "
    yield _figure(what, metric, key, code, "before", ago, shown.shown(metric, ago, code))
    yield "）" if japanese else ")"


def _figure(
    what: Written,
    metric: Metric,
    key: tuple[str, ...],
    code: str,
    kind: str,
    exact: Fraction,
    text: str,
) -> Figure:
    source = what.before if kind == "before" and what.before else what.now
    return Figure(text, metric, key, code, kind, str(exact), source.id)


def _key(what: Written, key: tuple[str, ...]) -> str:
    parts = zip(what.choice.by, key, strict=True)
    return " × ".join(shown.name_key(by, part, what.names, what.tongue) for by, part in parts)


def _money_of(group: Group) -> str:
    """Return the currency that groups are put in order by: the only one, or the one with most money."""
    codes = group.currencies
    return max(codes, key=lambda c: (group.cells[c].charged_micros, c)) if codes else ""
