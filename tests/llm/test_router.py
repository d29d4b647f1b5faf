"""The router on the providers' real wire formats; nothing leaves the machine."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import httpx
import httpx2
import pytest
from pydantic import BaseModel

from domain.errors import BadInput, ParleyError, Unprocessable
from domain.time import FixedClock
from llm.offline.model import MODEL_NAME
from llm.router import ModelRouter

ASK = [{"role": "user", "content": "<today>2026-11-16</today><goal>Sell tea in Japan, $500</goal>"}]
OPENAI = "https://api.openai.com/v1/chat/completions"
ANTHROPIC = "https://api.anthropic.com/v1/messages"
XAI = "https://api.x.ai/v1/chat/completions"
CASES = [
    ("openai:gpt-4.1-mini", OPENAI),
    ("anthropic:claude-sonnet-5", ANTHROPIC),
    ("xai:grok-4", XAI),
]


class Brief(BaseModel):
    product: str | None = None
    geos: list[str] = []


@pytest.fixture(autouse=True)
def _keys(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "test-key")
    monkeypatch.setenv("ANTHROPIC_API_KEY", "test-key")
    monkeypatch.setenv("XAI_API_KEY", "test-key")
    monkeypatch.setenv("LANGSMITH_TRACING", "false")


class Waits:
    def __init__(self) -> None:
        self.seconds: list[float] = []

    async def __call__(self, seconds: float) -> None:
        self.seconds.append(seconds)


def _router(spec: str, **more: Any) -> ModelRouter:
    return ModelRouter(spec, clock=FixedClock(0), **more)


def _answer(url: str, fields: dict[str, Any]) -> dict[str, Any]:
    if url in (OPENAI, XAI):
        call = {
            "id": "call_1",
            "type": "function",
            "function": {"name": "Brief", "arguments": json.dumps(fields)},
        }
        message = {"role": "assistant", "content": None, "tool_calls": [call]}
        return {
            "id": "chatcmpl-1",
            "object": "chat.completion",
            "created": 1,
            "model": "gpt-4.1-mini-2026",
            "choices": [{"index": 0, "message": message, "finish_reason": "tool_calls"}],
            "usage": {"prompt_tokens": 11, "completion_tokens": 7, "total_tokens": 18},
        }
    return {
        "id": "msg_1",
        "type": "message",
        "role": "assistant",
        "model": "claude-sonnet-5-2026",
        "content": [{"type": "tool_use", "id": "toolu_1", "name": "Brief", "input": fields}],
        "stop_reason": "tool_use",
        "stop_sequence": None,
        "usage": {"input_tokens": 11, "output_tokens": 7},
    }


@pytest.mark.asyncio
@pytest.mark.parametrize(("spec", "url"), CASES)
async def test_a_live_answer_is_typed_and_traced(spec: str, url: str, httpx2_mock: Any) -> None:
    body = _answer(url, {"product": "green tea", "geos": ["JP"]})
    route = httpx2_mock.post(url).respond(json=body)
    got = await _router(spec).structured("Brief", Brief, ASK)
    assert got.value == Brief(product="green tea", geos=["JP"])
    assert (got.rule_based, got.attempts, got.warnings) == (False, 1, ())
    assert got.model == body["model"]
    assert (got.usage.input_tokens, got.usage.output_tokens) == (11, 7)
    assert len(got.prompt_hash) == 64
    sent = json.loads(route.calls[0].request.content)
    assert "Sell tea in Japan" in json.dumps(sent["messages"])


@pytest.mark.asyncio
@pytest.mark.parametrize(("spec", "url"), CASES)
async def test_401_is_not_retried_and_the_rules_answer(
    spec: str, url: str, httpx2_mock: Any
) -> None:
    route = httpx2_mock.post(url).respond(401, json={"error": {"message": "bad key test-key"}})
    waits = Waits()
    got = await _router(spec, sleep=waits).structured("Brief", Brief, ASK)
    assert route.call_count == 1
    assert waits.seconds == []
    assert got.rule_based
    assert got.model == MODEL_NAME
    assert got.value.geos == ["JP"]
    assert "401" in got.warnings[0]
    assert "test-key" not in " ".join(got.warnings)


@pytest.mark.asyncio
@pytest.mark.parametrize(("spec", "url"), CASES)
@pytest.mark.parametrize("trouble", [429, 500, "timeout", "down"])
async def test_passing_trouble_is_retried_then_the_rules_answer(
    spec: str, url: str, trouble: int | str, httpx2_mock: Any
) -> None:
    errors: dict[int | str, Exception] = {
        "timeout": httpx2.ReadTimeout("slow"),
        "down": httpx2.ConnectError("down"),
    }
    route = httpx2_mock.post(url)
    if trouble in errors:
        route.mock(side_effect=errors[trouble])
    else:
        route.respond(int(trouble), json={"error": {"message": "later"}})
    waits = Waits()
    got = await _router(spec, sleep=waits).structured("Brief", Brief, ASK)
    assert route.call_count == 3
    assert waits.seconds == [0.5, 1.0]
    assert got.rule_based
    assert got.attempts == 4
    assert len(got.warnings) == 4


@pytest.mark.asyncio
async def test_trouble_that_passes_ends_in_a_live_answer(httpx2_mock: Any) -> None:
    good = httpx.Response(200, json=_answer(OPENAI, {"product": "tea"}))
    slow = httpx.Response(429, headers={"retry-after": "3"}, json={"error": {}})
    httpx2_mock.post(OPENAI).mock(side_effect=[slow, good])
    waits = Waits()
    got = await _router("openai:gpt-4.1-mini", sleep=waits).structured("Brief", Brief, ASK)
    assert waits.seconds == [3.0]
    assert (got.rule_based, got.attempts) == (False, 2)


@pytest.mark.asyncio
async def test_an_answer_that_does_not_fit_is_asked_again_then_dropped(httpx2_mock: Any) -> None:
    route = httpx2_mock.post(OPENAI).respond(json=_answer(OPENAI, {"geos": "everywhere"}))
    got = await _router("openai:gpt-4.1-mini", sleep=Waits()).structured("Brief", Brief, ASK)
    assert route.call_count == 3
    assert got.rule_based


@pytest.mark.asyncio
async def test_a_validator_may_reject_a_live_answer(httpx2_mock: Any) -> None:
    httpx2_mock.post(OPENAI).respond(json=_answer(OPENAI, {"geos": ["XX"]}))

    def known(brief: Brief) -> Brief:
        if "XX" in brief.geos:
            raise ValueError("no such country")
        return brief

    router = _router("openai:gpt-4.1-mini", sleep=Waits(), max_attempts=1)
    got = await router.structured("Brief", Brief, ASK, validate=known)
    assert got.value.geos == ["JP"]
    assert "no such country" in got.warnings[0]


@pytest.mark.asyncio
async def test_the_deadline_ends_waiting(httpx2_mock: Any) -> None:
    async def never(_: float) -> None:
        await asyncio.Event().wait()

    httpx2_mock.post(OPENAI).respond(500, json={"error": {}})
    router = _router("openai:gpt-4.1-mini", deadline_s=0.2, sleep=never)
    got = await router.structured("Brief", Brief, ASK)
    assert got.rule_based
    assert any("within 0.2 s" in warning for warning in got.warnings)


@pytest.mark.asyncio
async def test_offline_sends_nothing(httpx2_mock: Any) -> None:
    got = await _router("offline").structured("Brief", Brief, ASK)
    assert got.rule_based
    assert got.attempts == 1
    assert len(httpx2_mock.calls) == 0


def test_offline_loads_no_provider() -> None:
    code = (
        "import sys; from llm.router import ModelRouter; from domain.time import FixedClock;"
        "ModelRouter(clock=FixedClock(0));"
        "sys.exit(any(m in sys.modules for m in ('openai', 'anthropic', 'langchain_openai')))"
    )
    root = Path(__file__).parents[2]
    assert subprocess.run([sys.executable, "-c", code], cwd=root, check=False).returncode == 0


@pytest.mark.asyncio
async def test_a_task_nobody_can_do_is_a_typed_error() -> None:
    class Poem(BaseModel):
        line: str

    with pytest.raises(Unprocessable):
        await _router("offline").structured("Poem", Poem, ASK)


@pytest.mark.asyncio
async def test_a_missing_key_falls_back_with_a_warning(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OPENAI_API_KEY")
    got = await _router("openai:gpt-4.1-mini").structured("Brief", Brief, ASK)
    assert got.rule_based
    assert got.warnings


@pytest.mark.parametrize("spec", ["", "openai", "openai:", "nobody:model", "offline:x"])
def test_a_spec_that_is_not_understood_is_refused(spec: str) -> None:
    with pytest.raises(BadInput) as caught:
        _router(spec)
    assert isinstance(caught.value, ParleyError)
    assert caught.value.code == "llm_spec"
