"""Verdicts and findings: frozen dataclasses of plain values, so that a checkpoint brings them back typed."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Literal

Severity = Literal["block", "revise", "warn"]
Outcome = Literal["pass", "revise", "block"]


@dataclass(frozen=True, kw_only=True)
class Rule:
    """One rule of `rules.yaml`.

    Attributes:
        id: Stable code.
        severity: `block` ends the draft, `revise` sends it back, `warn` is shown to the approver.
        message: One sentence that says what to change.
        source: Law, platform policy or own decision it comes from.
        checked, expires: When it was compared with its source, and until when that holds.
        patterns: Regular expressions by ISO 639-3 code; `any` applies to every language.
        check: Name of a check in `agents.compliance.checks` instead of patterns.
        supported: What becomes of a match that a fact of the source states as well.
        tags: Whether the tags are read too.
    """

    id: str
    severity: Severity
    message: str
    source: str
    checked: date
    expires: date
    patterns: dict[str, tuple[str, ...]]
    check: str | None = None
    supported: Severity | None = None
    tags: bool = False


@dataclass(frozen=True, kw_only=True)
class ComplianceFinding:
    """One breach of one rule.

    Attributes:
        draft_key: The draft.
        rule: `Rule.id`.
        severity: What follows from it.
        language, field: Where it stands; empty if it concerns the whole draft.
        excerpt: The offending words as they stand in the copy; empty if there are none to take out.
        message: One sentence that says what to change.
    """

    draft_key: str
    rule: str
    severity: Severity
    message: str
    language: str = ""
    field: str = ""
    excerpt: str = ""


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """What becomes of one draft."""

    draft_key: str
    outcome: Outcome


@dataclass(frozen=True, kw_only=True)
class ComplianceReport:
    """The reading of a set of drafts.

    Attributes:
        verdicts: One per draft, in order.
        findings: All breaches, warnings included.
        rules_hash: Which version of the rules was applied.
    """

    verdicts: tuple[Verdict, ...] = ()
    findings: tuple[ComplianceFinding, ...] = ()
    rules_hash: str = ""

    def keys(self, outcome: Outcome) -> tuple[str, ...]:
        """Return the keys of the drafts with that outcome."""
        return tuple(v.draft_key for v in self.verdicts if v.outcome == outcome)
