"""Rate tiers: calls per organisation and UTC day, counted in Redis in one round trip.

The hot route counts ahead: it takes some calls of the organisation's day at once and counts them down in the
process, so that most decisions make one trip to Redis and not two. What is taken is counted, so a tier is never
exceeded; what a process has taken and not used when it ends, at most `_AHEAD` calls, is lost to that day.

A web app has no secret, so anybody can call in its name: its calls are counted per address first, one
address gets a tenth of the free tier, and what it asks for beyond that does not use up the app's own day.
Addresses are kept as keyed hashes, until the day is over.
"""

from __future__ import annotations

import asyncio
import hashlib
from dataclasses import dataclass
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

#: Most calls taken at once, and the share of a day that they are at most.
_AHEAD = 1_000
_SHARE = 1_000
_MOST_LEASES = 10_000

#: Takes up to so many calls from each counter, in order, until one has none left.
#: KEYS counters  ARGV 1 seconds to keep  then per counter: limit, wanted. Returns used, taken for each.
_TAKE = """
local found = {}
for i, key in ipairs(KEYS) do
  local limit, wanted = tonumber(ARGV[2 * i]), tonumber(ARGV[2 * i + 1])
  local used = tonumber(redis.call('GET', key) or '0')
  local taken = math.max(0, math.min(wanted, limit - used))
  if taken > 0 then
    redis.call('INCRBY', key, taken)
    if used == 0 then redis.call('EXPIRE', key, ARGV[1]) end
  end
  found[#found + 1] = used + taken
  found[#found + 1] = taken
  if taken == 0 then break end
end
return found
"""


@dataclass
class _Lease:
    """Calls taken and not used yet.

    Attributes:
        day: Number of the UTC day they are good for.
        limit: Calls of that day. used: how many of them are taken, by whomever.
        left: How many of ours are left.
    """

    day: int
    limit: int
    used: int
    left: int


@dataclass(frozen=True)
class _Want:
    """A counter, its limit, and how many calls to take from it."""

    key: str
    limit: int
    calls: int


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
        self._take = redis.register_script(_TAKE)
        self._leases: dict[str, _Lease] = {}
        self._leasing: dict[str, asyncio.Lock] = {}

    async def count(
        self, principal: Principal, address: str, exchange: Exchange, *, ahead: bool = False
    ) -> None:
        """Count one call and note on the exchange where the caller stands.

        Args:
            principal: Who calls.
            address: From where.
            exchange: Gets the rate, also when the call is refused.
            ahead: Take calls in advance where the tier is large; for callers with a key.

        Raises:
            RateLimited: if the tier (or the address) has no calls left today.
            Unavailable: if Redis does not answer in time.
        """
        now = self._clock.now_ms()
        left_s = -(-(_DAY_MS - now % _DAY_MS) // 1000)
        limit = self._limit(principal)
        if ahead and principal.key_id is not None and limit > _SHARE:
            await self._count_ahead(principal, limit, now, left_s, exchange)
            return
        wants = [_Want(self._org_key(principal, now), limit, 1)]
        if principal.key_id is None:
            share = max(1, self._per_day["free"] // 10)
            wants.insert(0, _Want(self._address_key(principal, address, now), share, 1))
        found = await self._run(wants, left_s + _GRACE_S)
        # Taking stops at the first limit that is reached, so there may be fewer counts than limits.
        want, (used, taken) = min(
            zip(wants, found, strict=False),
            key=lambda pair: (pair[1][1], pair[0].limit - pair[1][0]),
        )
        _note(exchange, want.limit, want.limit - used, left_s, refused=taken == 0)

    def use(self, principal: Principal, exchange: Exchange, now_ms: int) -> bool:
        """Count a call from those taken ahead; False if there is none, and `count` has to be asked.

        Args:
            principal: Who calls.
            exchange: Gets the rate.
            now_ms: Of the limiter's clock.
        """
        lease = self._leases.get(principal.org_id)
        if lease is None or not lease.left or principal.key_id is None:
            return False
        limit = self._limit(principal)
        day, past = divmod(now_ms, _DAY_MS)
        if lease.day != day or lease.limit != limit:
            return False
        lease.left = ours = lease.left - 1
        left = limit - lease.used + ours
        exchange.rate = Rate(limit, left if left > 0 else 0, (_DAY_MS + 999 - past) // 1000)
        return True

    async def _count_ahead(
        self, principal: Principal, limit: int, now: int, left_s: int, exchange: Exchange
    ) -> None:
        """Use a call taken before, or take some more."""
        day = now // _DAY_MS
        lease = self._leases.get(principal.org_id)
        if lease is None or lease.left == 0 or (lease.day, lease.limit) != (day, limit):
            lease = await self._lease(principal, limit, now, left_s)
        refused = lease.left == 0
        lease.left = max(0, lease.left - 1)
        _note(exchange, limit, limit - lease.used + lease.left, left_s, refused=refused)

    async def _lease(self, principal: Principal, limit: int, now: int, left_s: int) -> _Lease:
        """Return a lease with a call left in it, unless the day is used up."""
        org_id, day = principal.org_id, now // _DAY_MS
        async with self._leasing.setdefault(org_id, asyncio.Lock()):
            # Another call may have fetched one while this one waited.
            lease = self._leases.get(org_id)
            if lease is not None and lease.left and (lease.day, lease.limit) == (day, limit):
                return lease
            want = _Want(self._org_key(principal, now), limit, min(_AHEAD, limit // _SHARE))
            ((used, taken),) = await self._run([want], left_s + _GRACE_S)
            if len(self._leases) >= _MOST_LEASES:
                self._leases.clear()
                self._leasing.clear()
            fresh = self._leases[org_id] = _Lease(day, limit, used, taken)
            return fresh

    async def _run(self, wants: list[_Want], ttl_s: int) -> list[tuple[int, int]]:
        """Take calls; return (used, taken) of each counter that was asked."""
        args = [number for want in wants for number in (want.limit, want.calls)]
        try:
            async with asyncio.timeout(_PATIENCE_S):
                reply: Any = await self._take(keys=[w.key for w in wants], args=[ttl_s, *args])
        except REDIS_ERRORS as error:
            raise Unavailable(
                "limits_unavailable", "Calls cannot be counted right now; try again in a moment."
            ) from error
        numbers = [int(number) for number in reply]
        return list(zip(numbers[::2], numbers[1::2], strict=True))

    def _limit(self, principal: Principal) -> int:
        return self._per_day.get(principal.tier, self._per_day["free"])

    def _org_key(self, principal: Principal, now_ms: int) -> str:
        return f"parley:rate:{principal.org_id}:{day_of(now_ms):%Y%m%d}"

    def _address_key(self, principal: Principal, address: str, now_ms: int) -> str:
        day = f"{day_of(now_ms):%Y%m%d}"
        seed = f"{principal.app_id}|{address}|{day}".encode()
        digest = hashlib.blake2b(seed, key=self._secret, digest_size=12).hexdigest()
        return f"parley:rate:{principal.app_id}:{digest}:{day}"


def _note(exchange: Exchange, limit: int, left: int, left_s: int, *, refused: bool) -> None:
    exchange.rate = Rate(limit, max(0, left), left_s)
    if refused:
        raise RateLimited(
            "rate_limited",
            f"The limit of {limit:,} calls per day is used up; it starts anew in {left_s} seconds.",
            retry_after=left_s,
        )
