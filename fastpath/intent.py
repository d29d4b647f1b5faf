"""Intent and opportunity from features of the last turns, in whole thousandths: the same on every machine.

No single keyword decides. Signals (asks to buy, asks for advice, compares, mentions money, states a need,
wants to learn, wants a task done) and the number of matched tags add up; what the user wanted one or two
turns ago carries over; a greeting counts only where nothing else is said.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import cache
from typing import Final

import msgspec

from domain.formats import Intent
from fastpath.phrases import Fragments, Phrases, read_lexicon
from fastpath.text import fold

_BASE: Final = 150
_WEIGHTS: Final[dict[str, int]] = {
    "buy": 400, "recommend": 350, "compare": 250, "price": 250, "need": 150, "learn": 50, "task": -250,
}  # fmt: skip
_COMMERCIAL: Final = ("buy", "recommend", "compare", "price", "need")
_MONEY: Final = re.compile(
    r"[$€£¥]\s?\d|\d\s?(?:円|万円|ドル|usd|eur|dollars|bucks)|\b(?:under|below|around|max) \d"
)
_DIGIT: Final = re.compile(r"\d")
_MODEL: Final = re.compile(r"\b(?=\w*\d)(?=\w*[a-z])[a-z0-9]{3,}\b")
_TAG: Final = 200
_MORE_TAGS: Final = 50
_CARRY: Final = 2  # a signal one turn ago counts half, two turns ago a quarter
_MEDIUM: Final = 300
_HIGH: Final = 700
_CHITCHAT: Final = 100
_TOP: Final = 1000


class Reading(msgspec.Struct, frozen=True):
    """Intent of a conversation.

    Attributes:
        intent: One of the five (never `sensitive`: that is the gate's word).
        opportunity_milli: 0 to 1000.
        signals: Signals of the latest turn, sorted.
    """

    intent: Intent
    opportunity_milli: int
    signals: tuple[str, ...]


def read_intent(user_texts: Sequence[str], tags: int) -> Reading:
    """Return intent and opportunity.

    Args:
        user_texts: What the user wrote, oldest first; the last three count.
        tags: How many tags match in those turns.
    """
    latest = fold(user_texts[-1]) if user_texts else ""
    found = signals_of(latest)
    if _only_greeting(latest, found) or not latest.strip():
        return Reading(Intent.CHITCHAT, _CHITCHAT, tuple(sorted(found & {"greeting"})))
    score = _BASE + sum(_WEIGHTS[name] for name in sorted(found) if name in _WEIGHTS)
    earlier = 0
    for age, text in enumerate(reversed(user_texts[-3:-1]), start=1):
        before = signals_of(fold(text))
        strength = sum(
            _WEIGHTS[name] for name in _COMMERCIAL if name in before and name not in found
        )
        earlier = max(earlier, strength // _CARRY**age)
    score += earlier
    if tags:
        score += _TAG + _MORE_TAGS * min(tags - 1, 2)
    score = max(0, min(_TOP, score))
    return Reading(_intent_of(score), score, tuple(sorted(found)))


def _intent_of(score: int) -> Intent:
    if score >= _HIGH:
        return Intent.HIGH_COMMERCIAL
    return Intent.MEDIUM_COMMERCIAL if score >= _MEDIUM else Intent.LOW_INTENT


def signals_of(folded: str) -> set[str]:
    """Return the names of the signals in one folded text."""
    found = _english().categories(folded)
    if not folded.isascii():
        found |= _japanese().categories(folded)
    if _DIGIT.search(folded):
        if _MONEY.search(folded):
            found.add("price")
        if _MODEL.search(folded):
            found.add("model")
    return found


def _only_greeting(folded: str, found: set[str]) -> bool:
    """Return whether nothing is left once greetings and thanks are taken away."""
    if folded.isascii() and found and "greeting" not in found:
        return False  # no exception of this lexicon hides a greeting, so none stands here
    rest = _japanese().without("greeting", folded) if not folded.isascii() else folded
    return _english().covers("greeting", rest)


@cache
def _english() -> Phrases:
    return Phrases(read_lexicon("intent_eng.tsv"))


@cache
def _japanese() -> Fragments:
    return Fragments(read_lexicon("intent_jpn.tsv"))
