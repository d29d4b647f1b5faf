"""The door alone, behind uvicorn twice: with its short cut and without. Nothing behind it is real."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from types import SimpleNamespace
from typing import Any

import uvicorn
from fastapi import FastAPI, WebSocket

from api.front import Front
from api.metrics import Metrics
from api.protocol import HTTP
from api.rollout import Rollout
from bootstrap.settings import Settings
from catalog.access import Principal
from domain.errors import RateLimited, Unauthenticated
from domain.ids import RandomIds
from domain.time import FixedClock

NOW = 1_800_000_000_000
KEY = b"Bearer parley_sk_stub"
_ANSWER = b'{"requestId":"%b","ad":null,"reason":"no_match","nonce":null}'
_CHANGING = (
    re.compile(rb"(?<=\ndate: )[^\r]+"),
    re.compile(rb"req_[0-9A-Z]{26}"),
    re.compile(rb"(?<=\nx-request-id: )[0-9a-f]{16}"),
)
_QUIET_SECONDS = 0.25


class Stub:
    """What stands behind the door.

    Attributes:
        go: Requests of the conversation `slow` wait for it.
        waiting: Whether one does.
        addresses: From where calls came that had to be counted.
    """

    def __init__(self) -> None:
        self.go = asyncio.Event()
        self.waiting = asyncio.Event()
        self.addresses: list[str] = []
        self.snapshot = SimpleNamespace(app=lambda _: None)

    async def answer_bytes(self, request: Any, *, engine: Any) -> bytes:
        """Answer; a conversation may ask to wait."""
        if request.conversation_id == "slow":
            self.waiting.set()
            await self.go.wait()
        if request.conversation_id == "broken":
            raise RuntimeError("a defect")
        return _ANSWER % request.request_id.encode()

    def recent(self, bearer: bytes, app_id: str) -> Principal | None:
        """Know one key."""
        known = bearer == KEY
        return Principal("org_1", "key_1", frozenset({"ads:serve"}), None, "pro") if known else None

    async def caller(self, scope: Any, app_id: str | None = None) -> Principal:
        """Know web apps by name."""
        if app_id == "defect":
            raise RuntimeError("a defect before the fast path")
        if app_id != "web":
            raise Unauthenticated("key_unknown", "This key is not known.")
        return Principal("org_2", None, frozenset({"ads:serve"}), "web", "free")

    def use(self, principal: Principal, exchange: Any, now_ms: int) -> bool:
        """Count callers with a key."""
        from api.exchange import Rate  # noqa: PLC0415 - not needed elsewhere

        exchange.rate = Rate(1_000, 990, 77)
        return principal.key_id is not None

    async def count(self, principal: Principal, scope: Any, *, ahead: bool = False) -> None:
        """Note the address; refuse one of them."""
        self.addresses.append(f"{scope['client'][0]}")
        if scope["client"][0] == "192.0.2.66":
            raise RateLimited("rate_limited", "Too many.", retry_after=9)


def stub_front(stub: Stub) -> Front:
    """Return the application around a stub."""
    app = FastAPI()

    @app.get("/healthz")
    async def health() -> dict[str, str]:
        return {"status": "ok"}

    @app.websocket("/ws")
    async def echo(socket: WebSocket) -> None:
        await socket.accept()
        await socket.send_text(await socket.receive_text())
        await socket.close()

    metrics = Metrics()
    flags = Settings.model_construct(v2_enabled=True, v2_app_ids="", v2_percentage=100)
    state: Any = SimpleNamespace(
        services=SimpleNamespace(ids=RandomIds(FixedClock(NOW)), clock=FixedClock(NOW)),
        serving=SimpleNamespace(fastpath=lambda: stub),
        authenticator=stub, limiter=stub, count=stub.count, rollout=Rollout(flags), metrics=metrics,
    )  # fmt: skip
    front = Front(app, metrics)
    front.open(state)
    return front


class Served:
    """One server: its port, and what is behind it."""

    def __init__(self, server: uvicorn.Server, front: Front, stub: Stub) -> None:
        self.server, self.front, self.stub = server, front, stub
        self.port: int = server.servers[0].sockets[0].getsockname()[1]

    async def raw(self, *parts: bytes, pause: float = 0.0) -> bytes:
        """Send parts and return what comes back until the server hangs up or says no more; ids masked."""
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        for part in parts:
            writer.write(part)
            await writer.drain()
            await asyncio.sleep(pause)
        heard = b""
        with suppress(TimeoutError, ConnectionError):
            while piece := await asyncio.wait_for(reader.read(65_536), _QUIET_SECONDS):
                heard += piece
            heard += b"(hung up)"
        writer.close()
        return masked(heard)


def masked(heard: bytes) -> bytes:
    """Leave out what is new in every answer."""
    for changing in _CHANGING:
        heard = changing.sub(b"*", heard)
    return heard


@asynccontextmanager
async def serve(short: bool, **config: Any) -> AsyncIterator[Served]:
    """Serve a stub with or without the short cut."""
    stub = Stub()
    front = stub_front(stub)
    how = {"log_level": "warning", "ws": "websockets-sansio", **config}
    server = uvicorn.Server(
        uvicorn.Config(front, port=0, http=HTTP if short else "httptools", lifespan="off", **how)
    )
    task = asyncio.create_task(server.serve())
    async with asyncio.timeout(20):
        while not server.started:  # noqa: ASYNC110 - uvicorn offers a flag only
            await asyncio.sleep(0.01)
    try:
        yield Served(server, front, stub)
    finally:
        stub.go.set()
        server.should_exit = True
        await task
