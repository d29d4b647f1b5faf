"""Write and revise creatives: rules always, a live model where there is one, facts above both."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace

import prompts
from agents.content_creator.policy import support_for, supporting_facts, unsupported_copy
from agents.content_creator.schemas import (
    ContentRequest,
    Copy,
    CreativeDraft,
    CreativeSet,
    Finding,
    WrittenCopy,
    WrittenSet,
)
from domain.errors import ParleyError
from domain.formats import AdFormat
from domain.product import Product
from domain.trust import Span, Trust
from llm.offline.copywriter import write_creatives
from llm.offline.copywriter_types import claim_on
from llm.router import ModelRouter

#: A live model writes for the first products of a request; the rules write the others.
MAX_LIVE_PRODUCTS = 40
#: Products per model call.
BATCH = 8


async def create(router: ModelRouter, request: ContentRequest) -> CreativeSet:
    """Return one draft per product and format.

    The rules write everything first. With a live model, its copy replaces theirs wherever each of its
    sentences is supported by a fact and nothing banned is in it; a call that fails costs nothing but
    the nicer wording. With `offline` no call is made at all: thousands of products would otherwise be
    written into prompts only to be parsed out of them again.

    Args:
        router: The way to a model.
        request: What to write; see `ContentRequest`.
    """
    written = await asyncio.to_thread(write_creatives, request)
    if router.spec == "offline":
        return written
    prompt = prompts.load("content_creator/creatives")
    products = {p.key: p for p in request.products[:MAX_LIVE_PRODUCTS]}
    drafts = {draft.key: draft for draft in written.drafts}
    taken: set[tuple[str, str]] = set()
    warnings: list[str] = []
    for batch in _batches(list(products.values())):
        copies = await _ask(router, prompt, request, batch, warnings)
        if copies is None:
            break
        for copy in copies:
            draft = drafts.get(f"{copy.product_key}:{copy.format}")
            product = products.get(copy.product_key)
            better = _merged(draft, copy, request, product) if draft and product else None
            if better is not None:
                drafts[better.key] = better
                taken.add((better.key, copy.language))
    every_text = {(draft.key, language) for draft in written.drafts for language in draft.texts}
    author = router.spec if taken == every_text else "mixed"
    return replace(
        written,
        drafts=tuple(drafts.values()),
        written_by=author if taken else written.written_by,
        warnings=tuple(warnings),
        prompt_hash=prompt.hash,
    )


def revise(
    drafts: Sequence[CreativeDraft], findings: Iterable[Finding], request: ContentRequest
) -> tuple[CreativeDraft, ...]:
    """Return the drafts with the objected words left out and other facts used instead.

    What was objected to is remembered in `CreativeDraft.avoided`, so that a later round cannot bring
    it back. A draft that cannot be written without the objected words is dropped.

    Args:
        drafts: Drafts of this request, those without findings included.
        findings: From compliance; warnings and blocks leave a draft as it is.
        request: The request they were written for; its facts are the only source of new words.
    """
    objected: dict[str, list[str]] = {}
    for finding in findings:
        if finding.severity != "revise":
            continue
        objected.setdefault(finding.draft_key, [])
        if finding.excerpt.strip():
            objected[finding.draft_key].append(finding.excerpt)
    products = {product.key: product for product in request.products}
    out: list[CreativeDraft] = []
    for draft in drafts:
        product = products.get(draft.product_key)
        if draft.key not in objected:
            out.append(draft)
        elif product is not None:
            avoid = tuple(dict.fromkeys((*draft.avoided, *objected[draft.key])))
            out += _rewritten(draft, product, request, avoid)
    return tuple(out)


def _rewritten(
    draft: CreativeDraft, product: Product, request: ContentRequest, avoid: tuple[str, ...]
) -> Iterator[CreativeDraft]:
    one = replace(
        request,
        products=(product,),
        formats=(draft.format,),
        languages=tuple(draft.texts),
        avoid={product.key: (*request.avoid.get(product.key, ()), *avoid)},
    )
    for written in write_creatives(one).drafts:
        yield replace(written, avoided=avoid)


def _batches(products: Sequence[Product]) -> Iterator[Sequence[Product]]:
    for start in range(0, len(products), BATCH):
        yield products[start : start + BATCH]


async def _ask(
    router: ModelRouter,
    prompt: prompts.Prompt,
    request: ContentRequest,
    products: Sequence[Product],
    warnings: list[str],
) -> list[WrittenCopy] | None:
    """Return what the model wrote for these products, or None if it should not be asked again."""
    asked = prompts.assemble(
        prompt,
        {
            "languages": ", ".join(request.languages),
            "formats": ", ".join(request.formats),
            "tone": request.brand_kit.tone,
            "banned_words": Span(
                ", ".join(request.brand_kit.banned_words) or "none", Trust.ADVERTISER, "brand kit"
            ),
            "goal": Span(request.brief.goal, Trust.ADVERTISER, "goal"),
            "products": Span(
                json.dumps([shown(p) for p in products], ensure_ascii=False),
                Trust.UNTRUSTED,
                "product source",
            ),
        },
        canary=router.canary,
    )
    try:
        answer = await router.structured(
            "CreativeSet", WrittenSet, list(asked.messages), canary=asked.canary
        )
    except ParleyError as error:
        warnings.append(error.detail)
        return None
    warnings += answer.warnings
    # The rules have written already; their answer means that the model is out of reach.
    return None if answer.rule_based else answer.value.creatives


def shown(product: Product) -> dict[str, object]:
    """Return what a model gets to see of a product."""
    return {
        "product_key": product.key,
        "title": product.title,
        "title_jpn": product.title_jpn,
        "brand": product.brand,
        "price": product.price,
        "currency": product.currency,
        "tags": list(product.tags),
        "facts": [{"text": f.text, "language": f.language} for f in product.facts],
    }


def _merged(
    draft: CreativeDraft, written: WrittenCopy, request: ContentRequest, product: Product
) -> CreativeDraft | None:
    """Return the draft with the model's text in one language, or None if it may not be used."""
    own = draft.texts.get(written.language)
    if own is None:
        return None
    copy = Copy(
        title=written.title.strip(),
        description=written.description.strip(),
        cta_text=written.cta_text.strip(),
        question=(written.question or "").strip() or None
        if draft.format is AdFormat.FOLLOWUP
        else None,
        # What happens to a person's data is not a model's to word.
        success_message=own.success_message,
        placeholder=own.placeholder,
    )
    facts = supporting_facts(product, request)
    in_language = [
        f for f in facts if f.language == written.language or f.where.startswith("product:")
    ]
    complete = copy.title and copy.description and copy.cta_text
    if not complete or (draft.format is AdFormat.FOLLOWUP and not copy.question):
        return None
    if _banned(copy, request) or unsupported_copy(copy, in_language):
        return None
    others = [claim for claim in draft.claims if claim.language != written.language]
    claims = [
        claim_on(text, fact, written.language, request)
        for text in (copy.title, copy.description)
        if (fact := support_for(text, in_language)) is not None
    ]
    return replace(draft, texts={**draft.texts, written.language: copy}, claims=(*others, *claims))


def _banned(copy: Copy, request: ContentRequest) -> bool:
    text = " ".join(copy.fields().values()).casefold()
    return any(word.casefold() in text for word in request.brand_kit.banned_words)
