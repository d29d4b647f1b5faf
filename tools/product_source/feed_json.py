"""JSON Lines, JSON arrays, and JSON objects that hold a list of products."""

from __future__ import annotations

import json
from collections.abc import Iterator

from domain.errors import BadInput
from tools.product_source.rows import Row, column_name


def json_rows(text: str) -> Iterator[Row]:
    """Yield one row per object.

    Raises:
        BadInput: `feed_not_readable` if the file is neither JSON nor JSON Lines.
    """
    stripped = text.strip()
    first = stripped.split("\n", 1)[0].strip()
    if stripped[0] == "{" and (_loads(first) is not None or "\n{" in stripped):
        top = _loads(stripped) if "\n" in stripped else None
        if not isinstance(top, dict):
            whole = _loads(first) if first == stripped else None
            if isinstance(whole, dict) and _listed(whole) is not None:
                return _items(_listed(whole) or [])
            return _lines(text)
    document = _loads(stripped)
    items = document if isinstance(document, list) else _listed(document)
    if items is None and isinstance(document, dict):
        items = [document]
    if items is None:
        if "\n" in stripped and stripped[0] == "{":
            return _lines(text)
        raise BadInput(
            "feed_not_readable",
            "The feed starts like JSON but is not; check for a missing bracket or comma.",
        )
    return _items(items)


def _listed(document: object) -> list[object] | None:
    """Return the list of products inside an object such as `{"products": […]}`."""
    if not isinstance(document, dict):
        return None
    for key in ("products", "items", "data", "rows", "entries", "results"):
        if isinstance(document.get(key), list):
            return list(document[key])
    return None


def _lines(text: str) -> Iterator[Row]:
    for number, line in enumerate(text.split("\n"), start=1):
        if not line.strip():
            continue
        value = _loads(line)
        yield _row(number, value, "This line is not a JSON object; check its brackets and quotes.")


def _items(items: list[object]) -> Iterator[Row]:
    for number, value in enumerate(items, start=1):
        yield _row(number, value, "This item is not a JSON object; write one object per product.")


def _row(number: int, value: object, complaint: str) -> Row:
    if not isinstance(value, dict):
        return Row(number, broken=complaint)
    return Row(number, {column_name(str(key)): _cell(cell) for key, cell in value.items()})


def _cell(value: object) -> str:
    """Return a value as the text a CSV cell would hold."""
    if isinstance(value, str):
        return value
    if value is None or isinstance(value, bool):
        return ""
    if isinstance(value, list):
        return ", ".join(part for part in map(_scalar, value) if part)
    if isinstance(value, dict):
        amount = _scalar(value.get("value") or value.get("amount"))
        unit = _scalar(value.get("currency") or value.get("currencyCode"))
        return f"{amount} {unit}".strip() if amount else _scalar(value.get("name"))
    return str(value)


def _scalar(value: object) -> str:
    if isinstance(value, (str, int, float)) and not isinstance(value, bool):
        return str(value)
    return ""


def _loads(text: str) -> object:
    try:
        return json.loads(text, strict=False)
    except (ValueError, RecursionError):
        return None
