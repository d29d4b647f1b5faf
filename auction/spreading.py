"""How a budget is spread over its time: which share of auctions a campaign should take part in now.

A campaign that took part in a share of auctions for some time spent something: both, forgotten slowly, give what
it would spend if it took part in all (its capacity). The share is what it should spend now (what is left, over
the time left) divided by the capacity. So the answer does not swing with the controller's own last answer, and
what was spent too much or too little is made up over the rest of the period.

Throttling rather than lower bids: bids stay truthful (Balseiro and others; see `pacing.participation`). Money in
micros, shares in parts per million, times in milliseconds. Pure.
"""

from __future__ import annotations

from math import exp
from typing import Final, NamedTuple

from auction.types import PPM

#: Lowest share while there is budget: without taking part a campaign learns nothing.
LEAST_PPM: Final = 2_000
#: Share before anything is known.
START_PPM: Final = 200_000
#: How much a first guess weighs, in full participation time.
_GUESS_MS: Final = 30_000
#: Over what the past is forgotten: traffic changes within hours, and ten events say something.
_MEMORY_MS: Final = 900_000
_EVENTS: Final = 10
_LONGEST_MEMORY_MS: Final = 6 * 3_600_000


class Purse(NamedTuple):
    """A budget and the time it has to last for.

    Attributes:
        left_micros: What may still be spent. left_ms: until when.
        event_micros: About what one event costs.
    """

    left_micros: int
    left_ms: int
    event_micros: int


class Pace(NamedTuple):
    """What the controller remembers of a campaign.

    Attributes:
        ppm: Share of auctions it takes part in now.
        spent_micros, taken_ms: Spend, and time multiplied by the share, both forgotten slowly.
        total_micros: All it had spent when it was looked at last. at_ms: when that was.
    """

    ppm: int
    spent_micros: int
    taken_ms: int
    total_micros: int
    at_ms: int


def first_pace(purse: Purse, *, total_micros: int, now_ms: int) -> Pace:
    """Return the pace of a campaign that nothing is known of: a fifth, until it has shown what it spends."""
    guess = _rate(purse, _GUESS_MS) * PPM // START_PPM
    share = START_PPM if purse.left_micros > 0 else LEAST_PPM
    return Pace(share, guess, _GUESS_MS, total_micros, now_ms)


def next_pace(pace: Pace, purse: Purse, *, total_micros: int, now_ms: int) -> Pace:
    """Return the pace from now on.

    Args:
        pace: The one before.
        purse: What is left.
        total_micros: All that the campaign has spent up to now, over all days.
        now_ms: The clock; one that stands still or goes back changes nothing.
    """
    passed = now_ms - pace.at_ms
    if passed <= 0:
        return pace
    kept = round(exp(-passed / _memory_ms(purse)) * PPM)
    spent = pace.spent_micros * kept // PPM + max(0, total_micros - pace.total_micros)
    taken = pace.taken_ms * kept // PPM + passed * pace.ppm // PPM
    share = _share(purse, spent, max(1, taken))
    return Pace(share, spent, taken, max(total_micros, pace.total_micros), now_ms)


def _share(purse: Purse, spent_micros: int, taken_ms: int) -> int:
    """Return wanted spend over capacity, as a share."""
    wanted = _rate(purse, taken_ms)
    if wanted <= 0:
        return LEAST_PPM
    if wanted >= spent_micros:
        return PPM
    return max(LEAST_PPM, wanted * PPM // spent_micros)


def _rate(purse: Purse, during_ms: int) -> int:
    """Return what should be spent in a time, in micros."""
    return max(0, purse.left_micros) * during_ms // max(1, purse.left_ms)


def _memory_ms(purse: Purse) -> int:
    per_event = purse.left_ms * purse.event_micros // max(1, purse.left_micros)
    return min(max(_MEMORY_MS, _EVENTS * per_event), _LONGEST_MEMORY_MS)
