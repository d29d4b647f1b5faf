"""Even pacing: a controller that says how often each campaign may take part, and those who follow it.

The controller (a beat of the ticker) compares what the ledger says was spent with what should have been, and
writes shares into one Redis hash; serving processes read it every second. No compilation is needed, and the
shares that mattered to a decision go into its record.

Only what was spent counts, not what is held for open offers: most offers are never clicked and their holds
return, so a campaign that counted them would be starved by one over its click rate. Holds bound the budget
all the same, in the reservation.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping, Sequence
from typing import Any, Final

import msgspec

from auction.spreading import Pace, Purse, first_pace, next_pace
from billing.service import BillingService, Spend
from bootstrap.services import Services
from catalog.export import spec_of
from catalog.repository import Campaigns
from catalog.specs import CampaignSpec, price_of_one
from domain.time import day_of
from storage.cache import REDIS_ERRORS

log = logging.getLogger("parley.pacing")

#: Seconds between two beats of the controller, and between two looks of a follower.
BEAT_SECONDS: Final = 5.0
LOOK_SECONDS: Final = 1.0
#: Campaign id → share of auctions in parts per million; and what the controller remembers of each.
PACES: Final = "parley:pace"
_MEMORY: Final = "parley:pacing"
_TURN: Final = "parley:pacing:turn"
_DAY_MS: Final = 86_400_000
#: Days that are looked through for those on which a campaign runs; beyond, every day counts.
_DAYS_AHEAD: Final = 400

_decode = msgspec.msgpack.Decoder(Pace).decode
_encode = msgspec.msgpack.Encoder().encode


class PacingController:
    """Sets the shares of all live campaigns that are paced evenly.

    Any number may run: each beat belongs to one of them. What it remembers lies in Redis and is written
    together with the shares, so one that dies is followed by any other; a Redis that lost its memory makes
    campaigns start again with their first share.

    Args:
        services: The installation's parts.
    """

    def __init__(self, services: Services) -> None:
        self._services = services

    async def beat(self) -> int:
        """Set all shares once; return how many campaigns are paced, -1 if another controller just did."""
        redis = self._services.redis
        turn_ms = int(BEAT_SECONDS * 800)
        if not await redis.set(_TURN, b"1", nx=True, px=turn_ms):
            return -1
        now = self._services.clock.now_ms()
        specs, spend = await self._live()
        stored: Any = await redis.hgetall(_MEMORY)
        paces = {
            campaign: _paced(spec, spend[campaign], _known(stored.get(campaign.encode())), now)
            for campaign, spec in specs.items()
        }
        await self._write(paces)
        return len(paces)

    async def _live(self) -> tuple[dict[str, CampaignSpec], Mapping[str, Spend]]:
        parts = self._services
        async with parts.db.system() as session:
            rows = await Campaigns(session).evenly_paced()
            specs = {row.id: spec_of(row) for row in rows}
            billing = BillingService(session, parts.ids, parts.clock)
            return specs, await billing.spend_of(list(specs))

    async def _write(self, paces: Mapping[str, Pace]) -> None:
        # One transaction: nobody sees shares without the memory they came from, or half of either.
        async with self._services.redis.pipeline(transaction=True) as pipe:
            pipe.delete(PACES, _MEMORY)
            if paces:
                pipe.hset(PACES, mapping={c: pace.ppm for c, pace in paces.items()})
                pipe.hset(_MEMORY, mapping={c: _encode(pace) for c, pace in paces.items()})
            await pipe.execute()


class PaceFollower:
    """The shares as this process knows them; hand `current` to the fast path.

    Args:
        services: The installation's parts.
    """

    def __init__(self, services: Services) -> None:
        self._services = services
        self._paces: Mapping[str, int] = {}

    def current(self) -> Mapping[str, int]:
        """Return share by campaign id; a campaign that is not in it has the share of its snapshot."""
        return self._paces

    async def refresh(self) -> None:
        """Look once."""
        found: Any = await self._services.redis.hgetall(PACES)
        self._paces = {campaign.decode(): int(share) for campaign, share in found.items()}

    async def run(self) -> None:
        """Look for ever; while Redis is away the last shares stay (and no ad is granted anyway)."""
        while True:
            try:
                await self.refresh()
            except (*REDIS_ERRORS, ValueError) as error:
                log.warning("paces not refreshed: %s; the last ones stay", error)
            await asyncio.sleep(LOOK_SECONDS)


def _known(data: bytes | None) -> Pace | None:
    if data is None:
        return None
    try:
        return _decode(data)
    except msgspec.MsgspecError:
        # Written by another version: the campaign starts again with its first share.
        return None


def _paced(spec: CampaignSpec, spend: Spend, known: Pace | None, now_ms: int) -> Pace:
    purse = purse_of(spec, spend, now_ms)
    total = spend.total_micros
    if known is None or now_ms < (spec.starts_ms or 0):
        return first_pace(purse, total_micros=total, now_ms=now_ms)
    if spec.weekdays and day_of(now_ms).isoweekday() not in spec.weekdays:
        # A day off says nothing about what a running day brings.
        return known._replace(total_micros=total, at_ms=now_ms)
    return next_pace(known, purse, total_micros=total, now_ms=now_ms)


def purse_of(spec: CampaignSpec, spend: Spend, now_ms: int) -> Purse:
    """Return the tighter of a campaign's budgets: the day's until midnight, the whole until its end (UTC).

    Args:
        spec: The campaign.
        spend: What it has spent.
        now_ms: The clock.
    """
    midnight = (now_ms // _DAY_MS + 1) * _DAY_MS
    ends = spec.ends_ms
    event = price_of_one(spec)
    purses = []
    if spec.budget_daily_micros is not None:
        left = spec.budget_daily_micros - spend.today_micros
        until = midnight if ends is None else min(midnight, ends)
        purses.append(Purse(left, max(1, until - now_ms), event))
    if spec.budget_total_micros is not None and ends is not None:
        left = spec.budget_total_micros - spend.total_micros
        purses.append(Purse(left, max(1, _running_ms(spec.weekdays, now_ms, ends)), event))
    return min(purses, key=lambda purse: purse.left_micros / purse.left_ms)


def _running_ms(weekdays: Sequence[int], start_ms: int, end_ms: int) -> int:
    """Return how much of a time lies on days on which the campaign runs."""
    if not weekdays or end_ms - start_ms > _DAYS_AHEAD * _DAY_MS:
        return end_ms - start_ms
    running = 0
    for day in range(start_ms // _DAY_MS, -(-end_ms // _DAY_MS)):
        if day_of(day * _DAY_MS).isoweekday() in weekdays:
            running += min(end_ms, (day + 1) * _DAY_MS) - max(start_ms, day * _DAY_MS)
    return running
