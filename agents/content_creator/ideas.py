"""Phrases by a live model: more to choose from, never more to claim."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from pydantic import BaseModel, Field

import prompts
from agents.content_creator.agent import BATCH, MAX_LIVE_PRODUCTS, shown
from agents.content_creator.phrases import Phrase
from agents.content_creator.policy import supporting_facts, unsupported
from agents.content_creator.schemas import ContentRequest
from domain.errors import ParleyError
from domain.product import Fact
from domain.trust import Span, Trust
from llm.router import ModelRouter

TASK = "PhraseSet"
_LONGEST = 200


class WrittenPhrase(BaseModel):
    """One phrase of a model."""

    product_key: str = Field(max_length=200)
    language: str
    role: Literal["benefit", "question", "kind"]
    text: str = Field(min_length=1, max_length=_LONGEST)


class PhraseSet(BaseModel):
    """All phrases of one call."""

    phrases: list[WrittenPhrase] = Field(max_length=500)


@dataclass(frozen=True, kw_only=True)
class Ideas:
    """What a model proposed and the facts allow.

    Attributes:
        phrases: By product key and language.
        model: Which one wrote; empty if none did.
        prompt_hash: SHA-256 of the prompt file; empty if none was asked.
        refused: How many phrases no fact supports.
        warnings: One sentence for each thing that went wrong.
    """

    phrases: Mapping[tuple[str, str], tuple[Phrase, ...]] = field(default_factory=dict)
    model: str = ""
    prompt_hash: str = ""
    refused: int = 0
    warnings: tuple[str, ...] = ()


async def ideas(router: ModelRouter, request: ContentRequest) -> Ideas:
    """Ask the configured model for phrases; with `offline` nothing is asked.

    Each phrase is kept only if one fact of its product supports it; a call that fails costs nothing but
    the nicer wording.
    """
    if router.spec == "offline":
        return Ideas()
    prompt = prompts.load("content_creator/phrases")
    products = {p.key: p for p in request.products[:MAX_LIVE_PRODUCTS]}
    kept: dict[tuple[str, str], tuple[Phrase, ...]] = {}
    warnings: list[str] = []
    refused, model = 0, ""
    keys = list(products)
    for start in range(0, len(keys), BATCH):
        batch = [products[key] for key in keys[start : start + BATCH]]
        asked = prompts.assemble(
            prompt, _inputs(request, [shown(p) for p in batch]), canary=router.canary
        )
        try:
            answer = await router.structured(
                TASK, PhraseSet, list(asked.messages), canary=asked.canary
            )
        except ParleyError as error:
            warnings.append(error.detail)
            break
        warnings += answer.warnings
        if answer.rule_based:
            break
        model = answer.model
        for written in answer.value.phrases:
            product = products.get(written.product_key)
            facts = supporting_facts(product, request) if product else ()
            found = _supported(written, facts, model)
            if found is None:
                refused += 1
                continue
            place = (written.product_key, written.language)
            kept[place] = (*kept.get(place, ()), found)
    return Ideas(
        phrases=kept,
        model=model,
        prompt_hash=prompt.hash,
        refused=refused,
        warnings=tuple(warnings),
    )


def _supported(written: WrittenPhrase, facts: tuple[Fact, ...], model: str) -> Phrase | None:
    text = " ".join(written.text.split())
    own = [f for f in facts if f.language == written.language or f.where.startswith("product:")]
    if not text or unsupported(text, own):
        return None
    named = [f for f in own if f.where.startswith("product:")]
    one = next((f for f in own if not unsupported(text, [f, *named])), None)
    return Phrase(
        text=text,
        role=written.role,
        language=written.language,
        facts=(one,) if one else (),
        author=model,
    )


def _inputs(request: ContentRequest, products: list[dict[str, object]]) -> dict[str, str | Span]:
    kit = request.brand_kit
    return {
        "goal": Span(request.brief.goal, Trust.ADVERTISER, "goal"),
        "languages": ", ".join(request.languages),
        "tone": kit.tone,
        "tone_words": Span(", ".join(kit.tone_words) or "none", Trust.ADVERTISER, "brand kit"),
        "formality": kit.formality,
        "banned_words": Span(", ".join(kit.banned_words) or "none", Trust.ADVERTISER, "brand kit"),
        "products": Span(
            json.dumps(products, ensure_ascii=False), Trust.UNTRUSTED, "product source"
        ),
    }
