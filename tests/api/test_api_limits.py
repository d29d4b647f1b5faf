"""Rate tiers, and what happens while Redis or PostgreSQL is away."""

from __future__ import annotations

import asyncio
import socket
from collections import Counter
from typing import Any

import pytest

from api.exchange import Exchange
from api.limits import Limiter
from bootstrap.services import Services
from catalog.access import Principal
from domain.errors import RateLimited
from domain.time import FixedClock
from tests.api.conftest import Accounts, Door, make_accounts, make_campaign, open_door

pytestmark = pytest.mark.asyncio

NOON = 1_800_014_400_000
KEYED = Principal("org_a", "key_a", frozenset(), None, "free")
WEB = Principal("org_a", None, frozenset(), "app_a", "pro")


def limiter(services: Services, clock: FixedClock, free: int = 3, pro: int = 10) -> Limiter:
    return Limiter(services.redis, clock, {"free": free, "pro": pro}, b"k" * 32)


def closed_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


async def taken(services: Services, key: str) -> int:
    """Return how many calls a counter has given out."""
    return int(await services.redis.get(key) or 0)


async def used_up(limits: Limiter, who: Principal, address: str = "1.2.3.4") -> Exchange:
    exchange = Exchange("x" * 8)
    with pytest.raises(RateLimited):
        await limits.count(who, address, exchange)
    return exchange


async def test_a_tier_ends_and_starts_anew_with_the_utc_day(services: Services) -> None:
    clock = FixedClock(NOON)
    limits = limiter(services, clock)
    for left in (2, 1, 0):
        exchange = Exchange("x" * 8)
        await limits.count(KEYED, "1.2.3.4", exchange)
        assert exchange.rate is not None
        assert (exchange.rate.limit, exchange.rate.remaining) == (3, left)
        assert exchange.rate.reset_s == 12 * 3600
    exchange = await used_up(limits, KEYED)
    assert exchange.rate is not None
    assert exchange.rate.remaining == 0
    key = f"parley:rate:{KEYED.org_id}:20270115"
    assert 0 < await services.redis.ttl(key) <= 13 * 3600
    clock.advance(12 * 3_600_000)
    await limits.count(KEYED, "1.2.3.4", Exchange("x" * 8))


async def test_one_address_cannot_use_up_a_web_app(services: Services) -> None:
    limits = limiter(services, FixedClock(NOON), free=30)
    for _ in range(3):
        await limits.count(WEB, "1.2.3.4", Exchange("x" * 8))
    for _ in range(40):
        await used_up(limits, WEB, "1.2.3.4")
    await limits.count(WEB, "5.6.7.8", Exchange("x" * 8))
    # What the address asked for beyond its share did not use up the app's day.
    assert await taken(services, f"parley:rate:{WEB.org_id}:20270115") == 4
    kept = b" ".join(await services.redis.keys("*"))
    assert b"1.2.3.4" not in kept


async def test_counting_ahead_takes_one_trip_for_many_calls_and_never_exceeds_the_tier(
    services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    pro = Principal("org_b", "key_b", frozenset(), None, "pro")
    trips, limit = 0, 5_003
    two = [limiter(services, FixedClock(NOON), pro=limit) for _ in range(2)]
    real = Limiter._run

    async def counted(self: Limiter, *args: Any) -> list[tuple[int, int]]:
        nonlocal trips
        trips += 1
        return await real(self, *args)

    monkeypatch.setattr(Limiter, "_run", counted)
    # Four thousand calls begin before the first connection does: on a busy machine that is not Redis being away.
    monkeypatch.setattr("api.limits._PATIENCE_S", 20.0)

    async def call(number: int) -> bool:
        exchange = Exchange("x" * 8)
        try:
            await two[number % 2].count(pro, "1.2.3.4", exchange, ahead=True)
        except RateLimited:
            return False
        finally:
            assert exchange.rate is not None
            assert 0 <= exchange.rate.remaining < limit
        return True

    counts = Counter(await asyncio.gather(*(call(n) for n in range(4_000))))
    assert counts == {True: 4_000}
    # 5 of 5,003 at a time: a five-hundredth of the calls each, and one lease for each process at the end.
    assert trips <= 4_000 / 5 + 2
    counts = Counter([await call(n) for n in range(1_100)])
    used = 4_000 + counts[True]
    assert limit - 10 <= used <= limit
    assert await taken(services, "parley:rate:org_b:20270115") == limit


async def test_a_lease_ends_with_its_day_and_small_tiers_have_none(services: Services) -> None:
    pro = Principal("org_c", "key_c", frozenset(), None, "pro")
    clock = FixedClock(NOON)
    limits = limiter(services, clock, pro=100_000)
    for _ in range(3):
        await limits.count(pro, "1.2.3.4", Exchange("x" * 8), ahead=True)
    assert await taken(services, "parley:rate:org_c:20270115") == 100
    clock.advance(12 * 3_600_000)
    exchange = Exchange("x" * 8)
    await limits.count(pro, "1.2.3.4", exchange, ahead=True)
    assert exchange.rate is not None
    assert exchange.rate.remaining == 99_999
    assert await taken(services, "parley:rate:org_c:20270116") == 100
    for _ in range(2):
        await limits.count(KEYED, "1.2.3.4", Exchange("x" * 8), ahead=True)
    assert await taken(services, f"parley:rate:{KEYED.org_id}:20270116") == 2


async def test_the_limit_is_exact_under_concurrency(services: Services) -> None:
    accounts = await make_accounts(services, tier="free")
    limited = services.settings.model_copy(update={"free_per_day": 7})
    async with open_door(limited) as door:
        answers = await asyncio.gather(
            *(door.call("GET", "/api/v1/runs", accounts.advertiser_key) for _ in range(20))
        )
        counts = Counter(answer.status_code for answer in answers)
        assert counts == {200: 7, 429: 13}
        refused = next(answer for answer in answers if answer.status_code == 429)
        assert refused.headers["content-type"] == "application/problem+json"
        assert refused.json()["code"] == "rate_limited"
        assert refused.headers["retry-after"] == refused.headers["ratelimit-reset"]
        assert refused.headers["ratelimit-remaining"] == "0"
        other = await door.call("GET", "/api/v1/apps", accounts.publisher_key)
        assert (other.status_code, other.headers["ratelimit-remaining"]) == (200, "6")
        for free in ("/healthz", "/docs", "/openapi.json", "/metrics", "/demo"):
            answer = await door.call("GET", free, accounts.advertiser_key)
            assert (answer.status_code, "ratelimit-limit" in answer.headers) == (200, False)


async def test_without_redis_chats_go_on_without_ads(services: Services) -> None:
    accounts = await make_accounts(services)
    await make_campaign(services, accounts.advertiser)
    async with open_door(services.settings) as door:
        await door.serving()
        answer = await door.ask(accounts.web_app)
        offered = {
            "type": "impression", "requestId": answer["requestId"], "adId": answer["ad"]["id"],
            "appId": accounts.web_app,
        }  # fmt: skip
        assert (await door.call("POST", "/api/events", json=offered)).status_code == 200
    gone = {"redis_url": f"redis://127.0.0.1:{closed_port()}/0"}
    async with open_door(services.settings.model_copy(update=gone)) as door:
        answer = await door.ask(accounts.web_app)
        assert (answer["ad"], answer["reason"]) == (None, "state_unavailable")
        read = await door.call("GET", "/api/v1/campaigns", accounts.advertiser_key)
        assert (read.status_code, len(read.json())) == (200, 1)
        written = await door.call(
            "POST", "/api/v1/campaigns/create", accounts.advertiser_key, json={"goal": "x"}
        )
        assert (written.status_code, written.json()["code"]) == (503, "limits_unavailable")
        assert written.headers["retry-after"]
        click = await door.call("POST", "/api/events", json={**offered, "type": "click"})
        assert (click.status_code, click.json()["charged"]) == (200, True)
        ready = (await door.call("GET", "/readyz")).json()
        assert (ready["ready"], ready["parts"]["redis"]["ok"]) == (False, False)


async def test_without_postgres_there_is_one_sentence(services: Services) -> None:
    gone = {"database_url": f"postgresql://parley@127.0.0.1:{closed_port()}/parley"}
    async with open_door(services.settings.model_copy(update=gone)) as door:
        for method, path in (("GET", "/api/v1/campaigns"), ("POST", "/api/requests")):
            body = {"appId": "app_" + "0" * 26, "conversationId": "c", "messageId": "m"}
            answer = await door.call(
                method, path, "parley_sk_x", json={**body, "contextText": "hi"}
            )
            assert (answer.status_code, answer.json()["code"]) == (503, "database_unavailable")
        assert (await door.call("GET", "/healthz")).json() == {"status": "ok"}


async def test_a_revoked_key_is_dead_at_once_here(door: Door, accounts: Accounts) -> None:
    made = await door.call(
        "POST", "/api/v1/keys", accounts.advertiser_key,
        json={"name": "short", "scopes": ["campaigns:read"]},
    )  # fmt: skip
    secret = made.json()["secret"]
    assert (await door.call("GET", "/api/v1/campaigns", secret)).status_code == 200
    path = f"/api/v1/keys/{made.json()['id']}"
    assert (await door.call("DELETE", path, accounts.advertiser_key)).status_code == 204
    dead = await door.call("GET", "/api/v1/campaigns", secret)
    assert (dead.status_code, dead.json()["code"]) == (401, "key_revoked")
