"""The application behind a real server: what only a real connection can do wrong."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from dataclasses import dataclass

import pytest
import pytest_asyncio
import uvicorn

from api.app import create_app
from api.protocol import HTTP
from bootstrap.services import Services

pytestmark = pytest.mark.asyncio


@dataclass(frozen=True)
class Server:
    """A server on a port of this machine."""

    port: int

    async def raw(self, *parts: bytes, close: bool = False) -> bytes:
        """Send bytes as they are and return what comes back until the server stops sending."""
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        for part in parts:
            writer.write(part)
            await writer.drain()
        if close:
            writer.close()
            return b""
        answer = await asyncio.wait_for(_one_answer(reader), 10)
        writer.close()
        return answer


async def _one_answer(reader: asyncio.StreamReader) -> bytes:
    head = await reader.readuntil(b"\r\n\r\n")
    lengths = [line for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:")]
    return head + await reader.readexactly(int(lengths[0].split(b":")[1]))


@pytest_asyncio.fixture(params=["httptools", HTTP], ids=["plain", "short cut"])
async def server(services: Services, request: pytest.FixtureRequest) -> AsyncIterator[Server]:
    config = uvicorn.Config(
        create_app(services.settings), host="127.0.0.1", port=0, log_level="error", lifespan="on",
        http=request.param,
    )  # fmt: skip
    running = uvicorn.Server(config)
    task = asyncio.create_task(running.serve())
    async with asyncio.timeout(20):
        while not running.started:  # noqa: ASYNC110 - uvicorn offers a flag only
            await asyncio.sleep(0.02)
    yield Server(running.servers[0].sockets[0].getsockname()[1])
    running.should_exit = True
    await task


def post(path: str, *headers: str, body: bytes = b"") -> bytes:
    lines = [f"POST {path} HTTP/1.1", "Host: parley.test", *headers, "", ""]
    return "\r\n".join(lines).encode() + body


async def test_an_announced_flood_is_refused_before_it_is_sent(server: Server) -> None:
    for path in ("/api/requests", "/api/events"):
        answer = await server.raw(post(path, "Content-Length: 99999999999"))
        assert answer.startswith(b"HTTP/1.1 413")
        assert b"body_too_large" in answer


async def test_a_flood_in_chunks_is_cut_off(server: Server) -> None:
    chunk = b"%x\r\n%s\r\n" % (65_536, b" " * 65_536)
    answer = await server.raw(
        post("/api/requests", "Transfer-Encoding: chunked"), *[chunk for _ in range(17)]
    )
    assert answer.startswith(b"HTTP/1.1 413")


async def test_a_stranger_cannot_make_us_read_twenty_megabytes(server: Server) -> None:
    head = post("/api/v1/sources?kind=feed&name=f.csv", "Content-Length: 20000000")
    answer = await server.raw(head)
    assert answer.startswith(b"HTTP/1.1 401")
    wrong = post("/api/v1/sources", "Content-Length: 20000000", "X-Api-Key: parley_sk_guess")
    assert (await server.raw(wrong)).startswith(b"HTTP/1.1 401")


async def test_a_caller_that_hangs_up_harms_nobody(server: Server) -> None:
    for path in ("/api/requests", "/api/events"):
        await server.raw(post(path, "Content-Length: 500", body=b'{"appId":'), close=True)
    health = await server.raw(b"GET /healthz HTTP/1.1\r\nHost: parley.test\r\n\r\n")
    assert health.endswith(json.dumps({"status": "ok"}, separators=(",", ":")).encode())


async def test_text_that_is_no_utf8_is_refused(server: Server) -> None:
    body = "{'text': '日本語'}".encode("shift_jis")
    for path in ("/api/requests", "/api/events"):
        answer = await server.raw(post(path, f"Content-Length: {len(body)}", body=body))
        assert answer.startswith(b"HTTP/1.1 400")
        assert b"bad_encoding" in answer
