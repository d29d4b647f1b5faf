"""Intent and opportunity from features of the last turns, in whole thousandths: the same on every machine.

No single keyword decides. Signals (asks to buy, asks for advice, compares, mentions money, states a need,
wants to learn, wants a task done) and the number of matched tags add up; what the user wanted one or two
turns ago carries over; a greeting counts only where nothing else is said.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Final, NamedTuple

import msgspec

from domain.formats import Intent
from fastpath import lexicons
from fastpath._numbers import MODEL, PRICE, numbers_in
from fastpath._points import Points, reader
from fastpath.text import fold

#: How many of the user's last turns count.
TURNS: Final = 3
_BASE: Final = 150
_WEIGHTS: Final[dict[str, int]] = {
    "buy": 400, "recommend": 350, "compare": 250, "price": 250, "need": 150, "learn": 50, "task": -250,
}  # fmt: skip
_COMMERCIAL: Final = ("buy", "recommend", "compare", "price", "need")
#: What makes a number a price: a sign before it, a unit behind it, or a limit before it.
_SIGNS: Final = "$€£¥"
_UNITS: Final = ("円", "万円", "ドル", "usd", "eur", "dollars", "bucks")
_LIMITS: Final = ("under ", "below ", "around ", "max ")
_TAG: Final = 200
_MORE_TAGS: Final = 50
MOST_TAGS: Final = 3
#: What a tag says less where its word is only spoken of: in a question of fact, in a tale of what was.
_MENTION: Final = 150
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


class Said(NamedTuple):
    """What one turn of the user says about intent.

    Attributes:
        signals: Names of its signals.
        greeting: Whether nothing is left once greetings and thanks are taken away.
    """

    signals: frozenset[str]
    greeting: bool


def read_intent(user_texts: Sequence[str], tags: int) -> Reading:
    """Return intent and opportunity.

    Args:
        user_texts: What the user wrote, oldest first; the last three count.
        tags: How many tags match in those turns.
    """
    return weigh([said_in(fold(text)) for text in user_texts[-TURNS:]], tags)


def weigh(said: Sequence[Said], tags: int) -> Reading:
    """Return intent and opportunity of up to three turns of the user, oldest first."""
    return weighed(tuple(said), min(tags, MOST_TAGS))


@lru_cache(maxsize=4_096)
def weighed(said: tuple[Said, ...], tags: int) -> Reading:
    """Return what `weigh` does, for at most `MOST_TAGS` tags; remembered."""
    if not said or said[-1].greeting:
        greeted = bool(said) and "greeting" in said[-1].signals
        return Reading(Intent.CHITCHAT, _CHITCHAT, ("greeting",) if greeted else ())
    found = said[-1].signals
    score = _BASE
    for name in found:
        score += _WEIGHTS.get(name, 0)
    earlier = 0
    for age, before in enumerate(reversed(said[:-1]), start=1):
        strength = sum(
            _WEIGHTS[name] for name in _COMMERCIAL if name in before.signals and name not in found
        )
        earlier = max(earlier, strength // _CARRY**age)
    score += earlier
    if tags:
        score += _TAG + _MORE_TAGS * (tags - 1)
        if "mention" in found and not earlier and found.isdisjoint(_COMMERCIAL):
            score -= _MENTION
    score = max(0, min(_TOP, score))
    return Reading(_intent_of(score), score, tuple(sorted(found)))


def _intent_of(score: int) -> Intent:
    if score >= _HIGH:
        return Intent.HIGH_COMMERCIAL
    return Intent.MEDIUM_COMMERCIAL if score >= _MEDIUM else Intent.LOW_INTENT


def said_in(folded: str) -> Said:
    """Return what one folded text says about intent."""
    _, signals, greeting = lexicons.shipped().read(folded)
    return numbers_too(signals, greeting, folded)


def numbers_too(signals: frozenset[str], greeting: bool, folded: str) -> Said:
    """Add to the phrases' signals of a folded text what its numbers say: a price, a model name."""
    points = reader().read(folded)
    said = numbers_too_in(signals, greeting, points)
    reader().give(points)
    return said


def numbers_too_in(signals: frozenset[str], greeting: bool, points: Points) -> Said:
    """Return what `numbers_too` does, for a text already cut into code points."""
    found = numbers_in(points, _SIGNS, _UNITS, _LIMITS)
    if found & PRICE:
        signals |= {"price"}
    if found & MODEL:
        signals |= {"model"}
    return Said(signals, greeting)
