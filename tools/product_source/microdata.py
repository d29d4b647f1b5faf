"""Products in microdata (`itemscope`, `itemprop`), given the shape of JSON-LD so that one reader reads both."""

from __future__ import annotations

from collections.abc import Iterator

from lxml import html

from rag.visibility import Hidden

#: Where a value stands if not in the text (WHATWG HTML §5.2.4, checked 2026-11).
_FROM = {
    "meta": "content", "a": "href", "area": "href", "link": "href", "img": "src", "source": "src", "embed": "src",
    "iframe": "src", "audio": "src", "video": "src", "track": "src", "object": "data", "data": "value",
    "meter": "value", "time": "datetime",
}  # fmt: skip
#: Deeper items are left out: pages nest four levels at most, attackers thousands.
_DEPTH = 12
_MAX_ITEMS = 2_000
_MAX_CHARS = 4_000


def microdata(root: html.HtmlElement, hidden: Hidden) -> Iterator[tuple[int, dict[str, object]]]:
    """Yield the top-level items of a page with the line each begins in.

    Args:
        root: The parsed page.
        hidden: What its own style rules hide; items that a visitor cannot see are left out. `meta` and `link`
            inside a visible item count: that is how microdata states what needs no words.
    """
    count = 0
    for element in root.iter("*"):
        if element.get("itemscope") is None or element.get("itemprop") is not None:
            continue
        count += 1
        if count > _MAX_ITEMS:
            return
        if not _out_of_sight(element, hidden):
            yield element.sourceline or 1, _item(element, hidden, 0)


def _item(element: html.HtmlElement, hidden: Hidden, depth: int) -> dict[str, object]:
    found: dict[str, object] = {
        "@type": [t.strip("/") for t in element.get("itemtype", "").split()]
    }
    if element.get("itemid"):
        found["@id"] = element.get("itemid")
    stack = list(reversed(list(element)))
    while stack:
        child = stack.pop()
        if not isinstance(child.tag, str) or (child.tag != "meta" and hidden.hides(child)):
            continue
        names = (child.get("itemprop") or "").split()
        nested = child.get("itemscope") is not None
        if names:
            value: object = ""
            if not nested:
                value = _value(child)
            elif depth < _DEPTH:
                value = _item(child, hidden, depth + 1)
            for name in names:
                _add(found, name, value)
        if not nested:
            stack.extend(reversed(list(child)))
    return found


def _add(found: dict[str, object], name: str, value: object) -> None:
    there = found.get(name)
    if there is None:
        found[name] = value
    elif isinstance(there, list):
        there.append(value)
    else:
        found[name] = [there, value]


def _value(element: html.HtmlElement) -> str:
    stated = element.get("content") or element.get(_FROM.get(str(element.tag), "content"))
    return str(stated if stated is not None else element.text_content())[:_MAX_CHARS]


def _out_of_sight(element: html.HtmlElement, hidden: Hidden) -> bool:
    return hidden.hides(element) or any(hidden.hides(above) for above in element.iterancestors())
