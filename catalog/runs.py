"""Agent runs: created once, leased to one worker at a time, waiting for people without a worker."""

from __future__ import annotations

from enum import StrEnum
from typing import Any

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from catalog.tables import Run
from domain.errors import Conflict
from domain.ids import Ids
from domain.time import Clock, utc
from storage import outbox
from storage.leases import LeasedRepository


class RunStatus(StrEnum):
    """Where a run stands."""

    QUEUED = "queued"
    RUNNING = "running"
    NEEDS_INPUT = "needs_input"
    AWAITING_APPROVAL = "awaiting_approval"
    SUCCEEDED = "succeeded"
    REFUSED = "refused"
    REJECTED = "rejected"
    FAILED = "failed"


WAITING = frozenset({RunStatus.NEEDS_INPUT, RunStatus.AWAITING_APPROVAL})
FINISHED = frozenset({RunStatus.SUCCEEDED, RunStatus.REFUSED, RunStatus.REJECTED, RunStatus.FAILED})


class Runs(LeasedRepository[Run]):
    """Queries over runs."""

    row, prefix = Run, "run"

    async def by_key(self, org_id: str, idempotency_key: str) -> Run | None:
        """Return the run made with that idempotency key."""
        found: Run | None = await self.session.scalar(
            select(Run).where(Run.org_id == org_id, Run.idempotency_key == idempotency_key)
        )
        return found


class RunService:
    """Creates runs and answers their questions inside one unit of work.

    Args:
        session: The open unit of work.
        ids: Where new ids come from.
        clock: Where "now" comes from.
    """

    def __init__(self, session: AsyncSession, ids: Ids, clock: Clock) -> None:
        self.session = session
        self.ids = ids
        self.clock = clock
        self.runs = Runs(session)

    async def create(
        self,
        org_id: str,
        goal: str,
        inputs: dict[str, Any],
        *,
        graph: str,
        graph_version: str,
        by: str,
        idempotency_key: str | None = None,
    ) -> tuple[Run, bool]:
        """Create a queued run, or return the one made before with the same idempotency key.

        Returns:
            The run, and whether it is new.

        Raises:
            Conflict: if the key was used for another goal.
        """
        if idempotency_key is not None:
            there = await self.runs.by_key(org_id, idempotency_key)
            if there is not None:
                return _same(there, goal, inputs), False
        now = utc(self.clock.now_ms())
        run = await self.runs.add(
            Run(
                id=self.ids.new("run"),
                org_id=org_id,
                created_at=now,
                updated_at=now,
                graph=graph,
                graph_version=graph_version,
                goal=goal,
                inputs=inputs,
                idempotency_key=idempotency_key,
                requested_by=by,
            )
        )
        await self._enqueue(run)
        return run, True

    async def answer(self, run_id: str, expected: RunStatus, answer: dict[str, Any]) -> Run:
        """Give a waiting run its answer and queue it again.

        Args:
            run_id: Which.
            expected: What it must be waiting for.
            answer: What to hand over; a `changeset` in it must be the one that is shown.

        Raises:
            NotFound: if there is no such run.
            Conflict: if it does not wait for this kind of answer, or shows something else by now.
        """
        run = await self.runs.get(run_id, lock=True)
        if run.status != expected:
            raise Conflict(
                "run_not_waiting",
                f"This run is {run.status}; it takes this answer only while it is {expected}.",
                run_status=run.status,
            )
        # The answer names the question it belongs to: after a crash it must not answer the next one.
        question = run.question or {}
        asked = question.get("interrupt")
        if answer.get("changeset") and answer["changeset"] != question.get("changeset"):
            raise Conflict("other_changeset", "Something else is waiting now; look at it first.")
        run.pending, run.question = {"interrupt": asked, "answer": answer}, None
        run.status, run.updated_at = RunStatus.QUEUED, utc(self.clock.now_ms())
        # Starts are counted to find runs that kill workers; one that got as far as a question does not.
        run.attempts = 0
        await self._enqueue(run)
        return run

    async def _enqueue(self, run: Run) -> None:
        await outbox.put(
            self.session, self.ids.new("obx"), run.org_id, outbox.RUN_ENQUEUE, {"run_id": run.id}
        )


def _same(run: Run, goal: str, inputs: dict[str, Any]) -> Run:
    if (run.goal, run.inputs) != (goal, inputs):
        raise Conflict(
            "idempotency_key_reused",
            "This Idempotency-Key was used for another campaign; send a new one.",
        )
    return run
