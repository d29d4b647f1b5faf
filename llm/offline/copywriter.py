"""The copywriter of the offline model: rules that compose ads from facts, and from nothing else.

Every sentence is either a sentence of the source (whole, or cut where a clause ends), a fixed phrase
without content, or name, brand and price as stated. Deterministic: the same request gives the same copy.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence

from domain.formats import AdFormat
from domain.product import Fact, Product
from llm.offline import copywriter_english as english
from llm.offline import copywriter_japanese as japanese
from llm.offline.copywriter_english import Quoted
from llm.offline.copywriter_facts import price_english, price_japanese, quotable
from llm.offline.copywriter_types import (
    LIMITS,
    Claim,
    ContentRequest,
    Copy,
    CreativeDraft,
    CreativeSet,
    SkippedProduct,
    claim_on,
)

_SIGN_UP = re.compile(
    r"\bsign(?:ing)?[- ]?ups?\b|\bregist\w+|\bsubscri\w+|\bleads?\b|\bjoin\b|\bnewsletter\b|\bmember\w*"
    r"|登録|申し?込|会員|リード|予約",
    re.I,
)
_LATIN = re.compile(r"[A-Za-z]{2}")
_PROMISED = re.compile(r"[ぁ-ヺ一-龥]")


def write_creatives(request: ContentRequest) -> CreativeSet:
    """Return one draft per product and format, in every language the source allows.

    A product is skipped, with a reason, if nothing leads to it (no address), nobody could ask for it
    (no English tag) or it has no usable name.
    """
    drafts: list[CreativeDraft] = []
    skipped: list[SkippedProduct] = []
    goal = goal_of(request)
    formats = [f for f in request.formats if f is not AdFormat.LEAD_GEN or goal == "signups"]
    for product in request.products:
        reason = _unfit(request, product)
        found = [] if reason else [d for f in formats if (d := _draft(request, product, f, goal))]
        drafts += found
        if not found:
            reason = reason or "No text could be written in the languages asked for."
            skipped.append(SkippedProduct(product_key=product.key, reason=reason))
    return CreativeSet(drafts=tuple(drafts), skipped=tuple(skipped))


def goal_of(request: ContentRequest) -> str:
    """Return `signups` if the goal is to collect people's details, else the KPI type or an empty string."""
    kpi = request.brief.kpi
    if kpi is not None and kpi.type == "leads":
        return "signups"
    counted = kpi.unit or "" if kpi is not None else ""
    if _SIGN_UP.search(counted) or (
        (kpi is None or kpi.type == "cpa") and _SIGN_UP.search(request.brief.goal)
    ):
        return "signups"
    return kpi.type if kpi is not None else ""


def tags_of(request: ContentRequest, product: Product) -> tuple[str, ...]:
    """Return the product's tags, else the English audience words of the brief."""
    spoken = [w.lower() for w in request.brief.audience_keywords if _LATIN.search(w)]
    fallback = tuple(w for w in spoken if 1 <= len(w.split()) <= 4)
    return product.tags or fallback


def _unfit(request: ContentRequest, product: Product) -> str | None:
    if not (product.url or request.landing_url):
        return "The product has no web address; add a link column or give the site."
    if not tags_of(request, product):
        return "The product has no English keyword; add a keywords column in English."
    return None


def _draft(
    request: ContentRequest, product: Product, ad_format: AdFormat, goal: str
) -> CreativeDraft | None:
    texts: dict[str, Copy] = {}
    claims: list[Claim] = []
    for language in request.languages:
        written = _write(request, product, ad_format, goal, language)
        if written is not None:
            texts[language], quoted = written
            claims += _claims(request, product, language, texts[language], quoted)
    if not texts:
        return None
    return CreativeDraft(
        key=f"{product.key}:{ad_format}",
        product_key=product.key,
        format=ad_format,
        texts=texts,
        tags=tags_of(request, product),
        landing_url=product.url or request.landing_url or "",
        image_url=product.image_url,
        claims=tuple(claims),
    )


def _write(
    request: ContentRequest, product: Product, ad_format: AdFormat, goal: str, language: str
) -> tuple[Copy, list[Quoted]] | None:
    avoid = (*request.avoid.get(product.key, ()), *request.brand_kit.banned_words)
    seller = product.brand or request.site_name or request.brand_kit.name or None
    if seller and any(word.casefold() in seller.casefold() for word in avoid):
        seller = None
    quotes = _quotes(request, product, ad_format, language, avoid)
    goal = goal if _offers(product, goal) else ""
    friendly = request.brand_kit.tone == "friendly"
    latin = english.title(product, avoid)
    if language == "eng":
        if not _LATIN.search(latin) or _PROMISED.search(latin):
            return None
        cta = english.call_to_action(
            goal, ad_format, priced=price_english(product) is not None, friendly=friendly
        )
        return english.compose(
            product, ad_format, latin, quotes, seller=seller, cta=cta,
            noun=_noun(product, request), variant=_variant(product.key),
        )  # fmt: skip
    if language == "jpn":
        name = japanese.title(product, latin)
        if not name or any(word.casefold() in name.casefold() for word in avoid):
            return None
        cta = japanese.call_to_action(
            goal, ad_format, priced=price_japanese(product) is not None, friendly=friendly
        )
        return japanese.compose(product, ad_format, name, quotes, seller=seller, cta=cta)
    return None


def _quotes(
    request: ContentRequest,
    product: Product,
    ad_format: AdFormat,
    language: str,
    avoid: Sequence[str],
) -> list[Quoted]:
    """Return what may be quoted; a sign-up form first says what one signs up for."""
    limit = LIMITS["description"]
    offers: list[Fact] = []
    if ad_format is AdFormat.LEAD_GEN:
        offers = [f for f in request.site_facts if _SIGN_UP.search(f.text)]
    own = [f for f in product.facts if f not in offers and not _repeats(f, product)]
    return [*quotable(offers, language, avoid, limit), *quotable(own, language, avoid, limit)]


def _repeats(fact: Fact, product: Product) -> bool:
    """Return whether a fact says no more than the product's name."""
    named = set(f"{product.title} {product.title_jpn or ''}".casefold().split())
    return {word.strip(".,;:!") for word in fact.text.casefold().split()} <= named


def _offers(product: Product, goal: str) -> bool:
    """Return whether the button may promise a sign-up: only if the product's own page offers one."""
    return goal != "signups" or any(_SIGN_UP.search(fact.text) for fact in product.facts)


def _noun(product: Product, request: ContentRequest) -> str | None:
    """Return the tag that best names the kind of product: not the brand, and in the title if possible."""
    names = {n.lower() for n in (product.brand, request.site_name) if n}
    kinds = [t for t in product.tags if t not in names and not any(c.isdigit() for c in t)]
    spoken = [t for t in kinds if t in product.title.lower()]
    return next(iter(sorted(spoken or kinds, key=lambda t: abs(len(t.split()) - 2))), None)


def _claims(
    request: ContentRequest, product: Product, language: str, copy: Copy, quoted: Sequence[Quoted]
) -> list[Claim]:
    def about(field: str, support: str) -> Fact:
        return Fact(support, f"product:{product.key}#{field}", language)

    named = product.title_jpn if language == "jpn" and product.title_jpn else product.title
    said = [(copy.title, about("title", named)), *quoted]
    price = price_english(product) if language == "eng" else price_japanese(product)
    if price and price in copy.description:
        said.append((price, about("price", f"{product.price} {product.currency}")))
    return [claim_on(sentence, fact, language, request) for sentence, fact in said]


def _variant(key: str) -> int:
    return hashlib.blake2b(key.encode(), digest_size=1).digest()[0]
