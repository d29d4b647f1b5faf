"""The second reader: reads what the rules let pass, and can only make a verdict stricter.

Offline it is rules of another kind: they look at what a text says of its facts and of its reader, not at
single words. With a live model its typed findings are added; none is ever taken away.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence

from pydantic import BaseModel, ConfigDict, Field

import prompts
from agents.compliance.schemas import (
    ComplianceFinding,
    ComplianceReport,
    Outcome,
    Severity,
    Verdict,
)
from domain.errors import ParleyError
from domain.trust import Span, Trust
from llm.offline.copywriter_types import CreativeDraft
from llm.router import ModelRouter

#: Drafts a live model reads in one call.
BATCH = 20

_NUMBER = re.compile(r"\d+(?:[.,]\d+)*")
_READER = re.compile(
    r"\b(?:are|aren't) you (?:\w+ ){0,2}(?:diabetic|depressed|overweight|broke|unemployed|divorced|"
    r"pregnant|disabled|lonely|gay|muslim|christian|jewish)\b|"
    r"\byour (?:diabetes|depression|anxiety|debts?|disability|weight problem|criminal record)\b|"
    r"あなたの(?:借金|病気|糖尿病|うつ|肥満|障害)",
    re.I,
)
_COMPARES = re.compile(
    r"\b(?:better|cheaper|faster|lighter|stronger|safer|longer) than (?:any|all|every|the|other|our)\b|"
    r"(?:他社|他のどの|競合)[^。]{0,8}より",
    re.I,
)
#: Rule, pattern, severity and what to change.
_SAID: tuple[tuple[str, re.Pattern[str], Severity, str], ...] = (
    (
        "second_reader_trait",
        _READER,
        "revise",
        "Do not say or imply that you know a trait of the reader.",
    ),
    (
        "second_comparison",
        _COMPARES,
        "warn",
        "A comparison with others needs a source that measured it.",
    ),
)
_ORDER: dict[Outcome, int] = {"pass": 0, "revise": 1, "block": 2}


class SecondFinding(BaseModel):
    """One objection: which draft, how grave, the words objected to, and why."""

    model_config = ConfigDict(extra="ignore")

    draft_key: str = Field(max_length=200)
    severity: Severity
    language: str = Field(default="", max_length=3)
    field: str = Field(default="", max_length=40)
    excerpt: str = Field(default="", max_length=200)
    reason: str = Field(min_length=3, max_length=300)


class SecondReading(BaseModel):
    """What the second reader objects to; an empty list if nothing."""

    model_config = ConfigDict(extra="ignore", title="ComplianceReading")

    findings: list[SecondFinding] = Field(default_factory=list, max_length=200)


async def read_again(
    router: ModelRouter, drafts: Sequence[CreativeDraft], report: ComplianceReport
) -> tuple[ComplianceReport, tuple[str, ...]]:
    """Return the report with the second reader's findings, and warnings about what went wrong.

    Args:
        router: The way to a model; `offline` reads by rules alone.
        drafts: What the report is about.
        report: The first reading.
    """
    passed = set(report.keys("pass"))
    left = [draft for draft in drafts if draft.key in passed]
    found = [finding for draft in left for finding in by_rules(draft)]
    warnings: list[str] = []
    if router.spec != "offline":
        for start in range(0, len(left), BATCH):
            try:
                found += await _by_model(router, left[start : start + BATCH])
            except ParleyError as error:
                warnings.append(f"The second reader was left out: {error.detail}")
                break
    return stricter(report, found), tuple(warnings)


def stricter(report: ComplianceReport, found: Sequence[ComplianceFinding]) -> ComplianceReport:
    """Return the report with findings added; no verdict becomes milder, no finding disappears."""
    known = {verdict.draft_key for verdict in report.verdicts}
    added = tuple(finding for finding in found if finding.draft_key in known)
    worst: dict[str, Outcome] = {v.draft_key: v.outcome for v in report.verdicts}
    for finding in added:
        outcome: Outcome = "pass" if finding.severity == "warn" else finding.severity
        if _ORDER[outcome] > _ORDER[worst[finding.draft_key]]:
            worst[finding.draft_key] = outcome
    return ComplianceReport(
        verdicts=tuple(Verdict(draft_key=k, outcome=o) for k, o in worst.items()),
        findings=(*report.findings, *added),
        rules_hash=report.rules_hash,
    )


def by_rules(draft: CreativeDraft) -> Iterator[ComplianceFinding]:
    """Yield what the rules of the second reading object to."""
    support = " ".join(claim.support for claim in draft.claims)
    stated = {_digits(n) for n in _NUMBER.findall(support)}
    for language, copy in draft.texts.items():
        for field, text in copy.fields().items():
            if draft.claims:
                for number in _NUMBER.findall(text if field == "description" else ""):
                    if _digits(number) not in stated:
                        yield _finding(
                            draft, "second_number", "warn", language, field, number,
                            "No fact of the source states this number; check it.",
                        )  # fmt: skip
            for rule, pattern, severity, message in _SAID:
                hit = pattern.search(text)
                if hit:
                    yield _finding(draft, rule, severity, language, field, hit.group(), message)


async def _by_model(
    router: ModelRouter, drafts: Sequence[CreativeDraft]
) -> list[ComplianceFinding]:
    keys = {draft.key: draft for draft in drafts}
    ads = [
        {"draft_key": d.key, "texts": {lang: c.fields() for lang, c in d.texts.items()},
         "facts": [c.support for c in d.claims]}
        for d in drafts
    ]  # fmt: skip
    asked = prompts.assemble(
        prompts.load("compliance/second_reader"),
        {"ads": Span(json.dumps(ads, ensure_ascii=False), Trust.UNTRUSTED, "ads and their facts")},
        canary=router.canary,
    )
    answer = await router.structured(
        "ComplianceReading", SecondReading, list(asked.messages), canary=asked.canary
    )
    if answer.rule_based:
        return []
    return [
        _finding(
            keys[f.draft_key], "second_reader", f.severity, f.language, f.field,
            _verbatim(keys[f.draft_key], f), f.reason,
        )
        for f in answer.value.findings
        if f.draft_key in keys
    ]  # fmt: skip


def _verbatim(draft: CreativeDraft, finding: SecondFinding) -> str:
    """Return the words objected to only if they stand in the ad: they are cut out of it by a revision."""
    copy = draft.texts.get(finding.language)
    texts = copy.fields().values() if copy else ()
    return finding.excerpt if any(finding.excerpt in text for text in texts) else ""


def _digits(number: str) -> str:
    """Return a number's digits; 129, 129.00 and 1,290.0 say what 129, 129 and 1290 say."""
    return re.sub(r"[.,]", "", re.sub(r"\.0+$", "", number))


def _finding(
    draft: CreativeDraft, rule: str, severity: Severity, language: str, field: str, excerpt: str,
    message: str,
) -> ComplianceFinding:  # fmt: skip
    return ComplianceFinding(
        draft_key=draft.key, rule=rule, severity=severity, message=message, language=language,
        field=field, excerpt=excerpt,
    )  # fmt: skip
