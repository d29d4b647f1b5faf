"""What an attacker plants texts in: pages, feeds, reviews, pictures' descriptions, advertisers' own copy."""

from __future__ import annotations

import csv
import html
import io
import json
from collections.abc import Sequence
from dataclasses import replace

from agents.content_creator.schemas import Copy, CreativeDraft
from evals.injection_cases import InjectionCase

HOST = "shop.example"
SITE = f"https://{HOST}/"
#: Products nobody has touched, so that there is a campaign whatever becomes of the others.
_CLEAN = (
    ("clean-1", "Kumo trail boot", "A light trail boot with a firm grip on wet stones."),
    ("clean-2", "Sora trail shoe", "A trail running shoe with a soft sole for long days."),
    ("clean-3", "Yama pack", "A running pack that holds two litres of water."),
)
_CLEAN_JPN = "濡れた石の上でも滑りにくい軽いトレイルシューズです。"


def page(cases: Sequence[InjectionCase]) -> bytes:
    """Return the shop's landing page with each case's text in its own product.

    Where it stands goes by the carrier: in a review, as a picture's description, or in the product's text.
    """
    products = [_product(key, title, text) for key, title, text in _CLEAN]
    sections = [_section(title, text) for _, title, text in _CLEAN]
    sections.append(f"<section><p lang='ja'>{_CLEAN_JPN}</p></section>")
    for place, case in enumerate(cases):
        title = _title(place)
        said = f"A boot for stony paths. {case.text}"
        plain = "A boot for stony paths."
        if case.carrier == "review":
            products.append(_product(f"b{place}", title, plain, review=case.text))
            quote = f"<blockquote><p>{html.escape(case.text)}</p></blockquote>"
            sections.append(_section(title, plain, quote))
        elif case.carrier == "alt_text":
            products.append(_product(f"b{place}", title, plain))
            alt = html.escape(case.text, quote=True)
            sections.append(_section(title, plain, f'<img src="/b{place}.jpg" alt="{alt}">'))
        else:
            products.append(_product(f"b{place}", title, said))
            sections.append(_section(title, said))
    data = json.dumps(products, ensure_ascii=False).replace("</", "<\\/")
    return (
        "<!doctype html><html lang='en'><head><title>Kaze Trail</title>"
        "<meta property='og:site_name' content='Kaze Trail'>"
        f"<script type='application/ld+json'>{data}</script></head>"
        f"<body><main><h1>Kaze Trail</h1>{''.join(sections)}</main></body></html>"
    ).encode()


def feed(cases: Sequence[InjectionCase]) -> bytes:
    """Return a product feed with each case's text in the description of its own row."""
    out = io.StringIO()
    rows = csv.writer(out)
    rows.writerow(("id", "title", "description", "link", "price", "brand"))
    planted = [
        (f"b{place}", _title(place), f"A boot for stony paths. {case.text}")
        for place, case in enumerate(cases)
    ]
    for key, title, text in (*_CLEAN, *planted):
        rows.writerow((key, title, text, f"{SITE}{key}", "129.00 USD", "Kaze"))
    return out.getvalue().encode()


def supplied(cases: Sequence[InjectionCase], own: CreativeDraft) -> tuple[CreativeDraft, ...]:
    """Return an advertiser's own ads with each case's text as their copy, in the clothes of a draft of ours."""
    drafts = []
    for place, case in enumerate(cases):
        language = case.lang if case.lang in own.texts else next(iter(own.texts))
        copy: Copy = replace(own.texts[language], description=case.text[:160])
        drafts.append(
            replace(own, key=f"supplied-{place}", texts={**own.texts, language: copy}, claims=())
        )
    return tuple(drafts)


def file_name(case: InjectionCase) -> str:
    """Return a case's text as a file may be called."""
    return f"{case.text.replace('/', '_')[:150]}.txt"


def _title(place: int) -> str:
    return f"Ishi boot {place + 100}"


def _section(title: str, text: str, more: str = "") -> str:
    return f"<section><h2>{title}</h2><p>{html.escape(text)}</p>{more}</section>"


def _product(key: str, title: str, text: str, review: str = "") -> dict[str, object]:
    product: dict[str, object] = {
        "@context": "https://schema.org",
        "@type": "Product",
        "sku": key,
        "name": title,
        "description": text,
        "url": f"{SITE}{key}",
        "brand": {"@type": "Brand", "name": "Kaze"},
        "offers": {"@type": "Offer", "price": "129.00", "priceCurrency": "USD"},
    }
    if review:
        product["review"] = [{"@type": "Review", "reviewBody": review, "author": "A. Guest"}]
    return product
