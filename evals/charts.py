"""Charts as SVG text that stands inside a page: no script, no file, no address."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape

_ROW, _LABEL, _BAR = 24, 230, 420
_GOOD, _BAD, _REST, _INK = "#2f7d54", "#b3412e", "#d9dccf", "#222a26"


def shares(rows: Mapping[str, tuple[int, int]], title: str) -> str:
    """Return bars of how many of how many, one row each."""
    parts = []
    for number, (name, (good, all_)) in enumerate(rows.items()):
        y = number * _ROW
        width = round(_BAR * good / all_) if all_ else 0
        parts.append(
            f'<text x="{_LABEL - 8}" y="{y + 16}" text-anchor="end">{escape(name)}</text>'
            f'<rect x="{_LABEL}" y="{y + 4}" width="{_BAR}" height="16" fill="{_REST}"/>'
            f'<rect x="{_LABEL}" y="{y + 4}" width="{width}" height="16" '
            f'fill="{_GOOD if good == all_ else _BAD}"/>'
            f'<text x="{_LABEL + _BAR + 8}" y="{y + 16}">{good} of {all_}</text>'
        )
    return _svg(parts, len(rows) * _ROW, title)


def durations(values: Sequence[tuple[str, float]], title: str) -> str:
    """Return the longest durations as bars, seconds."""
    most = max((seconds for _, seconds in values), default=1.0) or 1.0
    parts = []
    for number, (name, seconds) in enumerate(values):
        y = number * _ROW
        parts.append(
            f'<text x="{_LABEL - 8}" y="{y + 16}" text-anchor="end">{escape(name)}</text>'
            f'<rect x="{_LABEL}" y="{y + 4}" width="{max(1, round(_BAR * seconds / most))}" '
            f'height="16" fill="#4b6b8a"/>'
            f'<text x="{_LABEL + _BAR + 8}" y="{y + 16}">{seconds:.2f} s</text>'
        )
    return _svg(parts, len(values) * _ROW, title)


def _svg(parts: Sequence[str], height: int, title: str) -> str:
    width = _LABEL + _BAR + 90
    return (
        f'<svg viewBox="0 0 {width} {max(height, _ROW)}" width="{width}" role="img" '
        f'aria-label="{escape(title)}" font-size="12" fill="{_INK}">{"".join(parts)}</svg>'
    )
