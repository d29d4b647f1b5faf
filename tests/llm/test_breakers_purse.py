"""Breakers and budgets on the real Redis, without it, and from many callers at once."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import pytest

from bootstrap.services import Services
from domain.errors import Unavailable
from domain.time import FixedClock
from llm.breaker import Breakers, Circuit
from llm.observed import Observed
from llm.purse import BudgetExceeded, NoLimit, SharedPurse
from storage.cache import make_redis

pytestmark = pytest.mark.asyncio
MODEL = "openai:gpt-6-luna"
#: Nothing listens there.
NOBODY = "redis://127.0.0.1:1/0"
MakeBreakers = Callable[[FixedClock], Breakers]


@pytest.fixture(params=["redis", "process", "redis away"])
def make(request: pytest.FixtureRequest, services: Services) -> MakeBreakers:
    def breakers(clock: FixedClock) -> Breakers:
        where = {"redis": services.redis, "process": None, "redis away": make_redis(NOBODY)}
        return Breakers(clock, where[request.param], probe_s=10)

    return breakers


async def _fail(breakers: Breakers, times: int) -> None:
    for _ in range(times):
        await breakers.failed(MODEL)


async def test_it_opens_at_the_fifth_failure_in_a_row(make: MakeBreakers) -> None:
    breakers = make(FixedClock(1_000))
    await _fail(breakers, 4)
    assert await breakers.allow(MODEL) is Circuit.CLOSED
    await breakers.succeeded(MODEL)
    await _fail(breakers, 4)
    assert await breakers.allow(MODEL) is Circuit.CLOSED
    await breakers.failed(MODEL)
    assert await breakers.allow(MODEL) is Circuit.OPEN
    assert await breakers.allow("xai:grok-4.3") is Circuit.CLOSED


async def test_after_a_minute_one_at_a_time_may_try(make: MakeBreakers) -> None:
    clock = FixedClock(1_000)
    breakers = make(clock)
    await _fail(breakers, 5)
    clock.advance(59_999)
    assert await breakers.allow(MODEL) is Circuit.OPEN
    clock.advance(1)
    found = await asyncio.gather(*(breakers.allow(MODEL) for _ in range(20)))
    assert sorted(found) == [Circuit.HALF_OPEN] + [Circuit.OPEN] * 19


async def test_a_try_that_fails_opens_again_and_one_that_succeeds_closes(
    make: MakeBreakers,
) -> None:
    clock = FixedClock(1_000)
    breakers = make(clock)
    await _fail(breakers, 5)
    clock.advance(60_000)
    assert await breakers.allow(MODEL) is Circuit.HALF_OPEN
    await breakers.failed(MODEL)
    clock.advance(59_999)
    assert await breakers.allow(MODEL) is Circuit.OPEN
    clock.advance(1)
    assert await breakers.allow(MODEL) is Circuit.HALF_OPEN
    await breakers.succeeded(MODEL)
    assert await breakers.allow(MODEL) is Circuit.CLOSED


async def test_a_try_that_never_reports_does_not_close_the_door_for_ever(
    make: MakeBreakers,
) -> None:
    clock = FixedClock(1_000)
    breakers = make(clock)
    await _fail(breakers, 5)
    clock.advance(60_000)
    assert await breakers.allow(MODEL) is Circuit.HALF_OPEN
    clock.advance(9_999)
    assert await breakers.allow(MODEL) is Circuit.OPEN
    clock.advance(1)
    assert await breakers.allow(MODEL) is Circuit.HALF_OPEN


async def test_processes_share_what_they_saw(services: Services) -> None:
    clock = FixedClock(1_000)
    one, two = Breakers(clock, services.redis), Breakers(clock, services.redis)
    await _fail(one, 3)
    await _fail(two, 2)
    assert await one.allow(MODEL) is Circuit.OPEN
    await two.succeeded(MODEL)
    assert await one.allow(MODEL) is Circuit.CLOSED


async def test_a_process_remembers_when_redis_goes_away(services: Services) -> None:
    clock = FixedClock(1_000)

    class Leaving:
        here = True

        async def eval(self, script: str, numkeys: int, *args: object) -> object:
            if not self.here:
                raise ConnectionError("away")
            return await services.redis.eval(script, numkeys, *args)  # type: ignore[arg-type, misc]

    state = Leaving()
    breakers = Breakers(clock, state)
    await _fail(breakers, 5)
    state.here = False
    assert await breakers.allow(MODEL) is Circuit.OPEN


def _purse(services: Services, run: str = "run_1", **limits: int | None) -> SharedPurse:
    all_limits: dict[str, int | None] = {"run_budget_micros": None, "daily_cap_micros": None}
    clock = FixedClock(1_800_000_000_000)
    return SharedPurse(
        services.redis, clock, run_id=run, org_id="org_1", **{**all_limits, **limits}
    )


async def test_twenty_at_once_never_exceed_the_budget(services: Services) -> None:
    async def call(purse: SharedPurse) -> str:
        try:
            hold = await purse.reserve(150)
        except BudgetExceeded as error:
            return error.code
        run, _ = await purse.spent()
        assert run <= 1_000
        await purse.settle(hold, 100)
        return "paid"

    purse = _purse(services, run_budget_micros=1_000)
    done = await asyncio.gather(*(call(purse) for _ in range(20)))
    assert set(done) == {"paid", "llm_run_budget"}
    run, day = await purse.spent()
    assert run == day == 100 * done.count("paid") <= 1_000


async def test_runs_of_one_organisation_share_the_daily_cap(services: Services) -> None:
    async def spend(number: int) -> int:
        purse = _purse(services, f"run_{number}", daily_cap_micros=1_000)
        try:
            hold = await purse.reserve(70)
        except BudgetExceeded as error:
            return 0 if error.code == "llm_daily_cap" else -1
        await purse.settle(hold, 70)
        return 70

    spent = sum(await asyncio.gather(*(spend(n) for n in range(20))))
    assert spent == 980
    assert (await _purse(services).spent())[1] == 980


async def test_a_refusal_sets_nothing_aside(services: Services) -> None:
    purse = _purse(services, run_budget_micros=1_000, daily_cap_micros=50)
    with pytest.raises(BudgetExceeded):
        await purse.reserve(60)
    assert await purse.spent() == (0, 0)


async def test_a_call_that_never_settles_stays_counted(services: Services) -> None:
    await _purse(services, run_budget_micros=100).reserve(80)
    with pytest.raises(BudgetExceeded):
        await _purse(services, run_budget_micros=100).reserve(80)


async def test_a_call_over_midnight_is_settled_on_the_day_it_was_reserved(
    services: Services,
) -> None:
    clock = FixedClock(1_800_057_599_000)
    purse = SharedPurse(
        services.redis,
        clock,
        run_id="r",
        org_id="o",
        run_budget_micros=None,
        daily_cap_micros=500,
    )
    hold = await purse.reserve(400)
    clock.advance(2_000)
    await purse.settle(hold, 100)
    assert await purse.spent() == (100, 0)


async def test_without_its_counters_nothing_is_spent() -> None:
    purse = SharedPurse(
        make_redis(NOBODY),
        FixedClock(0),
        run_id="r",
        org_id="o",
        run_budget_micros=None,
        daily_cap_micros=None,
    )
    with pytest.raises(Unavailable):
        await purse.reserve(1)
    with pytest.raises(Unavailable):
        await purse.spent()
    free = NoLimit()
    await free.settle(await free.reserve(5), 3)


async def test_what_models_did_is_observed_by_all(services: Services) -> None:
    one, two = Observed(services.redis), Observed(services.redis)
    for ms in range(1, 101):
        await one.note(MODEL, ms, answered=True)
    for _ in range(25):
        await one.note(MODEL, 60_000, answered=False)
    seen = await two.seen(MODEL)
    assert (seen.calls, seen.p50_ms, seen.p95_ms) == (125, 50, 95)
    assert seen.error_rate == pytest.approx(0.2)
    assert await two.medians([MODEL, "xai:never"]) == {MODEL: 50}
    away = Observed(make_redis(NOBODY))
    await away.note(MODEL, 7, answered=True)
    assert (await away.seen(MODEL)).p50_ms == 7
