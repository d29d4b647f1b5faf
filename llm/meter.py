"""What a run's models have used and cost, over all its resumptions, in Redis."""

from __future__ import annotations

import logging
from dataclasses import dataclass

from llm.answers import Charge
from llm.shared import AWAY, SharedState

log = logging.getLogger("parley.llm")

_FIELDS = (
    "calls",
    "failed",
    "input_tokens",
    "output_tokens",
    "cost_micros",
    "estimated",
    "unpriced",
)
_SECONDS = 30 * 24 * 3600
_ADD = """
for i = 2, #ARGV, 2 do redis.call('HINCRBY', KEYS[1], ARGV[i], ARGV[i + 1]) end
return redis.call('EXPIRE', KEYS[1], ARGV[1])
"""
_READ = "return redis.call('HMGET', KEYS[1], unpack(ARGV))"


@dataclass(frozen=True)
class RunUsage:
    """Sums over a run's calls of paid models.

    Attributes:
        calls, failed: How many, and how many without a usable answer.
        input_tokens, output_tokens: As the models counted them.
        cost_micros: Micros of a US dollar.
        estimated: Calls that are booked at the most they can have cost.
        unpriced: Calls whose price is not known, and which are hence missing in `cost_micros`.
    """

    calls: int = 0
    failed: int = 0
    input_tokens: int = 0
    output_tokens: int = 0
    cost_micros: int = 0
    estimated: int = 0
    unpriced: int = 0


class RunMeter:
    """Adds up the calls of one run.

    Args:
        redis: Holds the sums.
        run_id: The run.
    """

    def __init__(self, redis: SharedState, run_id: str) -> None:
        self._redis = redis
        self._key = f"parley:llm:usage:{run_id}"

    async def add(self, charge: Charge) -> None:
        """Add one call. Sums are for reading, not for limits: losing one stops nothing."""
        values = (
            1,
            int(charge.outcome != "answered"),
            charge.usage.input_tokens,
            charge.usage.output_tokens,
            charge.cost_micros or 0,
            int(charge.estimated),
            int(charge.cost_micros is None),
        )
        pairs = [part for pair in zip(_FIELDS, values, strict=True) for part in pair]
        try:
            await self._redis.eval(_ADD, 1, self._key, _SECONDS, *pairs)
        except AWAY as error:
            log.warning("a call is missing in %s: %s", self._key, error)

    async def read(self) -> RunUsage:
        """Return the sums; zeros while Redis is away."""
        try:
            found = await self._redis.eval(_READ, 1, self._key, *_FIELDS)
        except AWAY as error:
            log.warning("%s cannot be read: %s", self._key, error)
            return RunUsage()
        return RunUsage(*(int(value or 0) for value in found))


def in_words(charge: Charge) -> str:
    """Return one line for a person who watches: who was asked for what, and what it cost."""
    cost = "price unknown" if charge.cost_micros is None else f"${charge.cost_micros / 1e6:.4f}"
    most = "at most " if charge.estimated and charge.cost_micros else ""
    tokens = f"{charge.usage.input_tokens:,} + {charge.usage.output_tokens:,} tokens"
    end = "" if charge.outcome == "answered" else f" ({charge.outcome})"
    return f"{charge.task} by {charge.spec}: {tokens}, {most}{cost}{end}"
