"""A landing page to product facts: what a visitor can read, and nothing that is hidden from them."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass, field

from lxml import etree, html

from domain.decode import decode_page
from domain.errors import TooLarge, Unprocessable
from domain.product import Fact, Product, ProductSource
from rag.visibility import Hidden, hidden_classes
from tools.product_source.keywords import extract_tags
from tools.product_source.links import web_address
from tools.product_source.metadata import PageData, page_data
from tools.product_source.text import clean, iso3, language_of, sentences

MAX_PAGE_BYTES = 5_000_000
MAX_NODES = 300_000
MAX_FACTS = 400

_SKIPPED = frozenset(
    {
        *("script", "style", "template", "noscript", "head", "nav", "footer", "form", "button"),
        *("select", "option", "textarea", "svg", "math", "iframe", "object", "canvas", "audio"),
        *("video", "datalist", "dialog"),
    }
)
_BLOCKS = frozenset(
    {
        *("address", "article", "aside", "blockquote", "body", "br", "caption", "dd", "details"),
        *("div", "dl", "dt", "fieldset", "figcaption", "figure", "h1", "h2", "h3", "h4", "h5"),
        *("h6", "header", "hr", "li", "main", "ol", "p", "pre", "section", "summary", "table"),
        *("tbody", "td", "tfoot", "th", "thead", "tr", "ul"),
    }
)
_HEADINGS = frozenset(("h1", "h2", "h3", "h4", "h5", "h6"))


def read_page(data: bytes, name: str) -> ProductSource:
    """Read the facts of a landing page.

    Text that a visitor cannot see (hidden by attribute, inline style or a simple style rule, comments,
    zero-width characters) and navigation, forms and the footer give no facts. Pages that name no
    product give one product: the page itself.

    Args:
        data: The HTML document, at most `MAX_PAGE_BYTES`.
        name: File name or address; `Fact.where` starts with it.

    Returns:
        Source with at least one product; broken structured data is listed in `problems`.

    Raises:
        TooLarge: `page_too_large`.
        Unprocessable: `page_not_text`, or `page_empty` if a visitor could read nothing on it.
    """
    if len(data) > MAX_PAGE_BYTES:
        raise TooLarge(
            "page_too_large",
            f"The page has {len(data):,} bytes; at most {MAX_PAGE_BYTES:,} are read.",
        )
    root = parse(decode_page(data))
    hidden = hidden_classes(root)
    meta = page_data(root, name, hidden)
    page_language = iso3(root.get("lang"))
    reader = _Reader(name, page_language, hidden)
    visible = reader.facts(root)
    described = _fact(meta.description, f"{name}#meta.description", page_language)
    facts = _unique([*visible, *described, *meta.site_facts])[:MAX_FACTS]
    products = meta.products or _page_as_product(meta, reader, facts, name)
    if not products:
        raise Unprocessable(
            "page_empty",
            "A visitor can read nothing on the page; give a page with text, or a product feed.",
        )
    return ProductSource(
        kind="page",
        name=name,
        products=products,
        site_name=meta.site_name or None,
        site_facts=tuple(facts),
        problems=meta.problems,
    )


def parse(text: str) -> html.HtmlElement:
    """Return the tree of an HTML document, without comments.

    Raises:
        Unprocessable: `page_empty` if there is no element in it.
    """
    parser = html.HTMLParser(
        encoding="utf-8", huge_tree=True, remove_comments=True, remove_pis=True, no_network=True
    )
    body = text.replace("\x00", "").encode("utf-8", "ignore")
    try:
        root = html.document_fromstring(body or b"<html></html>", parser=parser)
    except (etree.ParserError, etree.XMLSyntaxError) as error:
        raise Unprocessable(
            "page_empty", "The page holds no HTML; give a page with text, or a product feed."
        ) from error
    return root


@dataclass
class _Block:
    tag: str
    line: int
    language: str | None
    parts: list[str] = field(default_factory=list)


class _Reader:
    """Walks the tree once, without recursion, and collects the text of visible blocks."""

    def __init__(self, name: str, language: str | None, hidden: Hidden) -> None:
        self._name = name
        self._page_language = language
        self._hidden = hidden
        self.first_heading: str | None = None

    def facts(self, root: html.HtmlElement) -> list[Fact]:
        """Return one fact per sentence, in document order."""
        found: list[Fact] = []
        for block in self._blocks(root):
            text = clean("".join(block.parts))
            if block.tag == "h1" and self.first_heading is None and text:
                self.first_heading = text
            if len(found) < MAX_FACTS and _worth_reading(text, block.tag):
                found += _fact(text, f"{self._name}#L{block.line}:{block.tag}", block.language)
        return found

    def _blocks(self, root: html.HtmlElement) -> Iterator[_Block]:
        """Yield the blocks of text; each ends where the next block-level tag starts or it closes."""
        hidden_below = 0
        languages = [self._page_language]
        tags: list[str] = []
        block = _Block("body", 1, self._page_language)
        for seen, (event, element) in enumerate(etree.iterwalk(root, events=("start", "end"))):
            if seen > 2 * MAX_NODES:
                break
            tag = element.tag if isinstance(element.tag, str) else ""
            if event == "start":
                languages.append(iso3(element.get("lang")) or languages[-1])
                gone = hidden_below or tag in _SKIPPED or self._hidden.hides(element)
                hidden_below += 1 if gone else 0
            if tag in _BLOCKS and not hidden_below:
                yield block
                language = languages[-1 if event == "start" else -2]
                block = _Block(_innermost(tags, tag, event), element.sourceline or 1, language)
            if event == "start":
                if not hidden_below:
                    block.parts.append(element.text or "")
                continue
            languages.pop()
            if hidden_below:
                hidden_below -= 1
            if not hidden_below:
                block.parts.append(element.tail or "")
        yield block


def _innermost(tags: list[str], tag: str, event: str) -> str:
    """Update the stack of open blocks and return the innermost one."""
    if tag != "br":
        if event == "start":
            tags.append(tag)
        elif tags and tags[-1] == tag:
            tags.pop()
    return tags[-1] if tags else "body"


def _worth_reading(text: str, tag: str) -> bool:
    if not text or (tag in _HEADINGS and len(text.split()) < 4 and language_of(text) == "eng"):
        return False
    return len(text.split()) >= 4 or (language_of(text, "jpn") == "jpn" and len(text) >= 8)


def _fact(text: str | None, where: str, hint: str | None) -> list[Fact]:
    return [
        Fact(sentence, f"{where}.{number}", language_of(sentence, hint))
        for number, sentence in enumerate(sentences(text or ""), start=1)
    ]


def _unique(facts: list[Fact]) -> list[Fact]:
    return list({fact.text: fact for fact in reversed(facts)}.values())[::-1]


def _page_as_product(
    meta: PageData, reader: _Reader, facts: list[Fact], name: str
) -> tuple[Product, ...]:
    title = reader.first_heading or meta.title or ""
    if not title or not (facts or meta.description):
        return ()
    japanese = title if language_of(title) == "jpn" else None
    address = meta.url or web_address(name if "://" in name else "")
    return (
        Product(
            key=hashlib.blake2b(title.encode(), digest_size=8).hexdigest(),
            title=title[:200],
            title_jpn=japanese,
            brand=meta.site_name,
            url=address,
            image_url=meta.image_url,
            facts=tuple(facts[:24]),
            tags=extract_tags(
                title=title,
                brand=meta.site_name,
                keywords=meta.keywords,
                description=meta.description,
            ),
        ),
    )
