"""Tells LangSmith about calls: figures and the hash of the prompt, and the words only where that is allowed.

LangChain's own tracing sends every word as soon as an environment variable is set. It is switched off
around every call here (`quiet`); what is sent is put together by hand, so that nothing else can slip in.
"""

from __future__ import annotations

import hashlib
import json
import logging
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Protocol
from uuid import uuid4

from langchain_core.messages import BaseMessage
from langsmith import Client
from langsmith.run_helpers import tracing_context

from domain.time import utc
from llm.answers import Charge

log = logging.getLogger("parley.llm")


@dataclass(frozen=True)
class Told:
    """One call, as a tracer gets to see it.

    Attributes:
        charge: What it was and cost.
        messages: The question.
        answer: The answer, as text or JSON.
        error: What went wrong in one sentence without anything the provider echoed; empty if nothing.
        at_ms: When it ended, UTC milliseconds.
    """

    charge: Charge
    messages: Sequence[BaseMessage]
    answer: str
    error: str
    at_ms: int


class Tracer(Protocol):
    """Is told of every call."""

    def tell(self, told: Told) -> None:
        """Take note; never raises, never waits."""
        ...


class NoTracer:
    """Tells nobody."""

    def tell(self, told: Told) -> None:
        """Do nothing."""


class LangSmithTracer:
    """Sends one run per call to LangSmith.

    Args:
        client: LangSmith's client; it sends in the background.
        project: Project the runs go to.
        with_text: Whether question and answer may be sent. If not, their hashes and lengths are.
        metadata: Ids that go with every run, such as `run_id`.
    """

    def __init__(
        self, client: Client, project: str, *, with_text: bool, metadata: dict[str, str]
    ) -> None:
        self._client = client
        self._project = project
        self._with_text = with_text
        self._metadata = metadata

    def tell(self, told: Told) -> None:
        """Hand one run to LangSmith's background sender."""
        charge = told.charge
        try:
            self._client.create_run(
                name=charge.task,
                run_type="llm",
                id=uuid4(),
                project_name=self._project,
                inputs=self._inputs(told),
                outputs=self._outputs(told),
                error=told.error or None,
                start_time=utc(told.at_ms - charge.elapsed_ms),
                end_time=utc(told.at_ms),
                extra={"metadata": {**self._metadata, **_figures(told)}},
            )
        except Exception as error:  # tracing must never break an answer
            log.warning("a call was not traced: %s", type(error).__name__)

    def _inputs(self, told: Told) -> dict[str, Any]:
        known: dict[str, Any] = {"prompt_hash": prompt_hash(told.messages)}
        if self._with_text:
            known["messages"] = [
                {"role": message.type, "content": message.content} for message in told.messages
            ]
        return known

    def _outputs(self, told: Told) -> dict[str, Any]:
        known: dict[str, Any] = {"characters": len(told.answer), "outcome": told.charge.outcome}
        if self._with_text:
            known["answer"] = told.answer
        return known


def _figures(told: Told) -> dict[str, Any]:
    charge = told.charge
    return {
        "ls_provider": charge.spec.partition(":")[0],
        "ls_model_name": charge.spec.partition(":")[2],
        "input_tokens": charge.usage.input_tokens,
        "output_tokens": charge.usage.output_tokens,
        "cost_micros": charge.cost_micros,
        "elapsed_ms": charge.elapsed_ms,
    }


@contextmanager
def quiet() -> Iterator[None]:
    """Keep LangChain and LangGraph from tracing by themselves, whatever the environment says."""
    with tracing_context(enabled=False):
        yield


def prompt_hash(messages: Sequence[BaseMessage]) -> str:
    """Return the SHA-256 of role and content of the messages, hexadecimal."""
    plain = json.dumps([[m.type, m.content] for m in messages], ensure_ascii=False, sort_keys=True)
    return hashlib.sha256(plain.encode("utf-8", "replace")).hexdigest()
