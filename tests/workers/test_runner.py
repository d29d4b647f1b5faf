"""A run is worked on by one worker, survives it, waits for people without it, and comes to rest once."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from langgraph.checkpoint.postgres.aio import AsyncPostgresSaver
from langgraph.types import RetryPolicy, StateSnapshot

from bootstrap.services import Services
from catalog.repository import Audit, Campaigns
from catalog.runs import Runs, RunStatus
from catalog.tables import Run
from domain.errors import Unavailable, Unprocessable
from graphs.campaign import graph, nodes, steps
from graphs.context import GraphContext
from llm.retry import should_retry
from tests.support.campaigns import Crash, Listener, advertiser, sources
from tests.support.runs import answer, campaigns, change, expire, queued_run, runner, stored
from workers.runner import MAX_ATTEMPTS, Runner

pytestmark = pytest.mark.asyncio

NO_BUDGET = "Advertise our trail-running shop in Japan until 24 December"
YES = {"decision": "approve", "by": "key:anna", "note": "go"}
SITE = "https://kaze-trail.example/"


async def demo_run(services: Services) -> str:
    org = await advertiser(services)
    return await queued_run(services, org, approval_mode="demo", **await sources(services))


async def thread_left(saver: AsyncPostgresSaver, run_id: str) -> bool:
    return await saver.aget_tuple({"configurable": {"thread_id": run_id}}) is not None


async def states(services: Services, campaign_id: str | None) -> list[tuple[str, str]]:
    async with services.db.system() as session:
        return [(e.to_state, e.who) for e in await Audit(session).of(str(campaign_id))]


def crash_once(monkeypatch: pytest.MonkeyPatch, name: str, *, after_work: bool) -> list[str]:
    """Let a node die when it runs for the first time; return the list of its calls."""
    home = steps if hasattr(steps, name) else nodes
    real, calls = getattr(home, name), []

    async def dying(state: Any, runtime: Any) -> Any:
        calls.append(name)
        if len(calls) > 1:
            return await real(state, runtime)
        if after_work:
            await real(state, runtime)
        raise Crash

    dying.__name__ = name
    monkeypatch.setattr(home, name, dying)
    return calls


async def test_a_run_ends_with_its_result_on_the_row_and_nothing_else_kept(
    services: Services, saver: AsyncPostgresSaver
) -> None:
    run_id, listener = await demo_run(services), Listener()
    assert await runner(services, saver, listener=listener).execute(run_id) is RunStatus.SUCCEEDED
    run = await stored(services, run_id)
    assert (run.status, run.attempts) == ("succeeded", 1)
    assert (run.lease_owner, run.lease_until, run.pending, run.question) == (None,) * 4
    assert run.campaign_id is not None
    assert run.result is not None
    assert run.result["outcome"] == "launched"
    assert run.result["campaign_id"] == run.campaign_id
    assert run.result["ads"] > 20
    assert not await thread_left(saver, run_id)
    assert [e.step for e in listener.events if e.type == "finished"] == ["launched"]
    async with services.db.system() as session:
        assert (await Campaigns(session).get(run.campaign_id)).run_id == run_id
    assert await runner(services, saver).execute(run_id) is None


@pytest.mark.parametrize(
    ("decision", "status", "state"),
    [("approve", "succeeded", "live"), ("reject", "rejected", "draft")],
)
async def test_a_run_waits_for_a_person_without_a_worker(
    services: Services, saver: AsyncPostgresSaver, decision: str, status: str, state: str
) -> None:
    org = await advertiser(services)
    run_id = await queued_run(services, org, **await sources(services))
    worker = runner(services, saver)
    assert await worker.execute(run_id) is RunStatus.AWAITING_APPROVAL
    waiting = await stored(services, run_id)
    assert (waiting.lease_owner, waiting.lease_until, waiting.step) == (None, None, "approve")
    assert waiting.question is not None
    assert "3,000" in waiting.question["summary"]
    assert await thread_left(saver, run_id)
    # Nobody answered: nothing is to be done, and the ticker does not send it to a worker either.
    assert await worker.execute(run_id) is None
    async with services.db.system() as session:
        assert await Runs(session).orphans() == []

    given = {"decision": decision, "by": "key:anna", "note": "as agreed"}
    await answer(services, run_id, RunStatus.AWAITING_APPROVAL, given)
    # Another worker than the one that asked.
    assert await runner(services, saver, "worker-2").execute(run_id) == status
    run = await stored(services, run_id)
    assert (run.status, run.pending, run.question, run.step) == (status, None, None, None)
    assert (await states(services, run.campaign_id))[-1] == (state, "key:anna")
    assert not await thread_left(saver, run_id)


async def test_what_is_missing_is_asked_and_the_answer_goes_on(
    services: Services, saver: AsyncPostgresSaver
) -> None:
    org = await advertiser(services)
    run_id = await queued_run(
        services, org, NO_BUDGET, approval_mode="demo", **await sources(services)
    )
    assert await runner(services, saver).execute(run_id) is RunStatus.NEEDS_INPUT
    question = (await stored(services, run_id)).question
    assert question is not None
    assert question["missing"] == ["budget"]
    # An answer that does not help is followed by the same question, not by a campaign.
    await answer(services, run_id, RunStatus.NEEDS_INPUT, {"text": "I do not know.", "fields": {}})
    assert await runner(services, saver).execute(run_id) is RunStatus.NEEDS_INPUT
    again = (await stored(services, run_id)).question
    assert again is not None
    assert again["interrupt"] != question["interrupt"]
    told = {"text": "The budget is 500 dollars in total.", "fields": {}}
    await answer(services, run_id, RunStatus.NEEDS_INPUT, told)
    assert await runner(services, saver).execute(run_id) is RunStatus.SUCCEEDED
    assert await campaigns(services) == 1


async def test_a_goal_that_must_not_be_done_is_refused_with_its_reason(
    services: Services, saver: AsyncPostgresSaver
) -> None:
    org = await advertiser(services)
    goal = "Sell cocaine to teenagers in the US for 1,000 dollars until 31 December"
    run_id = await queued_run(services, org, goal, approval_mode="demo", **await sources(services))
    assert await runner(services, saver).execute(run_id) is RunStatus.REFUSED
    run = await stored(services, run_id)
    assert run.result is not None
    assert run.result["reason"]
    assert run.campaign_id is None
    assert await campaigns(services) == 0
    assert not await thread_left(saver, run_id)


@pytest.mark.parametrize("after_work", [False, True])
@pytest.mark.parametrize("name", ["read_sources", "submit", "launch"])
async def test_a_worker_that_dies_leaves_a_lease_and_the_next_one_finishes(
    services: Services,
    saver: AsyncPostgresSaver,
    monkeypatch: pytest.MonkeyPatch,
    name: str,
    after_work: bool,
) -> None:
    run_id = await demo_run(services)
    calls = crash_once(monkeypatch, name, after_work=after_work)
    with pytest.raises(Crash):
        await runner(services, saver, "dead").execute(run_id)
    left = await stored(services, run_id)
    assert (left.status, left.lease_owner) == ("running", "dead")
    assert await runner(services, saver, "early").execute(run_id) is None
    await expire(services, run_id)
    assert await runner(services, saver, "next").execute(run_id) is RunStatus.SUCCEEDED
    assert len(calls) == 2
    run = await stored(services, run_id)
    assert (run.attempts, await campaigns(services)) == (2, 1)
    assert await states(services, run.campaign_id) == [
        ("draft", "campaign graph"),
        ("in_review", "campaign graph"),
        ("approved", "policy:demo"),
        ("live", "policy:demo"),
    ]


class DiesBeforeWritingDown(Runner):
    """A worker that is killed after the graph came to rest and before the row says so."""

    async def _settle(self, run: Run, context: GraphContext, after: StateSnapshot) -> Any:
        raise Crash


async def test_the_answer_of_an_earlier_question_never_answers_a_later_one(
    services: Services, saver: AsyncPostgresSaver
) -> None:
    org = await advertiser(services)
    run_id = await queued_run(services, org, NO_BUDGET, **await sources(services))
    assert await runner(services, saver).execute(run_id) is RunStatus.NEEDS_INPUT
    # A text that would launch if it were taken for the decision.
    told = {"text": "The budget is 500 dollars in total.", **YES}
    await answer(services, run_id, RunStatus.NEEDS_INPUT, told)
    with pytest.raises(Crash):
        await runner(services, saver, "dead", kind=DiesBeforeWritingDown).execute(run_id)
    stale = await stored(services, run_id)
    assert stale.pending is not None
    assert stale.pending["answer"]["decision"] == "approve"

    await expire(services, run_id)
    assert await runner(services, saver, "next").execute(run_id) is RunStatus.AWAITING_APPROVAL
    waiting = await stored(services, run_id)
    assert waiting.pending is None
    assert waiting.question is not None
    assert waiting.question["waits_for"] == "awaiting_approval"
    assert [state for state, _ in await states(services, waiting.question["campaign_id"])] == [
        "draft",
        "in_review",
    ]
    await answer(services, run_id, RunStatus.AWAITING_APPROVAL, YES)
    assert await runner(services, saver).execute(run_id) is RunStatus.SUCCEEDED


async def test_an_approval_is_not_lost_when_the_worker_dies_with_it(
    services: Services, saver: AsyncPostgresSaver, monkeypatch: pytest.MonkeyPatch
) -> None:
    org = await advertiser(services)
    run_id = await queued_run(services, org, **await sources(services))
    assert await runner(services, saver).execute(run_id) is RunStatus.AWAITING_APPROVAL
    await answer(services, run_id, RunStatus.AWAITING_APPROVAL, YES)
    crash_once(monkeypatch, "launch", after_work=True)
    with pytest.raises(Crash):
        await runner(services, saver, "dead").execute(run_id)
    await expire(services, run_id)
    assert await runner(services, saver, "next").execute(run_id) is RunStatus.SUCCEEDED
    run = await stored(services, run_id)
    assert (await states(services, run.campaign_id))[-2:] == [
        ("approved", "key:anna"),
        ("live", "key:anna"),
    ]


async def test_of_two_workers_at_once_one_works(
    services: Services, saver: AsyncPostgresSaver
) -> None:
    run_id = await demo_run(services)
    ends = await asyncio.gather(
        *(runner(services, saver, f"worker-{n}").execute(run_id) for n in range(2))
    )
    assert sorted(ends, key=str) == [None, RunStatus.SUCCEEDED]
    assert await campaigns(services) == 1


async def test_a_worker_that_loses_its_lease_stops_working(
    services: Services, saver: AsyncPostgresSaver
) -> None:
    reading, stopped = asyncio.Event(), asyncio.Event()

    async def endless(url: str) -> bytes:
        reading.set()
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            stopped.set()
            raise
        return b""

    org = await advertiser(services)
    run_id = await queued_run(services, org, approval_mode="demo", site_url=SITE)
    work = asyncio.create_task(
        runner(services, saver, "slow", fetch=endless, lease_s=1).execute(run_id)
    )
    await asyncio.wait_for(reading.wait(), 4)
    await change(services, run_id, "lease_owner = 'other', lease_until = now() + interval '1 hour'")
    assert await asyncio.wait_for(work, 3) is None
    assert stopped.is_set()
    run = await stored(services, run_id)
    assert (run.status, run.lease_owner) == ("running", "other")


async def test_the_heartbeat_keeps_a_lease_longer_than_its_term(
    services: Services, saver: AsyncPostgresSaver
) -> None:
    reading, go_on = asyncio.Event(), asyncio.Event()

    async def slow(url: str) -> bytes:
        reading.set()
        await go_on.wait()
        raise Unprocessable("site_unreachable", "The page cannot be read; check its address.")

    org = await advertiser(services)
    run_id = await queued_run(services, org, approval_mode="demo", site_url=SITE)
    work = asyncio.create_task(
        runner(services, saver, "slow", fetch=slow, lease_s=1).execute(run_id)
    )
    await asyncio.wait_for(reading.wait(), 4)
    first = (await stored(services, run_id)).lease_until
    assert first is not None
    async with asyncio.timeout(4):
        while True:
            now = (await stored(services, run_id)).lease_until
            assert now is not None
            if (now - first).total_seconds() > 1:
                break
            await asyncio.sleep(0.05)
    assert await runner(services, saver, "other").execute(run_id) is None
    go_on.set()
    assert await work is RunStatus.FAILED


async def test_who_lost_the_lease_writes_nothing_and_deletes_nothing(
    services: Services, saver: AsyncPostgresSaver, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = steps.launch

    async def overtaken(state: Any, runtime: Any) -> Any:
        await change(services, run_id, "lease_owner = 'other'")
        return await real(state, runtime)

    overtaken.__name__ = "launch"
    monkeypatch.setattr(steps, "launch", overtaken)
    run_id, listener = await demo_run(services), Listener()
    assert await runner(services, saver, "slow", listener=listener).execute(run_id) is None
    run = await stored(services, run_id)
    assert (run.status, run.lease_owner, run.result) == ("running", "other", None)
    # The checkpoints are the other worker's to go on from.
    assert await thread_left(saver, run_id)
    assert "finished" not in [event.type for event in listener.events]


async def test_a_run_that_keeps_killing_workers_is_given_up(
    services: Services, saver: AsyncPostgresSaver
) -> None:
    run_id = await demo_run(services)
    await change(services, run_id, "attempts = :n", n=MAX_ATTEMPTS)
    assert await runner(services, saver).execute(run_id) is RunStatus.FAILED
    run = await stored(services, run_id)
    assert run.error is not None
    assert run.error["code"] == "run_keeps_dying"
    assert run.lease_owner is None
    assert await campaigns(services) == 0


async def test_a_site_that_cannot_be_reached_fails_the_run_with_nothing_half_written(
    services: Services, saver: AsyncPostgresSaver
) -> None:
    async def nowhere(url: str) -> bytes:
        raise Unprocessable(
            "site_unreachable", f"{url} cannot be read; check the address.", url=url
        )

    org, listener = await advertiser(services), Listener()
    run_id = await queued_run(services, org, approval_mode="demo", site_url=SITE)
    worker = runner(services, saver, fetch=nowhere, listener=listener)
    assert await worker.execute(run_id) is RunStatus.FAILED
    run = await stored(services, run_id)
    assert run.error == {
        "type": "urn:parley:problem:site_unreachable",
        "title": "Cannot be done",
        "status": 422,
        "code": "site_unreachable",
        "detail": f"{SITE} cannot be read; check the address.",
        "url": SITE,
    }
    assert (run.lease_owner, run.campaign_id, run.result) == (None, None, None)
    assert run.step == "read_sources"
    assert await campaigns(services) == 0
    assert not await thread_left(saver, run_id)
    assert listener.events[-1].message == run.error["detail"]


async def test_a_part_that_is_down_leaves_the_run_to_be_tried_again(
    services: Services, saver: AsyncPostgresSaver, monkeypatch: pytest.MonkeyPatch
) -> None:
    quick = RetryPolicy(max_attempts=2, initial_interval=0.01, retry_on=should_retry)
    monkeypatch.setattr(graph, "RETRY", quick)
    asked = []

    async def down(url: str) -> bytes:
        asked.append(url)
        raise Unavailable("object_store_unavailable", "The object store cannot be reached.")

    org = await advertiser(services)
    run_id = await queued_run(services, org, approval_mode="demo", site_url=SITE)
    with pytest.raises(Unavailable):
        await runner(services, saver, "first", fetch=down).execute(run_id)
    assert len(asked) == 2
    run = await stored(services, run_id)
    assert (run.status, run.lease_owner, run.error) == ("running", "first", None)
    await expire(services, run_id)
    async with services.db.system() as session:
        assert await Runs(session).orphans() == [run_id]
