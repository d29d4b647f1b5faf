"""What a row says: a product, a line of an ad platform's export, or anything else, as words that can be found.

Column names are data of the platforms' and shops' own; see `data/export_columns.tsv`.
"""

from __future__ import annotations

import csv
import hashlib
import re
from collections.abc import Iterable, Mapping
from decimal import Decimal, InvalidOperation
from functools import lru_cache
from importlib.resources import files
from typing import Any

import msgspec

from rag.canonical import fragment
from rag.extracted import Row, line_of
from rag.rows import RawRow

_MAX_TEXT = 18_000
_SHORT = 80

#: Column names by meaning, most specific first. Sources: Google Merchant Center product data specification,
#: Shopify product CSV, schema.org; checked 2026-11.
_ROLES: dict[str, tuple[str, ...]] = {
    "key": ("id", "_id", "sku", "product_id", "item_id", "handle", "guid", "key", "商品コード", "商品番号"),
    "title": ("title", "name", "product_title", "product_name", "item_name", "question", "headline", "subject",
              "商品名", "タイトル", "質問", "件名"),
    "text": ("description", "text", "body", "content", "product_description", "body_html", "body_(html)",
             "summary", "answer", "review", "comment", "商品説明", "説明", "本文", "回答", "レビュー"),
    "brand": ("brand", "vendor", "manufacturer", "maker", "ブランド", "メーカー"),
    "site": ("site", "domain"),
    "category": ("category", "product_type", "categories", "google_product_category", "カテゴリ", "カテゴリー"),
    "url": ("link", "url", "product_url", "landing_page", "website", "リンク"),
    "image": ("image_link", "image", "image_url", "image_src", "additional_image_link", "画像"),
    "alt": ("image_alt", "image_alt_text", "alt", "alt_text"),
}  # fmt: skip
_FIELDS = ("brand", "site", "category")
_NUMBER = re.compile(r"^[^\d\-−(]{0,5}[-−(]?\d[\d,.\s]*%?\)?(?:\s?[A-Z]{3})?$")


class Export(msgspec.Struct, frozen=True):
    """Whose export a table is, and what its columns mean.

    Attributes:
        platform: `google_ads`, `meta_ads` or `linkedin_ads`.
        dimensions, metrics: Our name by the column's.
    """

    platform: str
    dimensions: dict[str, str]
    metrics: dict[str, str]


_PLATFORMS = {"google_ads": "Google Ads", "meta_ads": "Meta Ads", "linkedin_ads": "LinkedIn Ads"}
_TOTALS = re.compile(r"^(total|totals|合計|総計)\b", re.I)


def column_name(stated: str) -> str:
    """Return a column's name in lower case with `_` for blanks and hyphens, without a `g:` prefix."""
    name = stated.strip().strip("\"'").lower().removeprefix("g:")
    return "_".join(name.replace("-", " ").replace("_", " ").split())


@lru_cache(maxsize=64)
def export_of(columns: tuple[str, ...]) -> Export | None:
    """Return which platform's export has these columns, None if it is none."""
    named = {column_name(column): column for column in columns}
    best: tuple[int, Export] | None = None
    for platform, known in _exports().items():
        found = {named[name]: meaning for name, meaning in known.items() if name in named}
        metrics = {c: m for c, (kind, m) in found.items() if kind == "metric"}
        dimensions = {c: m for c, (kind, m) in found.items() if kind == "dimension"}
        telling = sum(1 for m in metrics.values() if m in ("impressions", "clicks", "cost"))
        if telling >= 2 and dimensions and (best is None or len(found) > best[0]):
            best = (len(found), Export(platform, dimensions, metrics))
    return best[1] if best is not None else None


def row_of(raw: RawRow, columns: tuple[str, ...]) -> Row | None:
    """Return what a row says; None for a line of totals.

    Args:
        raw: The row.
        columns: All columns of the file, in order; empty where rows differ (JSON, XML).
    """
    if raw.broken is not None:
        return Row(raw.line, broken=raw.broken)
    if not any(cell.strip() for cell in raw.cells.values()):
        return Row(raw.line, broken="The row is empty.")
    export = export_of(columns) if columns else None
    if export is not None:
        first = next(iter(raw.cells.values()))
        return None if _TOTALS.match(first.strip()) else _export_row(raw, export)
    return _plain_row(raw)


def _plain_row(raw: RawRow) -> Row:
    cells = {column_name(name): (name, cell) for name, cell in raw.cells.items() if cell.strip()}
    role = {meaning: _first(cells, names) for meaning, names in _ROLES.items()}
    hidden = 0
    said: list[str] = []
    title, fields = "", {}
    metadata: dict[str, Any] = {"line": raw.line}
    for name, (stated, cell) in cells.items():
        text, taken = fragment(cell) if "<" in cell or "&" in cell else (line_of(cell), 0)
        hidden += taken
        if name == role["title"]:
            title = line_of(text)[:300]
        elif name == role["text"]:
            said.insert(0, text)
        elif name in _ROLES["url"] or name in _ROLES["image"]:
            metadata[name] = text[:2000]
        elif name != role["key"] and text:
            said.append(f"{_label(stated)}: {text}")
            if len(text) <= _SHORT and (which := _role_of(name, role)) in _FIELDS:
                fields[which] = line_of(text)
            elif len(text) <= _SHORT:
                metadata[name] = text
    text = "\n".join(said)[:_MAX_TEXT] or title
    if not any(c.isalnum() for c in text):
        return Row(raw.line, broken="There are no words in the row.")
    if hidden:
        metadata["hidden_characters"] = hidden
    stated_key = cells[role["key"]][1] if role["key"] else ""
    key = line_of(stated_key)[:200] or _digest(title, text)
    return Row(raw.line, key, title or text[:80], text, fields, metadata)


def _export_row(raw: RawRow, export: Export) -> Row:
    spoken, key = [], []
    metadata: dict[str, Any] = {"platform": export.platform, "line": raw.line}
    for column, meaning in export.dimensions.items():
        value = line_of(raw.cells.get(column, ""))
        if value and value not in ("--", " --"):
            key.append(f"{meaning}={value}")
            metadata[meaning] = value[:300]
            spoken.append(f'{meaning.replace("_", " ")} "{value}"')
    if not key:
        return Row(raw.line, broken="The row names no campaign, ad or day.")
    counted = []
    for column, meaning in export.metrics.items():
        number = number_of(raw.cells.get(column, ""))
        if number is None:
            continue
        # Money is kept in micros, as everywhere; what is said stays as the platform wrote it.
        money = meaning in ("cost", "cost_per_click", "conversion_value")
        metadata[f"{meaning}_micros" if money else meaning] = (
            int(number * 1_000_000) if money else _plain(number)
        )
        counted.append(f"{meaning.replace('_', ' ')} {line_of(raw.cells[column])}")
    name = _PLATFORMS[export.platform]
    title = f"{name}: {metadata.get('ad') or metadata.get('campaign') or key[0]}"
    text = f"{name} report, {', '.join(spoken)}: {', '.join(counted) or 'no figures'}."
    return Row(raw.line, _digest(*key), str(title)[:300], text[:_MAX_TEXT], {}, metadata)


def number_of(stated: str) -> Decimal | None:
    """Return the number in a cell such as `1,234`, `$5.60`, `12.5%` (as 12.5) or `--`."""
    if not _NUMBER.match(stated.strip()):
        return None
    digits = re.sub(r"[^\d.,]", "", stated)
    if re.search(r",\d{1,2}$", digits):
        # A comma before one or two last digits is a decimal mark.
        digits = digits.replace(".", "").replace(",", ".")
    negative = stated.strip().startswith(("-", "−", "("))
    try:
        value = Decimal(digits.replace(",", ""))
    except InvalidOperation:
        return None
    return -value if negative else value


def _plain(number: Decimal) -> int | float:
    return int(number) if number == number.to_integral_value() else float(number)


def _first(cells: Mapping[str, Any], names: Iterable[str]) -> str:
    return next((name for name in names if name in cells), "")


def _role_of(name: str, role: Mapping[str, str]) -> str:
    return next((meaning for meaning, column in role.items() if column == name), "")


def _label(column: str) -> str:
    return line_of(column.removeprefix("g:").replace("_", " "))[:60]


def _digest(*parts: str) -> str:
    given = "\x1f".join(parts).encode("utf-8", "replace")
    return hashlib.blake2b(given, digest_size=10).hexdigest()


@lru_cache(maxsize=1)
def _exports() -> dict[str, dict[str, tuple[str, str]]]:
    text = files("rag").joinpath("data/export_columns.tsv").read_text(encoding="utf-8")
    out: dict[str, dict[str, tuple[str, str]]] = {}
    for platform, kind, meaning, columns in csv.reader(
        (line for line in text.splitlines() if line and not line.startswith("#")), delimiter="\t"
    ):
        for column in columns.split(";"):
            out.setdefault(platform, {})[column_name(column)] = (kind, meaning)
    return out
