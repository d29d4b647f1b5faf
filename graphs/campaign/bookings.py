"""From brief, plan and reviewed drafts to what the catalogue takes."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, timedelta
from typing import Any

import msgspec

from agents.ad_manager.schemas import MediaPlan
from agents.compliance.schemas import ComplianceReport
from agents.content_creator.schemas import Claim, CreativeDraft
from catalog.specs import CampaignSpec, CreativeSpec
from catalog.targeting import Targeting
from domain.brief import Brief
from domain.formats import BidModel
from domain.ids import stable_id
from domain.money import Money
from domain.time import start_of_day_ms
from graphs.campaign.gathering import languages_of
from graphs.campaign.state import Approval

DEMO_POLICY = "policy:demo"


def demo_approval() -> Approval:
    """Return the approval of the demo policy, which says that no person has looked."""
    return Approval("approve", DEMO_POLICY, "auto-approved by the demo policy, not by a person")


def approval(answer: object) -> Approval:
    """Return a person's decision; anything but an explicit approval is a rejection."""
    given: dict[str, Any] = answer if isinstance(answer, dict) else {}
    return Approval(
        decision="approve" if given.get("decision") == "approve" else "reject",
        by=str(given.get("by") or "unknown"),
        note=str(given.get("note") or "")[:500],
        changeset=str(given.get("changeset") or ""),
    )


def count(report: ComplianceReport) -> dict[str, int]:
    """Return how many drafts passed, must be revised, are blocked."""
    outcomes = [verdict.outcome for verdict in report.verdicts]
    return {
        "passed": outcomes.count("pass"),
        "to_revise": outcomes.count("revise"),
        "blocked": outcomes.count("block"),
    }


def campaign_spec(brief: Brief, plan: MediaPlan, controls: Targeting) -> CampaignSpec:
    """Return the in-chat campaign. Days are UTC days; `end` is the last one, so delivery stops after it.

    Args:
        brief: What the goal says.
        plan: What it costs.
        controls: What was asked for beside the goal.
    """
    return CampaignSpec(
        name=(brief.product or brief.goal)[:80],
        currency=plan.currency,
        bid_model=BidModel(plan.bid_model),
        bid_micros=plan.bid_micros,
        budget_total_micros=plan.budget_total_micros,
        budget_daily_micros=plan.budget_daily_micros,
        starts_ms=_day_ms(brief.start, 0),
        ends_ms=_day_ms(brief.end, 1),
        geos=brief.geos,
        languages=languages_of(brief),
        **{name: getattr(controls, name) for name in controls.__struct_fields__},
    )


def controls(written: str) -> Targeting:
    """Return what was asked for beside the goal, from its JSON text."""
    return msgspec.json.decode(written, type=Targeting)


def creative_specs(drafts: Sequence[CreativeDraft], report: ComplianceReport) -> list[CreativeSpec]:
    """Return what can be stored: blocked drafts are kept out of the catalogue, their findings in the report."""
    passed = _passed(report)
    return [
        CreativeSpec(
            key=draft.key,
            format=draft.format,
            texts={language: copy.ad_text() for language, copy in draft.texts.items()},
            landing_url=draft.landing_url,
            image_url=draft.image_url,
            tags=draft.tags,
            claims=tuple(_claim(claim) for claim in draft.claims),
        )
        for draft in drafts
        if draft.key in passed
    ]


def _claim(claim: Claim) -> dict[str, str]:
    """Return what is kept of a claim: the sentence, its fact, and where documents say so."""
    kept = {"sentence": claim.sentence, "where": claim.where, "language": claim.language}
    kept["fact"] = claim.fact_id
    if claim.citation is not None:
        cited = claim.citation
        kept |= {
            "document": cited.document_id,
            "chunk": cited.chunk_id,
            "title": cited.title,
            "span": f"{cited.start}-{cited.end}",
            "quote": cited.quote,
        }
    return kept


def verdicts(
    campaign_id: str, drafts: Sequence[CreativeDraft], report: ComplianceReport
) -> list[dict[str, Any]]:
    """Return status and findings of the stored creatives."""
    found: dict[str, list[dict[str, Any]]] = {}
    for finding in report.findings:
        found.setdefault(finding.draft_key, []).append(plain(finding))
    passed = _passed(report)
    return [
        {
            "id": stable_id("crt", campaign_id, draft.key),
            "status": "approved",
            "findings": found.get(draft.key, []),
        }
        for draft in drafts
        if draft.key in passed
    ]


def summary(brief: Brief, plan: MediaPlan, passed: int) -> str:
    """Return what a person is asked to approve, in one sentence."""
    budget = (
        f"a total of {Money(plan.budget_total_micros, plan.currency)}"
        if plan.budget_total_micros is not None
        else "no total cap"
    )
    where = ", ".join(brief.geos) or "every country"
    until = f"until {brief.end}" if brief.end else "without an end"
    return f"{passed} creatives for {where} {until}, {budget}. {plan.summary}"


def plain(value: object) -> dict[str, Any]:
    """Return a dataclass as JSON-ready values."""
    built: dict[str, Any] = msgspec.to_builtins(value)
    return built


def _passed(report: ComplianceReport) -> set[str]:
    return {verdict.draft_key for verdict in report.verdicts if verdict.outcome == "pass"}


def _day_ms(day: str | None, later: int) -> int | None:
    return None if day is None else start_of_day_ms(date.fromisoformat(day) + timedelta(days=later))
