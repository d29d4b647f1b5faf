"""Who chooses a query: rules that read questions as people ask them, or a model within the schema."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from langchain_core.language_models.chat_models import BaseChatModel
from langchain_core.messages import AIMessage
from langchain_core.outputs import ChatGeneration, ChatResult
from pydantic import Field

from agents.analytics.agent import ask
from agents.analytics.reading import read_question
from agents.analytics.schemas import Answer
from bootstrap.services import Services
from domain.errors import Unprocessable
from domain.ids import stable_id
from domain.time import FixedClock
from llm.router import ModelRouter
from tests.support.asking import KNOWN, SALE, SHOES, Scene, make_scene

QUESTIONS = Path(__file__).with_name("questions.tsv")
USAGE = {"input_tokens": 9, "output_tokens": 9, "total_tokens": 18}


@pytest_asyncio.fixture
async def scene(services: Services) -> Scene:
    return await make_scene(services)


def test_questions_as_people_ask_them_are_read() -> None:
    """Sixty questions, half of them Japanese; 56 were read right before any rule was changed for them."""
    short = {SHOES: "shoes", SALE: "sale"}
    wrong = []
    for line in QUESTIONS.read_text("utf-8").splitlines():
        if line.startswith("#"):
            continue
        question, *meant = line.split("\t")
        read = read_question(question, KNOWN)
        found = [
            read.kind, ",".join(read.metrics), ",".join(read.by),
            ",".join(short[i] for i in read.campaigns), str(read.first), str(read.last),
            str(read.compare_first or ""), str(read.compare_last or ""),
        ]  # fmt: skip
        if found != meant:
            wrong.append((question, found))
    assert wrong == []


class Choosing(BaseChatModel):
    """A live model that answers the query tool with what it is told to, and keeps what it was sent."""

    answers: list[dict[str, Any]]
    sent: list[str] = Field(default_factory=list)

    @property
    def _llm_type(self) -> str:
        return "choosing"

    def bind_tools(self, tools: Any, **kwargs: Any) -> Any:
        return self

    def _generate(self, messages: Any, *_: Any, **__: Any) -> ChatResult:
        self.sent.append("\n".join(str(message.content) for message in messages))
        call = {
            "name": "AnalyticsQuery",
            "args": self.answers.pop(0),
            "id": "1",
            "type": "tool_call",
        }
        message = AIMessage("", tool_calls=[call], usage_metadata=USAGE)
        return ChatResult(generations=[ChatGeneration(message=message)])


async def chosen(scene: Scene, *answers: dict[str, Any]) -> tuple[Answer, Choosing]:
    model = Choosing(answers=list(answers))

    async def at_once(seconds: float) -> None:
        return None

    router = ModelRouter(
        "openai:gpt-6-luna", clock=FixedClock(0), build=lambda *_: model, sleep=at_once, canary="kanaria-1"
    )  # fmt: skip
    answer = await ask(
        "Which of them went best lately?",
        KNOWN,
        router=router,
        run=scene.run,
        recount=scene.recount,
    )
    return answer, model


@pytest.mark.asyncio
async def test_a_model_chooses_arguments_and_the_rules_write(scene: Scene) -> None:
    week = {"first": "2026-11-09", "last": "2026-11-15"}
    answer, model = await chosen(scene, {"metrics": ["clicks"], "by": ["campaign"], **week})
    assert "– 夏のセール: clicks 20\n– Trail shoes: clicks 10" in answer.text
    assert answer.chosen_by != "rules"
    assert '<quoted trust="advertiser" source="question">' in model.sent[0]
    assert SHOES in model.sent[0]


@pytest.mark.asyncio
async def test_what_a_model_may_not_choose_is_not_asked(scene: Scene) -> None:
    """Another tenant's campaign, a metric that does not exist, a thousand years: sent back to the model."""
    week = {"first": "2026-11-09", "last": "2026-11-15"}
    bad: list[dict[str, Any]] = [
        {"metrics": ["clicks"], "campaigns": [stable_id("cmp", "x")], **week},
        {"metrics": ["revenue; DROP TABLE runs"], **week},
        {"metrics": ["clicks"], "first": "1026-11-09", "last": "2026-11-15"},
    ]
    with pytest.raises(Unprocessable) as caught:
        await chosen(scene, *bad)
    assert caught.value.code == "question_not_understood"
    good = {"metrics": ["clicks"], **week}
    answer, model = await chosen(scene, bad[0], good)
    assert (answer.figures[0].text, len(model.sent)) == ("30", 2)
