"""Research from what was read and what the organisation's documents say; by rules, every statement sourced."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from datetime import date
from decimal import Decimal, InvalidOperation

from agents.research.schemas import Insight, ResearchMaterial, ResearchReport, Retrieve, Source
from domain.brief import Brief
from domain.errors import ParleyError
from domain.product import Product
from llm.router import ModelRouter

#: Passages asked of the documents.
_PASSAGES = 5
_KEYWORDS = 12


async def research(
    router: ModelRouter,
    brief: Brief,
    material: ResearchMaterial,
    retrieve: Retrieve | None,
    *,
    today: date,
) -> ResearchReport:
    """Return what sources say about market, product and readers.

    Args:
        router: The way to a model; the rules answer alone.
        brief: The goal.
        material: What was read about the product.
        retrieve: Asks the organisation's documents; None if there are none.
        today: The day it is done.
    """
    insights = [*_prices(material.products), *_gaps(material.products), *_readers(brief, material)]
    warnings: list[str] = []
    if retrieve is not None:
        try:
            for passage in await retrieve(brief.product or brief.goal, _PASSAGES):
                insights.append(
                    Insight(
                        kind="opportunity",
                        statement=f"{passage.citation.title} says: {passage.citation.quote[:200]}",
                        sources=(
                            Source(where=passage.citation.title, quote=passage.citation.quote),
                        ),
                        confidence=0.4,
                    )
                )
        except ParleyError as error:
            warnings.append(f"The documents could not be asked: {error.detail}")
    counted = Counter(tag for product in material.products for tag in product.tags)
    return ResearchReport(
        insights=tuple(insights),
        keywords=tuple(tag for tag, _ in counted.most_common(_KEYWORDS)),
        warnings=tuple(warnings),
    )


def _prices(products: tuple[Product, ...]) -> Iterator[Insight]:
    by_currency: dict[str, list[tuple[Decimal, Product]]] = {}
    for product in products:
        if product.price and product.currency:
            try:
                amount = Decimal(product.price)
            except InvalidOperation:
                continue
            by_currency.setdefault(product.currency, []).append((amount, product))
    for currency, priced in sorted(by_currency.items()):
        priced.sort(key=lambda pair: (pair[0], pair[1].key))
        (low, cheapest), (high, dearest) = priced[0], priced[-1]
        yield Insight(
            kind="opportunity",
            statement=f"{len(priced)} products cost {low} to {high} {currency}.",
            sources=(_title(cheapest), _title(dearest)),
            confidence=0.9,
        )


def _gaps(products: tuple[Product, ...]) -> Iterator[Insight]:
    for said, missing in (
        ("a picture", [p for p in products if not p.image_url]),
        ("a price", [p for p in products if not p.price]),
        ("facts to write from", [p for p in products if not p.facts]),
    ):
        if missing:
            yield Insight(
                kind="gap",
                statement=f"{len(missing)} of {len(products)} products are without {said}.",
                sources=tuple(_title(p) for p in missing[:3]),
                confidence=0.9,
            )


def _readers(brief: Brief, material: ResearchMaterial) -> Iterator[Insight]:
    facts = [*material.site_facts, *(f for p in material.products for f in p.facts)]
    for words in brief.audience_keywords:
        said = [fact for fact in facts if words.casefold() in fact.text.casefold()][:3]
        if said:
            yield Insight(
                kind="audience",
                statement=f"The sources speak to {words}.",
                sources=tuple(Source(where=fact.where, quote=fact.text) for fact in said),
                confidence=0.6,
            )


def _title(product: Product) -> Source:
    return Source(where=f"product:{product.key}#title", quote=product.title)
