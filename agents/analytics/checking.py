"""Recomputes every figure of an answer from a second count before anybody sees it."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from decimal import Decimal, localcontext
from fractions import Fraction

from agents.analytics import shown
from agents.analytics.schemas import Figure, Piece
from domain.errors import Unavailable
from measurement.figures import wilson
from measurement.query_types import MONEY, RATES, Cell, Group, Metric

_DIGIT = re.compile(r"\d")
#: What is divided by what; money per thousand impressions is the one with a factor.
_RATIOS: Mapping[Metric, tuple[str, str, int]] = {
    Metric.CTR: ("clicks", "impressions", 1),
    Metric.CPC: ("charged_micros", "clicks", 1),
    Metric.CPM: ("charged_micros", "impressions", 1_000),
    Metric.CPA: ("charged_micros", "submits", 1),
    Metric.CONVERSION: ("submits", "clicks", 1),
    Metric.FILL: ("offers", "requests", 1),
}
_COUNTS: Mapping[Metric, str] = {
    Metric.IMPRESSIONS: "impressions",
    Metric.CLICKS: "clicks",
    Metric.SUBMITS: "submits",
    Metric.DISMISSALS: "dismissals",
    Metric.SPEND: "charged_micros",
    Metric.REQUESTS: "requests",
    Metric.OFFERS: "offers",
}


def check(
    pieces: Sequence[Piece], now: Sequence[Group], before: Sequence[Group] | None
) -> tuple[str, ...]:
    """Return what does not hold; empty if every number of the text is right.

    Args:
        pieces: The answer.
        now: Groups of the second count.
        before: The same for the period that it is compared with.
    """
    wrong = [
        f"a number stands outside of the figures: {piece.strip()[:60]!r}"
        for piece in pieces
        if isinstance(piece, str) and _DIGIT.search(piece)
    ]
    for piece in pieces:
        if isinstance(piece, Figure):
            found = _recomputed(piece, now, before)
            if found != piece.text:
                wrong.append(f"{piece.metric} {'/'.join(piece.key)}: {piece.text} is {found}")
    return tuple(wrong)


def refuse(wrong: Sequence[str]) -> Unavailable:
    """Return the error of an answer whose numbers do not hold."""
    return Unavailable(
        "figures_disagree",
        "The numbers came out differently when they were counted again; ask again in a moment.",
        figures=list(wrong[:5]),
    )


def _recomputed(figure: Figure, now: Sequence[Group], before: Sequence[Group] | None) -> str:
    after = _value(figure, now)
    if figure.what in ("low", "high"):
        cell = _cell(figure, now)
        above, below, _ = _RATIOS[figure.metric]
        low, high = wilson(getattr(cell, above), getattr(cell, below))
        bound = low if figure.what == "low" else high
        return shown.percent(Fraction(bound).limit_denominator(10**9))
    if figure.what == "value":
        return "nothing" if after is None else _text(figure, after)
    ago = _value(figure, before or ())
    if figure.what == "before":
        return "nothing" if ago is None else _text(figure, ago)
    if after is None or ago is None:
        return "nothing"
    if figure.what == "change":
        return shown.signed(figure.metric, after - ago, figure.currency)
    return shown.signed_percent((after - ago) / ago) if ago else "nothing"


def _text(figure: Figure, exact: Fraction) -> str:
    if figure.metric not in MONEY and figure.metric not in RATES:
        return f"{int(exact):,}"
    if figure.metric in RATES:
        with localcontext() as context:
            context.prec = 50
            share = Decimal(exact.numerator) / Decimal(exact.denominator) * 100
            return f"{share.quantize(Decimal('0.01'))} %"
    return shown.shown(figure.metric, exact, figure.currency)


def _value(figure: Figure, groups: Sequence[Group]) -> Fraction | None:
    cell = _cell(figure, groups)
    if figure.metric in _COUNTS:
        return Fraction(getattr(cell, _COUNTS[figure.metric]))
    above, below, factor = _RATIOS[figure.metric]
    tries = getattr(cell, below)
    return Fraction(getattr(cell, above) * factor, tries) if tries else None


def _cell(figure: Figure, groups: Sequence[Group]) -> Cell:
    """Add up what a figure is about: its group or all, its currency or all."""
    whole = Cell()
    for group in groups:
        if figure.key and group.key != figure.key:
            continue
        for code, cell in group.cells.items():
            if figure.metric not in MONEY or code == figure.currency:
                whole += cell
    return whole
