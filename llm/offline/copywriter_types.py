"""What is asked of a copywriter and what comes back.

Frozen dataclasses of plain values: they go through LangGraph's strict msgpack, through msgspec's JSON
and through a live model's structured output alike.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from domain.brief import Brief
from domain.catalogue import AdText
from domain.evidence import Citation
from domain.formats import AdFormat
from domain.product import Fact, Product

Tone = Literal["plain", "friendly"]
Formality = Literal["polite", "plain", "any"]

#: Longest texts, in characters (`domain.catalogue.AdText`, `catalog.specs`).
LIMITS: Mapping[str, int] = {
    "title": 60,
    "description": 160,
    "cta_text": 25,
    "question": 100,
    "success_message": 160,
    "placeholder": 60,
}


@dataclass(frozen=True, kw_only=True)
class BrandKit:
    """How an advertiser wants to look and sound.

    Attributes:
        name: Shown where a product states no brand of its own.
        payer: Who pays for the ad; shown beside it (DSA Art. 26).
        tone: `plain` or `friendly`; changes the button text only, never a claim.
        banned_words: Words that no ad may contain, in any language.
        site_hosts: Hosts that ads may lead to; empty = any (a feed of many shops).
        tone_words: Words the brand likes to use; facts that hold them are quoted first.
        formality: How Japanese sentences end (polite: です・ます, plain: だ・である), and whether English
            ones may be shortened ("don't").
        colours: `#rrggbb`, the main one first.
        strict_voice: Whether somebody has stated that formality, so that compliance holds ads to it.
    """

    name: str = ""
    payer: str = ""
    tone: Tone = "plain"
    banned_words: tuple[str, ...] = ()
    site_hosts: tuple[str, ...] = ()
    tone_words: tuple[str, ...] = ()
    formality: Formality = "polite"
    colours: tuple[str, ...] = ()
    strict_voice: bool = False


@dataclass(frozen=True, kw_only=True)
class Copy:
    """What a person reads, in one language; the fields and limits of `domain.catalogue.AdText`."""

    title: str
    description: str
    cta_text: str
    question: str | None = None
    success_message: str | None = None
    placeholder: str | None = None

    def ad_text(self) -> AdText:
        """Return the same text as the catalogue stores it."""
        return AdText(
            title=self.title,
            description=self.description,
            cta_text=self.cta_text,
            question=self.question,
            success_message=self.success_message,
            placeholder=self.placeholder,
        )

    def fields(self) -> dict[str, str]:
        """Return the texts that are there, by field name."""
        named = {name: getattr(self, name) for name in LIMITS}
        return {name: text for name, text in named.items() if text is not None}


@dataclass(frozen=True, kw_only=True)
class Claim:
    """One sentence of copy and the fact that supports it.

    Attributes:
        sentence: As it stands in the copy.
        where: Where the fact was read (`Fact.where`), or `product:<key>#title|brand|price`.
        language: ISO 639-3 code.
        support: The fact's own words; untrusted text.
        fact_id: Names the fact: the same words at the same place have the same id.
        citation: Document, version and span, if the fact stands in the organisation's documents.
    """

    sentence: str
    where: str
    language: str
    support: str
    fact_id: str = ""
    citation: Citation | None = None


@dataclass(frozen=True, kw_only=True)
class CreativeDraft:
    """One creative before it is checked.

    Attributes:
        key: Stable: `<product key>:<format>`.
        texts: Copy by ISO 639-3 code; at least one.
        tags: English keywords, 1 to 4 words each; at least one.
        claims: The supporting fact of each sentence.
        avoided: What compliance objected to in earlier rounds; no later round brings it back.
    """

    key: str
    product_key: str
    format: AdFormat
    texts: dict[str, Copy]
    tags: tuple[str, ...]
    landing_url: str
    image_url: str | None = None
    claims: tuple[Claim, ...] = ()
    avoided: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class SkippedProduct:
    """A product no creative could be written for, and what to mend."""

    product_key: str
    reason: str


@dataclass(frozen=True, kw_only=True)
class CreativeSet:
    """All creatives of one request.

    Attributes:
        drafts: In the order of the products, then of the formats.
        skipped: Products without any creative.
        written_by: `offline` or the model's name; `mixed` if the rules replaced some of its copy.
        warnings: One sentence for each thing that went wrong with a live model.
        prompt_hash: SHA-256 of the prompt file that a live model was asked with; empty for `offline`.
    """

    drafts: tuple[CreativeDraft, ...] = ()
    skipped: tuple[SkippedProduct, ...] = ()
    written_by: str = "offline"
    warnings: tuple[str, ...] = ()
    prompt_hash: str = ""


@dataclass(frozen=True, kw_only=True)
class ContentRequest:
    """What to write.

    Attributes:
        brief: The goal; its KPI decides whether sign-up forms are written.
        products: What to advertise, each with its facts.
        site_name: Name of the shop.
        site_facts: Facts about the shop as a whole.
        languages: ISO 639-3 codes of `domain.language.Language`.
        formats: Formats wanted; `lead_gen` is written for sign-up goals only.
        brand_kit: See `BrandKit`.
        landing_url: Where products without an address of their own lead to.
        avoid: By product key: strings that must not appear (from compliance findings).
        citations: By `Fact.where`: the place of facts that stand in the organisation's documents.
    """

    brief: Brief
    products: tuple[Product, ...]
    site_name: str | None = None
    site_facts: tuple[Fact, ...] = ()
    languages: tuple[str, ...] = ("eng", "jpn")
    formats: tuple[AdFormat, ...] = tuple(AdFormat)
    brand_kit: BrandKit = field(default_factory=BrandKit)
    landing_url: str | None = None
    avoid: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    citations: Mapping[str, Citation] = field(default_factory=dict)


def claim_on(sentence: str, fact: Fact, language: str, request: ContentRequest) -> Claim:
    """Return the claim of a sentence that rests on a fact, with the fact's id and its place in documents."""
    return Claim(
        sentence=sentence,
        where=fact.where,
        language=language,
        support=fact.text,
        fact_id=fact_id(fact.where, fact.text),
        citation=request.citations.get(fact.where),
    )


def fact_id(where: str, text: str) -> str:
    """Return the id of a fact: the same words at the same place have the same one."""
    return "fact:" + hashlib.blake2b(f"{where}\x1f{text}".encode(), digest_size=8).hexdigest()
