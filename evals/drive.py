"""Plays a run of a graph on the real parts, as a worker plays it, with a scripted person."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import msgspec
from langchain_core.runnables import RunnableConfig
from langgraph.types import Command, StateSnapshot

from bootstrap.optimising import start_run
from bootstrap.services import Services
from bootstrap.spending import Changes
from catalog.changes import CampaignChange
from catalog.lifecycle import CampaignStatus
from catalog.runs import RunService
from catalog.tables import Run
from domain.errors import ParleyError, Unavailable
from domain.ids import stable_id
from evals.cassette import Tape
from evals.faults import Graph, ProcessLostError, Watchman
from evals.ports import Heard, builder, listened_context
from evals.provider import Script
from evals.scenario import Fault, Move, Scenario
from evals.seeded import VirtualClock
from evals.stage import Stage
from evals.worlds import World, WorldWeb, ordered, upload
from fastpath.local import LocalReservation
from graphs import registry
from graphs.channels import dispatcher
from graphs.context import GraphContext
from graphs.versions import CURRENT
from llm.retry import should_retry
from llm.tracing import quiet

#: A run that is started more often than this goes in circles.
_MOST_STARTS = 40
#: As many connections as a pool keeps may turn out to be cut, one after another.
_MOST_LOOKS = 6


@dataclass
class Played:
    """How a run went.

    Attributes:
        outcome, reason: How it rests.
        values: The graph's last state.
        asked: What it asked.
        problems: What did not go by the script.
        crashes: How often the process was lost.
    """

    outcome: str = ""
    reason: str = ""
    values: Mapping[str, Any] = field(default_factory=dict)
    asked: list[dict[str, Any]] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)
    crashes: int = 0


@dataclass
class Drive:
    """One run of a graph.

    Attributes:
        scenario, world: What is played, where.
        stage, services, clock: On what.
        org_id: Whose run it is.
        campaigns: Ids of the world's own campaigns, by name.
        heard: What is used and told.
        tape: The cassette.
    """

    scenario: Scenario
    world: World
    stage: Stage
    services: Services
    clock: VirtualClock
    org_id: str
    heard: Heard
    tape: Tape | None
    campaigns: Mapping[str, str] = field(default_factory=dict)

    async def play(self) -> tuple[Run, Played, tuple[str, ...]]:
        """Drive the run until it rests; return its row, how it went, and the nodes it went through."""
        run = await self._queued()
        played, web, script = Played(), WorldWeb(self.world), Script(self.scenario.provider)
        context = self._context(run, web, script)
        watchman = Watchman(self.scenario.faults, lambda fault: self._strike(fault, context))
        moves, answer = list(self.scenario.user), None
        for _ in range(_MOST_STARTS):
            graph = watchman.at_every_node(self._graph(run))
            config: RunnableConfig = {"configurable": {"thread_id": run.id}}
            ended = await self._started(graph, config, run, context, answer, played)
            if ended:
                break
            if ended is None:
                continue
            after = await self._looked(graph, config)
            question = _question(after)
            if question is None:
                self._settle(run, after.values, played)
                break
            played.asked.append(question)
            if not moves or moves[0].asked != question["waits_for"]:
                played.outcome = f"waits:{question['waits_for']}"
                played.values = after.values
                break
            answer = await self._answered(moves.pop(0), question, context, played)
        else:
            played.problems.append(f"the run was started {_MOST_STARTS} times and never rested")
        played.problems += [f"nobody asked for: {move.asked}" for move in moves]
        played.problems += [f"never happened: {fault}" for fault in watchman.never_struck()]
        played.problems += [
            f"the model was never asked for: {task}" for task in script.never_asked()
        ]
        played.problems += [f"not in this world: {url}" for url in web.unknown]
        return run, played, tuple(watchman.path)

    async def _started(
        self,
        graph: Graph,
        config: RunnableConfig,
        run: Run,
        context: GraphContext,
        answer: dict[str, Any] | None,
        played: Played,
    ) -> bool | None:
        """Work until the run rests; True if it has failed, None if it is to be started again."""
        try:
            before = await self._looked(graph, config)
            with quiet():
                await graph.ainvoke(
                    _given(before, run, answer), config, context=context, durability="sync"
                )
        except ProcessLostError:
            played.crashes += 1
            return None
        except Unavailable:
            # The worker's lease runs out then, and another one goes on.
            self.clock.advance(1_000)
            return None
        except ParleyError as error:
            played.outcome, played.reason = f"error:{error.code}", error.detail
            played.values = (await self._looked(graph, config)).values
            return True
        except Exception as error:
            if not should_retry(error):
                raise
            # A lost line below the nodes' own retries: the task dies of it, and its lease runs out.
            played.crashes += 1
            return None
        return False

    async def _looked(self, graph: Graph, config: RunnableConfig) -> StateSnapshot:
        """Return where a run stands, on a fresh connection if the old ones were cut."""
        for left in reversed(range(_MOST_LOOKS)):
            try:
                return await graph.aget_state(config)
            except Exception as error:
                if not left or not should_retry(error):
                    raise
        raise AssertionError("the last look returns or raises")

    async def _queued(self) -> Run:
        """Write the run down as the API does."""
        inputs, graph = self.scenario.inputs, self.scenario.kind
        if graph == "optimisation":
            return await start_run(
                self.services, self.org_id, by=self._who, window_days=inputs.window_days,
                approval_mode=inputs.approval_mode, approval_policy=inputs.approval_policy,
            )  # fmt: skip
        given: dict[str, Any] = {"site_url": inputs.site_url}
        for kind in inputs.sources:
            given[f"{kind}_source_id"] = await upload(self.world, self.services, kind)
        if graph == "content":
            given["order"] = await ordered(inputs.order, self.world, self.services, self.org_id)
        else:
            given["approval_mode"] = inputs.approval_mode
        if inputs.approval_policy:
            given["approval_policy"] = inputs.approval_policy
        if inputs.controls:
            given["controls"] = inputs.controls
        async with self.services.db.tenant(self.org_id) as session:
            runs = RunService(session, self.services.ids, self.clock)
            run, _ = await runs.create(
                self.org_id, self.scenario.goal, given, graph=graph, graph_version=CURRENT[graph],
                by=self._who,
            )  # fmt: skip
            return run

    def _context(self, run: Run, web: WorldWeb, script: Script) -> GraphContext:
        return listened_context(
            self.services, self.clock, run, self.scenario, self.world, web, self.heard,
            builder(self.scenario, script, self.tape),
        )  # fmt: skip

    def _graph(self, run: Run) -> Graph:
        return registry.find(run.graph, run.graph_version).build(self.stage.saver)

    @property
    def _who(self) -> str:
        return f"person:{self.scenario.persona.name}"

    async def _answered(
        self, move: Move, question: dict[str, Any], context: GraphContext, played: Played
    ) -> dict[str, Any]:
        """Return what the person answers, after what they do first."""
        self.clock.advance(move.after_s * 1_000)
        if move.asked == "needs_input":
            if move.missing is not None and list(move.missing) != question["missing"]:
                played.problems.append(f"asked for {question['missing']}, not {list(move.missing)}")
            return {"text": move.say, "fields": await self._fields(move)}
        if move.edit:
            edited = self.campaigns[move.campaign] if move.campaign else question["campaign_id"]
            await self._edit(move, str(edited), played)
        answer = {"decision": move.then, "by": self._who, "note": move.note}
        return {**answer, "changeset": question["changeset"]} if move.shown else answer

    async def _fields(self, move: Move) -> dict[str, Any]:
        fields = dict(move.fields)
        for kind in ("page", "feed"):
            if fields.get(f"{kind}_source_id") is True:
                fields[f"{kind}_source_id"] = await upload(self.world, self.services, kind)
        return fields

    async def _edit(self, move: Move, campaign_id: str, played: Played) -> None:
        changes = Changes(self.services, LocalReservation(), self.org_id, self._who)
        refused = ""
        try:
            await changes.change(
                campaign_id, msgspec.convert(move.edit, CampaignChange), "edited before approval"
            )
        except ParleyError as error:
            refused = error.code
        if refused != move.refused:
            said = f"the edit was {'refused: ' + refused if refused else 'taken'}"
            played.problems.append(
                f"{said}, not {'refused: ' + move.refused if move.refused else 'taken'}"
            )

    async def _strike(self, fault: Fault, context: GraphContext) -> None:
        """Let something happen that is no crash."""
        if fault.kind == "slow":
            self.clock.advance(fault.seconds * 1_000)
        elif fault.kind == "database":
            await self.stage.cut_connections()
        elif fault.kind == "stop":
            await dispatcher(context).stop(self.org_id, "in_chat", who=self._who, why="By script.")
        elif fault.kind == "end":
            campaign_id = stable_id("cmp", context.run_id)
            changes = Changes(self.services, LocalReservation(), self.org_id, self._who)
            await changes.move(campaign_id, CampaignStatus.ENDED, "by script")

    def _settle(self, run: Run, values: Mapping[str, Any], played: Played) -> None:
        result = registry.find(run.graph, run.graph_version).result(values)
        played.outcome, played.reason = result["outcome"], result["reason"]
        played.values = values


def without_redis(services: Services, dead: Any) -> Services:
    """Return the services with a Redis that nobody answers at."""
    return replace(services, redis=dead)


def _question(state: StateSnapshot) -> dict[str, Any] | None:
    """Return what the run asks, with the id that its answer must name."""
    asked = [one for task in state.tasks for one in task.interrupts]
    return {"interrupt": asked[0].id, **asked[0].value} if asked else None


def _given(
    before: StateSnapshot, run: Run, answer: dict[str, Any] | None
) -> Mapping[str, Any] | Command[Any] | None:
    """Return what the graph goes on with, as a worker decides it: input, answer, or nothing."""
    if not before.created_at:
        return registry.find(run.graph, run.graph_version).first_input(run)
    asked = _question(before)
    if asked is not None and answer is not None:
        return Command(resume={asked["interrupt"]: answer})
    return None
