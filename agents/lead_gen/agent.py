"""Segments from the brief and from what leads said; by interest and place, never by a special category of data."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import date

from pydantic import BaseModel, ConfigDict, Field

import prompts
from agents.lead_gen.policy import ELSEWHERE, INTEREST, LEAST_LEADS, MOST_SEGMENTS, words
from agents.lead_gen.schemas import AudienceReport, KnownLead, Segment
from audience.service import Known
from audience.special import names_special_category
from domain.brief import Brief
from domain.errors import ParleyError
from domain.trust import Span, Trust
from llm.router import ModelRouter
from prompts.assembly import assemble

_TASK = "AudienceSuggestions"


class Suggestion(BaseModel):
    """What people look for, and why that fits."""

    model_config = ConfigDict(extra="ignore")

    interest: str = Field(min_length=3, max_length=60)
    reason: str = Field(default="", max_length=200)


class Suggestions(BaseModel):
    """Whom to speak to, by what they look for."""

    model_config = ConfigDict(extra="ignore", title=_TASK)

    suggestions: list[Suggestion] = Field(default_factory=list, max_length=6)


async def find_audience(
    router: ModelRouter,
    brief: Brief,
    leads: Sequence[KnownLead],
    *,
    today: date,
    known: Known | None = None,
) -> AudienceReport:
    """Return whom a campaign should speak to.

    Args:
        router: The way to a model, which may suggest further interests.
        brief: The goal.
        leads: Single leads; only whether a basis is stated is looked at.
        today: The day it is done.
        known: Counts of the organisation's leads, instead of single ones.
    """
    left_out = tuple(words for words in brief.audience_keywords if names_special_category(words))
    warnings = [f"Nobody is chosen by “{words}”; it was left out." for words in left_out]
    segments = [*_from_brief(brief, left_out), *_from_leads(brief, known)]
    added, said = await _from_model(router, brief, known)
    segments += added
    warnings += said
    if known is not None:
        warnings += _elsewhere(brief, known)
    return AudienceReport(
        segments=_unique(segments, known),
        leads=len(leads) if known is None else known.leads,
        usable=(
            sum(1 for lead in leads if lead.lawful_basis)
            if known is None
            else sum(count for basis, count in known.bases.items() if basis)
        ),
        qualified=0 if known is None else sum(known.grades.get(grade, 0) for grade in "ABC"),
        left_out=left_out,
        rule_based=not added,
        warnings=tuple(warnings),
    )


def _from_brief(brief: Brief, left_out: tuple[str, ...]) -> Iterator[Segment]:
    for wanted in brief.audience_keywords:
        if wanted not in left_out:
            yield Segment(
                name=wanted, interests=(wanted,), geos=brief.geos, languages=brief.languages,
                reason="Named in the goal.",
            )  # fmt: skip
    if brief.product:
        yield Segment(
            name=f"People who ask about {brief.product}", interests=(brief.product.casefold(),),
            geos=brief.geos, languages=brief.languages, reason="The product of the goal.",
        )  # fmt: skip


def _from_leads(brief: Brief, known: Known | None) -> Iterator[Segment]:
    """Yield what leads said they are interested in, where it has to do with the goal."""
    if known is None:
        return
    about = words(" ".join((brief.product or brief.goal, *brief.audience_keywords)))
    for interest, count in known.interests.items():
        if (
            count >= LEAST_LEADS
            and words(interest) & about
            and not names_special_category(interest)
        ):
            yield Segment(
                name=interest, interests=(interest,), geos=brief.geos, languages=brief.languages,
                reason=f"{count} of your {known.leads} leads have said so.", leads=count,
            )  # fmt: skip


async def _from_model(
    router: ModelRouter, brief: Brief, known: Known | None
) -> tuple[list[Segment], list[str]]:
    if router.spec == "offline":
        return [], []
    interests = ", ".join(known.interests) if known is not None else ""
    asked = assemble(
        prompts.load("lead_gen/segments"),
        {
            "goal": Span(brief.goal, Trust.ADVERTISER, "goal"),
            "product": Span(brief.product or "", Trust.ADVERTISER, "goal"),
            "interests": Span(interests, Trust.UNTRUSTED, "leads"),
        },
        canary=router.canary,
    )
    try:
        answer = await router.structured(
            _TASK, Suggestions, list(asked.messages), canary=asked.canary
        )
    except ParleyError as error:
        return [], [f"Suggestions of a model were left out: {error.detail}"]
    if answer.rule_based:
        return [], [*answer.warnings]
    found = []
    for one in answer.value.suggestions:
        interest = " ".join(one.interest.casefold().split())
        if INTEREST.fullmatch(interest) and not names_special_category(f"{interest} {one.reason}"):
            found.append(
                Segment(
                    name=interest, interests=(interest,), geos=brief.geos,
                    languages=brief.languages, reason=one.reason, by="model",
                )
            )  # fmt: skip
    dropped = len(answer.value.suggestions) - len(found)
    said = [f"{dropped} suggestions of {answer.model} were dropped."] if dropped else []
    return found, [*answer.warnings, *said]


def _elsewhere(brief: Brief, known: Known) -> Iterator[str]:
    """Say where leads are that the goal does not cover."""
    placed = sum(count for country, count in known.countries.items() if country)
    for country, count in known.countries.items():
        if brief.geos and country and country not in brief.geos and count >= ELSEWHERE * placed:
            yield f"{count} of {placed} leads with a country are in {country}, which the goal leaves out."


def _unique(segments: Sequence[Segment], known: Known | None) -> tuple[Segment, ...]:
    """Return each interest once, with how many leads have it; the brief's own first."""
    interests = known.interests if known is not None else {}
    kept: dict[tuple[str, ...], Segment] = {}
    for one in segments:
        there = kept.get(one.interests)
        if there is None:
            count = one.leads or sum(interests.get(interest, 0) for interest in one.interests)
            kept[one.interests] = replace(one, leads=count)
    own = [
        one for one in kept.values() if one.by == "rules" and not one.reason.endswith("said so.")
    ]
    rest = [one for one in kept.values() if one not in own]
    return (*own, *rest[: 2 * MOST_SEGMENTS])
