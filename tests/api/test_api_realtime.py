"""Live events over a real socket: whose they are, nothing lost, nothing twice, slow readers alone are slow."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
import pytest_asyncio
import uvicorn
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

from api import realtime as hub_module
from api.app import create_app
from api.realtime import Hub
from api.routes import realtime as route
from bootstrap.services import Services
from catalog.access import AccessService
from catalog.runs import RunService
from domain.events import Progress, campaign_stream, organisation_stream, progress_stream
from storage.cache import make_redis
from tests.api.conftest import Accounts, make_accounts, make_campaign
from workers.progress import RedisProgress

pytestmark = pytest.mark.asyncio


@pytest_asyncio.fixture
async def url(services: Services) -> AsyncIterator[str]:
    config = uvicorn.Config(
        create_app(services.settings), host="127.0.0.1", port=0, log_level="error", lifespan="on"
    )
    running = uvicorn.Server(config)
    task = asyncio.create_task(running.serve())
    async with asyncio.timeout(20):
        while not running.started:  # noqa: ASYNC110 - uvicorn offers a flag only
            await asyncio.sleep(0.02)
    yield f"ws://127.0.0.1:{running.servers[0].sockets[0].getsockname()[1]}/ws/realtime"
    running.should_exit = True
    await task


@pytest_asyncio.fixture
async def owners(services: Services) -> Accounts:
    return await make_accounts(services)


async def a_run(services: Services, org_id: str) -> str:
    async with services.db.tenant(org_id) as session:
        run, _ = await RunService(session, services.ids, services.clock).create(
            org_id,
            "Sell shoes in the US for $100",
            {},
            graph="campaign",
            graph_version="1",
            by="test",
        )
        return run.id


async def tell(services: Services, run_id: str, message: str, **more: Any) -> None:
    await RedisProgress(services.redis).emit(
        Progress(run_id=run_id, type="step", step="plan", message=message, at_ms=1, **more)
    )


async def heard(socket: ClientConnection) -> dict[str, Any]:
    answer: dict[str, Any] = json.loads(await asyncio.wait_for(socket.recv(), 10))
    return answer


async def say(socket: ClientConnection, **message: Any) -> dict[str, Any]:
    await socket.send(json.dumps(message))
    return await heard(socket)


@asynccontextmanager
async def listening(url: str, key: str) -> AsyncIterator[ClientConnection]:
    async with connect(url) as socket:
        assert (await say(socket, auth=key))["type"] == "ready"
        yield socket


async def test_a_run_is_heard_from_its_start_and_as_it_goes_on(
    url: str, owners: Accounts, services: Services
) -> None:
    run_id = await a_run(services, owners.advertiser)
    await tell(services, run_id, "before")
    async with listening(url, owners.advertiser_key) as socket:
        said = await say(socket, subscribe={"run": run_id})
        assert said == {
            "type": "subscribed", "subscription": f"run:{run_id}", "after": "0", "gap": False,
        }  # fmt: skip
        first = await heard(socket)
        assert (first["event"]["message"], first["subscription"]) == ("before", f"run:{run_id}")
        await tell(services, run_id, "during「山」")
        assert (await heard(socket))["event"]["message"] == "during「山」"
        assert await say(socket, ping=7) == {"type": "pong", "ping": 7}


async def test_after_a_disconnect_nothing_is_lost_and_nothing_comes_twice(
    url: str, owners: Accounts, services: Services
) -> None:
    run_id = await a_run(services, owners.advertiser)
    got: list[str] = []
    after = "0"
    writing = asyncio.create_task(_write(services, run_id, 300))
    while len(got) < 300:
        async with listening(url, owners.advertiser_key) as socket:
            assert (await say(socket, subscribe={"run": run_id}, after=after))["gap"] is False
            for _ in range(min(37, 300 - len(got))):
                line = await heard(socket)
                got.append(line["event"]["message"])
                after = line["id"]
    await writing
    assert got == [str(n) for n in range(300)]


async def _write(services: Services, run_id: str, count: int) -> None:
    for number in range(count):
        await tell(services, run_id, str(number))


async def test_campaign_and_organisation_hear_all_their_runs(
    url: str, owners: Accounts, services: Services, campaign: str
) -> None:
    run_id = await a_run(services, owners.advertiser)
    async with listening(url, owners.advertiser_key) as socket:
        assert (await say(socket, subscribe={"organisation": True}))["type"] == "subscribed"
        assert (await say(socket, subscribe={"campaign": campaign}))["type"] == "subscribed"
        await tell(services, run_id, "one", org_id=owners.advertiser, campaign_id=campaign)
        both = [await heard(socket), await heard(socket)]
        assert {line["subscription"] for line in both} == {"organisation", f"campaign:{campaign}"}
        await socket.send(json.dumps({"unsubscribe": f"campaign:{campaign}"}))
        assert (await heard(socket))["type"] == "unsubscribed"
        await tell(services, run_id, "two", org_id=owners.advertiser, campaign_id=campaign)
        assert (await heard(socket))["subscription"] == "organisation"
    for stream in (organisation_stream(owners.advertiser), campaign_stream(campaign)):
        assert await services.redis.xlen(stream) == 2


@pytest_asyncio.fixture
async def campaign(owners: Accounts, services: Services) -> str:
    return await make_campaign(services, owners.advertiser)


async def test_nobody_hears_another_organisation(
    url: str, owners: Accounts, services: Services
) -> None:
    run_id = await a_run(services, owners.advertiser)
    async with listening(url, owners.stranger_key) as socket:
        answer = await say(socket, subscribe={"run": run_id})
        assert (answer["type"], answer["problem"]["status"]) == ("error", 404)
        assert (await say(socket, subscribe={"organisation": True}))["type"] == "subscribed"
        await tell(services, run_id, "private", org_id=owners.advertiser)
        assert await say(socket, ping=1) == {"type": "pong", "ping": 1}


@pytest.mark.parametrize(
    ("first", "code"),
    [
        ({"auth": "parley_sk_nobody"}, "key_unknown"),
        ({"auth": "x"}, "key_malformed"),
        ({"ping": 1}, "key_missing"),
        (["auth"], "message_invalid"),
    ],
)
async def test_without_a_key_the_socket_closes(
    url: str, owners: Accounts, first: object, code: str
) -> None:
    async with connect(url) as socket:
        await socket.send(json.dumps(first))
        assert (await heard(socket))["problem"]["code"] == code
        with pytest.raises(ConnectionClosed) as closed:
            await heard(socket)
    assert closed.value.rcvd is not None
    assert closed.value.rcvd.code == route.UNAUTHENTICATED


async def test_a_key_in_a_header_does_as_well_and_lacking_scope_does_not(
    url: str, owners: Accounts
) -> None:
    headers = {"Authorization": f"Bearer {owners.advertiser_key}"}
    async with connect(url, additional_headers=headers) as socket:
        assert (await heard(socket))["organisation"] == owners.advertiser
    async with connect(
        url, additional_headers={"Authorization": f"Bearer {owners.publisher_key}"}
    ) as socket:
        assert (await heard(socket))["problem"]["status"] == 403


@pytest.mark.parametrize(
    "message",
    [
        "", "{", "[]", "null", '{"subscribe": 1}', '{"subscribe": {}}', '{"subscribe": {"run": "run_\\u0000"}}',
        '{"subscribe": {"run": "run_x", "organisation": true}}', '{"subscribe": {"run": "run_1"}, "after": "$"}',
        '{"unknown": 1}', "[" * 3_000, "x" * 5_000,
    ],
)  # fmt: skip
async def test_nonsense_is_answered_and_the_socket_goes_on(
    url: str, owners: Accounts, message: str
) -> None:
    async with listening(url, owners.advertiser_key) as socket:
        await socket.send(message)
        answer = await heard(socket)
        assert answer["type"] == "error"
        assert 400 <= answer["problem"]["status"] < 500
        assert await say(socket, ping=2) == {"type": "pong", "ping": 2}


async def test_a_revoked_key_stops_hearing(
    url: str, owners: Accounts, services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(route, "_CHECK_S", 0.05)
    monkeypatch.setattr("api.auth.TTL_S", 0.0)
    async with listening(url, owners.advertiser_key) as socket:
        async with services.db.system() as session:
            access = AccessService(session, services.ids, services.clock, services.new_secret)
            principal = await access.authenticate(owners.advertiser_key)
            await access.revoke_key(str(principal.key_id))
        assert (await heard(socket))["problem"]["status"] == 401


async def test_a_slow_reader_reads_on_from_the_stream_and_loses_nothing(
    services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hub_module, "BUFFER", 5)
    reader = make_redis(services.settings.redis_url)
    hub = Hub(services.redis, reader)
    running = asyncio.create_task(hub.run())
    slow: list[str] = []
    quick: list[str] = []
    gate = asyncio.Event()

    async def deliver_slowly(text: str) -> None:
        await gate.wait()
        slow.append(json.loads(text)["event"]["message"])

    async def deliver(text: str) -> None:
        quick.append(json.loads(text)["event"]["message"])

    listeners = [
        hub.listener(progress_stream("run_s"), "run:run_s", "0", one)
        for one in (deliver_slowly, deliver)
    ]
    pumps = []
    for one in listeners:
        await hub.follow(one)
        pumps.append(asyncio.create_task(one.pump()))
    await _write(services, "run_s", 400)
    async with asyncio.timeout(10):
        while len(quick) < 400:  # noqa: ASYNC110 - filled by the pump
            await asyncio.sleep(0.01)
    assert slow == []
    gate.set()
    async with asyncio.timeout(10):
        while len(slow) < 400:  # noqa: ASYNC110 - filled by the pump
            await asyncio.sleep(0.01)
    assert slow == quick == [str(n) for n in range(400)]
    for one in listeners:
        hub.leave(one)
    assert hub.listeners == 0
    for task in (*pumps, running):
        task.cancel()
    await asyncio.gather(*pumps, running, return_exceptions=True)
    await reader.aclose()


async def test_what_the_stream_has_dropped_is_announced(
    url: str, owners: Accounts, services: Services
) -> None:
    run_id = await a_run(services, owners.advertiser)
    await _write(services, run_id, 3)
    entries = await services.redis.xrange(progress_stream(run_id))
    await services.redis.xtrim(progress_stream(run_id), maxlen=1, approximate=False)
    async with listening(url, owners.advertiser_key) as socket:
        said = await say(socket, subscribe={"run": run_id}, after=entries[0][0].decode())
        assert said["gap"] is True
        assert (await heard(socket))["event"]["message"] == "2"
