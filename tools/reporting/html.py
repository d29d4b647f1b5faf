"""A report as one HTML file: no script, nothing loaded, every text escaped."""

from __future__ import annotations

from functools import cache
from importlib import resources

from jinja2 import Environment, StrictUndefined, Template

from tools.reporting.pages import Chart, Page

_WIDTH, _HEIGHT, _LEFT, _BOTTOM = 640, 180, 8, 24
#: Labels below a chart.
_LABELS = 8


def as_html(page: Page) -> bytes:
    """Return the report."""
    return _template().render(page=page, svg=_shapes).encode()


@cache
def _template() -> Template:
    text = resources.files(__package__).joinpath("report.html").read_text("utf-8")
    return Environment(autoescape=True, undefined=StrictUndefined).from_string(text)


def _shapes(chart: Chart) -> dict[str, object]:
    """Return where bars, points and labels of a chart stand, in pixels."""
    top = max((*chart.values, 0.0)) or 1.0
    count = max(1, len(chart.values))
    step = (_WIDTH - 2 * _LEFT) / count
    room = _HEIGHT - _BOTTOM - 16
    bars = [
        {
            "x": round(_LEFT + n * step + step * 0.1, 1),
            "y": round(16 + room * (1 - max(value, 0.0) / top), 1),
            "width": round(step * 0.8, 1),
            "height": round(room * max(value, 0.0) / top, 1),
            "label": label,
            "value": value,
        }
        for n, (label, value) in enumerate(zip(chart.labels, chart.values, strict=True))
    ]
    points = " ".join(
        f"{_LEFT + (n + 0.5) * step:.1f},{16 + room * (1 - max(value, 0.0) / top):.1f}"
        for n, value in enumerate(chart.values)
    )
    every = max(1, -(-count // _LABELS))
    labels = [
        {"x": round(_LEFT + (n + 0.5) * step, 1), "text": label[:18]}
        for n, label in enumerate(chart.labels)
        if n % every == 0
    ]
    return {"width": _WIDTH, "height": _HEIGHT, "bars": bars, "points": points, "labels": labels}
