"""Untrusted HTML reduced to what a visitor can read; what was taken away is counted, not forgotten.

Hidden text is where instructions for machines are planted. It is not indexed; how much there was, and samples of
it, go with the document as a signal.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from html import unescape
from typing import Any

from lxml import etree, html

from domain.errors import Unprocessable
from rag.extracted import empty, invisible_in, line_of, lines_of
from rag.visibility import Hidden, hidden_classes

#: Elements of a page that are looked at; pages beyond are made to break readers.
MAX_ELEMENTS = 400_000
#: Deepest nesting that is kept; what lies deeper moves up, its text is not lost.
MAX_DEPTH = 60
_SAMPLES, _SAMPLE_CHARS = 5, 200

_KEPT = frozenset(
    {
        *("h1", "h2", "h3", "h4", "h5", "h6", "p", "ul", "ol", "li", "dl", "dt", "dd", "table", "tr"),
        *("td", "th", "caption", "pre", "blockquote", "article", "main", "section", "div", "figcaption"),
        *("header", "aside", "details", "summary", "address"),
    }
)  # fmt: skip
_SILENT = frozenset(
    {
        *("script", "style", "template", "noscript", "head", "svg", "math", "iframe", "object"),
        *("canvas", "audio", "video", "select", "option", "textarea", "datalist", "button", "nav"),
        *("footer", "form", "dialog"),
    }
)
_BREAKS = frozenset(("br", "hr"))
_CELL_TAG = re.compile(r"</?[a-zA-Z][^<>]*>|<!--")


@dataclass
class Canonical:
    """A page as a visitor sees it.

    Attributes:
        root: A tree of plain elements without attributes, comments, styles or hidden parts.
        title: The page's title.
        head: The page's own head, for its metadata; None if it has none.
        language: The `lang` the page states.
        visible, hidden, comments, invisible: Characters of each kind.
        samples: The first words of what was hidden.
    """

    root: html.HtmlElement
    title: str = ""
    head: html.HtmlElement | None = None
    language: str | None = None
    visible: int = 0
    hidden: int = 0
    comments: int = 0
    invisible: int = 0
    samples: list[str] = field(default_factory=list)

    def signals(self) -> dict[str, Any]:
        """Return what was noticed, for the document's version; empty for an honest page."""
        removed = self.hidden + self.invisible
        if not removed and not self.comments:
            return {}
        return {
            "hidden_ratio": round(removed / max(1, removed + self.visible), 4),
            "hidden_characters": self.hidden,
            "invisible_characters": self.invisible,
            "comment_characters": self.comments,
            "hidden_samples": self.samples,
        }


def canonical(text: str) -> Canonical:
    """Return the page that a visitor sees.

    Args:
        text: The HTML document.

    Raises:
        Unprocessable: `file_empty` if it holds no HTML, `page_too_deep` if its nesting is absurd.
    """
    parser = html.HTMLParser(encoding="utf-8", huge_tree=True, remove_pis=True, no_network=True)
    body = text.replace("\x00", "").encode("utf-8", "ignore")
    try:
        source = html.document_fromstring(body or b"<html></html>", parser=parser)
    except (etree.ParserError, etree.XMLSyntaxError) as error:
        raise empty("page") from error
    if any(entry.type == etree.ErrorTypes.ERR_RESOURCE_LIMIT for entry in parser.error_log):
        # The parser leaves the rest out in silence; half a page may say the opposite of the whole.
        raise Unprocessable(
            "page_too_deep",
            "The page nests its elements thousands deep, which no browser shows; save it as text and retry.",
        )
    page = Canonical(html.Element("body"), language=source.get("lang"))
    page.head = source.find("head")
    title = page.head.findtext("title") if page.head is not None else None
    page.title = line_of(title or "")
    _Copy(page, hidden_classes(source)).run(source)
    return page


def fragment(cell: str) -> tuple[str, int]:
    """Return the visible text of a cell that may hold HTML, and how many characters were hidden in it."""
    if not _CELL_TAG.search(cell):
        return lines_of(unescape(cell) if "&" in cell else cell), invisible_in(cell)
    page = canonical(f"<html><body>{cell}</body></html>")
    text = lines_of("\n".join(page.root.itertext()))
    return text, page.hidden + page.comments + page.invisible


class _Copy:
    """Copies what is visible into a fresh tree."""

    def __init__(self, page: Canonical, rules: Hidden) -> None:
        self._page = page
        self._rules = rules
        self._open = [page.root]
        self._parts: list[str] = []

    def run(self, source: html.HtmlElement) -> None:
        seen = 0
        walk = etree.iterwalk(source, events=("start", "end", "comment"))
        for event, element in walk:
            if event == "comment":
                self._page.comments += self._note(element.text or "")
                self._say(element.tail)
            elif event == "end":
                self._end(element)
            else:
                seen += 1
                if element.tag in _SILENT or seen > MAX_ELEMENTS:
                    walk.skip_subtree()
                elif self._rules.hides(element):
                    walk.skip_subtree()
                    self._page.hidden += self._note(self._inside(element))
                else:
                    self._start(element)
        self._flush()

    def _inside(self, element: etree._Element) -> str:
        shown = (p for p in element.itertext() if p.strip())
        return (
            " ".join(str(p) for p in shown) if element.tag != "input" else element.get("value", "")
        )

    def _start(self, element: etree._Element) -> None:
        tag = element.tag
        if tag == "img":
            self._image(element)
        elif tag in _BREAKS:
            self._parts.append("\n")
        elif tag in _KEPT:
            self._flush()
            if len(self._open) < MAX_DEPTH:
                self._open.append(etree.SubElement(self._open[-1], tag))
            else:
                self._parts.append("\n")
        self._say(element.text)

    def _end(self, element: etree._Element) -> None:
        if element.tag in _KEPT and self._open[-1].tag == element.tag and len(self._open) > 1:
            self._flush()
            self._open.pop()
        self._say(element.tail)

    def _image(self, element: etree._Element) -> None:
        alt = line_of(element.get("alt", ""))
        # A picture of one pixel is no picture; its description is for machines only.
        if {element.get("width"), element.get("height")} & {"0", "1"}:
            self._page.hidden += self._note(alt)
        elif alt:
            self._flush()
            etree.SubElement(self._open[-1], "img", alt=alt[:1000])
            self._page.visible += len(alt)

    def _say(self, text: str | None) -> None:
        if text:
            self._parts.append(text)

    def _flush(self) -> None:
        raw = "".join(self._parts)
        self._parts.clear()
        if not raw:
            return
        self._page.invisible += invisible_in(raw)
        clean = lines_of(raw) if self._open[-1].tag == "pre" else line_of(raw)
        self._page.visible += len(clean)
        # The blanks at its ends keep words of neighbouring elements apart.
        _append(self._open[-1], f" {clean} " if clean else " ")

    def _note(self, text: str) -> int:
        plain = line_of(text)
        if plain and len(self._page.samples) < _SAMPLES:
            self._page.samples.append(plain[:_SAMPLE_CHARS])
        return len(plain)


def _append(parent: etree._Element, text: str) -> None:
    if len(parent):
        parent[-1].tail = (parent[-1].tail or "") + text
    else:
        parent.text = (parent.text or "") + text
