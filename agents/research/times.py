"""Findings about time: terms that come or go, and seasons."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from datetime import date
from math import comb

from agents.research.evidence import Evidence
from agents.research.policy import (
    LARGEST_P,
    LEAST_DATED,
    LEAST_FOR_SEASON,
    LEAST_WITH_TERM,
    MOST_SOURCES,
    MOST_TRENDS,
    SEASON_SHARE,
    Words,
    seasons,
    terms,
)
from agents.research.schemas import Insight, Trend
from domain.brief import Brief

_MONTHS = (
    "January", "February", "March", "April", "May", "June", "July", "August", "September", "October", "November",
    "December",
)  # fmt: skip
_YEAR_DAYS = 330


def trends(evidence: Sequence[Evidence], today: date) -> tuple[Trend, ...]:
    """Return terms that the later half of the dated sources has far more, or less, often than the earlier.

    A source is one text of one day, however many sentences were read of it.
    """
    dated: dict[tuple[str, date], list[Evidence]] = defaultdict(list)
    for one in evidence:
        if one.day is not None and one.day <= today:
            dated[_text_of(one), one.day].append(one)
    texts = sorted(dated.items(), key=lambda item: (item[0][1], item[0][0]))
    if len(texts) < LEAST_DATED:
        return ()
    since = texts[len(texts) // 2][0][1]
    # All sources of one day on one side: their order within it means nothing.
    early = [said for (_, day), said in texts if day < since]
    late = [said for (_, day), said in texts if day >= since]
    if min(len(early), len(late)) < LEAST_WITH_TERM:
        return ()
    before, after = _having(early), _having(late)
    found = []
    for term in before.keys() | after.keys():
        b, a = len(before[term]), len(after[term])
        if b + a < LEAST_WITH_TERM:
            continue
        rising = a / len(late) > b / len(early)
        p = _tail(a, len(late), b, len(early)) if rising else _tail(b, len(early), a, len(late))
        if p <= LARGEST_P:
            shown = (after if rising else before)[term][-MOST_SOURCES:]
            found.append(
                Trend(
                    term=term,
                    direction="rising" if rising else "falling",
                    before=round(b / len(early), 3),
                    after=round(a / len(late), 3),
                    since=since.isoformat(),
                    p=round(p, 5),
                    sources=tuple(one.source for one in shown),
                )
            )
    found.sort(key=lambda trend: (trend.p, -len(trend.term), trend.term))
    return tuple(_without_parts(found))[:MOST_TRENDS]


def about_trends(known: Sequence[Trend]) -> Iterator[Insight]:
    """Say which terms come and go."""
    for one in known:
        verb = "more often" if one.direction == "rising" else "less often"
        yield Insight(
            kind="trend",
            statement=f"Since {one.since}, sources speak of “{one.term}” {verb}: {one.after:.0%} of them, "
            f"{one.before:.0%} before.",
            sources=one.sources,
            confidence=round(min(0.9, 1 - 10 * one.p), 2),
        )


def year(evidence: Sequence[Evidence], brief: Brief, today: date) -> Iterator[Insight]:
    """Say which time of the year the sources speak of, and when most of them were written."""
    window = _window(brief, today)
    for season in seasons():
        said = [one for one in evidence if season.pattern.search(one.text)]
        if not said:
            continue
        in_window = bool(window & set(season.months))
        yield Insight(
            kind="opportunity" if in_window else "trend",
            statement=f"{_statements(len(said))} of {season.name} ({_named(season)})"
            + (", which the campaign's dates touch." if in_window else "."),
            sources=tuple(one.source for one in said[:MOST_SOURCES]),
            confidence=round(min(0.7, 0.3 + 0.1 * len(said)), 2),
        )
    yield from _busiest(evidence, today)


def _busiest(evidence: Sequence[Evidence], today: date) -> Iterator[Insight]:
    by_day: dict[tuple[str, date], Evidence] = {}
    for one in evidence:
        if one.day is not None and one.day <= today:
            by_day.setdefault((one.owner, one.day), one)
    days = [day for _, day in by_day]
    if len(days) < LEAST_FOR_SEASON or (max(days) - min(days)).days < _YEAR_DAYS:
        return
    counts = [sum(day.month == month for day in days) for month in range(1, 13)]
    runs = [(sum(counts[(m + i) % 12] for i in range(3)), m) for m in range(12)]
    most, start = max(runs, key=lambda run: (run[0], -run[1]))
    if most / len(days) < SEASON_SHARE:
        return
    months = {(start + i) % 12 + 1 for i in range(3)}
    shown = [one for (_, day), one in by_day.items() if day.month in months][:MOST_SOURCES]
    yield Insight(
        kind="trend",
        statement=f"{most} of {len(days)} dated sources are of {_MONTHS[start]} to {_MONTHS[(start + 2) % 12]}.",
        sources=tuple(one.source for one in shown),
        confidence=round(min(0.8, most / len(days)), 2),
    )


def _text_of(one: Evidence) -> str:
    """Return which text a sentence is of: a chunk, an entry of a feed, or a page."""
    source = one.source
    return source.chunk_id or (
        source.where if "#entry" in source.where else source.url or one.owner
    )


def _having(texts: Sequence[Sequence[Evidence]]) -> dict[str, list[Evidence]]:
    found: dict[str, list[Evidence]] = defaultdict(list)
    for said in texts:
        of_text: dict[str, Evidence] = {}
        for one in said:
            for term in terms(one.text):
                of_text.setdefault(term, one)
        for term, one in of_text.items():
            found[term].append(one)
    return found


def _tail(k1: int, n1: int, k2: int, n2: int) -> float:
    """Return the chance that k1 or more of all k1 + k2 fall among the first n1 of n1 + n2."""
    k, n = k1 + k2, n1 + n2
    ways = sum(comb(n1, i) * comb(n2, k - i) for i in range(k1, min(k, n1) + 1))
    return ways / comb(n, k)


def _without_parts(found: Sequence[Trend]) -> Iterator[Trend]:
    """Leave out words of a pair that is there itself."""
    kept: list[Trend] = []
    for one in found:
        if not any(
            one.term in other.term.split() or other.term in one.term.split() for other in kept
        ):
            kept.append(one)
            yield one


def _window(brief: Brief, today: date) -> set[int]:
    """Return the months a campaign runs in; the next three if it states no dates."""
    start = date.fromisoformat(brief.start) if brief.start else today
    months = 12 * start.year + start.month - 1
    if brief.end:
        end = date.fromisoformat(brief.end)
        last = 12 * end.year + end.month - 1
    else:
        last = months + 2
    return {number % 12 + 1 for number in range(months, min(last, months + 11) + 1)}


def _statements(count: int) -> str:
    return "1 statement speaks" if count == 1 else f"{count} statements speak"


def _named(season: Words) -> str:
    first, last = _MONTHS[season.months[0] - 1], _MONTHS[season.months[-1] - 1]
    return first if first == last else f"{first} to {last}"
