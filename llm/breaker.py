"""Circuit breakers: a model that keeps failing is left alone for a while, by all processes.

closed, until `threshold` failures in a row; open, for `recovery_s`; then half-open: one call at a time may
try. If it succeeds the breaker closes, if it fails it opens again; if it never reports, the next one may
try after `probe_s`. The state is in Redis. While Redis is away each process goes by what it saw itself.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from domain.time import Clock
from llm.shared import AWAY, SharedState, text

log = logging.getLogger("parley.llm")

_ALLOW = """
local s = redis.call('HMGET', KEYS[1], 'failures', 'opened', 'probe')
local failures, opened, probe = tonumber(s[1] or 0), tonumber(s[2] or 0), tonumber(s[3] or 0)
local now, threshold = tonumber(ARGV[1]), tonumber(ARGV[2])
if failures < threshold then return 'closed' end
if now < opened + tonumber(ARGV[3]) then return 'open' end
if now < probe then return 'open' end
redis.call('HSET', KEYS[1], 'probe', now + tonumber(ARGV[4]))
return 'half_open'
"""
_FAILED = """
local failures = redis.call('HINCRBY', KEYS[1], 'failures', 1)
if failures >= tonumber(ARGV[2]) then
  redis.call('HSET', KEYS[1], 'opened', ARGV[1], 'probe', 0)
end
redis.call('PEXPIRE', KEYS[1], ARGV[3])
return failures
"""
_SUCCEEDED = "return redis.call('DEL', KEYS[1])"
#: A failure is forgotten after so many recoveries without another one.
_FORGET_AFTER = 10


class Circuit(StrEnum):
    """State of a breaker, as a caller finds it."""

    CLOSED = "closed"
    OPEN = "open"
    HALF_OPEN = "half_open"


@dataclass
class _Local:
    failures: int = 0
    opened: int = 0
    probe: int = 0
    last: int = 0


class Breakers:
    """One breaker for each model.

    Args:
        clock: For when a breaker opened.
        redis: Shared state; None keeps it in this process.
        threshold: Failures in a row that open a breaker.
        recovery_s: Seconds a breaker stays open.
        probe_s: Longest a half-open try may take before another one is let through.
    """

    def __init__(
        self,
        clock: Clock,
        redis: SharedState | None = None,
        *,
        threshold: int = 5,
        recovery_s: float = 60.0,
        probe_s: float = 120.0,
    ) -> None:
        self._clock = clock
        self._redis = redis
        self._threshold = threshold
        self._recovery_ms = int(recovery_s * 1000)
        self._probe_ms = int(probe_s * 1000)
        self._local: dict[str, _Local] = {}

    async def allow(self, spec: str) -> Circuit:
        """Say whether a model may be asked now: not if `OPEN`. `HALF_OPEN` means: this call is the try."""
        now = self._clock.now_ms()
        answer = await self._shared(
            _ALLOW, spec, now, self._threshold, self._recovery_ms, self._probe_ms
        )
        return Circuit(text(answer)) if answer is not None else self._allow_here(spec, now)

    async def succeeded(self, spec: str) -> None:
        """Record that a model answered."""
        self._local.pop(spec, None)
        await self._shared(_SUCCEEDED, spec)

    async def failed(self, spec: str) -> None:
        """Record that a model could not be reached, or was not able to answer."""
        now = self._clock.now_ms()
        self._fail_here(spec, now)
        await self._shared(_FAILED, spec, now, self._threshold, self._recovery_ms * _FORGET_AFTER)

    async def _shared(self, script: str, spec: str, *args: int) -> Any:
        if self._redis is None:
            return None
        try:
            return await self._redis.eval(script, 1, f"parley:llm:breaker:{spec}", *args)
        except AWAY as error:
            log.warning("breaker of %s: going by what this process saw: %s", spec, error)
            return None

    def _allow_here(self, spec: str, now: int) -> Circuit:
        state = self._local.get(spec)
        if state is None or state.failures < self._threshold:
            return Circuit.CLOSED
        if now < state.opened + self._recovery_ms or now < state.probe:
            return Circuit.OPEN
        state.probe = now + self._probe_ms
        return Circuit.HALF_OPEN

    def _fail_here(self, spec: str, now: int) -> None:
        state = self._local.setdefault(spec, _Local())
        if now - state.last >= self._recovery_ms * _FORGET_AFTER:
            state.failures = 0
        state.failures, state.last = state.failures + 1, now
        if state.failures >= self._threshold:
            state.opened, state.probe = now, 0
