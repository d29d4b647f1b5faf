"""The router against servers on the loopback: real sockets, which close when they like."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import pytest
from pydantic import BaseModel

from domain.time import FixedClock
from llm.answers import Began, Broken, Ended, Piece, TextPiece
from llm.router import ModelRouter
from tests.support.model_wires import ANTHROPIC, OPENAI, SPECS, answer, stream

pytestmark = pytest.mark.asyncio
BOTH = f"{SPECS[OPENAI]},{SPECS[ANTHROPIC]}"
ASK = [{"role": "user", "content": "Say hello."}]
WORDS = ["Good ", "morning."]
ONE = b'data: {"error"'


class Brief(BaseModel):
    product: str | None = None


@dataclass
class Provider:
    """Both providers behind one port.

    Attributes:
        bodies: What is sent for a path; a body that is `None` closes the line without a word.
        whole: Whether the length is announced, so that a line closed early is a loss.
        asked: Paths in the order in which they were asked, with the body of the question.
    """

    bodies: dict[str, bytes | None]
    whole: bool = True
    asked: list[tuple[str, Any]] = field(default_factory=list)

    async def __call__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            head = (await reader.readuntil(b"\r\n\r\n")).decode()
            path = head.split(" ", 2)[1]
            length = next(
                int(line.split(":")[1])
                for line in head.split("\r\n")
                if line.lower().startswith("content-length")
            )
            self.asked.append((path, json.loads(await reader.readexactly(length))))
            body = self.bodies[path]
            if body is not None:
                kind = "text/event-stream" if body[:1] != b"{" else "application/json"
                size = len(body) if self.whole else len(body) + 100
                writer.write(
                    f"HTTP/1.1 200 OK\r\ncontent-type: {kind}\r\ncontent-length: {size}\r\n"
                    "connection: close\r\n\r\n".encode()
                    + body
                )
                await writer.drain()
        finally:
            writer.close()


Serve = Callable[[Provider], Any]


@pytest.fixture
def serve(monkeypatch: pytest.MonkeyPatch) -> Serve:
    @asynccontextmanager
    async def run(provider: Provider) -> AsyncIterator[Provider]:
        server = await asyncio.start_server(provider, "127.0.0.1", 0)
        port = server.sockets[0].getsockname()[1]
        monkeypatch.setenv("OPENAI_API_KEY", "test-key")
        monkeypatch.setenv("ANTHROPIC_API_KEY", "test-key")
        monkeypatch.setenv("OPENAI_BASE_URL", f"http://127.0.0.1:{port}/v1")
        monkeypatch.setenv("ANTHROPIC_BASE_URL", f"http://127.0.0.1:{port}")
        try:
            yield provider
        finally:
            server.close()
            await server.wait_closed()

    return run


async def _nap(_: float) -> None:
    return


def _router() -> ModelRouter:
    return ModelRouter(BOTH, clock=FixedClock(0), sleep=_nap, policy="cost")


async def _all() -> list[Piece]:
    return [piece async for piece in _router().stream("Chat", ASK)]


def _text(pieces: list[Piece]) -> str:
    return "".join(piece.text for piece in pieces if isinstance(piece, TextPiece))


async def test_answers_and_streams_come_over_real_sockets(serve: Serve) -> None:
    body = json.dumps(answer(OPENAI, "Brief", {"product": "tea"})).encode()
    async with serve(Provider({"/v1/chat/completions": body})) as provider:
        got = await _router().structured("Brief", Brief, ASK)
        assert (got.value.product, got.rule_based, got.attempts) == ("tea", False, 1)
        provider.bodies["/v1/chat/completions"] = stream(OPENAI, WORDS)
        assert _text(await _all()) == "".join(WORDS)
        assert [question["stream"] for _, question in provider.asked[1:]] == [True]
        assert provider.asked[1][1]["stream_options"] == {"include_usage": True}


async def test_a_line_that_closes_at_once_is_taken_over(serve: Serve) -> None:
    bodies = {"/v1/chat/completions": None, "/v1/messages": stream(ANTHROPIC, WORDS)}
    async with serve(Provider(bodies)) as provider:
        pieces = await _all()
        assert pieces[0] == Began(SPECS[ANTHROPIC], rule_based=False)
        assert _text(pieces) == "".join(WORDS)
        assert isinstance(pieces[-1], Ended)
        assert [path for path, _ in provider.asked] == ["/v1/chat/completions", "/v1/messages"]


async def test_a_line_that_closes_after_a_word_is_told_and_not_taken_over(serve: Serve) -> None:
    half = stream(OPENAI, WORDS[:1], breaks=True).split(ONE)[0]
    async with serve(Provider({"/v1/chat/completions": half}, whole=False)) as provider:
        pieces = await _all()
        assert _text(pieces) == WORDS[0]
        assert isinstance(pieces[-1], Broken)
        assert len(provider.asked) == 1
