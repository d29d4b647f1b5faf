"""Research from what was read and what the organisation's documents say; every statement is sourced."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import date

from agents.research import market, readers, times
from agents.research.evidence import Read, addresses_in, gathered
from agents.research.policy import ADDRESSES, KEYWORDS, MOST_OF_A_KIND, PASSAGES, TOPICS
from agents.research.schemas import (
    Competitor,
    Insight,
    Kind,
    ResearchMaterial,
    ResearchReport,
    Retrieve,
    Trend,
)
from agents.research.second import by_model
from audience.special import names_special_category
from domain.brief import Brief
from domain.errors import ParleyError
from domain.evidence import Passage
from llm.router import ModelRouter
from tools.web import ReadWeb, WebPage

_KINDS: tuple[Kind, ...] = ("competitor", "trend", "audience", "gap", "opportunity")


async def research(
    router: ModelRouter,
    brief: Brief,
    material: ResearchMaterial,
    retrieve: Retrieve | None,
    *,
    today: date,
    web: ReadWeb | None = None,
) -> ResearchReport:
    """Return what sources say about market, product and readers.

    Read are the advertiser's own pages and feeds, the organisation's documents, and the web addresses that the
    goal names; nothing that was read leads to further addresses. Rules draw the findings; a model may add some,
    of which only those stay that the sentences they cite support.

    Args:
        router: The way to a model.
        brief: The goal.
        material: What was read about the product.
        retrieve: Asks the organisation's documents; None if there are none.
        today: The day it is done.
        web: Reads an address of the goal; None reads none.
    """
    warnings: list[str] = []
    asked = await _documents(brief, retrieve, warnings)
    pages = await _pages(brief, web, warnings)
    passages = _unique(asked.values())
    read = gathered(brief, material, pages, passages)
    # In a thread: large feeds are compared for seconds, and the run's heartbeat goes on.
    found, shops, moving = await asyncio.to_thread(_by_rules, read, brief, asked, today)
    added, said = await by_model(router, brief, read.evidence)
    warnings += said
    counted = Counter(tag for product in material.products for tag in product.tags)
    return ResearchReport(
        insights=_best([*found, *added]),
        keywords=tuple(tag for tag, _ in counted.most_common(KEYWORDS)),
        rule_based=not added,
        warnings=tuple(warnings),
        competitors=shops,
        trends=moving,
        read=len(pages) + len(passages),
    )


def _by_rules(
    read: Read, brief: Brief, asked: dict[str, Sequence[Passage]], today: date
) -> tuple[list[Insight], tuple[Competitor, ...], tuple[Trend, ...]]:
    shops = market.competitors(read)
    said = read.of("document", "rival")
    moving = times.trends(said, today)
    found = [
        *market.prices(read),
        *market.missing(read.own),
        *market.about_competitors(shops),
        *market.differences(read),
        *times.about_trends(moving),
        *times.year(said, brief, today),
        *readers.readers(brief, read),
        *readers.questions(read),
        *readers.quoted(asked),
    ]
    return found, shops, moving


def _best(found: Iterable[Insight]) -> tuple[Insight, ...]:
    """Return the surest of each kind: sourced, said once, and about no special category."""
    kept: dict[str, Insight] = {}
    for one in found:
        if one.sources and not names_special_category(one.statement):
            kept.setdefault(one.statement, one)
    return tuple(
        one
        for kind in _KINDS
        for one in sorted(
            (i for i in kept.values() if i.kind == kind), key=lambda i: -i.confidence
        )[:MOST_OF_A_KIND]
    )


async def _documents(
    brief: Brief, retrieve: Retrieve | None, warnings: list[str]
) -> dict[str, Sequence[Passage]]:
    if retrieve is None:
        return {}
    about = brief.product or brief.goal
    found: dict[str, Sequence[Passage]] = {}
    for topic, english, japanese, _ in TOPICS:
        question = (japanese if brief.goal_language == "jpn" else english).format(about)
        try:
            found[topic] = await retrieve(question, PASSAGES)
        except ParleyError as error:
            warnings.append(f"The documents could not be asked: {error.detail}")
            break
    return found


async def _pages(brief: Brief, web: ReadWeb | None, warnings: list[str]) -> list[WebPage]:
    named = addresses_in(brief.goal)
    if web is None or not named:
        return []
    if len(named) > ADDRESSES:
        warnings.append(f"The goal names {len(named)} addresses; the first {ADDRESSES} were read.")
    pages = []
    for url in named[:ADDRESSES]:
        try:
            pages.append(await web(url))
        except ParleyError as error:
            warnings.append(f"{url[:120]} was not read: {error.detail}")
    return pages


def _unique(found: Iterable[Sequence[Passage]]) -> tuple[Passage, ...]:
    every = [passage for passages in found for passage in passages]
    return tuple(
        {
            (p.citation.chunk_id, p.citation.title, p.citation.start, p.citation.quote): p
            for p in every
        }.values()
    )
