"""The pipelined connection: order, errors, cancelled callers, a server that goes and comes back."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from urllib.parse import urlsplit

import hiredis
import pytest
import pytest_asyncio

from bootstrap.services import Services
from domain.errors import Unavailable
from storage.pipe import Pipe

pytestmark = pytest.mark.asyncio


@pytest_asyncio.fixture
async def pipe(services: Services) -> AsyncIterator[Pipe]:
    line = Pipe(services.settings.redis_url)
    yield line
    line.close()


async def test_replies_find_their_callers(pipe: Pipe) -> None:
    sent = [f"text {n} " + "x" * (n * 37 % 5_000) for n in range(500)]
    assert await asyncio.gather(*(pipe.call("ECHO", one) for one in sent)) == [
        one.encode() for one in sent
    ]


async def test_commands_written_out_already_share_the_connection(pipe: Pipe) -> None:
    sent = [str(n).encode() for n in range(20)]
    packed = [hiredis.pack_command(("ECHO", one)) for one in sent]
    # The first one opens it; then what is sent is on its way before anybody waits.
    assert await pipe.send(packed[0]) == sent[0]
    waiting = [pipe.send(one) for one in packed]
    assert await pipe.call("ECHO", "last") == b"last"
    assert [await one for one in waiting] == sent
    with pytest.raises(hiredis.ReplyError):
        await pipe.send(hiredis.pack_command(("NO-SUCH-COMMAND",)))


async def test_scripts_run_in_the_database_of_the_url(pipe: Pipe, services: Services) -> None:
    sha = await pipe.script_load("return redis.call('SET', KEYS[1], ARGV[1])")
    await pipe.evalsha(sha.decode(), 1, "pipe:key", b"\x00\xff")
    assert await services.redis.get("pipe:key") == b"\x00\xff"


async def test_an_error_reaches_its_caller_and_nobody_else(pipe: Pipe) -> None:
    found = await asyncio.gather(
        pipe.call("ECHO", "a"), pipe.evalsha("0" * 40, 0), pipe.call("ECHO", "b"),
        return_exceptions=True,
    )  # fmt: skip
    assert (found[0], found[2]) == (b"a", b"b")
    assert isinstance(found[1], hiredis.ReplyError)
    assert str(found[1]).startswith("NOSCRIPT")


async def test_a_caller_that_gave_up_does_not_shift_the_others(pipe: Pipe) -> None:
    await pipe.call("PING")
    waiting = [asyncio.ensure_future(pipe.call("ECHO", str(n))) for n in range(10)]
    await asyncio.sleep(0)
    waiting[3].cancel()
    found = await asyncio.gather(*waiting, return_exceptions=True)
    assert isinstance(found.pop(3), asyncio.CancelledError)
    assert found == [str(n).encode() for n in range(10) if n != 3]


async def test_a_server_that_hangs_up_fails_who_waits_and_is_called_again() -> None:
    calls = 0

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal calls
        calls += 1
        await reader.read(100)
        if calls > 1:
            writer.write(b"+PONG\r\n")
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with server:
        line = Pipe(f"redis://127.0.0.1:{server.sockets[0].getsockname()[1]}/0")
        with pytest.raises(Unavailable) as caught:
            await asyncio.wait_for(line.call("PING"), 5)
        assert caught.value.code == "redis_unavailable"
        assert await asyncio.wait_for(line.call("PING"), 5) == b"PONG"
        line.close()


async def test_bytes_that_are_no_protocol_end_the_connection() -> None:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(100)
        writer.write(b"HTTP/1.1 400 Bad Request\r\n\r\n")
        await writer.drain()
        await reader.read()
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with server:
        line = Pipe(f"redis://127.0.0.1:{server.sockets[0].getsockname()[1]}/0")
        with pytest.raises(Unavailable):
            await asyncio.wait_for(line.call("PING"), 5)
        line.close()


async def test_nobody_there_is_unavailable(services: Services) -> None:
    server = await asyncio.start_server(lambda *_: None, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    server.close()
    await server.wait_closed()
    found = await asyncio.gather(
        *(Pipe(f"redis://127.0.0.1:{port}/0").call("PING") for _ in range(3)),
        return_exceptions=True,
    )
    assert all(isinstance(one, Unavailable) for one in found)


async def test_a_wrong_password_is_unavailable(services: Services) -> None:
    parts = urlsplit(services.settings.redis_url)
    line = Pipe(f"redis://:wrong@{parts.hostname}:{parts.port}/0")
    with pytest.raises(Unavailable):
        await line.call("PING")
    line.close()


async def test_what_is_not_answered_in_time_fails_and_its_late_reply_reaches_nobody() -> None:
    asked = asyncio.Event()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"one\r\n")
        await asked.wait()
        writer.write(b"$3\r\none\r\n")
        await reader.readuntil(b"two\r\n")
        writer.write(b"$3\r\ntwo\r\n")
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    slow = Pipe(f"redis://127.0.0.1:{port}/0", patience_s=0.08)
    try:
        with pytest.raises(Unavailable):
            await slow.call("ECHO", "one")
        asked.set()
        assert await slow.call("ECHO", "two") == b"two"
    finally:
        slow.close()
        server.close()
        await server.wait_closed()
