"""A report as PDF, with a Japanese typeface embedded as far as it is used."""

from __future__ import annotations

from functools import cache
from html import escape
from importlib.metadata import distribution
from io import BytesIO
from typing import Any

from reportlab.graphics.shapes import Drawing, PolyLine, Rect, String  # type: ignore[import-untyped]
from reportlab.lib.colors import HexColor  # type: ignore[import-untyped]
from reportlab.lib.pagesizes import A4  # type: ignore[import-untyped]
from reportlab.lib.styles import ParagraphStyle  # type: ignore[import-untyped]
from reportlab.lib.units import mm  # type: ignore[import-untyped]
from reportlab.pdfbase import pdfmetrics  # type: ignore[import-untyped]
from reportlab.pdfbase.ttfonts import TTFont  # type: ignore[import-untyped]
from reportlab.platypus import Paragraph, SimpleDocTemplate, Spacer  # type: ignore[import-untyped]

from tools.reporting.pages import Chart, Page

#: IPAex Gothic (IPA Font License v1.0) covers Latin and Japanese.
_FONT, _PACKAGE, _FILE = "IPAexGothic", "matplotlib-fontja", "matplotlib_fontja/fonts/ipaexg.ttf"
_WIDTH, _HEIGHT = 480.0, 120.0
_INK, _GREY, _BAR = "#1c2430", "#5a6675", "#2f6f8f"
_LABELS = 8


def as_pdf(page: Page) -> bytes:
    """Return the report; the same page gives the same bytes."""
    _font()
    title, heading, body, small = (
        ParagraphStyle(
            name, fontName=_FONT, fontSize=size, leading=size * 1.5, textColor=HexColor(colour),
            spaceBefore=space, wordWrap="CJK",
        )
        for name, size, colour, space in (
            ("title", 18, _INK, 0), ("heading", 12, _INK, 12), ("body", 9.5, _INK, 0),
            ("small", 7.5, _GREY, 2),
        )
    )  # fmt: skip
    story: list[Any] = [Paragraph(_safe(page.title), title), Paragraph(_safe(page.subtitle), small)]
    for section in page.sections:
        story.append(Paragraph(_safe(section.heading), heading))
        story += [Paragraph(_safe(line), body) for line in section.lines]
        if section.chart is not None:
            story += [Spacer(1, 3 * mm), _drawing(section.chart)]
    story.append(Spacer(1, 6 * mm))
    lines = (*page.notes, page.made_at, *page.sources)
    story += [Paragraph(_safe(line), small) for line in lines if line]
    target = BytesIO()
    document = SimpleDocTemplate(
        target, pagesize=A4, title=page.title, author="Parley", invariant=1, leftMargin=20 * mm,
        rightMargin=20 * mm, topMargin=18 * mm, bottomMargin=18 * mm,
    )  # fmt: skip
    document.build(story)
    return target.getvalue()


@cache
def _font() -> None:
    path = distribution(_PACKAGE).locate_file(_FILE)
    pdfmetrics.registerFont(TTFont(_FONT, str(path)))


def _safe(text: str) -> str:
    """Return text as a paragraph's markup takes it: as text."""
    return escape(text, quote=False)


def _drawing(chart: Chart) -> Drawing:
    drawing = Drawing(_WIDTH, _HEIGHT + 26)
    top = max((*chart.values, 0.0)) or 1.0
    count = max(1, len(chart.values))
    step = _WIDTH / count
    drawing.add(_text(0, _HEIGHT + 16, chart.title))
    if chart.kind == "line" and count > 1:
        points: list[float] = []
        for n, value in enumerate(chart.values):
            points += [(n + 0.5) * step, 14 + _HEIGHT * max(value, 0.0) / top]
        drawing.add(PolyLine(points, strokeColor=HexColor(_BAR), strokeWidth=1.4))
    else:
        for n, value in enumerate(chart.values):
            drawing.add(
                Rect(
                    n * step + step * 0.1, 14, step * 0.8, _HEIGHT * max(value, 0.0) / top,
                    fillColor=HexColor(_BAR), strokeColor=None,
                )
            )  # fmt: skip
    every = max(1, -(-count // _LABELS))
    for n, label in enumerate(chart.labels):
        if n % every == 0:
            drawing.add(_text((n + 0.5) * step, 2, label[:14], anchor="middle"))
    return drawing


def _text(x: float, y: float, text: str, anchor: str = "start") -> String:
    return String(
        x, y, text, fontName=_FONT, fontSize=7.5, fillColor=HexColor(_GREY), textAnchor=anchor
    )
