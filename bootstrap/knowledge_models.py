"""Language models for answers from knowledge: one that writes and one that judges; both only where configured.

What the first writes is checked like anything else, and the second can only reject more.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TypeVar

from pydantic import BaseModel, ConfigDict, Field

import prompts
from bootstrap.models import model_router
from bootstrap.services import Services
from domain.errors import ParleyError, Unavailable
from domain.trust import Span, Trust
from llm.offline.model import offline_model
from llm.router import ModelRouter
from rag.answer_types import Draft
from rag.types import Passage
from rag.types import Trust as Origin
from tools.policy import Argument, Call, Guard, built_in

T = TypeVar("T", bound=BaseModel)


class WrittenSentence(BaseModel):
    """One sentence and the numbers of the passages it rests on."""

    model_config = ConfigDict(extra="ignore")

    text: str = Field(min_length=1, max_length=600)
    passages: list[int] = Field(min_length=1, max_length=5)


class WrittenAnswer(BaseModel):
    """An answer as sentences; empty if the passages do not answer."""

    model_config = ConfigDict(extra="ignore", title="KnowledgeAnswer")

    sentences: list[WrittenSentence] = Field(default_factory=list, max_length=5)


class Judgement(BaseModel):
    """Whether the quote supports the sentence."""

    model_config = ConfigDict(extra="ignore", title="KnowledgeJudgement")

    supports: bool


class ModelWriter:
    """Writes answers with a language model.

    Args:
        router: The way to a model.
    """

    def __init__(self, router: ModelRouter) -> None:
        self._router = router
        self.name = router.spec

    async def write(self, question: str, passages: Sequence[Passage]) -> list[Draft]:
        """Return sentences, each with the chunks it rests on; passages that do not exist are not named.

        Raises:
            Unavailable: if no model gave a usable answer.
        """
        shown = tuple(
            Span(f"{number}: {passage.chunk.text}\n", Trust.UNTRUSTED, str(passage.chunk.no))
            for number, passage in enumerate(passages, start=1)
        )
        asked = Span(question, Trust.ADVERTISER, "question")
        answer = await _ask(
            self._router, "answer", WrittenAnswer, {"question": asked, "passages": shown}
        )
        drafts = []
        for sentence in answer.sentences:
            known = [n for n in dict.fromkeys(sentence.passages) if 0 < n <= len(passages)]
            cited = [passages[n - 1] for n in known]
            if cited and self._may_say(sentence.text, question, cited):
                drafts.append(Draft(sentence.text, tuple(one.chunk.no for one in cited)))
        return drafts

    def _may_say(self, sentence: str, question: str, cited: Sequence[Passage]) -> bool:
        """Ask the policy: what rests on strangers' documents names no host and gives no orders."""
        strangers = any(one.chunk.trust is Origin.UNTRUSTED for one in cited)
        label = Trust.UNTRUSTED if strangers else Trust.ADVERTISER
        said = Argument(sentence, label, ("model:KnowledgeAnswer",))
        guard = Guard(built_in(), trusted=question, canary=self._router.canary)
        return guard.decide(Call("knowledge/answer", "answer", {"text": said})).allowed


class ModelJudge:
    """Has a language model doubt citations.

    Args:
        router: The way to a model.
    """

    def __init__(self, router: ModelRouter) -> None:
        self._router = router

    async def supports(self, sentence: str, quote: str) -> bool:
        """Say whether a quote supports a sentence.

        Raises:
            Unavailable: if no model gave a usable answer.
        """
        inputs = {
            "sentence": Span(sentence, Trust.UNTRUSTED, "sentence"),
            "quote": Span(quote, Trust.UNTRUSTED, "quote"),
        }
        return (await _ask(self._router, "judge", Judgement, inputs)).supports


def answering_models(
    services: Services, org_id: str
) -> tuple[ModelWriter, ModelJudge] | tuple[None, None]:
    """Return the models that answer for an organisation; none where only the rules are configured."""
    if services.settings.parley_llm == "offline":
        return None, None
    router = model_router(
        services,
        run_id=services.ids.new("run"),
        org_id=org_id,
        emit=None,
        offline=offline_model(),
    )
    return ModelWriter(router), ModelJudge(router)


async def _ask(
    router: ModelRouter, name: str, schema: type[T], inputs: Mapping[str, Span | tuple[Span, ...]]
) -> T:
    prompt = prompts.load(f"knowledge/{name}")
    assembled = prompts.assemble(prompt, inputs, canary=router.canary)
    try:
        answer = await router.structured(
            f"knowledge.{name}", schema, assembled.messages, canary=assembled.canary
        )
    except ParleyError as error:
        raise Unavailable(
            "model_unavailable", "No language model could be asked; the rules answer alone."
        ) from error
    if answer.rule_based:
        raise Unavailable("model_unavailable", "No language model answered; the rules do.")
    return answer.value
