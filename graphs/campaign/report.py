"""What a campaign run found, wrote, checked and spent, with what each statement rests on."""

from __future__ import annotations

from collections.abc import Awaitable, Sequence
from typing import Any, TypeVar

import msgspec

from agents.compliance.schemas import ComplianceReport
from agents.content_creator.schemas import CreativeDraft
from agents.lead_gen.schemas import AudienceReport, Segment
from agents.research.schemas import Insight, ResearchReport
from catalog.operations import Operation
from domain.errors import NotFound
from domain.evidence import Citation
from graphs.campaign.material import Desk
from graphs.campaign.state import MAX_ROUNDS
from llm.meter import RunUsage

T = TypeVar("T")
#: Creatives and findings shown in full; the counts are of all of them.
SHOWN = 50


class Backing(msgspec.Struct, frozen=True, kw_only=True):
    """One sentence of an ad and the fact that supports it.

    Attributes:
        sentence, language: As it stands in the ad.
        where, support: Where the fact was read, and its own words: untrusted text.
        citation: Document, version and span, if it stands in the organisation's documents.
    """

    sentence: str
    language: str
    where: str
    support: str
    citation: Citation | None = None


class Written(msgspec.Struct, frozen=True, kw_only=True):
    """One creative with the facts behind it and what compliance made of it."""

    key: str
    format: str
    outcome: str
    texts: dict[str, dict[str, str]]
    backing: tuple[Backing, ...]


class Checked(msgspec.Struct, frozen=True, kw_only=True):
    """What compliance found."""

    passed: int = 0
    to_revise: int = 0
    blocked: int = 0
    rounds: int = 0
    rules_hash: str = ""
    findings: tuple[dict[str, Any], ...] = ()


class Sent(msgspec.Struct, frozen=True, kw_only=True):
    """One operation on a channel, as it stands in the ledger."""

    id: str
    channel: str
    kind: str
    state: str
    who: str
    why: str


class RunReport(msgspec.Struct, frozen=True, kw_only=True):
    """The report of a run; parts it has not come to are empty.

    Attributes:
        insights: What research found, each with its sources.
        audience: Whom it speaks to.
        written: Its creatives, at most `SHOWN`.
        creatives: How many there are.
        compliance: The last reading.
        operations: What left, or would leave, for each channel.
        models: Calls of paid models and what they cost; all zero for the rule-based one.
        rule_based: Whether rules rather than a model did the research.
        warnings: What went wrong on the way.
    """

    insights: tuple[Insight, ...] = ()
    audience: tuple[Segment, ...] = ()
    written: tuple[Written, ...] = ()
    creatives: int = 0
    compliance: Checked = Checked()
    operations: tuple[Sent, ...] = ()
    models: RunUsage = RunUsage()
    rule_based: bool = True
    warnings: tuple[str, ...] = ()


async def report_of(desk: Desk, ledger: Sequence[Operation], usage: RunUsage) -> RunReport:
    """Return the report of a run from what lies on its desk.

    Args:
        desk: The run's objects.
        ledger: Operations of its campaign, oldest first.
        usage: What its models cost.

    Raises:
        Unavailable: if the object store cannot be reached.
    """
    research = await _there(desk.research()) or ResearchReport()
    audience = await _there(desk.audience()) or AudienceReport()
    drafts, report, rounds = await _last_round(desk)
    return RunReport(
        insights=research.insights,
        audience=audience.segments,
        written=_written(drafts[:SHOWN], report),
        creatives=len(drafts),
        compliance=_checked(report, rounds),
        operations=tuple(
            Sent(
                id=row.id,
                channel=row.channel,
                kind=row.kind,
                state=row.state,
                who=row.who,
                why=row.why,
            )
            for row in ledger
        ),
        models=usage,
        rule_based=research.rule_based,
        warnings=research.warnings + audience.warnings,
    )


async def _last_round(desk: Desk) -> tuple[tuple[CreativeDraft, ...], ComplianceReport, int]:
    for round_ in reversed(range(MAX_ROUNDS + 1)):
        drafts = await _there(desk.drafts(round_))
        if drafts is not None:
            return drafts, await _there(desk.report(round_)) or ComplianceReport(), round_
    return (), ComplianceReport(), 0


def _written(drafts: Sequence[CreativeDraft], report: ComplianceReport) -> tuple[Written, ...]:
    outcomes = {verdict.draft_key: str(verdict.outcome) for verdict in report.verdicts}
    return tuple(
        Written(
            key=draft.key,
            format=str(draft.format),
            outcome=outcomes.get(draft.key, "not read yet"),
            texts={
                language: {
                    name: value
                    for name, value in msgspec.to_builtins(copy).items()
                    if isinstance(value, str) and value
                }
                for language, copy in draft.texts.items()
            },
            backing=tuple(
                Backing(
                    sentence=claim.sentence,
                    language=claim.language,
                    where=claim.where,
                    support=claim.support,
                    citation=claim.citation,
                )
                for claim in draft.claims
            ),
        )
        for draft in drafts
    )


def _checked(report: ComplianceReport, rounds: int) -> Checked:
    outcomes = [verdict.outcome for verdict in report.verdicts]
    return Checked(
        passed=outcomes.count("pass"),
        to_revise=outcomes.count("revise"),
        blocked=outcomes.count("block"),
        rounds=rounds,
        rules_hash=report.rules_hash,
        findings=tuple(msgspec.to_builtins(finding) for finding in report.findings[:SHOWN]),
    )


async def _there(reading: Awaitable[T]) -> T | None:
    try:
        return await reading
    except NotFound:
        return None
