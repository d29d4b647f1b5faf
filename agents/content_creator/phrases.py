"""What may be said about a product, piece by piece, each piece with the facts behind it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from agents.content_creator.policy import supporting_facts, unsupported
from agents.content_creator.schemas import Claim, ContentRequest
from agents.content_creator.voice import liking
from domain.formats import AdFormat
from domain.product import Fact, Product
from llm.offline import copywriter_english as english
from llm.offline import copywriter_japanese as japanese
from llm.offline.copywriter import write_creatives
from llm.offline.copywriter_facts import price_english, price_japanese, quotable
from llm.offline.copywriter_types import claim_on

Role = Literal[
    "name", "kind", "benefit", "proof", "price", "priced", "question", "brand", "action", "more"
]  # fmt: skip

#: Longest sentence that is looked for; fields cut no sentence, they leave it out.
_LONGEST = 200
_PROOF = re.compile(
    r"\b\d[\d,.]*\s?(?:\+\s?)?(?:reviews?|ratings?|customers|members|runners|users|stars?|teams)\b"
    r"|\b(?:rated|award\w*|voted|recommended by|since (?:19|20)\d\d)\b"
    r"|受賞|満足度|レビュー|口コミ|愛用者|会員\d|創業|(?:19|20)\d\d年(?:から|創業)",
    re.I,
)


@dataclass(frozen=True, kw_only=True)
class Phrase:
    """One thing that can be said.

    Attributes:
        text: As it may stand in an ad.
        role: What it does there.
        language: ISO 639-3.
        facts: What it rests on; empty for words that say nothing about the product.
        author: `rules` or the model that wrote it.
    """

    text: str
    role: Role
    language: str
    facts: tuple[Fact, ...] = ()
    author: str = "rules"


def pool(
    product: Product, request: ContentRequest, language: str, written: Iterable[Phrase] = ()
) -> tuple[Phrase, ...]:
    """Return all phrases for a product, best first within each role; every one is supported.

    Args:
        product: What is advertised.
        request: Facts, brand kit and words to avoid.
        language: ISO 639-3; `eng` or `jpn`.
        written: Phrases by a model; kept where the facts support them, before those of the rules.
    """
    kit = request.brand_kit
    avoid = (*request.avoid.get(product.key, ()), *kit.banned_words)
    facts = supporting_facts(product, request)
    found = [*written, *_by_rules(product, request, language, avoid)]
    kept: dict[tuple[str, str], Phrase] = {}
    for phrase in found:
        low = phrase.text.casefold()
        if any(word.casefold() in low for word in avoid) or unsupported(phrase.text, facts):
            continue
        kept.setdefault((phrase.role, low), phrase)
    return tuple(
        sorted(
            kept.values(),
            key=lambda p: (
                liking(p.text, language, kit) if p.role in ("benefit", "proof") else (0, 0)
            ),
        )
    )


def of_role(phrases: Iterable[Phrase], *roles: Role) -> list[Phrase]:
    """Return the phrases of these roles, role by role."""
    known = list(phrases)
    return [phrase for role in roles for phrase in known if phrase.role == role]


def joined(parts: Sequence[Phrase], role: Role) -> Phrase:
    """Return sentences as one phrase."""
    gap = "" if parts[0].language == "jpn" else " "
    return Phrase(
        text=gap.join(part.text for part in parts),
        role=role,
        language=parts[0].language,
        facts=tuple(fact for part in parts for fact in part.facts),
        author=next((p.author for p in parts if p.author != "rules"), "rules"),
    )


def claims_of(phrase: Phrase, request: ContentRequest) -> Iterator[Claim]:
    """Yield what the phrase claims, each with its fact and where that stands."""
    for fact in phrase.facts:
        yield claim_on(phrase.text, fact, phrase.language, request)


def _by_rules(
    product: Product, request: ContentRequest, language: str, avoid: Sequence[str]
) -> Iterator[Phrase]:
    named: dict[str, Fact] = {}
    for fact in supporting_facts(product, request):
        field = fact.where.rpartition("#")[2]
        if fact.where.startswith("product:") and (field not in named or fact.language == language):
            named[field] = fact
    names = list(_names(product, language, named, avoid))
    yield from names
    price = price_japanese(product) if language == "jpn" else price_english(product)
    if price:
        stated = _one(named, "price")
        whole = f"価格は{price}です。" if language == "jpn" else f"Price: {price}."
        yield Phrase(text=whole, role="price", language=language, facts=stated)
        for name in names:
            if name.role == "name":
                text = f"{name.text} {price}" if language == "jpn" else f"{name.text}: {price}"
                both = (*name.facts, *stated)
                yield Phrase(text=text, role="priced", language=language, facts=both)
    seller = product.brand or request.site_name or request.brand_kit.name
    if seller:
        yield Phrase(text=seller, role="brand", language=language, facts=_one(named, "brand"))
    yield from _quoted(product, request, language, avoid)
    yield from _asked(product, request, language, named)
    more = (
        "詳しくは商品ページをご覧ください。"
        if language == "jpn"
        else "See the product page for details."
    )
    yield Phrase(text=more, role="more", language=language)


def _names(
    product: Product, language: str, named: dict[str, Fact], avoid: Sequence[str]
) -> Iterator[Phrase]:
    """Yield the name, then parts of it that still name the product, longest first."""
    latin = english.title(product, avoid)
    full = japanese.title(product, latin) if language == "jpn" else latin
    fact = _one(named, "title")
    parts = re.split(r"[\s　]+", full) if language == "jpn" else full.split()
    texts = [full]
    if language == "jpn":
        texts += [part for part in (parts[0], parts[-1]) if len(part) > 1]
    else:
        texts += [" ".join(parts[:2])] if len(parts) > 2 else []
    for text in dict.fromkeys(texts):
        yield Phrase(text=text, role="name", language=language, facts=fact)
    if language == "eng":
        title, head = product.title.lower().split(), set(parts[0].lower().split())
        if len(parts) > 2:
            head |= {parts[1].lower()}
        kinds = [t for t in product.tags if len(t.split()) > 1 and not head & set(t.split())]
        kinds = [t for t in kinds if all(word in title for word in t.split())]
        for tag in sorted(kinds, key=lambda t: -len(t)):
            yield Phrase(
                text=tag.capitalize(), role="kind", language=language, facts=_one(named, "tags")
            )
    elif len(parts) > 1:
        yield Phrase(text=parts[-1], role="kind", language=language, facts=fact)


def _quoted(
    product: Product, request: ContentRequest, language: str, avoid: Sequence[str]
) -> Iterator[Phrase]:
    known = (*product.facts, *request.site_facts)
    for facts in (product.facts, request.site_facts):
        for sentence, fact in quotable(facts, language, avoid, _LONGEST):
            # A fact of the shop is no benefit of the product; it is quoted only where it is proof.
            if facts is product.facts:
                yield Phrase(text=sentence, role="benefit", language=language, facts=(fact,))
            if _PROOF.search(sentence) and fact in known:
                yield Phrase(text=sentence, role="proof", language=language, facts=(fact,))


def _asked(
    product: Product, request: ContentRequest, language: str, named: dict[str, Fact]
) -> Iterator[Phrase]:
    """Yield question and button text of the copywriter for cards."""
    one = replace(
        request,
        products=(product,),
        languages=(language,),
        formats=(AdFormat.FOLLOWUP, AdFormat.ACTION_CARD),
        landing_url=request.landing_url or "https://landing.invalid/",
    )
    for draft in write_creatives(one).drafts:
        copy = draft.texts[language]
        if copy.question:
            yield Phrase(
                text=copy.question, role="question", language=language, facts=_one(named, "tags")
            )
        if draft.format is AdFormat.ACTION_CARD:
            yield Phrase(text=copy.cta_text, role="action", language=language)


def _one(named: dict[str, Fact], field: str) -> tuple[Fact, ...]:
    return (named[field],) if field in named else ()
