"""The short cut through uvicorn answers as the long way does, to the byte, whatever comes in at the socket."""

from __future__ import annotations

import asyncio
import json
import logging
import re
from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from api import protocol, shortcut
from api.bodies import DEFAULT_LIMIT
from api.exchange import Asked, Rate
from api.hot import headers_of_answer, lines, lines_of_answer
from api.reading import Watch
from tests.api.stub_door import KEY, Served, serve

pytestmark = pytest.mark.asyncio

Pair = tuple[Served, Served]


@pytest_asyncio.fixture
async def pair() -> AsyncIterator[Pair]:
    """A server with the short cut and one without."""
    async with serve(True) as short, serve(False) as long:
        yield short, long


def body(**changes: Any) -> bytes:
    return json.dumps(
        {"appId": "a", "conversationId": "c", "messageId": "m", "contextText": "hi", **changes}
    ).encode()


def post(
    content: bytes | None = None,
    *more: bytes,
    start: bytes = b"POST /api/requests HTTP/1.1",
    key: bytes | None = KEY,
    sized: bool = True,
) -> bytes:
    content = body() if content is None else content
    heads = [start, b"Host: parley.test", *more]
    heads += [b"Authorization: " + key] if key else []
    heads += [b"Content-Length: %d" % len(content)] if sized else []
    return b"\r\n".join([*heads, b"", content])


def chunked(content: bytes) -> bytes:
    return post(
        b"%x\r\n%b\r\n0\r\n\r\n" % (len(content), content),
        b"Transfer-Encoding: chunked",
        sized=False,
    )


HEALTH = b"GET /healthz HTTP/1.1\r\nHost: parley.test\r\n\r\n"
START = b" /api/requests HTTP/1.1"
SENT = {
    "ordinary": post(),
    "own id": post(None, b"X-Request-Id: trace-12345678"),
    "odd own id": post(None, b"X-Request-Id: <script>"),
    "no key": post(key=None),
    "wrong key": post(key=b"Bearer parley_sk_wrong"),
    "two keys": post(None, b"authorization: Bearer parley_sk_wrong"),
    "two lengths": post(None, b"Content-Length: 3"),
    "web app": post(body(appId="web"), key=None),
    "no JSON": post(b"{"),
    "no UTF-8": post(b"\xff"),
    "nothing": post(b""),
    "no length": post(b"", sized=False),
    "fields missing": post(b"{}"),
    "context missing": post(body(contextText=None)),
    "test ad without leave": post(body(test=True)),
    "defect in the fast path": post(body(conversationId="broken")),
    "defect before it": post(body(appId="defect"), key=None),
    "refused by address": post(body(appId="web"), b"X-Forwarded-For: 192.0.2.66", key=None),
    "through a proxy": post(
        body(appId="web"), b"X-Forwarded-For: 192.0.2.7", b"X-Forwarded-Proto: https", key=None
    ),
    "close": post(None, b"Connection: close") + post(),
    "close, refused": post(b"{", b"Connection: close"),
    "keep": post(None, b"Connection: keep-alive"),
    "old": post(start=b"POST /api/requests HTTP/1.0"),
    "old, keep": post(None, b"Connection: keep-alive", start=b"POST /api/requests HTTP/1.0"),
    "query": post(start=b"POST /api/requests?x=1 HTTP/1.1"),
    "absolute": post(start=b"POST http://parley.test/api/requests HTTP/1.1"),
    "escaped": post(start=b"POST /api/%72equests HTTP/1.1"),
    "get": post(b"", start=b"GET" + START),
    "head": post(b"", start=b"HEAD" + START),
    "options": post(b"", start=b"OPTIONS" + START),
    "put": post(start=b"PUT" + START),
    "elsewhere": HEALTH,
    "chunks": chunked(body()),
    "expects": post(None, b"Expect: 100-continue"),
    "expects else": post(None, b"Expect: miracles"),
    "two": post() * 2,
    "three": post() + HEALTH + post(),
    "three, another": HEALTH + post() + HEALTH,
    "two, the first fails": post(b"{") + post(),
    "chunks, then ordinary": chunked(body()) + post(),
    "no HTTP": b"\x16\x03\x01 nonsense\r\n\r\n",
    "no HTTP after": post() + b"nonsense\r\n\r\n",
    "spaces around": post(None, b"X-Request-Id:   trace-12345678  "),
    "bad header": post(None, b"Bad Header: x"),
    "large": post(body(contextText="x" * 70_000)),
    "too large": post(b" " * 10, b"X: y").replace(b"Length: 10", b"Length: %d" % (DEFAULT_LIMIT + 1)),
    "upgrade to something": post(None, b"Connection: Upgrade", b"Upgrade: h2c"),
    "upgrade to a socket": post(None, b"Connection: Upgrade", b"Upgrade: websocket"),
    "socket": b"\r\n".join(
        [
            b"GET /ws HTTP/1.1", b"Host: parley.test", b"Connection: Upgrade", b"Upgrade: websocket",
            b"Sec-WebSocket-Version: 13", b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==", b"", b"",
        ]
    ),
}  # fmt: skip


async def both(pair: Pair, *parts: bytes, pause: float = 0.0) -> bytes:
    """Return what the two answered alike."""
    short, long = await asyncio.gather(*(one.raw(*parts, pause=pause) for one in pair))
    assert short == long
    return short


@pytest.mark.parametrize("name", SENT)
async def test_both_ways_say_the_same(pair: Pair, name: str) -> None:
    heard = await both(pair, SENT[name])
    assert heard.startswith(b"HTTP/1.1 ") or name == "upgrade to a socket"
    assert pair[0].stub.addresses == pair[1].stub.addresses
    counts = [counted(one) for one in pair]
    assert counts[0] == counts[1]


def counted(served: Served) -> list[str]:
    """Return how many requests were counted, by route and status, and answers by reason."""
    lines = served.front._metrics.text().decode().splitlines()
    return [
        line
        for line in lines
        if line.startswith(("parley_request_seconds_count", "parley_answers_total"))
    ]


async def test_an_ordinary_request_takes_the_short_way(
    pair: Pair, monkeypatch: pytest.MonkeyPatch
) -> None:
    taken: list[int] = []
    real = shortcut._Short.run_asgi

    async def noted(self: shortcut._Short, app: Any) -> None:
        taken.append(1)
        await real(self, app)

    monkeypatch.setattr(shortcut._Short, "run_asgi", noted)
    heard = await both(pair, SENT["ordinary"])
    assert heard.startswith(b"HTTP/1.1 200 OK\r\ndate: *\r\nserver: uvicorn\r\n")
    assert b"\r\nratelimit-remaining: 990\r\n" in heard
    assert heard.endswith(b'{"ok":true,"requestId":"*","ad":null,"reason":"no_match","nonce":null}')
    assert taken == [1]
    for name in ("chunks", "query", "old", "expects", "large", "get"):
        await both(pair, SENT[name])
    assert taken == [1]


async def test_a_request_may_come_in_any_two_pieces(pair: Pair) -> None:
    whole = post(body(), b"X-Request-Id: trace-12345678")
    told = await both(pair, whole)

    async def cut(at: int) -> None:
        heard = await both(pair, whole[:at], whole[at:], pause=0.02)
        assert heard == told, at

    for start in range(1, len(whole), 40):
        await asyncio.gather(*(cut(at) for at in range(start, min(start + 40, len(whole)))))


async def test_a_request_may_come_byte_by_byte(pair: Pair) -> None:
    whole = post() + post()
    assert (await both(pair, *(whole[at : at + 1] for at in range(len(whole))))).count(
        b"HTTP/1.1 200"
    ) == 2


async def test_one_connection_serves_many(pair: Pair) -> None:
    parts = [post(), HEALTH, post(b"{"), chunked(body()), post(), post(), HEALTH]
    heard = await both(pair, *parts, pause=0.05)
    assert heard.count(b"HTTP/1.1 ") == len(parts)


async def test_two_under_way_on_one_connection_are_answered_in_order(pair: Pair) -> None:
    async def ask(served: Served) -> bytes:
        asked = asyncio.create_task(
            served.raw(post(body(conversationId="slow")), post(b"{") + HEALTH, pause=0.05)
        )
        await served.stub.waiting.wait()
        await asyncio.sleep(0.15)
        served.stub.go.set()
        return await asked

    short, long = await asyncio.gather(*map(ask, pair))
    assert short == long
    assert re.findall(rb"HTTP/1.1 (\d+)", short) == [b"200", b"400", b"200"]


async def test_a_caller_that_hangs_up_is_counted_and_harms_nobody(
    pair: Pair, caplog: pytest.LogCaptureFixture
) -> None:
    for served in pair:
        for sent in (post()[:-5], post(body(conversationId="slow"))):
            _, writer = await asyncio.open_connection("127.0.0.1", served.port)
            writer.write(sent)
            await writer.drain()
            await asyncio.sleep(0.1)
            writer.close()
        await asyncio.sleep(0.1)
        served.stub.go.set()
        await asyncio.sleep(0.1)
        assert [line.rsplit(",", 1)[1] for line in counted(served) if "seconds" in line] == [
            'status="499"} 1.0', 'status="200"} 1.0',
        ]  # fmt: skip
        assert not served.server.server_state.tasks
    assert caplog.text == ""
    await both(pair, post())


async def test_a_body_that_takes_its_time_is_waited_for_and_not_for_ever(
    pair: Pair, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shortcut, "_PATIENCE_SECONDS", 0.05)
    whole = post()
    heard = await both(pair, whole[:-20], whole[-20:-10], whole[-10:], pause=0.15)
    assert heard.startswith(b"HTTP/1.1 200")
    assert (await both(pair, whole[:-20], whole[-20:] + HEALTH, pause=0.15)).count(b" 200 OK") == 2
    for served in pair:
        monkeypatch.setattr(served.front.hot, "_watch", Watch(seconds=0.1))
    heard = await both(pair, whole[:-20], b" " * 5, pause=0.5)
    assert heard.startswith(b"HTTP/1.1 400")
    assert b"body_too_slow" in heard


@pytest.mark.parametrize("pending", [post(body(conversationId="slow")), post()[:-9]])
async def test_a_server_that_ends_answers_what_is_under_way(pending: bytes) -> None:
    async def end(short: bool) -> bytes:
        async with serve(short) as served:
            asked = asyncio.create_task(served.raw(pending, post()[-9:], pause=0.2))
            await asyncio.sleep(0.1)
            served.server.should_exit = True
            await asyncio.sleep(0.2)
            served.stub.go.set()
            return await asked

    short, long = [await end(short) for short in (True, False)]
    assert short == long
    assert b"connection: close" in short
    assert short.endswith(b"(hung up)")


async def test_what_the_server_was_told_holds_on_both_ways(
    caplog: pytest.LogCaptureFixture,
) -> None:
    for config, sent in (
        ({"limit_concurrency": 1}, post()),
        ({"root_path": "/api", "proxy_headers": False}, post(start=b"POST /requests HTTP/1.1")),
        ({"root_path": "/x"}, post()),
        ({"headers": [("server", "own"), ("connection", "close")]}, post()),
        ({"server_header": False, "date_header": False}, post()),
        ({"proxy_headers": False}, post(body(appId="web"), b"X-Forwarded-For: 192.0.2.66", key=None)),
        ({"forwarded_allow_ips": "192.0.2.1"}, post(body(appId="web"), b"X-Forwarded-For: 192.0.2.66", key=None)),
        ({"reset_contextvars": True}, post()),
    ):  # fmt: skip
        async with serve(True, **config) as short, serve(False, **config) as long:
            await both((short, long), sent)


async def test_a_quiet_connection_is_closed_in_time() -> None:
    async with serve(True, timeout_keep_alive=1) as served:
        reader, writer = await asyncio.open_connection("127.0.0.1", served.port)
        for _ in range(3):
            writer.write(post())
            assert (await reader.read(65_536)).startswith(b"HTTP/1.1 200")
            await asyncio.sleep(0.6)
        assert await asyncio.wait_for(reader.read(), 1.5) == b""
        writer.close()


async def test_the_access_log_says_the_same(caplog: pytest.LogCaptureFixture) -> None:
    said = []
    for short in (True, False):
        async with serve(short, log_level="info", log_config=None) as served:
            caplog.clear()
            caplog.set_level(logging.INFO, "uvicorn.access")
            await served.raw(post(None, b"X-Forwarded-For: 192.0.2.7"), post(b"{"), pause=0.05)
            said.append([r.getMessage() for r in caplog.records if r.name == "uvicorn.access"])
    assert [line.split(" - ")[1] for line in said[0]] == [line.split(" - ")[1] for line in said[1]]
    assert said[0][0] == said[1][0] == '192.0.2.7:0 - "POST /api/requests HTTP/1.1" 200'
    assert len(said[0]) == 2


@pytest.mark.parametrize("rate", [None, Rate(10, 0, 86_400)])
async def test_the_head_is_the_same_written_at_once(rate: Rate | None) -> None:
    asked = Asked("trace-12345678", rate)
    assert lines_of_answer(asked, 77) == lines(headers_of_answer(asked, 77))


async def test_another_uvicorn_is_served_by_its_own_protocol(
    caplog: pytest.LogCaptureFixture,
) -> None:
    assert protocol.choose() is protocol.HTTP is shortcut.ShortCut
    assert caplog.text == ""
    assert protocol.choose("0.99.0") is HttpToolsProtocol
    assert "without its short cut" in caplog.text
    assert "0.99.0" in caplog.text
