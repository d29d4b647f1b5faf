"""Facts about a product, with where each was read. Copy may be written from these and nothing else."""

from __future__ import annotations

from typing import Literal

import msgspec


class Fact(msgspec.Struct, frozen=True):
    """One sentence that stands in the source.

    Attributes:
        text: The sentence, whitespace normalised, at most 300 characters.
        where: Where it was read: a URL or file name, then `#` and a selector, line or row.
        language: ISO 639-3 code.
    """

    text: str
    where: str
    language: str = "eng"


class Product(msgspec.Struct, frozen=True, kw_only=True):
    """One thing that can be advertised.

    Attributes:
        key: Stable key inside its source (row id, SKU, or a hash of the title).
        title: Name as the source writes it.
        title_jpn: Japanese name, if the source has one.
        brand: Maker or shop.
        url: Landing page, http(s).
        price: Decimal string as stated, without the currency sign.
        currency: ISO 4217 of `price`.
        image_url: Picture, http(s).
        categories: Category names as stated.
        facts: Sentences of the source about it; untrusted text.
        tags: English keywords (1 to 4 words each), lower case.
    """

    key: str
    title: str
    title_jpn: str | None = None
    brand: str | None = None
    url: str | None = None
    price: str | None = None
    currency: str | None = None
    image_url: str | None = None
    categories: tuple[str, ...] = ()
    facts: tuple[Fact, ...] = ()
    tags: tuple[str, ...] = ()


class RowProblem(msgspec.Struct, frozen=True):
    """A row of a feed that could not be used; the others were.

    Attributes:
        line: 1-based line (or item) number in the file.
        reason: One sentence a person can act on.
    """

    line: int
    reason: str


SourceKind = Literal["page", "feed"]


class ProductSource(msgspec.Struct, frozen=True, kw_only=True):
    """What was read from one landing page or feed."""

    kind: SourceKind
    name: str
    products: tuple[Product, ...] = ()
    site_name: str | None = None
    site_facts: tuple[Fact, ...] = ()
    problems: tuple[RowProblem, ...] = ()
