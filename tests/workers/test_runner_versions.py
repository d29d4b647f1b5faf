"""A run finishes on the version of its graph that it began with; a worker that stops gives its run back."""

from __future__ import annotations

from typing import Any

import pytest
from langgraph.checkpoint.postgres.aio import AsyncPostgresSaver
from langgraph.graph import END, START, StateGraph

from bootstrap.services import Services
from catalog.runs import RunStatus
from domain.errors import Unavailable
from graphs import registry
from graphs.campaign.state import CampaignInput, CampaignState
from graphs.context import GraphContext
from graphs.versions import CURRENT
from tests.support.campaigns import advertiser, sources
from tests.support.runs import answer, change, queued_run, runner, stored
from workers.runner import Runner

ASYNC = pytest.mark.asyncio

YES = {"decision": "approve", "by": "key:anna", "note": "go"}


def other(saver: Any) -> registry.Compiled:
    """A version that does nothing but say that it ran."""
    graph = StateGraph(CampaignState, context_schema=GraphContext, input_schema=CampaignInput)
    graph.add_node("only", lambda _: {"outcome": "rejected", "reason": "the other version"})
    graph.add_edge(START, "only")
    graph.add_edge("only", END)
    return graph.compile(checkpointer=saver)


def test_there_is_one_of_each_and_what_new_runs_start_on_is_there() -> None:
    known = [(v.graph, v.version) for v in registry.VERSIONS]
    assert len(known) == len(set(known))
    assert set(CURRENT.items()) <= set(known)
    assert {graph for graph, _ in known} == set(CURRENT)


@ASYNC
async def test_a_run_is_worked_on_by_the_version_on_its_row(
    services: Services, saver: AsyncPostgresSaver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        registry, "VERSIONS", (*registry.VERSIONS, registry.GraphVersion("campaign", "99", other))
    )
    org = await advertiser(services)
    run_id = await queued_run(services, org, **await sources(services))
    await change(services, run_id, "graph_version = '99'")
    assert await runner(services, saver).execute(run_id) is RunStatus.REJECTED
    assert ((await stored(services, run_id)).result or {})["reason"] == "the other version"


@ASYNC
async def test_a_version_this_worker_does_not_know_waits_for_one_that_does(
    services: Services, saver: AsyncPostgresSaver
) -> None:
    org = await advertiser(services)
    run_id = await queued_run(services, org, **await sources(services))
    await change(services, run_id, "graph_version = '100'")
    with pytest.raises(Unavailable, match="does not know version 100"):
        await runner(services, saver).execute(run_id)
    assert (await stored(services, run_id)).status == "running"


@ASYNC
async def test_a_waiting_run_of_the_first_version_finishes_on_it(
    services: Services, saver: AsyncPostgresSaver
) -> None:
    org = await advertiser(services)
    run_id = await queued_run(services, org, **await sources(services))
    await change(services, run_id, "graph_version = '1'")
    assert await runner(services, saver).execute(run_id) is RunStatus.AWAITING_APPROVAL
    await answer(services, run_id, RunStatus.AWAITING_APPROVAL, YES)
    assert await runner(services, saver, "worker-2").execute(run_id) is RunStatus.SUCCEEDED
    run = await stored(services, run_id)
    assert run.graph_version == "1"
    assert (run.result or {})["ads"] > 20


@ASYNC
async def test_a_worker_that_stops_gives_its_run_back_after_the_step_it_is_in(
    services: Services, saver: AsyncPostgresSaver
) -> None:
    org = await advertiser(services)
    run_id = await queued_run(services, org, approval_mode="demo", **await sources(services))
    stopping: list[Runner] = []
    steps: list[str] = []

    class Stopping:
        """Tells the worker to stop when the plan is made."""

        events: list[Any] = []  # noqa: RUF012 - the shape of a listener

        async def emit(self, event: Any) -> None:
            steps.append(event.step)
            if event.step == "plan" and event.type == "step":
                stopping[0].drain()

    worker = runner(services, saver, listener=Stopping())  # type: ignore[arg-type]
    stopping.append(worker)
    assert await worker.execute(run_id) is RunStatus.QUEUED
    run = await stored(services, run_id)
    assert (run.status, run.lease_owner, run.lease_until) == ("queued", None, None)
    assert steps[-1] == "plan"
    assert "review" not in steps
    assert await runner(services, saver, "worker-2").execute(run_id) is RunStatus.SUCCEEDED
    assert ((await stored(services, run_id)).result or {})["outcome"] == "launched"
