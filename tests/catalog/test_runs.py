"""One worker at a time, a question at a time."""

from __future__ import annotations

import asyncio

import pytest
from sqlalchemy import select, text

from bootstrap.services import Services
from catalog.access import AccessService
from catalog.runs import Runs, RunService, RunStatus
from catalog.tables import Run
from domain.errors import Conflict, NotFound
from storage.outbox import OutboxRow

pytestmark = pytest.mark.asyncio


async def org_and_run(services: Services, key: str | None = None) -> tuple[str, str]:
    async with services.db.system() as session:
        access = AccessService(session, services.ids, services.clock, services.new_secret)
        org = await access.create_organisation("advertiser", "Kaze")
    return org.id, await new_run(services, org.id, key)


async def new_run(services: Services, org: str, key: str | None, goal: str = "sell shoes") -> str:
    async with services.db.tenant(org) as session:
        runs = RunService(session, services.ids, services.clock)
        run, _ = await runs.create(
            org, goal, {"a": 1}, graph="campaign", graph_version="1", by="t", idempotency_key=key
        )
        return run.id


async def take(services: Services, run_id: str, owner: str) -> Run | None:
    async with services.db.system() as session:
        return await Runs(session).take_lease(run_id, owner, 30)


async def test_of_many_workers_one_gets_the_run(services: Services) -> None:
    _, run_id = await org_and_run(services)
    taken = await asyncio.gather(*(take(services, run_id, f"w{n}") for n in range(8)))
    assert len([run for run in taken if run is not None]) == 1


async def test_an_expired_lease_is_found_and_taken_over(services: Services) -> None:
    _, run_id = await org_and_run(services)
    assert await take(services, run_id, "dead")
    assert await take(services, run_id, "next") is None
    async with services.db.system() as session:
        await session.execute(text("UPDATE runs SET lease_until = now() - interval '1 second'"))
        assert await Runs(session).orphans() == [run_id]
    taken = await take(services, run_id, "next")
    assert taken is not None
    assert taken.attempts == 2
    async with services.db.system() as session:
        assert not await Runs(session).renew_lease(run_id, "dead", 30)
        assert not await Runs(session).release(run_id, "dead", RunStatus.FAILED)
        assert await Runs(session).renew_lease(run_id, "next", 30)


async def test_a_run_whose_task_was_lost_is_found(services: Services) -> None:
    _, run_id = await org_and_run(services)
    async with services.db.system() as session:
        assert await Runs(session).orphans() == []
        await session.execute(text("UPDATE runs SET updated_at = now() - interval '1 minute'"))
        assert await Runs(session).orphans() == [run_id]


async def test_an_answer_belongs_to_its_question(services: Services) -> None:
    org, run_id = await org_and_run(services)
    async with services.db.tenant(org) as session:
        with pytest.raises(Conflict, match="run is queued"):
            await RunService(session, services.ids, services.clock).answer(
                run_id, RunStatus.AWAITING_APPROVAL, {"decision": "approve"}
            )
    assert await take(services, run_id, "w")
    async with services.db.system() as session:
        question = {"interrupt": "abc", "waits_for": "awaiting_approval"}
        await Runs(session).release(run_id, "w", RunStatus.AWAITING_APPROVAL, question=question)
    async with services.db.tenant(org) as session:
        runs = RunService(session, services.ids, services.clock)
        with pytest.raises(Conflict):
            await runs.answer(run_id, RunStatus.NEEDS_INPUT, {"text": "no"})
        run = await runs.answer(run_id, RunStatus.AWAITING_APPROVAL, {"decision": "approve"})
        assert run.pending == {"interrupt": "abc", "answer": {"decision": "approve"}}
        with pytest.raises(Conflict):
            await runs.answer(run_id, RunStatus.AWAITING_APPROVAL, {"decision": "reject"})
    async with services.db.system() as session:
        payloads = (await session.scalars(select(OutboxRow.payload))).all()
    assert list(payloads) == [{"run_id": run_id}] * 2


async def test_the_same_idempotency_key_makes_one_run(services: Services) -> None:
    org, first = await org_and_run(services, "k1")
    assert await new_run(services, org, "k1") == first
    with pytest.raises(Conflict, match="Idempotency-Key"):
        await new_run(services, org, "k1", goal="something else")
    other, theirs = await org_and_run(services, "k1")
    assert theirs != first
    async with services.db.tenant(other) as session:
        with pytest.raises(NotFound):
            await Runs(session).get(first)
