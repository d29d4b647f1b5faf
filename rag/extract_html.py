"""HTML pages: trafilatura says what the page is about, our own walk keeps headings, lists, tables and pictures."""

from __future__ import annotations

import re
from datetime import UTC, datetime

from lxml import etree, html

from domain.decode import decode_page
from rag.canonical import Canonical, canonical
from rag.extracted import Block, BlockKind, Extracted, empty, line_of, lines_of

#: Larger trees are kept whole: telling main text from the rest takes time that grows faster than the page.
_MOST_FOR_MAIN = 20_000
#: If less than this share of the visible text is main text, the page is a list or a product page: all is kept.
_LEAST_SHARE = 0.35

#: Languages whose script does not give them away. English and Japanese are told piece by piece.
_LATIN = {
    "fr": "fra", "de": "deu", "es": "spa", "it": "ita", "pt": "por", "nl": "nld", "pl": "pol", "sv": "swe",
    "zh": "zho", "ko": "kor", "da": "dan", "fi": "fin", "tr": "tur", "cs": "ces", "vi": "vie", "id": "ind",
}  # fmt: skip
_SPACES = re.compile(r"\s+")
_DATES = ("article:published_time", "date", "dc.date", "last-modified", "article:modified_time")
_BLOCKS = frozenset(
    {
        *("h1", "h2", "h3", "h4", "h5", "h6", "p", "li", "dt", "dd", "td", "th", "caption", "pre"),
        *("blockquote", "article", "main", "section", "div", "figcaption", "header", "aside", "body"),
        *("details", "summary", "address", "ul", "ol", "dl"),
    }
)  # fmt: skip
_KINDS = {"li": BlockKind.ITEM, "dt": BlockKind.ITEM, "dd": BlockKind.ITEM, "pre": BlockKind.CODE}


def extract_html(data: bytes) -> Extracted:
    """Read a page.

    Raises:
        Unprocessable: `page_not_text`, or `file_empty` if a visitor could read nothing on it.
    """
    page = canonical(decode_page(data))
    blocks = _Walk().blocks(page.root)
    if not blocks:
        raise empty("page")
    title = page.title or next((b.text for b in blocks if b.kind is BlockKind.HEADING), "")
    return Extracted(
        title[:500],
        tuple(_main(page, blocks)),
        _language(page.language),
        _published(page.head),
        page.signals(),
    )


class _Walk:
    """Turns a canonical tree into blocks."""

    def __init__(self) -> None:
        self._out: list[Block] = []
        self._parts: list[str] = []
        self._tags: list[str] = []

    def blocks(self, root: html.HtmlElement) -> list[Block]:
        walk = etree.iterwalk(root, events=("start", "end"))
        for event, element in walk:
            tag = str(element.tag)
            if event == "start":
                if tag == "table":
                    self._flush()
                    self._table(element)
                    walk.skip_subtree()
                    continue
                if tag in _BLOCKS:
                    self._flush()
                    self._tags.append(tag)
                if tag == "img":
                    self._flush()
                    self._out.append(Block(BlockKind.IMAGE, element.get("alt", "")))
                self._parts.append(element.text or "")
            else:
                if tag in _BLOCKS:
                    self._flush()
                    self._tags.pop()
                self._parts.append(element.tail or "")
        self._flush()
        return self._out

    def _flush(self) -> None:
        raw, tag = "".join(self._parts), self._tags[-1] if self._tags else "body"
        self._parts.clear()
        text = lines_of(raw) if tag == "pre" else line_of(raw)
        if not text:
            return
        if len(tag) == 2 and tag[0] == "h" and tag[1].isdigit():
            self._out.append(Block(BlockKind.HEADING, text[:300], int(tag[1])))
        else:
            self._out.append(Block(_KINDS.get(tag, BlockKind.TEXT), text))

    def _table(self, table: etree._Element) -> None:
        rows = []
        for row in table.iter("tr"):
            cells = [
                line_of("".join(map(str, cell.itertext()))) for cell in row.iterchildren("td", "th")
            ]
            if any(cells):
                rows.append(cells)
        # A table of one column, or of whole paragraphs, is a layout and not a table.
        if rows and max(map(len, rows)) > 1 and max(len(c) for row in rows for c in row) <= 600:
            text = "\n".join(" | ".join(row) for row in rows)
            self._out.append(Block(BlockKind.TABLE, text))
        else:
            self._out += [Block(BlockKind.TEXT, c) for row in rows for c in row if c]
        for image in table.iter("img"):
            self._out.append(Block(BlockKind.IMAGE, image.get("alt", "")))


def _main(page: Canonical, blocks: list[Block]) -> list[Block]:
    """Return the blocks that belong to the page's main text, with the headings above them."""
    said = _main_text(page)
    if said is None:
        return blocks
    belongs = [
        block.kind is BlockKind.TABLE or _SPACES.sub("", block.text) in said for block in blocks
    ]
    share = sum(len(b.text) for b, yes in zip(blocks, belongs, strict=True) if yes)
    if share < _LEAST_SHARE * sum(len(b.text) for b in blocks):
        return blocks
    last = max(i for i, yes in enumerate(belongs) if yes)
    kept: list[Block] = []
    for place, (block, yes) in enumerate(zip(blocks, belongs, strict=True)):
        beside = block.kind in (BlockKind.HEADING, BlockKind.IMAGE) and place < last + 2
        if yes or beside:
            kept.append(block)
    return kept


def _main_text(page: Canonical) -> str | None:
    """Return the main text without blanks, None if it cannot be told from the rest."""
    if sum(1 for _ in page.root.iter()) > _MOST_FOR_MAIN:
        return None
    # Takes a second to import: only a worker that reads pages pays for it.
    import trafilatura  # noqa: PLC0415

    whole = html.Element("html")
    whole.append(page.root)
    found = trafilatura.bare_extraction(
        whole, include_tables=True, include_comments=False, favor_recall=True, with_metadata=False
    )
    body = getattr(found, "body", None)
    return None if body is None else _SPACES.sub("", "".join(body.itertext()))


def _language(stated: str | None) -> str | None:
    return _LATIN.get((stated or "").strip().lower().replace("_", "-").split("-")[0])


def _published(head: html.HtmlElement | None) -> datetime | None:
    if head is None:
        return None
    stated = {
        (meta.get("property") or meta.get("name") or "").lower(): meta.get("content") or ""
        for meta in head.iter("meta")
    }
    for name in _DATES:
        try:
            moment = datetime.fromisoformat(stated.get(name, "").strip())
        except ValueError:
            continue
        return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return None
