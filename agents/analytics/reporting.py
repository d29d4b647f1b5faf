"""A report: the usual questions about one period, answered like any other, each number counted twice."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from agents.analytics import shown, words
from agents.analytics.agent import answer
from agents.analytics.schemas import AnalyticsQuery, Answer, Known, Recount, Run, Tongue
from measurement.query_types import Dimension, Metric, Period, Side
from tools.reporting import Chart, Page, Section

_TITLES: dict[str, tuple[str, str]] = {
    "whole": ("All together", "全体"),
    "days": ("Day by day", "日別"),
    "campaigns": ("Campaigns", "キャンペーン別"),
    "apps": ("Apps", "アプリ別"),
    "ads": ("Ads with the most clicks", "クリックの多い広告"),
    "languages": ("Languages", "言語別"),
    "reasons": ("Why there was no ad", "広告が出なかった理由"),
    "alerts": ("Unusual days", "いつもと違う日"),
}
#: Days beyond which a series is drawn and not listed.
_LISTED = 31


async def write_report(
    name: str,
    who: str,
    period: Period,
    known: Known,
    *,
    tongue: Tongue,
    now: datetime,
    alerts: Sequence[str],
    run: Run,
    recount: Recount,
) -> Page:
    """Return a report as pages take it.

    Args:
        name: What it is called.
        who: Whose it is.
        period: What it is about; compared with the period of the same length before it.
        known: Names of campaigns and apps.
        tongue: Its language.
        now: When it is made.
        alerts: Sentences about unusual days.
        run: Runs a query.
        recount: Counts the same once more.

    Raises:
        Unavailable: `figures_disagree`.
    """
    answers: list[tuple[str, Answer]] = []
    for title, choice in _questions(period, known.side):
        found = await answer(choice, known, tongue=tongue, run=run, recount=recount)
        answers.append((title, found))
    japanese = tongue == "jpn"
    sections = [_section(title, found, tongue) for title, found in answers]
    if alerts:
        sections.append(Section(_TITLES["alerts"][japanese], tuple(alerts)))
    made = now.strftime("%Y-%m-%d %H:%M UTC")
    return Page(
        title=name,
        subtitle=f"{who} · {shown.days(period)}",
        language=tongue,
        sections=tuple(sections),
        notes=tuple(dict.fromkeys(note for _, found in answers for note in found.notes)),
        sources=tuple(
            f"{source.id} · {source.first} – {source.last} · {source.rows} rows · sha256 {source.sql_hash}"
            for _, found in answers
            for source in found.sources
        ),
        made_at=f"{made} に作成。数字はすべて二度数えました。"
        if japanese
        else f"Made {made}. Every number was counted twice.",
    )


def _questions(period: Period, side: Side) -> list[tuple[str, AnalyticsQuery]]:
    before = period.before()
    publisher = side is Side.PUBLISHER
    whole = list(words.DEFAULT_PUBLISHER if publisher else words.DEFAULT)
    first = Metric.REQUESTS if publisher else Metric.CLICKS
    asked: list[tuple[str, dict[str, Any]]] = [
        ("whole", {"metrics": whole, "compare_first": before.first, "compare_last": before.last}),
        ("days", {"metrics": [first], "by": [Dimension.DAY]}),
    ]
    if publisher:
        asked += [
            (
                "apps",
                {"metrics": [Metric.REQUESTS, Metric.FILL, Metric.CLICKS], "by": [Dimension.APP]},
            ),
            ("reasons", {"metrics": [Metric.REQUESTS], "by": [Dimension.REASON]}),
        ]
    else:
        by_campaign = [Metric.CLICKS, Metric.CTR, Metric.SUBMITS, Metric.SPEND]
        asked += [
            ("campaigns", {"metrics": by_campaign, "by": [Dimension.CAMPAIGN], "limit": 20}),
            ("ads", {"metrics": [Metric.CLICKS, Metric.CTR], "by": [Dimension.AD], "order_by": Metric.CLICKS}),
            ("languages", {"metrics": [Metric.CLICKS, Metric.SPEND], "by": [Dimension.LANGUAGE]}),
        ]  # fmt: skip
    return [
        (title, AnalyticsQuery(first=period.first, last=period.last, **given))
        for title, given in asked
    ]


def _section(title: str, found: Answer, tongue: Tongue) -> Section:
    lines = tuple(line.lstrip("– ") for line in found.text.split("\n"))
    picture = _chart(found)
    if title == "days" and picture is not None and len(picture.values) > _LISTED:
        lines = lines[:1]
    return Section(_TITLES[title][tongue == "jpn"], lines, picture)


def _chart(found: Answer) -> Chart | None:
    """Return the answer's chart; several currencies or a single value are not drawn."""
    spec = found.chart
    if spec is None:
        return None
    values = spec["data"]["values"]
    if len(values) < 2 or len({row["series"] for row in values}) > 1:
        return None
    return Chart(
        kind="line" if spec["mark"]["type"] == "line" else "bar",
        title=str(spec["title"]),
        labels=tuple(str(row["x"]) for row in values),
        values=tuple(float(row["y"]) for row in values),
    )
