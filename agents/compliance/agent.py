"""Read drafts against the rules and say what becomes of each. No model decides here."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import replace

from agents.compliance.checks import CHECKS, Hit, Subject
from agents.compliance.policy import CompiledRule, load_rules
from agents.compliance.schemas import ComplianceFinding, ComplianceReport, Outcome, Verdict
from domain.brief import Brief
from llm.offline.copywriter_types import BrandKit, CreativeDraft


def review(drafts: Sequence[CreativeDraft], brand_kit: BrandKit, brief: Brief) -> ComplianceReport:
    """Return a verdict and the findings for every draft.

    `block` if any rule of that severity is broken, else `revise` if any of that severity is, else
    `pass`; warnings never change a verdict. Text is compared in Unicode form NFKC too, so that full-width
    or styled letters do not slip through.

    Args:
        drafts: What to read, with the facts their claims rest on.
        brand_kit: Payer, banned words and hosts of the advertiser.
        brief: The goal; its audience is checked.
    """
    rules = load_rules()
    verdicts: list[Verdict] = []
    findings: list[ComplianceFinding] = []
    for draft in drafts:
        own = [
            finding
            for compiled in rules.compiled
            for finding in _apply(Subject(draft, brand_kit, brief, compiled))
        ]
        findings += own
        verdicts.append(Verdict(draft_key=draft.key, outcome=_outcome(own)))
    return ComplianceReport(
        verdicts=tuple(verdicts), findings=tuple(findings), rules_hash=rules.hash
    )


def _outcome(findings: Sequence[ComplianceFinding]) -> Outcome:
    severities = {finding.severity for finding in findings}
    if "block" in severities:
        return "block"
    return "revise" if "revise" in severities else "pass"


def _apply(subject: Subject) -> Iterator[ComplianceFinding]:
    rule = subject.compiled.rule
    hits = CHECKS[rule.check](subject) if rule.check else _matches(subject)
    for hit in hits:
        finding = ComplianceFinding(
            draft_key=subject.draft.key,
            rule=rule.id,
            severity=rule.severity,
            message=rule.message,
            language=hit.language,
            field=hit.field,
            excerpt=hit.excerpt,
        )
        if rule.supported is not None and _stated(subject, hit):
            finding = replace(finding, severity=rule.supported)
        yield finding


def _matches(subject: Subject) -> Iterator[Hit]:
    for language, field, text in subject.texts():
        found = _excerpt(subject.compiled, text, language)
        if found:
            yield Hit(found, language, field)
    if subject.compiled.rule.tags:
        for tag in subject.draft.tags:
            found = _excerpt(subject.compiled, tag, "jpn")
            if found:
                yield Hit(found, field="tags")


def _excerpt(compiled: CompiledRule, text: str, language: str) -> str:
    """Return the offending words; the whole text if only its normal form offends."""
    match = compiled.find(text, language)
    if match is not None:
        return match.group()
    if text.isascii():
        return ""
    return text if compiled.find(unicodedata.normalize("NFKC", text), language) else ""


def _stated(subject: Subject, hit: Hit) -> bool:
    """Return whether a fact behind the draft holds the same words."""
    wanted = hit.excerpt.casefold()
    return any(wanted in claim.support.casefold() for claim in subject.draft.claims)
