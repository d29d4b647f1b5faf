"""What was read at one address: products, and statements with the place and day of each."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from urllib.parse import urlsplit

import msgspec
from lxml import etree

from domain.decode import decode_feed, decode_page
from domain.errors import ParleyError, Unprocessable
from domain.product import Fact, Product
from domain.trust import Labelled, Span, Trust
from tools.product_source.feed import read_feed
from tools.product_source.fetch import Fetched
from tools.product_source.markup import strip_tags
from tools.product_source.page import parse, read_page
from tools.product_source.text import clean, language_of, sentences
from tools.web.days import first_day, published
from tools.web.people import without_contacts

#: Statements kept of one address, and products.
_MOST_STATEMENTS, _MOST_PRODUCTS = 400, 2_000
_MOST_ENTRIES = 500


@dataclass(frozen=True, kw_only=True)
class Statement:
    """One sentence that stands on the web.

    Attributes:
        text: The sentence, without e-mail addresses and telephone numbers.
        where: The address, `#`, and where on it.
        language: ISO 639-3.
        day: When it was published, if that is stated.
    """

    text: str
    where: str
    language: str = "eng"
    day: date | None = None

    def span(self) -> Span:
        """Return the sentence with its label: text of strangers, never an instruction."""
        return Span(self.text, Trust.UNTRUSTED, self.where)


@dataclass(frozen=True, kw_only=True)
class WebPage:
    """What one address says.

    Attributes:
        url: Where it was found in the end.
        name: What the site calls itself; its host if it does not.
        products: What it offers.
        statements: What a visitor can read there.
    """

    url: str
    name: str
    products: tuple[Product, ...] = ()
    statements: tuple[Statement, ...] = ()

    @property
    def host(self) -> str:
        """The host of the address."""
        return urlsplit(self.url).hostname or ""

    def labelled(self) -> Labelled:
        """Return every statement with its label."""
        return tuple(statement.span() for statement in self.statements)


def page_of(found: Fetched) -> WebPage:
    """Read a web page, a product feed, or a news feed (RSS, Atom).

    Raises:
        ParleyError: as `read_page` and `read_feed`.
    """
    kind, head = found.kind.lower(), found.data[:2_000].lstrip().lower()
    if "html" in kind or head.startswith((b"<!doctype html", b"<html")):
        return _page(found)
    if b"<rss" in head or b"<feed" in head or b"<rdf" in head:
        entries = tuple(_news(found))
        if entries:
            return WebPage(url=found.url, name=_host(found.url), statements=entries)
    if any(word in kind for word in ("xml", "csv", "json", "tab-separated", "plain", "octet")):
        source = read_feed(found.data, found.url)
        return WebPage(url=found.url, name=_host(found.url), products=_bare(source.products))
    raise Unprocessable(
        "site_not_readable",
        f"The address holds {kind[:60]!r}; only web pages and feeds are read for research.",
    )


def _page(found: Fetched) -> WebPage:
    source = read_page(found.data, found.url)
    day = published(parse(decode_page(found.data)))
    return WebPage(
        url=found.url,
        name=source.site_name or _host(found.url),
        products=_bare(source.products),
        statements=tuple(_statement(fact, day) for fact in source.site_facts)[:_MOST_STATEMENTS],
    )


def _news(found: Fetched) -> Iterator[Statement]:
    """Yield the sentences of a feed's entries, unless it is a feed of products."""
    try:
        text = decode_feed(found.data)
        parser = etree.XMLParser(
            resolve_entities=False, no_network=True, load_dtd=False, recover=True
        )
        root = (
            etree.fromstring(text.partition("?>")[2].encode("utf-8", "replace"), parser=parser)
            if text.lstrip().startswith("<?xml")
            else etree.fromstring(text.encode("utf-8", "replace"), parser=parser)
        )
    except (etree.XMLSyntaxError, ValueError, ParleyError):
        return
    if root is None:
        return
    entries = [e for e in root.iter() if _local(e) in ("item", "entry")][:_MOST_ENTRIES]
    told = 0
    for number, entry in enumerate(entries, 1):
        cells = {
            _local(c): "".join(str(t) for t in c.itertext()) or c.get("href", "") for c in entry
        }
        if "price" in cells:
            return
        day = first_day(
            cells.get("pubdate") or cells.get("published") or cells.get("updated") or ""
        )
        said = f"{cells.get('title', '')}\n{strip_tags(cells.get('description') or cells.get('summary') or '')}"
        for sentence in sentences(said):
            told += 1
            if told > _MOST_STATEMENTS:
                return
            yield Statement(
                text=without_contacts(sentence),
                where=f"{found.url}#entry{number}",
                language=language_of(sentence),
                day=day,
            )


def _statement(fact: Fact, day: date | None) -> Statement:
    return Statement(
        text=without_contacts(fact.text), where=fact.where, language=fact.language, day=day
    )


def _bare(products: tuple[Product, ...]) -> tuple[Product, ...]:
    return tuple(
        msgspec.structs.replace(
            product,
            facts=tuple(
                Fact(without_contacts(fact.text), fact.where, fact.language)
                for fact in product.facts
            ),
        )
        for product in products[:_MOST_PRODUCTS]
    )


def _local(element: etree._Element) -> str:
    return element.tag.rpartition("}")[2].lower() if isinstance(element.tag, str) else ""


def _host(url: str) -> str:
    return clean(urlsplit(url).hostname or url)[:200]
