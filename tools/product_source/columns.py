"""What the columns of a feed mean, whatever the shop system calls them."""

from __future__ import annotations

import hashlib
import re

from domain.decode import is_broken
from domain.product import Fact, Product
from tools.product_source.keywords import extract_tags
from tools.product_source.links import web_address
from tools.product_source.markup import strip_tags
from tools.product_source.prices import parse_price
from tools.product_source.rows import Row, RowError
from tools.product_source.text import clean, language_of, sentences

_MAX_TITLE = 500
_MAX_FACTS = 24
_MAX_TEXT = 20_000

#: Column names by meaning, most specific first. Sources: Google Merchant Center product data
#: specification, Shopify product CSV, schema.org; checked 2026-11.
_ALIASES: dict[str, tuple[str, ...]] = {
    "key": ("id", "_id", "sku", "product_id", "item_id", "item_group_id", "handle", "商品コード", "商品番号"),
    "title": ("title", "name", "product_title", "product_name", "item_name", "商品名", "タイトル"),
    "title_jpn": ("title_ja", "title_jpn", "title_jp", "name_ja", "name_jpn", "name_jp", "商品名_日本語"),
    "text": ("description", "text", "body", "product_description", "body_html", "body_(html)",
             "summary", "content", "商品説明", "説明"),
    "text_jpn": ("description_ja", "description_jpn", "description_jp", "text_ja", "body_ja", "説明_日本語"),
    "brand": ("brand", "vendor", "manufacturer", "maker", "ブランド", "メーカー"),
    "url": ("link", "url", "product_url", "landing_page", "landing_url", "website", "site", "リンク"),
    "image_url": ("image_link", "image", "image_url", "image_src", "picture", "thumbnail", "画像"),
    "price": ("price", "variant_price", "unit_price", "価格", "値段", "販売価格"),
    "currency": ("currency", "price_currency", "currency_code", "通貨"),
    "category": ("category", "product_type", "categories", "product_category", "type",
                 "google_product_category", "カテゴリ", "カテゴリー"),
    "keywords": ("keywords", "tags", "labels", "キーワード", "タグ"),
}  # fmt: skip

TITLE_COLUMNS = frozenset((*_ALIASES["title"], *_ALIASES["title_jpn"]))


def product_of(row: Row, source: str) -> Product:
    """Return the product of a row.

    Args:
        row: Cells by normalised column name.
        source: Name of the feed, the start of every `Fact.where`.

    Raises:
        RowError: with one sentence that says what to mend.
    """
    if row.broken is not None:
        raise RowError(row.broken)
    if any(is_broken(cell) for cell in row.cells.values()):
        raise RowError("The row holds bytes that are no text in UTF-8; save the file as UTF-8.")
    title, title_jpn = _titles(row)
    brand = clean(_cell(row, "brand")[1])[:200] or None
    price, currency = _price(row)
    categories = tuple(
        c
        for c in (clean(strip_tags(p)) for p in _cell(row, "category")[1].split(","))
        if _is_category(c)
    )
    facts = (*_facts(row, "text", source), *_facts(row, "text_jpn", source))
    english = " ".join(fact.text for fact in facts if fact.language == "eng")
    return Product(
        key=clean(_cell(row, "key")[1])[:200] or _content_key(title, _cell(row, "url")[1]),
        title=title,
        title_jpn=title_jpn,
        brand=brand,
        url=_link(row),
        price=price,
        currency=currency,
        image_url=web_address(_cell(row, "image_url")[1].split(",")[0]),
        categories=categories,
        facts=facts,
        tags=extract_tags(
            title=title,
            brand=brand,
            keywords=_cell(row, "keywords")[1],
            categories=categories,
            description=english,
        ),
    )


def _cell(row: Row, meaning: str) -> tuple[str, str]:
    """Return (column name, text) of the first column with that meaning that holds anything."""
    for name in _ALIASES[meaning]:
        text = row.cells.get(name, "").strip()
        if text:
            return name, text
    return "", ""


def _titles(row: Row) -> tuple[str, str | None]:
    title = clean(strip_tags(_cell(row, "title")[1]))
    title_jpn = clean(strip_tags(_cell(row, "title_jpn")[1])) or None
    if not title and title_jpn:
        title = title_jpn
    if not any(c.isalnum() for c in title):
        raise RowError("The row has no product name; fill in its title.")
    if len(title) > _MAX_TITLE:
        raise RowError(f"The product name has {len(title)} characters; use at most {_MAX_TITLE}.")
    if title_jpn is None and language_of(title) == "jpn":
        title_jpn = title
    return title, title_jpn


def _price(row: Row) -> tuple[str | None, str | None]:
    column, stated = _cell(row, "price")
    if not stated:
        return None, None
    parsed = parse_price(stated, _cell(row, "currency")[1] or None)
    if parsed is None:
        raise RowError(
            f"The {column} {stated[:40]!r} is not one price; write it like 12.99 USD or leave it empty."
        )
    return parsed


def _link(row: Row) -> str | None:
    column, stated = _cell(row, "url")
    if not stated:
        return None
    address = web_address(stated)
    if address is None:
        raise RowError(
            f"The {column} {stated[:60]!r} is not a web address; "
            "write it like https://shop.example/product."
        )
    return address


def _facts(row: Row, meaning: str, source: str) -> tuple[Fact, ...]:
    column, stated = _cell(row, meaning)
    hint = "jpn" if meaning == "text_jpn" else None
    text = strip_tags(stated[:_MAX_TEXT])
    return tuple(
        Fact(sentence, f"{source}#L{row.line}:{column}.{number}", language_of(sentence, hint))
        for number, sentence in enumerate(sentences(text), start=1)
    )[:_MAX_FACTS]


def _is_category(text: str) -> bool:
    return bool(re.search(r"[^\W\d_]", text)) and len(text) <= 300


def _content_key(title: str, url: str) -> str:
    # A JSON feed can hold half a surrogate pair, which has no UTF-8.
    given = f"{title}\x1f{url}".encode("utf-8", "replace")
    return hashlib.blake2b(given, digest_size=8).hexdigest()
