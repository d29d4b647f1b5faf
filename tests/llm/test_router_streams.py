"""Streams on the providers' real wire formats: words, functions, and what happens when they break off."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import aclosing
from typing import Any

import httpx
import httpx2
import pytest
from pydantic import BaseModel

from domain.time import FixedClock
from llm.answers import Began, Broken, Charge, Ended, Piece, TextPiece, ToolCall, ToolPiece
from llm.offline.model import MODEL_NAME
from llm.router import ModelRouter
from llm.table import built_in_table
from llm.till import Till
from tests.support.model_wires import ANTHROPIC, EVENTS, OPENAI, SPECS, XAI, stream

pytestmark = pytest.mark.asyncio
ASK = [{"role": "user", "content": "Say hello."}]
WORDS = ["Good ", "morning, ", "Kyoto."]
BOTH = f"{SPECS[XAI]},{SPECS[ANTHROPIC]}"


class Weather(BaseModel):
    """Look up the weather."""

    city: str


@pytest.fixture(autouse=True)
def _keys(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("OPENAI_API_KEY", "ANTHROPIC_API_KEY", "XAI_API_KEY"):
        monkeypatch.setenv(name, "test-key")
    monkeypatch.setenv("LANGSMITH_TRACING", "false")


class Booked:
    def __init__(self) -> None:
        self.charges: list[Charge] = []

    async def __call__(self, charge: Charge) -> None:
        self.charges.append(charge)


class Body(httpx.AsyncByteStream):
    """A body that sends some bytes and then fails, or never ends."""

    def __init__(self, data: bytes, then: Exception | None) -> None:
        self._data, self._then = data, then

    async def __aiter__(self) -> AsyncIterator[bytes]:
        yield self._data
        if self._then is None:
            await asyncio.Event().wait()
        else:
            raise self._then


async def _nap(_: float) -> None:
    return


def _router(spec: str, **more: Any) -> ModelRouter:
    return ModelRouter(spec, **{"clock": FixedClock(0), "sleep": _nap, **more})


async def _all(router: ModelRouter, **more: Any) -> list[Piece]:
    return [piece async for piece in router.stream("Chat", ASK, **more)]


def _text(pieces: list[Piece]) -> str:
    return "".join(piece.text for piece in pieces if isinstance(piece, TextPiece))


@pytest.mark.parametrize("url", SPECS)
async def test_words_come_as_they_are_sent(url: str, httpx2_mock: Any) -> None:
    body = stream(url, WORDS, used=(1_000, 50))
    route = httpx2_mock.post(url).respond(content=body, headers=EVENTS)
    booked = Booked()
    pieces = await _all(_router(SPECS[url], till=Till(FixedClock(0), on_charge=booked)))
    assert pieces[0] == Began(SPECS[url], rule_based=False)
    assert [p.text for p in pieces if isinstance(p, TextPiece)] == WORDS
    end = pieces[-1]
    assert isinstance(end, Ended)
    assert end.text == "".join(WORDS)
    assert (end.usage.input_tokens, end.usage.output_tokens) == (1_000, 50)
    assert end.cost_micros == built_in_table().card(SPECS[url]).cost_micros(1_000, 50)
    assert (end.rule_based, end.attempts, end.warnings) == (False, 1, ())
    assert [c.outcome for c in booked.charges] == ["answered"]
    assert json.loads(route.calls[0].request.content)["stream"] is True


@pytest.mark.parametrize("url", SPECS)
async def test_functions_are_called_in_pieces(url: str, httpx2_mock: Any) -> None:
    body = stream(url, [], tool=("Weather", ['{"ci', 'ty": "Kyo', 'to"}']))
    route = httpx2_mock.post(url).respond(content=body, headers=EVENTS)
    pieces = await _all(_router(SPECS[url]), tools=[Weather])
    calls = [p for p in pieces if isinstance(p, ToolPiece)]
    assert "".join(p.name for p in calls) == "Weather"
    assert json.loads("".join(p.arguments for p in calls)) == {"city": "Kyoto"}
    end = pieces[-1]
    assert isinstance(end, Ended)
    assert end.tool_calls == (ToolCall("Weather", {"city": "Kyoto"}),)
    assert "Weather" in json.dumps(json.loads(route.calls[0].request.content)["tools"])


@pytest.mark.parametrize("url", SPECS)
async def test_after_the_first_word_nobody_takes_over(url: str, httpx2_mock: Any) -> None:
    body = stream(url, WORDS[:2], breaks=True)
    httpx2_mock.post(url).respond(content=body, headers=EVENTS)
    other = OPENAI if url != OPENAI else XAI
    unused = httpx2_mock.post(other)
    booked = Booked()
    router = _router(
        f"{SPECS[url]},{SPECS[other]}",
        till=Till(FixedClock(0), on_charge=booked),
        table=_listed(SPECS[url]),
    )
    pieces = await _all(router)
    assert _text(pieces) == "".join(WORDS[:2])
    end = pieces[-1]
    assert isinstance(end, Broken)
    assert end.code == "llm_stream_broken"
    assert "incomplete" in end.detail
    assert not any(isinstance(piece, Ended) for piece in pieces)
    assert unused.call_count == 0
    assert [(c.outcome, c.estimated) for c in booked.charges] == [("failed", True)]
    unused.respond(204)
    async with httpx2.AsyncClient() as client:
        await client.post(other)


@pytest.mark.parametrize("trouble", ["503", "down", "error event", "nothing"])
async def test_before_the_first_word_the_next_model_takes_over(
    trouble: str, httpx2_mock: Any
) -> None:
    first = httpx2_mock.post(XAI)
    if trouble == "503":
        first.respond(503, json={"error": {"message": "down"}})
    elif trouble == "down":
        first.mock(side_effect=httpx2.ConnectError("down"))
    else:
        body = stream(XAI, [], breaks=trouble == "error event")
        first.respond(content=body, headers=EVENTS)
    httpx2_mock.post(ANTHROPIC).respond(content=stream(ANTHROPIC, WORDS), headers=EVENTS)
    pieces = await _all(_router(BOTH))
    assert pieces[0] == Began(SPECS[ANTHROPIC], rule_based=False)
    assert _text(pieces) == "".join(WORDS)
    end = pieces[-1]
    assert isinstance(end, Ended)
    assert end.attempts == 2
    assert len(end.warnings) == 1


async def test_a_lost_line_after_the_first_word_is_told(httpx2_mock: Any) -> None:
    half = stream(OPENAI, WORDS[:1], breaks=True).split(b'data: {"error"')[0]
    lost = httpx.Response(
        200, headers=EVENTS, stream=Body(half, httpx2.ReadError("connection lost"))
    )
    httpx2_mock.post(OPENAI).mock(side_effect=lambda _: lost)
    pieces = await _all(_router(SPECS[OPENAI]))
    assert _text(pieces) == WORDS[0]
    assert isinstance(pieces[-1], Broken)


async def test_a_stream_that_stalls_is_given_up(httpx2_mock: Any) -> None:
    half = stream(OPENAI, WORDS[:1], breaks=True).split(b'data: {"error"')[0]
    stuck = httpx.Response(200, headers=EVENTS, stream=Body(half, None))
    httpx2_mock.post(OPENAI).mock(side_effect=lambda _: stuck)
    pieces = await _all(_router(SPECS[OPENAI], call_timeout_s=0.3))
    end = pieces[-1]
    assert isinstance(end, Broken)
    assert end.code == "llm_stream_deadline"


async def test_all_down_ends_with_words_that_say_they_are_rules(httpx2_mock: Any) -> None:
    for url in (XAI, ANTHROPIC):
        httpx2_mock.post(url).respond(500, json={"error": {"message": "down"}})
    pieces = await _all(_router(BOTH, max_attempts=2))
    assert pieces[0] == Began(MODEL_NAME, rule_based=True)
    assert _text(pieces).startswith("[rule-based answer]")
    end = pieces[-1]
    assert isinstance(end, Ended)
    assert end.rule_based
    assert end.attempts == 5


async def test_offline_streams_without_sending_anything(httpx2_mock: Any) -> None:
    pieces = await _all(_router("offline"))
    assert isinstance(pieces[-1], Ended)
    assert pieces[-1].cost_micros == 0
    assert len(httpx2_mock.calls) == 0


async def test_a_listener_that_leaves_is_booked(httpx2_mock: Any) -> None:
    httpx2_mock.post(OPENAI).respond(content=stream(OPENAI, WORDS), headers=EVENTS)
    booked = Booked()
    router = _router(SPECS[OPENAI], till=Till(FixedClock(0), on_charge=booked))
    async with aclosing(router.stream("Chat", ASK)) as pieces:
        async for piece in pieces:
            if isinstance(piece, TextPiece):
                break
    assert [(c.outcome, c.estimated) for c in booked.charges] == [("cut", True)]


@pytest.mark.parametrize("cut", [["The word is ", "kana", "ria-7", "7 ok"], ["kanaria-77"]])
async def test_the_canary_does_not_leave(cut: list[str], httpx2_mock: Any) -> None:
    httpx2_mock.post(OPENAI).respond(content=stream(OPENAI, cut), headers=EVENTS)
    pieces = await _all(_router(SPECS[OPENAI], max_attempts=1), canary="kanaria-77")
    assert "kana" not in _text(pieces)
    if len(cut) > 1:
        assert isinstance(pieces[-1], Broken)
        assert pieces[-1].code == "llm_canary"
    else:
        assert pieces[0] == Began(MODEL_NAME, rule_based=True)


async def test_a_stream_that_does_not_count_is_booked_at_the_most(httpx2_mock: Any) -> None:
    body = stream(ANTHROPIC, WORDS).replace(b'{"input_tokens": 11, "output_tokens": 7}', b"{}")
    httpx2_mock.post(ANTHROPIC).respond(content=body, headers=EVENTS)
    booked = Booked()
    pieces = await _all(_router(SPECS[ANTHROPIC], till=Till(FixedClock(0), on_charge=booked)))
    assert _text(pieces) == "".join(WORDS)
    assert [(c.outcome, c.estimated) for c in booked.charges] == [("answered", True)]


async def test_words_that_only_look_like_the_canary_arrive_whole(httpx2_mock: Any) -> None:
    words = ["kana", "kana", "ria-", "8 kanaria-7"]
    httpx2_mock.post(OPENAI).respond(content=stream(OPENAI, words), headers=EVENTS)
    pieces = await _all(_router(SPECS[OPENAI]), canary="kanaria-77")
    assert _text(pieces) == "".join(words)
    assert isinstance(pieces[-1], Ended)


def _listed(first: str) -> Any:
    """Return a table in which one model is asked before all others."""
    table = built_in_table()
    known = [card for card in table if card.spec == first]
    return table.with_cards(
        [type(card)(**{**vars(card), "quality": {"default": 100}}) for card in known]
    )
