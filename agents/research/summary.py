"""A research report for people and for programs that only show it."""

from __future__ import annotations

from typing import Any

import msgspec

from agents.research.schemas import Insight, Kind, ResearchReport

_TITLES: tuple[tuple[Kind, str], ...] = (
    ("competitor", "Competitors"),
    ("trend", "Trends"),
    ("audience", "Audience"),
    ("gap", "Gaps"),
    ("opportunity", "Opportunities"),
)
_SHOWN = 200


def as_plain(report: ResearchReport) -> dict[str, Any]:
    """Return the report as plain JSON values: sections of statements, each with its sources.

    Keys: `sections` (list of `{kind, title, statements}`; a statement has `statement`, `confidence`, `by` and
    `sources` of `{where, quote, url, document_id, chunk_id, start, end}`), `competitors`, `trends`, `keywords`,
    `read`, `rule_based`, `warnings`.
    """
    return {
        "sections": [
            {"kind": kind, "title": title, "statements": [_plain(one) for one in report.of(kind)]}
            for kind, title in _TITLES
            if report.of(kind)
        ],
        "competitors": msgspec.to_builtins(report.competitors),
        "trends": msgspec.to_builtins(report.trends),
        "keywords": list(report.keywords),
        "read": report.read,
        "rule_based": report.rule_based,
        "warnings": list(report.warnings),
    }


def in_words(report: ResearchReport) -> str:
    """Return the report as plain text: a section for each kind, numbered sources below."""
    sources: dict[tuple[str, str], int] = {}
    lines: list[str] = []
    for kind, title in _TITLES:
        found = report.of(kind)
        if found:
            lines += ["", title, *(_line(one, sources) for one in found)]
    lines += ["", "Sources"] if sources else ["Nothing was found in the sources."]
    lines += [
        f"[{number}] {where}: “{quote[:_SHOWN]}”" for (where, quote), number in sources.items()
    ]
    if report.rule_based:
        lines += ["", "Drawn from the sources by rules, without a language model."]
    return "\n".join(lines).strip()


def _line(one: Insight, sources: dict[tuple[str, str], int]) -> str:
    marks = [
        sources.setdefault((source.url or source.where, source.quote), len(sources) + 1)
        for source in one.sources
    ]
    cited = "".join(f"[{number}]" for number in dict.fromkeys(marks))
    return f"- {one.statement} {cited} ({one.confidence:.0%} sure)"


def _plain(one: Insight) -> dict[str, Any]:
    row: dict[str, Any] = msgspec.to_builtins(one)
    row.pop("kind")
    return row
