"""The report of a run on the wire."""

from __future__ import annotations

from pydantic import Field

from api.models.common import Out


class PlaceOut(Out):
    """A quoted place in the organisation's documents."""

    title: str
    quote: str
    document_id: str
    chunk_id: str
    start: int
    end: int
    url: str


class QuotedOut(Out):
    """Where a statement stands."""

    where: str
    quote: str
    citation: PlaceOut | None = None


class InsightOut(Out):
    """One statement of research; there is none without a source."""

    kind: str
    statement: str
    confidence: float
    sources: list[QuotedOut]


class SegmentOut(Out):
    """People to speak to, by what they look for."""

    name: str
    interests: list[str]
    geos: list[str]
    languages: list[str]
    reason: str


class BackingOut(Out):
    """One sentence of an ad and the fact that supports it."""

    sentence: str
    language: str
    where: str
    support: str
    citation: PlaceOut | None


class WrittenOut(Out):
    """One creative with the facts behind it."""

    key: str
    format: str
    outcome: str = Field(description="pass, revise, block, or not read yet.")
    texts: dict[str, dict[str, str]]
    backing: list[BackingOut]


class FindingOut(Out):
    """One breach of a rule."""

    draft_key: str
    rule: str
    severity: str
    language: str
    field: str
    excerpt: str
    message: str


class CheckedOut(Out):
    """What compliance found in its last reading."""

    passed: int
    to_revise: int
    blocked: int
    rounds: int
    rules_hash: str
    findings: list[FindingOut]


class SentOut(Out):
    """One operation on a channel, as the ledger has it."""

    id: str
    channel: str
    kind: str
    state: str
    who: str
    why: str


class UsageOut(Out):
    """Calls of paid models; all zero for the rule-based one."""

    calls: int
    failed: int
    input_tokens: int
    output_tokens: int
    cost_micros: int = Field(description="Millionths of a US dollar.")
    estimated: int
    unpriced: int


class RunReportOut(Out):
    """What a run found, wrote, checked and spent; parts it has not come to are empty."""

    run_id: str
    status: str
    goal: str
    insights: list[InsightOut]
    audience: list[SegmentOut]
    written: list[WrittenOut]
    creatives: int
    compliance: CheckedOut
    operations: list[SentOut]
    models: UsageOut
    rule_based: bool
    warnings: list[str]
