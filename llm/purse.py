"""Money for models: what a run and an organisation may spend, kept exactly however many ask at once.

A call first reserves the most it can cost; if that is more than is left, it is refused and nothing is sent.
Afterwards the reservation is replaced by what it did cost. A process that dies in between leaves its
reservation standing: the counters are never below what was really spent. All amounts are micros of a US dollar, in
which providers charge. The state is in Redis; while Redis is away nothing can be reserved, hence nothing
spent, and the rules answer.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from domain.errors import ParleyError, Unavailable, Unprocessable
from domain.time import Clock, day_of
from llm.shared import AWAY, SharedState

_RESERVE = """
local amount = tonumber(ARGV[1])
for i = 1, #KEYS do
  local limit = tonumber(ARGV[1 + i])
  if limit >= 0 and tonumber(redis.call('GET', KEYS[i]) or 0) + amount > limit then return i end
end
for i = 1, #KEYS do
  redis.call('INCRBY', KEYS[i], amount)
  redis.call('EXPIRE', KEYS[i], ARGV[1 + #KEYS + i])
end
return 0
"""
_SETTLE = """
for i = 1, #KEYS do redis.call('INCRBY', KEYS[i], ARGV[1]) end
return 0
"""
_SPENT = "return {redis.call('GET', KEYS[1]) or 0, redis.call('GET', KEYS[2]) or 0}"
_RUN_SECONDS = 30 * 24 * 3600
_DAY_SECONDS = 3 * 24 * 3600


class BudgetExceeded(Unprocessable):
    """A call that might cost more than is left: `llm_run_budget`, `llm_daily_cap`, `llm_call_budget`."""


@dataclass(frozen=True)
class Hold:
    """A reservation: `micros` set aside on `keys` until it is settled."""

    micros: int
    keys: tuple[str, ...] = ()


class Purse(Protocol):
    """Pays for calls.

    Attributes:
        limited: Whether there is a limit at all; a model without a known price is then not asked.
    """

    @property
    def limited(self) -> bool:
        """Whether there is a limit at all."""
        ...

    async def reserve(self, micros: int) -> Hold:
        """Set aside the most a call can cost, or raise `BudgetExceeded` or `Unavailable`."""
        ...

    async def settle(self, hold: Hold, micros: int) -> None:
        """Replace a reservation by what the call did cost. Never raises."""
        ...


class NoLimit:
    """A purse without a bottom: for one-off commands and tests."""

    limited = False

    async def reserve(self, micros: int) -> Hold:
        """Set aside."""
        return Hold(micros)

    async def settle(self, hold: Hold, micros: int) -> None:
        """Do nothing."""


class SharedPurse:
    """The purse of one run of one organisation, shared by all processes.

    Args:
        redis: Holds the counters.
        clock: Decides which UTC day it is.
        run_id, org_id: Whose money it is.
        run_budget_micros: Most that this run may spend, over all its resumptions; None = no limit.
        daily_cap_micros: Most that the organisation may spend in a UTC day; None = no limit.
    """

    def __init__(
        self,
        redis: SharedState,
        clock: Clock,
        *,
        run_id: str,
        org_id: str,
        run_budget_micros: int | None,
        daily_cap_micros: int | None,
    ) -> None:
        self._redis = redis
        self._clock = clock
        self._run_id = run_id
        self._org_id = org_id
        self._limits = (run_budget_micros, daily_cap_micros)

    @property
    def limited(self) -> bool:
        """Whether there is a limit at all."""
        return any(limit is not None for limit in self._limits)

    async def reserve(self, micros: int) -> Hold:
        """Set aside the most a call can cost, on the run and on the day: on both or on neither.

        Raises:
            BudgetExceeded: `llm_run_budget` or `llm_daily_cap`.
            Unavailable: `llm_purse_away` if the counters cannot be reached.
        """
        keys = self._keys()
        limits = [-1 if limit is None else limit for limit in self._limits]
        try:
            refused = int(
                await self._redis.eval(
                    _RESERVE, 2, *keys, micros, *limits, _RUN_SECONDS, _DAY_SECONDS
                )
            )
        except AWAY as error:
            raise Unavailable(
                "llm_purse_away",
                "What models have cost cannot be looked up; no paid model is asked.",
            ) from error
        if refused:
            raise _refusal(refused)
        return Hold(micros, keys)

    async def settle(self, hold: Hold, micros: int) -> None:
        """Replace a reservation by what the call did cost; on the day on which it was reserved."""
        if micros == hold.micros or not hold.keys:
            return
        try:
            await self._redis.eval(_SETTLE, len(hold.keys), *hold.keys, micros - hold.micros)
        except AWAY:
            # The reservation stands: the counters are then above what was spent, never below.
            return

    async def spent(self) -> tuple[int, int]:
        """Return micros spent or set aside by the run, and by the organisation today.

        Raises:
            Unavailable: `llm_purse_away`.
        """
        try:
            run, day = await self._redis.eval(_SPENT, 2, *self._keys())
        except AWAY as error:
            raise Unavailable(
                "llm_purse_away", "What models have cost cannot be looked up."
            ) from error
        return int(run), int(day)

    def _keys(self) -> tuple[str, str]:
        day = day_of(self._clock.now_ms()).isoformat()
        return f"parley:llm:run:{self._run_id}", f"parley:llm:day:{self._org_id}:{day}"


def over_call_budget(micros: int, budget: int) -> ParleyError:
    """Return the refusal of a call that might cost more than its own budget."""
    return BudgetExceeded(
        "llm_call_budget",
        f"The call may cost {_dollars(micros)}, more than the {_dollars(budget)} it was given.",
    )


def _refusal(which: int) -> BudgetExceeded:
    if which == 1:
        return BudgetExceeded(
            "llm_run_budget",
            "What is left of this run's budget for models does not cover another call; "
            "raise PARLEY_LLM_RUN_BUDGET or go on with the rules.",
        )
    return BudgetExceeded(
        "llm_daily_cap",
        "What is left of today's cap for models does not cover another call; "
        "raise PARLEY_LLM_DAILY_CAP or wait until tomorrow (UTC).",
    )


def _dollars(micros: int) -> str:
    return f"${micros / 1_000_000:.4f}"
