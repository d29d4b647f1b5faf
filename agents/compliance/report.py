"""The compliance report for people: one self-contained HTML page, and the same as JSON."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from typing import Any

import msgspec

from agents.compliance.policy import load_rules
from agents.compliance.schemas import ComplianceFinding, ComplianceReport

_STYLE = (
    "body{font:15px/1.5 system-ui,sans-serif;margin:2rem auto;max-width:60rem;padding:0 1rem;color:#1b1b1f}"
    "table{border-collapse:collapse;width:100%}th,td{text-align:left;padding:.4rem .6rem;"
    "border-bottom:1px solid #ddd;vertical-align:top}.block{color:#a4001d}.revise{color:#8a5300}"
    ".warn{color:#444}.pass{color:#1a6b2f}code{background:#f3f3f6;padding:0 .2rem}"
)


def as_json(report: ComplianceReport, *, read_at: str, second_reader: str) -> dict[str, Any]:
    """Return the report as plain values, each finding with the source of its rule.

    Args:
        report: What was found.
        read_at: When, ISO 8601.
        second_reader: Name of the second reader; says whether it is rule-based.
    """
    outcomes: list[str] = [verdict.outcome for verdict in report.verdicts]
    return {
        "read_at": read_at,
        "rules_hash": report.rules_hash,
        "second_reader": second_reader,
        "counts": {name: outcomes.count(name) for name in ("pass", "revise", "block")},
        "verdicts": msgspec.to_builtins(report.verdicts),
        "findings": [
            {**msgspec.to_builtins(f), "source": _source(f.rule)} for f in report.findings
        ],
    }


def as_html(report: ComplianceReport, *, read_at: str, second_reader: str) -> str:
    """Return the report as one page without anything from elsewhere; ad copy in it is escaped."""
    outcomes: list[str] = [verdict.outcome for verdict in report.verdicts]
    counts = ", ".join(
        f"{outcomes.count(name)} {said}"
        for name, said in (("pass", "passed"), ("revise", "to revise"), ("block", "blocked"))
    )
    by_draft: dict[str, list[ComplianceFinding]] = {}
    for finding in report.findings:
        by_draft.setdefault(finding.draft_key, []).append(finding)
    rows = "".join(
        f'<tr><td>{escape(v.draft_key)}</td><td class="{v.outcome}">{v.outcome}</td>'
        f"<td>{_findings(by_draft.get(v.draft_key, ()))}</td></tr>"
        for v in report.verdicts
    )
    return (
        f'<!doctype html><html lang="en"><meta charset="utf-8"><title>Compliance report</title>'
        f"<style>{_STYLE}</style><h1>Compliance report</h1><p>{counts}. Read {escape(read_at)} with rules "
        f"<code>{escape(report.rules_hash)}</code>; second reader: {escape(second_reader)}.</p>"
        f"<table><thead><tr><th>Ad<th>Verdict<th>Findings</thead><tbody>{rows}</tbody></table></html>"
    )


def _findings(findings: Sequence[ComplianceFinding]) -> str:
    return "<br>".join(
        f'<span class="{f.severity}">{f.severity}</span> <b>{escape(f.rule)}</b> '
        f"{escape(f.message)}"
        + (f" <code>{escape(f.excerpt)}</code>" if f.excerpt else "")
        + f" <small>{escape(_source(f.rule))}</small>"
        for f in findings
    )


def _source(rule: str) -> str:
    return next(
        (c.rule.source for c in load_rules().compiled if c.rule.id == rule), "second reader"
    )
