"""What a model finds in the same sources. It only adds, and only what the sentences it cites say themselves."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from pydantic import BaseModel, ConfigDict, Field

import prompts
from agents.research.evidence import Evidence
from agents.research.schemas import Insight, Kind
from audience.special import names_special_category
from domain.brief import Brief
from domain.errors import ParleyError
from domain.trust import Span, Trust
from llm.router import ModelRouter
from prompts.assembly import assemble
from rag.analyse import default_analyser
from rag.cite import CitationChecker

#: Sentences shown to a model.
MOST_SHOWN = 150
#: Two sentences at most may be joined by a finding that rests on several.
_MOST_CITED = 4
_TASK = "ResearchFindings"


class Finding(BaseModel):
    """One finding: what it is about, one sentence, and the lines it rests on."""

    model_config = ConfigDict(extra="ignore")

    kind: Kind
    statement: str = Field(min_length=8, max_length=300)
    evidence: list[int] = Field(min_length=1, max_length=_MOST_CITED)
    confidence: float = Field(default=0.5, ge=0, le=1)


class Findings(BaseModel):
    """What follows from the evidence; an empty list if nothing."""

    model_config = ConfigDict(extra="ignore", title=_TASK)

    findings: list[Finding] = Field(default_factory=list, max_length=12)


async def by_model(
    router: ModelRouter, brief: Brief, evidence: Sequence[Evidence]
) -> tuple[tuple[Insight, ...], tuple[str, ...]]:
    """Return what a model adds, and warnings; nothing where no model is configured.

    Args:
        router: The way to a model.
        brief: The goal.
        evidence: What was read; untrusted.
    """
    if router.spec == "offline" or not evidence:
        return (), ()
    shown = list(evidence[:MOST_SHOWN])
    asked = assemble(
        prompts.load("research/findings"),
        {
            "goal": Span(brief.goal, Trust.ADVERTISER, "goal"),
            "evidence": tuple(
                Span(f"[{number}] {one.text}", Trust.UNTRUSTED, one.source.where)
                for number, one in enumerate(shown, 1)
            ),
        },
        canary=router.canary,
    )
    try:
        answer = await router.structured(_TASK, Findings, list(asked.messages), canary=asked.canary)
    except ParleyError as error:
        return (), (f"Findings of a model were left out: {error.detail}",)
    if answer.rule_based:
        return (), answer.warnings
    kept = await asyncio.to_thread(supported, answer.value.findings, shown)
    dropped = len(answer.value.findings) - len(kept)
    warnings = [*answer.warnings]
    if dropped:
        warnings.append(
            f"{dropped} findings of {answer.model} were dropped: their sources do not say them."
        )
    return tuple(kept), tuple(warnings)


def supported(findings: Sequence[Finding], shown: Sequence[Evidence]) -> list[Insight]:
    """Return the findings that the sentences they cite support, as insights.

    Args:
        findings: What a model says.
        shown: What it was shown, in order.
    """
    checker = CitationChecker(default_analyser())
    kept = []
    for one in findings:
        cited = [shown[number - 1] for number in one.evidence if 0 < number <= len(shown)]
        if len(cited) != len(one.evidence) or names_special_category(one.statement):
            continue
        said = " ".join(evidence.text for evidence in cited)
        if checker.check(one.statement, said).supported:
            kept.append(
                Insight(
                    kind=one.kind,
                    statement=one.statement,
                    sources=tuple(evidence.source for evidence in cited),
                    confidence=round(min(one.confidence, 0.8), 2),
                    by="model",
                )
            )
    return kept
