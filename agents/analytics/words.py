"""Which words ask for what, English and Japanese; the words themselves are in `words.tsv`."""

from __future__ import annotations

import re
from functools import cache
from importlib import resources

from measurement.query_types import Dimension, Metric

HOW_MANY = re.compile(
    r"(?:top|best|worst|bottom|first)\s+(\d{1,2}|three|five|ten)|"
    r"(?:上位|下位|トップ|ベスト|ワースト)\s*(\d{1,2})",
    re.I,
)
COUNTS = {"three": 3, "five": 5, "ten": 10}
#: Metrics of which less is better.
LESS_IS_BETTER = frozenset({Metric.CPC, Metric.CPM, Metric.CPA})
DEFAULT = (Metric.IMPRESSIONS, Metric.CLICKS, Metric.CTR, Metric.SUBMITS, Metric.SPEND)
DEFAULT_PUBLISHER = (
    Metric.REQUESTS,
    Metric.OFFERS,
    Metric.FILL,
    Metric.IMPRESSIONS,
    Metric.CLICKS,
)

Table = tuple[tuple[re.Pattern[str], str], ...]


def metrics() -> tuple[tuple[re.Pattern[str], Metric], ...]:
    """Return what names a metric."""
    return tuple((pattern, Metric(meaning)) for pattern, meaning in _table("metric"))


def dimensions() -> tuple[tuple[re.Pattern[str], Dimension], ...]:
    """Return what asks for a split."""
    return tuple((pattern, Dimension(meaning)) for pattern, meaning in _table("by"))


def languages() -> Table:
    """Return what names a language of conversations."""
    return _table("language")


def intents() -> Table:
    """Return what names an intent of conversations."""
    return _table("intent")


def sign(name: str) -> re.Pattern[str]:
    """Return a pattern by its meaning: `whole`, `compare`, `why`, `last_year`, `best`, `worst`, `cheap`, `bad`."""
    return next(pattern for pattern, meaning in _table("sign") if meaning == name)


@cache
def _table(kind: str) -> Table:
    text = resources.files(__package__).joinpath("words.tsv").read_text("utf-8")
    rows = (line.split("\t") for line in text.splitlines() if line and not line.startswith("#"))
    return tuple(
        (re.compile(rf"(?<![a-z])(?:{english})(?![a-z])|(?:{japanese})", re.I), meaning)
        for kind_of_row, meaning, english, japanese in rows
        if kind_of_row == kind
    )
