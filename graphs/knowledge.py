"""Passages of the organisation's documents as facts, where they speak about the product."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace

import msgspec

from domain.errors import ParleyError
from domain.evidence import Citation, Passage
from domain.product import Fact, Product
from graphs.campaign import policing
from graphs.campaign.material import Material
from graphs.context import GraphContext
from tools.product_source.text import FACT_CHARS, language_of, sentences

#: Products that documents are asked about, and passages asked for each.
ASKED, PASSAGES = 10, 5
#: Shorter sentences are headings and labels.
_LEAST = 12
_WORD = re.compile(r"\w+")


async def with_documents(ctx: GraphContext, material: Material, node: str) -> Material:
    """Return the material with what documents say about its products as further facts.

    Documents are strangers' words like any page: what they say may be quoted with its place, never obeyed.
    A sentence counts as said about a product only if it, or the title of its document, names it.

    Args:
        ctx: Has `retrieve` where the installation has a knowledge store.
        material: What was read; returned as it is if there are no documents or they cannot be asked.
        node: Who asks, as the policy of tools names it: `campaign/write`.
    """
    retrieve = policing.retriever(ctx, node).retrieve
    if retrieve is None:
        return material
    products: list[Product] = []
    citations = dict(material.citations)
    for product in material.products[:ASKED]:
        try:
            passages = await retrieve(product.title, PASSAGES)
        except ParleyError as error:
            await ctx.tell(
                "warning", "content", f"The documents could not be asked: {error.detail}"
            )
            return material
        facts = [pair for passage in passages for pair in facts_about(product, passage)]
        citations |= {fact.where: citation for fact, citation in facts}
        known = {fact.text for fact in product.facts}
        more = tuple(fact for fact, _ in facts if fact.text not in known)
        products.append(msgspec.structs.replace(product, facts=(*product.facts, *more)))
    rest = material.products[ASKED:]
    return replace(material, products=(*products, *rest), citations=citations)


def facts_about(product: Product, passage: Passage) -> Iterator[tuple[Fact, Citation]]:
    """Yield the sentences of a passage about a product, each with its exact place."""
    cited = passage.citation
    about_it = _names(product, cited.title)
    for sentence in sentences(passage.text):
        at = cited.quote.find(sentence)
        if at < 0 or not _LEAST <= len(sentence) <= FACT_CHARS:
            continue
        if not (about_it or _names(product, sentence)):
            continue
        start = cited.start + at
        place = msgspec.structs.replace(
            cited, quote=sentence, start=start, end=start + len(sentence)
        )
        where = f"knowledge:{cited.document_id}:{cited.chunk_id}#{start}-{place.end}"
        yield Fact(sentence, where, language_of(sentence, passage.language)), place


def _names(product: Product, text: str) -> bool:
    """Tell whether a text has the product's whole name, or the two words it begins with."""
    low = text.casefold()
    if product.title_jpn and product.title_jpn.split()[0].casefold() in low:
        return True
    words = _WORD.findall(product.title.casefold())
    said = " ".join(_WORD.findall(low))
    return bool(words) and " ".join(words[:2] if len(words) > 2 else words) in said
