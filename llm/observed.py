"""What models were seen to do: median and 95th percentile of their time, and how often they fail.

The last calls of each model are kept in Redis, shared by all processes, and in this process as well, which
is what counts while Redis is away.
"""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass

from llm.shared import AWAY, SharedState, text

log = logging.getLogger("parley.llm")

_KEEP = 200
_SECONDS = 7 * 24 * 3600
_ADD = """
redis.call('LPUSH', KEYS[1], ARGV[1])
redis.call('LTRIM', KEYS[1], 0, ARGV[2] - 1)
return redis.call('EXPIRE', KEYS[1], ARGV[3])
"""
_READ = "return redis.call('LRANGE', KEYS[1], 0, -1)"


@dataclass(frozen=True)
class Seen:
    """What the last calls of a model were like.

    Attributes:
        calls: How many were looked at, at most 200.
        p50_ms, p95_ms: Of those that were answered; None if none was.
        error_rate: Share that failed.
    """

    calls: int
    p50_ms: int | None
    p95_ms: int | None
    error_rate: float


class Observed:
    """Remembers how calls went.

    Args:
        redis: Shared state; None keeps it in this process.
    """

    def __init__(self, redis: SharedState | None = None) -> None:
        self._redis = redis
        self._here: dict[str, deque[str]] = {}

    async def note(self, spec: str, elapsed_ms: int, *, answered: bool) -> None:
        """Remember one call."""
        entry = f"{elapsed_ms},{int(answered)}"
        self._here.setdefault(spec, deque(maxlen=_KEEP)).appendleft(entry)
        if self._redis is None:
            return
        try:
            await self._redis.eval(_ADD, 1, _key(spec), entry, _KEEP, _SECONDS)
        except AWAY as error:
            log.warning("what %s did is remembered by this process only: %s", spec, error)

    async def seen(self, spec: str) -> Seen:
        """Return what the last calls of a model were like."""
        entries: Sequence[object] = tuple(self._here.get(spec, ()))
        if self._redis is not None:
            try:
                entries = await self._redis.eval(_READ, 1, _key(spec))
            except AWAY as error:
                log.warning("what %s did is known from this process only: %s", spec, error)
        pairs = [text(entry).split(",") for entry in entries]
        times = sorted(int(ms) for ms, answered in pairs if answered == "1")
        return Seen(
            calls=len(pairs),
            p50_ms=_quantile(times, 50),
            p95_ms=_quantile(times, 95),
            error_rate=1 - len(times) / len(pairs) if pairs else 0.0,
        )

    async def medians(self, specs: Sequence[str]) -> dict[str, int]:
        """Return the median milliseconds of the models that were observed."""
        found = {spec: (await self.seen(spec)).p50_ms for spec in specs}
        return {spec: ms for spec, ms in found.items() if ms is not None}


def _quantile(ordered: Sequence[int], percent: int) -> int | None:
    """Return the smallest value that so many percent of the values do not exceed."""
    return ordered[-(-len(ordered) * percent // 100) - 1] if ordered else None


def _key(spec: str) -> str:
    return f"parley:llm:calls:{spec}"
