"""Rate tiers: calls per organisation and UTC day, counted in Redis in one round trip.

A web app has no secret, so anybody can call in its name: its calls are counted per address first, one
address gets a tenth of the free tier, and what it asks for beyond that does not use up the app's own day.
Addresses are kept as keyed hashes, until the day is over.
"""

from __future__ import annotations

import asyncio
import hashlib
from typing import Any

from redis.asyncio import Redis

from api.exchange import Exchange, Rate
from catalog.access import Principal
from domain.errors import RateLimited, Unavailable
from domain.time import Clock, day_of
from storage.cache import REDIS_ERRORS

_DAY_MS = 86_400_000
#: Counters outlive their day by an hour, so that a clock that runs behind still finds them.
_GRACE_S = 3_600
#: A counter is not worth more waiting than this.
_PATIENCE_S = 0.3

_COUNT = """
local used = {}
for i, key in ipairs(KEYS) do
  used[i] = redis.call('INCR', key)
  if used[i] == 1 then redis.call('EXPIRE', key, ARGV[1]) end
  if used[i] > tonumber(ARGV[i + 1]) then break end
end
return used
"""


class Limiter:
    """Counts calls.

    Args:
        redis: The client.
        clock: Says which day it is.
        per_day: Calls per day by tier.
        secret: 32 bytes; makes hashes of addresses useless elsewhere.
    """

    def __init__(self, redis: Redis, clock: Clock, per_day: dict[str, int], secret: bytes) -> None:
        self._clock = clock
        self._per_day = per_day
        self._secret = secret
        self._count = redis.register_script(_COUNT)

    async def count(self, principal: Principal, address: str, exchange: Exchange) -> None:
        """Count one call and note on the exchange where the caller stands.

        Args:
            principal: Who calls.
            address: From where.
            exchange: Gets the rate, also when the call is refused.

        Raises:
            RateLimited: if the tier (or the address) has no calls left today.
            Unavailable: if Redis does not answer in time.
        """
        now = self._clock.now_ms()
        left_s = -(-(_DAY_MS - now % _DAY_MS) // 1000)
        limits: dict[str, int] = {}
        if principal.key_id is None:
            limits[self._address_key(principal, address, now)] = max(1, self._per_day["free"] // 10)
        limits[self._org_key(principal, now)] = self._limit(principal)
        used = await self._run(limits, left_s + _GRACE_S)
        # Counting stops at the first limit that is passed, so there may be fewer counts than limits.
        limit, taken = min(
            zip(limits.values(), used, strict=False), key=lambda pair: pair[0] - pair[1]
        )
        exchange.rate = Rate(limit, max(0, limit - taken), left_s)
        if taken > limit:
            raise RateLimited(
                "rate_limited",
                f"The limit of {limit:,} calls per day is used up; it starts anew in {left_s} seconds.",
                retry_after=left_s,
            )

    async def _run(self, limits: dict[str, int], ttl_s: int) -> list[int]:
        try:
            async with asyncio.timeout(_PATIENCE_S):
                reply: Any = await self._count(keys=list(limits), args=[ttl_s, *limits.values()])
        except REDIS_ERRORS as error:
            raise Unavailable(
                "limits_unavailable", "Calls cannot be counted right now; try again in a moment."
            ) from error
        return [int(n) for n in reply]

    def _limit(self, principal: Principal) -> int:
        return self._per_day.get(principal.tier, self._per_day["free"])

    def _org_key(self, principal: Principal, now_ms: int) -> str:
        return f"parley:rate:{principal.org_id}:{day_of(now_ms):%Y%m%d}"

    def _address_key(self, principal: Principal, address: str, now_ms: int) -> str:
        day = f"{day_of(now_ms):%Y%m%d}"
        seed = f"{principal.app_id}|{address}|{day}".encode()
        digest = hashlib.blake2b(seed, key=self._secret, digest_size=12).hexdigest()
        return f"parley:rate:{principal.app_id}:{digest}:{day}"
