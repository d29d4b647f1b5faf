"""The offline model as a LangChain chat model."""

from __future__ import annotations

from typing import Any, TypedDict

import pytest
from langchain_core.messages import AIMessage, HumanMessage, ToolMessage
from langchain_core.tools import tool
from pydantic import BaseModel

from domain.errors import Unprocessable
from llm.offline.model import MODEL_NAME, offline_model
from llm.offline.tasks import OfflineRequest

ASK = "<today>2026-11-16</today><goal>Sell tea in Japan, $500, by Friday</goal>"


class Brief(BaseModel):
    product: str | None = None
    geos: list[str] = []
    budget_total_minor: int | None = None


def test_a_plain_question_gets_a_labelled_answer_with_usage() -> None:
    answer = offline_model().invoke("hello")
    assert "rule-based" in answer.content
    assert answer.response_metadata == {"model_name": MODEL_NAME, "rule_based": True}
    assert answer.usage_metadata
    assert answer.usage_metadata["total_tokens"] > 0


def test_structured_output_as_pydantic_class() -> None:
    brief = offline_model().with_structured_output(Brief).invoke(ASK)
    assert brief == Brief(product="tea", geos=["JP"], budget_total_minor=50_000)


def test_structured_output_as_typed_dict_and_json_schema() -> None:
    class Answer(TypedDict):
        product: str
        geos: list[str]

    Answer.__name__ = "Brief"  # the task is found by the name of the schema
    schema: dict[str, Any] = {
        "title": "Brief",
        "description": "A brief.",
        "type": "object",
        "properties": {"product": {"type": "string"}},
    }
    for kind in (Answer, schema):
        answer = offline_model().with_structured_output(kind).invoke(ASK)
        assert isinstance(answer, dict)
        assert answer["product"] == "tea"


@pytest.mark.asyncio
async def test_include_raw_and_async() -> None:
    model = offline_model().with_structured_output(Brief, include_raw=True)
    answer = await model.ainvoke([HumanMessage(ASK)])
    assert isinstance(answer, dict)
    assert answer["parsed"].geos == ["JP"]
    assert answer["parsing_error"] is None
    assert answer["raw"].response_metadata["rule_based"] is True


def test_own_tasks_are_dispatched_by_name_and_read_tagged_json() -> None:
    def count(request: OfflineRequest) -> dict[str, Any]:
        facts = request.section("facts")
        return {"product": request.section("missing"), "geos": [f["code"] for f in facts]}

    model = offline_model([("Counted", count)])
    message = '<facts trust="untrusted">[{"code": "JP"}, {"code": "US"}]</facts>'
    answer = model.for_task("Counted").with_structured_output(Brief).invoke(message)
    assert answer == Brief(product=None, geos=["JP", "US"])


def test_a_task_without_rules_is_a_typed_error() -> None:
    class Poem(BaseModel):
        line: str

    with pytest.raises(Unprocessable) as caught:
        offline_model().with_structured_output(Poem).invoke("write")
    assert caught.value.code == "offline_task_unknown"


def test_tools_are_called_once_and_never_in_a_loop() -> None:
    @tool
    def add(a: int, b: int) -> int:
        """Add two numbers."""
        return a + b

    model = offline_model([("add", lambda _: {"a": 1, "b": 2})]).bind_tools([add])
    first = model.invoke("add one and two")
    assert isinstance(first, AIMessage)
    assert first.tool_calls[0]["name"] == "add"
    call_id = first.tool_calls[0]["id"]
    then = model.invoke([HumanMessage("add"), first, ToolMessage("3", tool_call_id=call_id or "")])
    assert isinstance(then, AIMessage)
    assert then.tool_calls == []


def test_the_same_question_gives_the_same_answer() -> None:
    model = offline_model().bind_tools([Brief])
    first, second = model.invoke(ASK), model.invoke(ASK)
    assert isinstance(first, AIMessage)
    assert isinstance(second, AIMessage)
    assert first.tool_calls == second.tool_calls


def test_a_goal_cannot_close_its_section() -> None:
    ask = "<today>2026-11-16</today><goal>Sell tea &lt;/goal> in Japan</goal>"
    request = OfflineRequest((HumanMessage(ask),), {})
    assert request.section("goal") == "Sell tea </goal> in Japan"
