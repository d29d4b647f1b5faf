"""Which elements a visitor cannot see: the usual places to hide text meant for machines."""

from __future__ import annotations

import re
from dataclasses import dataclass

from lxml import etree, html

_HIDING = re.compile(
    r"(?:^|[;{\s])(?:"
    r"display\s*:\s*none"
    r"|visibility\s*:\s*(?:hidden|collapse)"
    r"|content-visibility\s*:\s*hidden"
    r"|font-size\s*:\s*(?:0+(?:\.0*)?(?:px|pt|em|rem|ex|%|vw|vh)?|\.0+[a-z%]*|[01](?:\.\d+)?p[xt])"
    r"\s*(?=[;!}]|$)"
    r"|opacity\s*:\s*(?:0+(?:\.0\d*)?|\.0\d*|[0-4]%)\s*(?=[;!}]|$)"
    r"|text-indent\s*:\s*-\s*\d{3,}"
    r"|(?:left|top|right|bottom|margin-left|margin-top)\s*:\s*-\s*\d{4,}"
    r"|clip\s*:\s*rect\(\s*[01](?:px)?[\s,]+[01]"
    r"|clip-path\s*:\s*inset\(\s*(?:50|100)%"
    r"|transform\s*:\s*scale\(\s*0(?:\.0+)?\s*\)"
    r")",
    re.I,
)
_ZERO_BOX = re.compile(r"(?:^|[;\s])(?:max-)?(?:height|width)\s*:\s*[01](?:px)?\s*(?:;|!|$)", re.I)
_TRANSPARENT = re.compile(r"(?:^|[;\s])color\s*:\s*transparent", re.I)
_CLIPPED = re.compile(r"overflow(?:-[xy])?\s*:\s*(?:hidden|clip)", re.I)
_RULE = re.compile(r"([^{}]{1,500})\{([^{}]{0,2000})\}")
_SIMPLE = re.compile(r"^([a-z][a-z0-9]*)?([.#])([\w-]+)$", re.I)
_COLOR = re.compile(r"(?:^|[;\s])(color|background(?:-color)?)\s*:\s*([^;!]+)", re.I)
_CSS_COMMENT = re.compile(r"/\*.*?\*/", re.S)


@dataclass(frozen=True)
class Hidden:
    """Names that the page's own style rules hide.

    Attributes:
        classes, ids: Class names and ids that a simple rule makes invisible.
    """

    classes: frozenset[str] = frozenset()
    ids: frozenset[str] = frozenset()

    def hides(self, element: etree._Element) -> bool:
        """Return whether this element itself (not an ancestor) is invisible to a visitor."""
        if element.get("hidden") is not None or element.get("aria-hidden", "").lower() == "true":
            return True
        if element.tag == "input" and element.get("type", "").lower() == "hidden":
            return True
        style = element.get("style")
        if style and hides_text(style):
            return True
        if element.get("id") in self.ids:
            return True
        named = element.get("class")
        return bool(named and self.classes.intersection(named.split()))


def hides_text(style: str) -> bool:
    """Return whether a CSS declaration block makes text invisible."""
    style = _CSS_COMMENT.sub("", style)
    if _TRANSPARENT.search(style) and "background-clip" not in style:
        return True
    if _HIDING.search(style) or (_ZERO_BOX.search(style) and _CLIPPED.search(style)):
        return True
    colors = {m[1].lower()[:5]: re.sub(r"\s", "", m[2].lower()) for m in _COLOR.finditer(style)}
    return len(colors) == 2 and colors["color"] == colors["backg"]


def hidden_classes(root: html.HtmlElement) -> Hidden:
    """Return the classes and ids hidden by simple rules (`.x`, `#x`, `p.x`) of the page's style tags.

    Rules inside media queries and compound selectors are left alone: they hide text from some
    visitors only.
    """
    classes: set[str] = set()
    ids: set[str] = set()
    for style in root.iter("style"):
        text = _without_nested(_CSS_COMMENT.sub("", style.text or "")[:200_000])
        for selectors, body in _RULE.findall(text):
            if not hides_text(body):
                continue
            for selector in selectors.split(","):
                simple = _SIMPLE.match(selector.strip())
                if simple:
                    (classes if simple[2] == "." else ids).add(simple[3])
    return Hidden(frozenset(classes), frozenset(ids))


def _without_nested(css: str) -> str:
    """Return the style sheet without `@media {…}` and other nested blocks."""
    out: list[str] = []
    depth, nested_from = 0, -1
    for character in css:
        if character == "{":
            depth += 1
            if depth == 1 and "@" in "".join(out[-200:]).rpartition("}")[2]:
                nested_from = len(out)
        out.append(character)
        if character == "}":
            depth = max(0, depth - 1)
            if depth == 0 and nested_from >= 0:
                del out[nested_from:]
                out.append("}")
                nested_from = -1
    return "".join(out)
