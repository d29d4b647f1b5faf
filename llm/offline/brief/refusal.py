"""Goals that must not be carried out at all, and why.

The patterns and what excuses them ("water gun", "quit smoking") are data: `data/refusal.tsv`.
Decision: tobacco and nicotine are refused everywhere, since none of the channels takes them; alcohol, licensed
gambling and CBD are legal in many places and refused only where aimed at minors or at people with an
addiction; online casinos are refused in Japanese goals and for Japan, where they are illegal.
"""

from __future__ import annotations

import re
from functools import cache

from llm.offline.brief.lexicon import rows
from llm.offline.brief.text import Text

_ONLINE_CASINO = re.compile(r"\bonline (?:casinos?|slots|betting|sportsbook)\b")


@cache
def _rules() -> tuple[tuple[str, re.Pattern[str], re.Pattern[str]], ...]:
    return tuple((row[0], re.compile(row[1]), re.compile(row[2])) for row in rows("refusal"))


@cache
def _reasons() -> dict[str, tuple[str, str]]:
    return {row[0]: (row[1], row[2]) for row in rows("refusal_reasons")}


def find_refusal(text: Text, geos: tuple[str, ...] = ()) -> str | None:
    """Return one sentence why the goal must be refused, in its language, or None.

    Args:
        text: The goal.
        geos: Countries of the goal.
    """
    category = _category(text.low, geos)
    return _reasons()[category][1 if text.japanese else 0] if category else None


def _category(low: str, geos: tuple[str, ...]) -> str | None:
    for category, pattern, excuse in _rules():
        if pattern.search(low) and not excuse.search(low):
            return category
    if "JP" in geos and _ONLINE_CASINO.search(low):
        return "gambling"
    return None
