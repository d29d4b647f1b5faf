"""The pacing controller on the real parts: ledger in, shares out, through to whoever follows."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import Any

import pytest
from redis.asyncio import Redis

from auction.spreading import LEAST_PPM, START_PPM
from billing.service import BillingService, Charge, Spend
from bootstrap.pacing import PACES, PaceFollower, PacingController, purse_of
from bootstrap.services import Services
from catalog.lifecycle import CampaignStatus
from catalog.service import export_catalogue
from catalog.specs import CampaignSpec
from domain.catalogue import Pacing
from domain.money import Money
from domain.time import FixedClock
from tests.support.catalogue import Market, live_campaign, market, move

pytestmark = pytest.mark.asyncio
MIDNIGHT = 1_794_960_000_000  # Wednesday, 18 November 2026, 00:00 UTC
HOUR, DAY = 3_600_000, 86_400_000
EVEN: dict[str, Any] = {"pacing": Pacing.EVEN, "budget_daily_micros": 48_000_000}


def at(services: Services, now_ms: int) -> Services:
    return replace(services, clock=FixedClock(now_ms))


async def beat(services: Services, now_ms: int) -> int:
    """Let the controller act as if its turn had come."""
    await services.redis.delete("parley:pacing:turn")
    return await PacingController(at(services, now_ms)).beat()


async def shares(services: Services) -> dict[str, int]:
    follower = PaceFollower(services)
    await follower.refresh()
    return dict(follower.current())


async def spend(services: Services, sides: Market, campaign: str, micros: int, now_ms: int) -> None:
    async with services.db.system() as session:
        posted = await BillingService(session, services.ids, FixedClock(now_ms)).charge(
            Charge(
                event_id=services.ids.new("evt"), kind="click", campaign_id=campaign,
                advertiser_id=sides.advertiser, publisher_id=sides.publisher,
                amount=Money(micros, "USD"), budget_total_micros=None, budget_daily_micros=None,
            )
        )  # fmt: skip
        assert posted.charged


async def test_only_even_campaigns_are_paced_and_ended_ones_forgotten(services: Services) -> None:
    sides = await market(services)
    even = await live_campaign(services, sides.advertiser, **EVEN)
    await live_campaign(services, sides.advertiser)
    assert await beat(services, MIDNIGHT) == 1
    assert await shares(services) == {even: START_PPM}
    async with services.db.system() as session:
        ads = (await export_catalogue(session)).ads
    assert {(ad.campaign_id == even, ad.pace_ppm) for ad in ads} == {
        (True, START_PPM), (False, 1_000_000),
    }  # fmt: skip
    await move(services, even, CampaignStatus.ENDED)
    assert await beat(services, MIDNIGHT + 5_000) == 0
    assert await shares(services) == {}


async def test_spending_too_fast_lowers_the_share_and_too_little_raises_it(
    services: Services,
) -> None:
    sides = await market(services)
    fast = await live_campaign(services, sides.advertiser, **EVEN)
    slow = await live_campaign(services, sides.advertiser, **EVEN)
    await beat(services, MIDNIGHT)
    # Ten dollars where two an hour are due.
    await spend(services, sides, fast, 10_000_000, MIDNIGHT + HOUR)
    await beat(services, MIDNIGHT + HOUR)
    after = await shares(services)
    assert after[fast] < START_PPM / 4
    assert after[slow] == 1_000_000


async def test_a_spent_day_leaves_the_least_share_until_midnight(services: Services) -> None:
    sides = await market(services)
    campaign = await live_campaign(services, sides.advertiser, **EVEN)
    await beat(services, MIDNIGHT)
    await spend(services, sides, campaign, 48_000_000, MIDNIGHT + 12 * HOUR)
    await beat(services, MIDNIGHT + 12 * HOUR)
    assert (await shares(services))[campaign] == LEAST_PPM
    await beat(services, MIDNIGHT + DAY)
    assert LEAST_PPM < (await shares(services))[campaign] < 1_000_000


async def test_of_many_controllers_one_acts(services: Services) -> None:
    sides = await market(services)
    await live_campaign(services, sides.advertiser, **EVEN)
    done = await asyncio.gather(*(PacingController(services).beat() for _ in range(5)))
    assert sorted(done) == [-1, -1, -1, -1, 1]


async def test_a_controller_that_died_is_followed_by_the_next(services: Services) -> None:
    sides = await market(services)
    campaign = await live_campaign(services, sides.advertiser, **EVEN)
    await beat(services, MIDNIGHT)
    await beat(services, MIDNIGHT + 900_000)
    learnt = (await shares(services))[campaign]
    await beat(services, MIDNIGHT + 905_000)
    assert (await shares(services))[campaign] >= learnt > START_PPM
    # Memory that another version wrote, or a Redis that forgot: the first share again, no failure.
    await services.redis.hset("parley:pacing", campaign, b"?")
    await beat(services, MIDNIGHT + 910_000)
    assert (await shares(services))[campaign] == START_PPM
    await services.redis.flushdb()
    await beat(services, MIDNIGHT + 915_000)
    assert (await shares(services))[campaign] == START_PPM


async def test_a_follower_keeps_the_last_shares_while_redis_is_away(services: Services) -> None:
    follower = PaceFollower(services)
    await services.redis.hset(PACES, "cmp_a", 5)
    await follower.refresh()
    async with Redis(port=1, retry=None) as gone:
        follower._services = replace(services, redis=gone)
        running = asyncio.create_task(follower.run())
        await asyncio.sleep(0.05)
        assert not running.done()
        running.cancel()
    assert follower.current() == {"cmp_a": 5}


def spec(**changes: Any) -> CampaignSpec:
    values = {"name": "S", "currency": "USD", "bid_micros": 500_000, "pacing": Pacing.EVEN}
    return CampaignSpec(**{**values, **changes})


@pytest.mark.parametrize(
    ("changes", "spent", "left"),
    [
        ({"budget_daily_micros": 48}, (9, 8), (40, 12 * HOUR)),
        ({"budget_daily_micros": 48, "ends_ms": MIDNIGHT + 18 * HOUR}, (9, 8), (40, 6 * HOUR)),
        ({"budget_total_micros": 70, "ends_ms": MIDNIGHT + 2 * DAY}, (10, 8), (60, 36 * HOUR)),
        # The tighter of both.
        ({"budget_total_micros": 70, "budget_daily_micros": 69, "ends_ms": MIDNIGHT + 9 * DAY},
         (10, 0), (60, 204 * HOUR)),
        # Thursdays do not count: half of today, all of Friday.
        ({"budget_total_micros": 70, "ends_ms": MIDNIGHT + 3 * DAY, "weekdays": (3, 5)},
         (0, 0), (70, 36 * HOUR)),
    ],
)  # fmt: skip
async def test_the_purse_is_the_tighter_budget_over_the_days_it_runs(
    changes: Any, spent: tuple[int, int], left: tuple[int, int]
) -> None:
    purse = purse_of(spec(**changes), Spend("cmp", *spent), MIDNIGHT + 12 * HOUR)
    assert (purse.left_micros, purse.left_ms) == left
