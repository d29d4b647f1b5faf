"""Answers that give instructions away are dropped; marks of quoted material are taken out."""

from __future__ import annotations

import json
from typing import Any

import pytest
from pydantic import BaseModel

from domain.time import FixedClock
from llm.marks import mark
from llm.router import ModelRouter
from tests.support.model_wires import ANTHROPIC, EVENTS, OPENAI, SPECS, answer, stream

pytestmark = pytest.mark.asyncio
ASK = [{"role": "user", "content": "<today>2026-11-16</today><goal>Sell tea in Japan, $500</goal>"}]
CANARY = "kanaria-0123456789abcdef"


class Brief(BaseModel):
    product: str | None = None
    geos: list[str] = []


@pytest.fixture(autouse=True)
def _keys(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("OPENAI_API_KEY", "ANTHROPIC_API_KEY"):
        monkeypatch.setenv(name, "test-key")
    monkeypatch.setenv("LANGSMITH_TRACING", "false")


def _router(url: str) -> ModelRouter:
    return ModelRouter(SPECS[url], clock=FixedClock(0), max_attempts=1, canary=CANARY)


@pytest.mark.parametrize("url", [OPENAI, ANTHROPIC])
async def test_an_answer_with_the_canary_is_not_used(url: str, httpx2_mock: Any) -> None:
    leaked = {"product": f"tea {CANARY}", "geos": ["JP"]}
    httpx2_mock.post(url).respond(json=answer(url, "Brief", leaked))
    got = await _router(url).structured("Brief", Brief, ASK)
    assert got.rule_based
    assert "gave away its instructions" in got.warnings[0]
    assert CANARY not in repr(got)


async def test_marks_do_not_hide_the_canary(httpx2_mock: Any) -> None:
    hidden = mark(" ".join([CANARY[:9], CANARY[9:]])).replace(" ", "")
    httpx2_mock.post(OPENAI).respond(json=answer(OPENAI, "Brief", {"product": hidden}))
    assert (await _router(OPENAI).structured("Brief", Brief, ASK)).rule_based


async def test_marks_are_taken_out_of_answers(httpx2_mock: Any) -> None:
    fields = {"product": mark("green tea 緑茶の葉を使った飲み物"), "geos": [mark("JP")]}
    httpx2_mock.post(OPENAI).respond(json=answer(OPENAI, "Brief", fields))
    got = await _router(OPENAI).structured("Brief", Brief, ASK)
    assert got.value == Brief(product="green tea 緑茶の葉を使った飲み物", geos=["JP"])


async def test_marks_are_taken_out_of_streams(httpx2_mock: Any) -> None:
    parts = [mark("green "), mark("tea")]
    arguments = json.dumps({"city": mark("Kyoto")}, ensure_ascii=True)
    body = stream(OPENAI, parts, tool=("Weather", [arguments]))
    httpx2_mock.post(OPENAI).respond(content=body, headers=EVENTS)
    pieces = [p async for p in _router(OPENAI).stream("Chat", ASK, tools=[Brief])]
    end: Any = pieces[-1]
    assert end.text == "green tea"
    assert end.tool_calls[0].arguments == {"city": "Kyoto"}
