"""A run's way to models: its events, its sums, its limits, its traces; and what the doctor says."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import pytest
import requests
from langsmith import Client
from pydantic import BaseModel

from bootstrap import models
from bootstrap.cli.service import _model
from bootstrap.graph_parts import graph_context
from bootstrap.models import model_router
from bootstrap.services import Services
from domain.errors import BadInput
from llm.meter import RunMeter
from llm.offline.model import offline_model
from llm.table import built_in_table
from tests.support.campaigns import Listener, advertiser, run_row
from tests.support.model_wires import OPENAI, SPECS, answer

LANGSMITH = "https://api.smith.langchain.com"
SECRET = "Sell wonderful tea to the people of Kyoto"
ASK = [{"role": "user", "content": f"<today>2026-11-16</today><goal>{SECRET}, $500</goal>"}]


class Line(requests.adapters.BaseAdapter):
    """LangSmith's side of the line: its client sends with `requests`, which no httpx mock sees."""

    def __init__(self) -> None:
        super().__init__()
        self.bodies: list[str] = []

    def send(self, request: requests.PreparedRequest, *_: Any, **__: Any) -> requests.Response:
        body = request.body or b""
        self.bodies.append(body if isinstance(body, str) else body.decode())
        response = requests.Response()
        response.status_code, response._content, response.request = 202, b"{}", request
        return response

    def close(self) -> None:
        return


class Brief(BaseModel):
    product: str | None = None
    geos: list[str] = []


@pytest.fixture(autouse=True)
def _keys(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "test-key")
    monkeypatch.setenv("LANGSMITH_API_KEY", "test-key")


def _with(services: Services, **changes: Any) -> Services:
    changes = {"parley_llm": SPECS[OPENAI], **changes}
    return replace(services, settings=services.settings.model_copy(update=changes))


@pytest.mark.asyncio
async def test_each_call_is_told_and_added_up(services: Services, httpx2_mock: Any) -> None:
    httpx2_mock.post(OPENAI).respond(json=answer(OPENAI, "Brief", {"product": "tea"}, (1_000, 100)))
    run, listener = run_row(services, await advertiser(services)), Listener()
    for _ in range(2):
        context = graph_context(_with(services), run, listener.emit)
        await context.router.structured("Brief", Brief, ASK)
    first, second = listener.events
    assert (first.type, first.run_id, first.org_id) == ("cost", run.id, run.org_id)
    assert first.message == "Brief by openai:gpt-4.1-mini: 1,000 + 100 tokens, $0.0006"
    assert (first.data["cost_micros"], first.data["run_cost_micros"]) == (560, 560)
    assert (second.data["run_calls"], second.data["run_cost_micros"]) == (2, 1_120)
    assert SECRET not in repr(listener.events)
    sums = await RunMeter(services.redis, run.id).read()
    assert (sums.calls, sums.input_tokens, sums.cost_micros, sums.failed) == (2, 2_000, 1_120, 0)


@pytest.mark.asyncio
async def test_offline_costs_nothing_and_tells_nothing(services: Services) -> None:
    listener = Listener()
    run = run_row(services, await advertiser(services))
    context = graph_context(_with(services, parley_llm="offline"), run, listener.emit)
    assert (await context.router.structured("Brief", Brief, ASK)).rule_based
    assert listener.events == []


@pytest.mark.asyncio
async def test_the_settings_limit_a_run_and_a_day(services: Services, httpx2_mock: Any) -> None:
    for limit in ("parley_llm_run_budget", "parley_llm_daily_cap"):
        router = model_router(
            _with(services, **{limit: 100}),
            run_id="run_1",
            org_id="org_1",
            emit=None,
            offline=offline_model(),
        )
        got = await router.structured("Brief", Brief, ASK)
        assert got.rule_based
        assert limit.upper() in got.warnings[0]
    assert len(httpx2_mock.calls) == 0


async def _traced(
    services: Services, httpx2_mock: Any, monkeypatch: pytest.MonkeyPatch, *, with_text: bool
) -> str:
    """Ask one question; return everything that was sent to LangSmith."""
    monkeypatch.setenv("LANGSMITH_TRACING", "true")
    monkeypatch.setenv("LANGCHAIN_TRACING_V2", "true")
    line = Line()
    httpx2_mock.post(OPENAI).respond(json=answer(OPENAI, "Brief", {"product": "oolong"}))
    session = requests.Session()
    session.mount(LANGSMITH, line)
    client = Client(
        api_url=LANGSMITH, api_key="test-key", auto_batch_tracing=False, session=session
    )
    monkeypatch.setattr(models, "_langsmith", lambda: client)
    router = model_router(
        _with(services, parley_trace=True, parley_trace_text=with_text),
        run_id="run_1",
        org_id="org_1",
        emit=None,
        offline=offline_model(),
    )
    got = await router.structured("Brief", Brief, ASK)
    assert not got.rule_based
    (sent,) = line.bodies
    assert got.prompt_hash in sent
    return sent


@pytest.mark.asyncio
async def test_traces_carry_hashes_and_figures_not_words(
    services: Services, httpx2_mock: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    sent = await _traced(services, httpx2_mock, monkeypatch, with_text=False)
    assert SECRET not in sent
    assert "oolong" not in sent
    body = json.loads(sent)
    assert (body["name"], body["run_type"], body["session_name"]) == ("Brief", "llm", "parley")
    assert body["extra"]["metadata"]["ls_model_name"] == "gpt-4.1-mini"
    assert body["extra"]["metadata"]["run_id"] == "run_1"


@pytest.mark.asyncio
async def test_words_are_traced_only_where_that_is_allowed(
    services: Services, httpx2_mock: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    sent = await _traced(services, httpx2_mock, monkeypatch, with_text=True)
    assert SECRET in sent
    assert "oolong" in sent


@pytest.mark.asyncio
async def test_a_tracer_that_fails_breaks_nothing(
    services: Services, httpx2_mock: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Failing:
        def create_run(self, *_: Any, **__: Any) -> None:
            raise RuntimeError("no room")

    httpx2_mock.post(OPENAI).respond(json=answer(OPENAI, "Brief", {"product": "tea"}))
    monkeypatch.setattr(models, "_langsmith", Failing)
    router = model_router(
        _with(services, parley_trace=True),
        run_id="run_1",
        org_id="org_1",
        emit=None,
        offline=offline_model(),
    )
    assert not (await router.structured("Brief", Brief, ASK)).rule_based


def test_the_doctor_knows_the_models(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("PARLEY_LLM", raising=False)
    assert _model().startswith("offline")
    monkeypatch.setenv("PARLEY_LLM", "openai:gpt-6-luna,xai:grok-4.3")
    monkeypatch.delenv("XAI_API_KEY", raising=False)
    assert "XAI_API_KEY is not set" in _model()
    assert "rule-based model will answer" not in _model()
    monkeypatch.delenv("OPENAI_API_KEY")
    assert "rule-based model will answer" in _model()
    file = tmp_path / "models.yaml"
    file.write_text(
        "- {model: 'openai:gpt-6-luna', input_micros: 1, output_micros: 1,"
        " checked_on: 2020-01-01, expires_on: 2020-02-01}\n"
    )
    monkeypatch.setenv("PARLEY_LLM_TABLE", str(file))
    assert "has to be checked again by 2020-02-01" in _model()
    monkeypatch.setenv("PARLEY_LLM", "nobody:x")
    with pytest.raises(BadInput, match="is not a model"):
        _model()
    assert built_in_table().stale(["openai:gpt-6-luna"], date(2026, 11, 21)) == []
