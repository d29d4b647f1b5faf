"""What tests of the workers share: stored runs, runners, and time that passes for a lease."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from langgraph.checkpoint.base import BaseCheckpointSaver
from sqlalchemy import func, select, text

from bootstrap.graph_parts import graph_context
from bootstrap.services import Services
from catalog.runs import Runs, RunService, RunStatus
from catalog.tables import Campaign, Run
from graphs.context import Fetch, GraphContext
from graphs.versions import CURRENT
from tests.support.campaigns import GOAL, Listener
from workers.runner import Runner


async def queued_run(services: Services, org_id: str, goal: str = GOAL, **inputs: Any) -> str:
    """Store a run as the API does; return its id."""
    async with services.db.tenant(org_id) as session:
        runs = RunService(session, services.ids, services.clock)
        run, _ = await runs.create(
            org_id, goal, inputs, graph="campaign", graph_version=CURRENT["campaign"], by="test"
        )
        return run.id


async def answer(
    services: Services, run_id: str, expected: RunStatus, given: dict[str, Any]
) -> None:
    """Answer a waiting run as the API does."""
    async with services.db.system() as session:
        await RunService(session, services.ids, services.clock).answer(run_id, expected, given)


async def stored(services: Services, run_id: str) -> Run:
    """Return the row of a run."""
    async with services.db.system() as session:
        return await Runs(session).get(run_id)


async def change(services: Services, run_id: str, assignment: str, **values: Any) -> None:
    """Change the row of a run by SQL."""
    async with services.db.system() as session:
        statement = text(f"UPDATE runs SET {assignment} WHERE id = :id")
        await session.execute(statement, {"id": run_id, **values})


async def expire(services: Services, run_id: str) -> None:
    """Let the lease of a run run out."""
    await change(services, run_id, "lease_until = now() - interval '1 second'")


async def campaigns(services: Services) -> int:
    """Return how many campaigns there are."""
    async with services.db.system() as session:
        return int(await session.scalar(select(func.count()).select_from(Campaign)) or 0)


def runner(
    services: Services,
    saver: BaseCheckpointSaver[Any],
    owner: str = "worker-1",
    *,
    listener: Listener | None = None,
    fetch: Fetch | None = None,
    lease_s: int = 30,
    kind: type[Runner] = Runner,
) -> Runner:
    """Return a runner as a worker's child has it, with another way to read pages if one is given."""

    def context_for(run: Run) -> GraphContext:
        context = graph_context(services, run, (listener or Listener()).emit)
        return context if fetch is None else replace(context, fetch=fetch)

    return kind(services.db, saver, context_for, owner, lease_s)
