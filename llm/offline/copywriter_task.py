"""Tasks `CreativeSet` and `PhraseSet` of the offline model: the copywriter behind a prompt.

The content creator calls the copywriter directly; this is for whoever speaks to the offline model as to
any other chat model.
"""

from __future__ import annotations

from typing import Any

from domain.brief import Brief
from domain.errors import BadInput
from domain.formats import AdFormat
from domain.product import Fact, Product
from llm.offline.copywriter import write_creatives
from llm.offline.copywriter_facts import quotable
from llm.offline.copywriter_types import BrandKit, ContentRequest
from llm.offline.tasks import OfflineRequest

#: Drafts need somewhere to lead to; the answer of the task does not contain it.
_NOWHERE = "https://landing.example/"
#: Longest phrase, in characters.
_PHRASE = 90


def creative_set(request: OfflineRequest) -> dict[str, Any]:
    """Write what the prompt `content_creator/creatives` asks for.

    Returns:
        `{"creatives": [...]}`: one entry per product, format and language.

    Raises:
        BadInput: `no_products` if the prompt holds no readable list of products.
    """
    listed = request.section("products")
    if not isinstance(listed, list):
        raise BadInput(
            "no_products", "The prompt names no products; put a JSON list into <products>."
        )
    known = set(AdFormat)
    content = ContentRequest(
        brief=Brief(goal=str(request.section("goal") or "")),
        products=tuple(_product(entry) for entry in listed if isinstance(entry, dict)),
        languages=_words(request.section("languages")) or ("eng",),
        formats=tuple(
            AdFormat(name) for name in _words(request.section("formats")) if name in known
        ),
        brand_kit=BrandKit(
            tone="friendly" if request.section("tone") == "friendly" else "plain",
            banned_words=tuple(w for w in _words(request.section("banned_words")) if w != "none"),
        ),
        landing_url=_NOWHERE,
    )
    return {
        "creatives": [
            {
                "product_key": draft.product_key,
                "format": str(draft.format),
                "language": language,
                **copy.fields(),
            }
            for draft in write_creatives(content).drafts
            for language, copy in draft.texts.items()
        ]
    }


def phrase_set(request: OfflineRequest) -> dict[str, Any]:
    """Write what the prompt `content_creator/phrases` asks for: sentences of the facts that may be quoted.

    Returns:
        `{"phrases": [...]}`.

    Raises:
        BadInput: `no_products` if the prompt holds no readable list of products.
    """
    listed = request.section("products")
    if not isinstance(listed, list):
        raise BadInput(
            "no_products", "The prompt names no products; put a JSON list into <products>."
        )
    banned = tuple(w for w in _words(request.section("banned_words")) if w != "none")
    return {
        "phrases": [
            {
                "product_key": product.key,
                "language": language,
                "role": "benefit",
                "text": sentence,
            }
            for product in (_product(entry) for entry in listed if isinstance(entry, dict))
            for language in _words(request.section("languages")) or ("eng",)
            for sentence, _ in quotable(product.facts, language, banned, _PHRASE)
        ]
    }


def _product(entry: dict[str, Any]) -> Product:
    facts = entry.get("facts") or []
    tags = tuple(str(tag) for tag in entry.get("tags") or ())
    title = str(entry.get("title") or "")
    return Product(
        key=str(entry.get("product_key") or title),
        title=title,
        title_jpn=_text(entry.get("title_jpn")),
        brand=_text(entry.get("brand")),
        price=_text(entry.get("price")),
        currency=_text(entry.get("currency")),
        facts=tuple(
            Fact(str(f.get("text") or ""), f"prompt#{n}", str(f.get("language") or "eng"))
            for n, f in enumerate(facts, start=1)
            if isinstance(f, dict) and f.get("text")
        ),
        tags=tags or (title.lower(),),
    )


def _text(value: object) -> str | None:
    return str(value) if value else None


def _words(section: object) -> tuple[str, ...]:
    return tuple(part.strip() for part in str(section or "").split(",") if part.strip())
