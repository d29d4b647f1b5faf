"""Segments from the brief, counts of leads; by rules, and never by a special category of data."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import date

from agents.lead_gen.schemas import AudienceReport, KnownLead, Segment
from domain.brief import Brief
from llm.router import ModelRouter

#: GDPR Art. 9 and what stands close to it.
_SPECIAL = re.compile(
    r"\b(?:diabet\w*|cancer|depress\w*|hiv|pregnan\w*|disab\w*|relig\w*|christians?|muslims?|jew(?:s|ish)|"
    r"ethnic\w*|rac(?:e|ial)|immigrants?|gay|lesbian|lgbt\w*|trade union|political)\b|"
    r"宗教|信仰|民族|人種|同性愛|持病|病歴|障害者|労働組合|政治的",
    re.I,
)


async def find_audience(
    router: ModelRouter, brief: Brief, leads: Sequence[KnownLead], *, today: date
) -> AudienceReport:
    """Return whom a campaign should speak to.

    Args:
        router: The way to a model; the rules answer alone.
        brief: The goal.
        leads: The organisation's leads.
        today: The day it is done.
    """
    left_out = tuple(words for words in brief.audience_keywords if _SPECIAL.search(words))
    wanted = tuple(words for words in brief.audience_keywords if words not in left_out)
    segments = [
        Segment(
            name=words,
            interests=(words,),
            geos=brief.geos,
            languages=brief.languages,
            reason="Named in the goal.",
        )
        for words in wanted
    ]
    if brief.product:
        segments.append(
            Segment(
                name=f"People who ask about {brief.product}",
                interests=(brief.product.casefold(),),
                geos=brief.geos,
                languages=brief.languages,
                reason="The product of the goal.",
            )
        )
    return AudienceReport(
        segments=tuple(segments),
        leads=len(leads),
        usable=sum(1 for lead in leads if lead.lawful_basis),
        left_out=left_out,
        warnings=tuple(f"Nobody is chosen by “{words}”; it was left out." for words in left_out),
    )
