"""Works on one run: lease, heartbeat, resume, and how it came to rest.

A worker that dies leaves a lease that expires; the next one resumes from the last checkpoint. A run that
asks a person something gives its lease back and ends the task; the answer queues it again.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from threading import Event
from typing import Any

from langchain_core.runnables import RunnableConfig
from langgraph.checkpoint.base import BaseCheckpointSaver
from langgraph.errors import GraphDrained
from langgraph.runtime import RunControl
from langgraph.types import Command, StateSnapshot

from catalog.runs import Runs, RunStatus
from catalog.tables import Run
from domain.errors import ParleyError, Unavailable
from graphs import registry
from graphs.context import GraphContext
from graphs.registry import GraphVersion
from llm.tracing import quiet
from storage.database import Database
from storage.leases import Lease

log = logging.getLogger("parley.runner")

#: Runs that die this often are not tried again: something in them kills workers.
MAX_ATTEMPTS = 12

_OUTCOMES = {
    "launched": RunStatus.SUCCEEDED,
    "done": RunStatus.SUCCEEDED,
    "refused": RunStatus.REFUSED,
    "rejected": RunStatus.REJECTED,
    "failed": RunStatus.FAILED,
}


@dataclass(frozen=True)
class Runner:
    """Executes runs.

    Attributes:
        db: Where runs are leased.
        checkpointer: Where graphs keep their progress.
        context_for: Makes the context of a run.
        owner: Name of this worker process, unique among all.
        lease_s: Seconds a lease lasts without a heartbeat.
    """

    db: Database
    checkpointer: BaseCheckpointSaver[Any]
    context_for: Callable[[Run], GraphContext]
    owner: str
    lease_s: int
    _controls: dict[str, RunControl] = field(default_factory=dict)
    _draining: Event = field(default_factory=Event)

    def drain(self) -> None:
        """Stop every run after the step it is in, for good; each is queued again and goes on elsewhere."""
        self._draining.set()
        for control in self._controls.values():
            control.request_drain()

    async def execute(self, run_id: str) -> RunStatus | None:
        """Work on a run until it rests.

        Returns:
            The status it came to, or None if another worker has it or it does not need work.
        """
        if self._draining.is_set():
            log.info("run %s: this worker is told to stop; left to another", run_id)
            return None
        lease = self._lease(run_id)
        run = await lease.take()
        if run is None:
            log.info("run %s: somebody else works on it, or nothing is to be done", run_id)
            return None
        if run.attempts > MAX_ATTEMPTS:
            return await self._end(run, RunStatus.FAILED, error=_gave_up(run))
        return await lease.hold(self._work(run))

    async def _work(self, run: Run) -> RunStatus | None:
        context = self.context_for(run)
        version = registry.find(run.graph, run.graph_version)
        graph = version.build(self.checkpointer)
        config: RunnableConfig = {"configurable": {"thread_id": run.id}}
        control = self._controls[run.id] = RunControl()
        if self._draining.is_set():
            control.request_drain()
        try:
            before = await graph.aget_state(config)
            if not _only_waits(before, run):
                given = _start_with(before, run, version)
                # State holds the goal: LangGraph must not trace it by itself, whatever the environment says.
                with quiet():
                    await graph.ainvoke(
                        given, config, context=context, durability="sync", control=control
                    )
            after = await graph.aget_state(config)
        except GraphDrained:
            log.info("run %s: this worker is told to stop; queued again", run.id)
            return await self._rest(run, RunStatus.QUEUED)
        except Unavailable:
            # A part is down: keep the run, let the lease expire and try again from the checkpoint.
            raise
        except ParleyError as error:
            step = _step(await graph.aget_state(config))
            status = await self._end(run, RunStatus.FAILED, error=error.problem(), step=step)
            if status is not None:
                await context.tell("finished", step or "run", error.detail)
            return status
        finally:
            del self._controls[run.id]
        return await self._settle(run, context, after)

    async def _settle(
        self, run: Run, context: GraphContext, after: StateSnapshot
    ) -> RunStatus | None:
        questions = [i for task in after.tasks for i in task.interrupts]
        if questions:
            payload: dict[str, Any] = {"interrupt": questions[0].id, **questions[0].value}
            status = RunStatus(payload["waits_for"])
            rested = await self._rest(
                run, status, question=payload, pending=None, step=_step(after)
            )
            if rested is not None:
                asked = " ".join(payload.get("questions", ()))
                await context.tell("question", _step(after) or "run", asked, waits_for=status.value)
            return rested
        result = registry.find(run.graph, run.graph_version).result(after.values)
        outcome, reason = result["outcome"], result["reason"]
        campaign_id, ads = result.get("campaign_id"), result.get("ads", 0)
        ended = await self._end(
            run, _OUTCOMES[outcome], result=result, pending=None, campaign_id=campaign_id, step=None
        )
        if ended is not None:
            await context.tell("finished", outcome, reason, ads=ads)
        return ended

    async def _end(self, run: Run, status: RunStatus, **values: Any) -> RunStatus | None:
        """Rest for good. The record of a run is its row; its checkpoints were execution detail."""
        ended = await self._rest(run, status, **values)
        if ended is not None:
            await self.checkpointer.adelete_thread(run.id)
        return ended

    async def _rest(self, run: Run, status: RunStatus, **values: Any) -> RunStatus | None:
        """Write how the run came to rest; None if it is another worker's by now."""
        kept = await self._lease(run.id).give_back(status, **values)
        return status if kept else None

    def _lease(self, run_id: str) -> Lease[Run]:
        return Lease(self.db, Runs, run_id, self.owner, self.lease_s)


def _only_waits(state: StateSnapshot, run: Run) -> bool:
    """Tell whether the run stands at a question that nobody has answered yet."""
    asked = {i.id for task in state.tasks for i in task.interrupts}
    return bool(asked) and (run.pending or {}).get("interrupt") not in asked


def _step(state: StateSnapshot) -> str | None:
    """Return the node at which the run stands, None at its end."""
    return state.next[0] if state.next else None


def _start_with(
    state: StateSnapshot, run: Run, version: GraphVersion
) -> Mapping[str, Any] | Command[Any] | None:
    """Return what the graph goes on with: the input, an answer, or nothing after a crash."""
    if not state.created_at:
        return version.first_input(run)
    waits = any(task.interrupts for task in state.tasks)
    if waits and run.pending is not None:
        # By the id of the question: a bare answer would be read as a map of ids if it were a dict.
        return Command(resume={run.pending["interrupt"]: run.pending["answer"]})
    return None


def _gave_up(run: Run) -> dict[str, Any]:
    return {
        "code": "run_keeps_dying",
        "detail": f"This run was started {run.attempts} times and never came to an end; see the logs.",
    }
