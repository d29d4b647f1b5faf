"""Time as an injected part: nobody below the doors reads the machine's clock."""

from __future__ import annotations

import time
from datetime import UTC, date, datetime
from typing import Protocol


class Clock(Protocol):
    """Where "now" comes from."""

    def now_ms(self) -> int:
        """Return milliseconds since the Unix epoch (UTC)."""
        ...


class SystemClock:
    """The machine's clock; used by the composition root only."""

    def now_ms(self) -> int:
        """Return milliseconds since the Unix epoch (UTC)."""
        return time.time_ns() // 1_000_000


class FixedClock:
    """A clock that stands still until told to move; for replay and tests.

    Args:
        at_ms: Milliseconds since the Unix epoch.
    """

    def __init__(self, at_ms: int) -> None:
        self.at_ms = at_ms

    def now_ms(self) -> int:
        """Return the time it was set to."""
        return self.at_ms

    def advance(self, ms: int) -> None:
        """Move forward (or back, with a negative number) by `ms` milliseconds."""
        self.at_ms += ms


def utc(at_ms: int) -> datetime:
    """Return the aware UTC datetime of a millisecond timestamp."""
    return datetime.fromtimestamp(at_ms / 1000, UTC)


def to_ms(moment: datetime) -> int:
    """Return milliseconds since the epoch of an aware datetime."""
    return round(moment.timestamp() * 1000)


def day_of(at_ms: int) -> date:
    """Return the UTC calendar day of a millisecond timestamp."""
    return utc(at_ms).date()


def start_of_day_ms(day: date) -> int:
    """Return the first millisecond of a UTC day."""
    return to_ms(datetime(day.year, day.month, day.day, tzinfo=UTC))
