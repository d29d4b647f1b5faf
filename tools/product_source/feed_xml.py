"""Google Merchant feeds in RSS 2.0 or Atom; no external entity is ever fetched."""

from __future__ import annotations

from collections.abc import Iterator

from lxml import etree

from domain.errors import BadInput
from tools.product_source.rows import Row, column_name

_ITEMS = frozenset(("item", "entry", "product", "offer"))
#: Columns of which the first counts (Atom repeats `link` per relation).
_SINGLE = frozenset(("link", "image_link", "title", "id", "price"))
#: Google's names of nested groups whose parts are no product columns.
_GROUPS = frozenset(("shipping", "tax", "installment", "loyalty_points", "author"))


def xml_rows(text: str) -> Iterator[Row]:
    """Yield one row per `item` or `entry`.

    Raises:
        BadInput: `feed_not_readable` if it is no XML or holds no items.
    """
    parser = etree.XMLParser(
        resolve_entities=False, no_network=True, load_dtd=False, recover=True, remove_comments=True
    )
    body = text.replace("\x00", "").encode("utf-8", "replace")
    if body.lstrip().startswith(b"<?xml"):
        # The text is decoded already, so whatever encoding it declares is no longer true.
        body = body.partition(b"?>")[2]
    try:
        root = etree.fromstring(body, parser=parser)
    except etree.XMLSyntaxError:
        root = None
    items = [] if root is None else [e for e in root.iter() if _local(e) in _ITEMS]
    if not items:
        raise BadInput(
            "feed_not_readable",
            "The feed is XML without any <item> or <entry>; export it as a Google Merchant feed.",
        )
    errors = [e for e in parser.error_log if e.level_name in ("ERROR", "FATAL")]
    return _rows(items, errors[0].line if errors else None)


def _rows(items: list[etree._Element], broken_from: int | None) -> Iterator[Row]:
    for item in items:
        yield Row(_line(item), _cells(item))
    if broken_from is not None:
        yield Row(broken_from, broken="The XML is damaged here; items near it may be missing.")


def _line(item: etree._Element) -> int:
    line = item.sourceline
    return line if isinstance(line, int) else 1


def _cells(item: etree._Element) -> dict[str, str]:
    cells: dict[str, list[str]] = {}
    for child in item:
        name = column_name(_local(child))
        if not name or name in _GROUPS:
            continue
        text = "".join(str(part) for part in child.itertext()).strip() or child.get("href") or ""
        if text.strip():
            cells.setdefault(name, []).append(text.strip())
    return {
        name: texts[0] if name in _SINGLE else ", ".join(texts) for name, texts in cells.items()
    }


def _local(element: etree._Element) -> str:
    return element.tag.rpartition("}")[2].lower() if isinstance(element.tag, str) else ""
