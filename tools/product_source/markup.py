"""Markup inside feed cells and structured data, reduced to what a visitor would read."""

from __future__ import annotations

import re
from html import unescape

from lxml import etree, html

from rag.visibility import Hidden

_TAG = re.compile(r"</?[a-zA-Z][^<>]*>|<!--")
_BREAKING = frozenset(
    ("br", "p", "div", "li", "ul", "ol", "tr", "h1", "h2", "h3", "h4", "h5", "h6")
)
_DROPPED = frozenset(("script", "style", "template", "noscript", "head"))


def strip_tags(text: str) -> str:
    """Return the visible text of an HTML fragment; text without markup only has entities resolved."""
    if not _TAG.search(text):
        return unescape(text) if "&" in text else text
    parser = html.HTMLParser(huge_tree=True, remove_comments=True, remove_pis=True, no_network=True)
    try:
        root = html.document_fromstring(f"<div>{text}</div>".replace("\x00", ""), parser=parser)
    except (etree.ParserError, etree.XMLSyntaxError, ValueError):
        return ""
    parts: list[str] = []
    visible = Hidden()
    walk = etree.iterwalk(root, events=("start", "end"))
    for event, element in walk:
        if event == "end":
            if element.tag in _BREAKING:
                parts.append("\n")
            parts.append(element.tail or "")
        elif element.tag in _DROPPED or visible.hides(element):
            # The end event of a skipped element still comes, and with it the text behind it.
            walk.skip_subtree()
        else:
            if element.tag in _BREAKING:
                parts.append("\n")
            parts.append(element.text or "")
    return "".join(parts)
