"""What a run works with, listened to: every question to a model, every page, every search."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any

from langchain_core.language_models.chat_models import BaseChatModel

from bootstrap.graph_parts import graph_context
from bootstrap.services import Services
from catalog.tables import Run
from domain.events import Progress
from domain.evidence import Passage
from evals.cassette import Tape
from evals.loader import scenario_folder
from evals.provider import Script, live_model
from evals.scenario import Scenario
from evals.seeded import VirtualClock
from evals.worlds import World, WorldWeb
from graphs.context import GraphContext, Retrieve
from llm.answers import Structured, T
from llm.router import Messages, ModelRouter
from tools.product_source import fetch_page

Build = Callable[[str, float], BaseChatModel]


@dataclass
class Heard:
    """What was used and told."""

    tools: list[str] = field(default_factory=list)
    calls: int = 0
    lines: list[Progress] = field(default_factory=list)

    def use(self, tool: str) -> None:
        """Note the use of a tool."""
        if tool not in self.tools:
            self.tools.append(tool)

    async def emit(self, event: Progress) -> None:
        """Note a line of progress."""
        self.lines.append(event)
        tool = event.data.get("tool")
        if event.type == "tool" and isinstance(tool, str):
            self.use(tool)

    def spent(self) -> tuple[int, int]:
        """Return what paid models cost, in micros of a US dollar, and the tokens they counted."""
        paid = [line.data for line in self.lines if line.type == "cost"]
        tokens = sum(_count(one, "input_tokens") + _count(one, "output_tokens") for one in paid)
        return sum(_count(one, "cost_micros") for one in paid), tokens


class ListenedRouter(ModelRouter):
    """Another router with its budgets, breakers and rules; questions are noted and waiting takes no time.

    Args:
        inner: The router as the product has put it together.
        heard: Where questions are noted.
        clock: Waits.
        build: Builds models with a script or a cassette for a network; None keeps the product's way.
    """

    def __init__(
        self, inner: ModelRouter, heard: Heard, clock: VirtualClock, build: Build | None
    ) -> None:
        vars(self).update(vars(inner))
        self._heard = heard
        self._sleep = clock.sleep
        if build is not None:
            self._build = build

    async def structured(
        self, task: str, schema: type[T], messages: Messages, **options: Any
    ) -> Structured[T]:
        """Note the question and ask it; see `ModelRouter.structured`."""
        self._heard.use(f"model:{task}")
        self._heard.calls += 1
        return await super().structured(task, schema, messages, **options)


def tape_of(scenario: Scenario, record: bool) -> Tape | None:
    """Return a scenario's cassette, if it has one."""
    if not scenario.cassette:
        return None
    path = scenario_folder().parent / "cassettes" / f"{scenario.cassette}.json"
    return Tape(path, "record" if record else "replay")


def builder(scenario: Scenario, script: Script, tape: Tape | None) -> Build | None:
    """Return what builds a scenario's models from what its provider says; None if no model is asked."""
    if scenario.offline:
        return None
    return partial(live_model, script=script, tape=tape)


def listened_context(
    services: Services,
    clock: VirtualClock,
    run: Run,
    scenario: Scenario,
    world: World,
    web: WorldWeb,
    heard: Heard,
    build: Build | None,
) -> GraphContext:
    """Return the context of a run as a worker's child has it, with the world for an internet."""
    parts = replace(
        services, settings=services.settings.model_copy(update={"parley_llm": scenario.model})
    )
    context = graph_context(parts, run, heard.emit)

    async def fetch(url: str) -> bytes:
        heard.use("web")
        return await fetch_page(url, client_factory=web.client, clock=clock, resolve=web.resolve)

    return replace(
        context,
        fetch=fetch,
        retrieve=_listened(context.retrieve, heard),
        router=ListenedRouter(context.router, heard, clock, build),
    )


def _listened(retrieve: Retrieve | None, heard: Heard) -> Retrieve | None:
    if retrieve is None:
        return None

    async def ask(question: str, count: int) -> tuple[Passage, ...]:
        heard.use("knowledge")
        return await retrieve(question, count)

    return ask


def _count(data: Any, name: str) -> int:
    value = data.get(name)
    return value if isinstance(value, int) else 0
