"""Even pacing over a simulated day: on target at its end, smooth within it, whatever the traffic."""

from __future__ import annotations

import random
from collections.abc import Callable
from itertools import pairwise
from math import pi, sin

import pytest

from auction.spreading import LEAST_PPM, START_PPM, Pace, Purse, first_pace, next_pace

DAY = 86_400_000
BEAT = 5_000
BID = 50_000


def simulate(
    daily: int, capacity: Callable[[int], float], *, seed: int = 1, lag_ms: int = 0, days: int = 1
) -> tuple[list[list[int]], list[Pace]]:
    """Return spend per quarter of an hour of each day, and the paces.

    Args:
        daily: Budget per day, micros.
        capacity: Events per second at full participation, by the time of day in ms.
        seed: Of the traffic.
        lag_ms: How much later the controller hears of an event.
        days: How many.
    """
    chance = random.Random(seed)
    buckets = [[0] * 96 for _ in range(days)]
    heard: list[tuple[int, int]] = []
    total = today = known = known_today = 0
    pace = first_pace(Purse(daily, DAY, BID), total_micros=0, now_ms=0)
    paces = []
    for now in range(0, days * DAY, BEAT):
        at = now % DAY
        if at == 0:
            today = known_today = 0
        events = poisson(chance, capacity(at) * BEAT / 1000 * pace.ppm / 1_000_000)
        for _ in range(events):
            if today + BID <= daily:
                today += BID
                total += BID
                buckets[now // DAY][at // 900_000] += BID
                heard.append((now + lag_ms, now // DAY))
        while heard and heard[0][0] <= now:
            _, day = heard.pop(0)
            known += BID
            known_today += BID if day == now // DAY else 0
        left = DAY - (now + BEAT) % DAY
        spent = known_today if left < DAY else 0
        pace = next_pace(
            pace, Purse(daily - spent, left, BID), total_micros=known, now_ms=now + BEAT
        )
        paces.append(pace)
    return buckets, paces


def poisson(chance: random.Random, mean: float) -> int:
    if mean > 30:
        return max(0, round(chance.gauss(mean, mean**0.5)))
    product, count = chance.random(), 0
    while product > 2.718281828459045**-mean:
        product *= chance.random()
        count += 1
    return count


@pytest.mark.parametrize("times", [1.3, 5, 50])
@pytest.mark.parametrize("lag_ms", [0, 60_000])
def test_stationary_traffic_spends_the_day_evenly(times: float, lag_ms: int) -> None:
    events = 10_000
    daily = events * BID
    (day,), _ = simulate(daily, lambda _: times * events / 86_400, lag_ms=lag_ms)
    assert daily * 0.98 <= sum(day) <= daily
    assert max(day) <= 3 * daily / 96
    assert sum(bucket == 0 for bucket in day) == 0


@pytest.mark.parametrize("seed", range(3))
def test_traffic_that_comes_and_goes_is_followed(seed: int) -> None:
    events = 10_000
    daily = events * BID

    def waves(at: int) -> float:
        return 4 * events / 86_400 * (1 + 0.8 * sin(2 * pi * at / DAY))

    days, _ = simulate(daily, waves, seed=seed, days=2)
    for day in days:
        assert daily * 0.98 <= sum(day) <= daily
        assert max(day) <= 3 * daily / 96


def test_a_few_events_a_day_are_spread_as_well() -> None:
    daily = 200 * BID
    days, _ = simulate(daily, lambda _: 3 * 200 / 86_400, days=3)
    for day in days:
        assert daily * 0.9 <= sum(day) <= daily
        halves = sum(day[:48]), sum(day[48:])
        assert max(halves) <= 1.35 * min(halves)


def test_without_enough_traffic_it_takes_part_in_everything() -> None:
    daily = 10_000 * BID
    _, paces = simulate(daily, lambda _: 0.05)
    assert {pace.ppm for pace in paces[len(paces) // 10 :]} == {1_000_000}


def test_an_empty_purse_leaves_the_least_share() -> None:
    start = first_pace(Purse(0, DAY, BID), total_micros=5, now_ms=0)
    assert start.ppm == LEAST_PPM
    assert next_pace(start, Purse(-5, DAY, BID), total_micros=9, now_ms=BEAT).ppm == LEAST_PPM
    assert first_pace(Purse(BID, DAY, BID), total_micros=0, now_ms=0).ppm == START_PPM


def test_a_clock_that_stands_or_goes_back_changes_nothing() -> None:
    start = first_pace(Purse(10**9, DAY, BID), total_micros=7, now_ms=100)
    for now in (100, 0):
        assert next_pace(start, Purse(1, 1, 1), total_micros=99, now_ms=now) == start


def test_no_share_ever_leaves_its_bounds() -> None:
    chance = random.Random(3)
    pace = first_pace(Purse(10**9, DAY, BID), total_micros=0, now_ms=0)
    seen = [pace]
    for _ in range(2_000):
        purse = Purse(
            chance.randrange(-(10**9), 10**15), chance.randrange(0, DAY), chance.randrange(1, 10**9)
        )
        total = pace.total_micros + chance.randrange(-(10**6), 10**12)
        pace = next_pace(
            pace, purse, total_micros=total, now_ms=pace.at_ms + chance.randrange(0, 10**6)
        )
        seen.append(pace)
    assert all(LEAST_PPM <= one.ppm <= 1_000_000 for one in seen)
    assert all(a.total_micros <= b.total_micros for a, b in pairwise(seen))
