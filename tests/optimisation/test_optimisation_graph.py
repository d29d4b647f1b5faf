"""The optimisation graph: every way through it, every node crashed and drained, each effect once."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from langgraph.checkpoint.postgres.aio import AsyncPostgresSaver
from langgraph.errors import GraphDrained
from langgraph.types import Command
from sqlalchemy import select, text

from bootstrap.optimising import start_daily, start_run
from bootstrap.services import Services
from catalog.changes import CampaignChange, Committed
from catalog.operations import Operation
from catalog.repository import Ads, Audit, Campaigns
from catalog.resting import ACTIVE, RESTING, AdRests
from catalog.runs import RunStatus
from catalog.service import CatalogService
from catalog.tables import Ad
from domain.errors import Conflict, Forbidden
from domain.time import FixedClock, start_of_day_ms
from graphs import registry
from graphs.channels import dispatcher
from graphs.optimisation import graph, nodes
from graphs.optimisation.material import Desk
from storage.outbox import OutboxRow
from tests.support.campaigns import Crash, Listener, config_of, context_of
from tests.support.interrupted import dies_once, stops_once
from tests.support.optimising import DAILY, Field, budgets, field, optimisation_run
from tests.support.runs import answer, runner, stored

pytestmark = pytest.mark.asyncio

DOCS = Path(__file__).resolve().parents[2] / "docs" / "graphs.md"
NODES = ("measure", "judge", "guard", "approve", "cut", "lift", "rest_ads", "finish")


@pytest_asyncio.fixture
async def where(services: Services) -> Field:
    return await field(services)


def given(run: Any) -> dict[str, Any]:
    return dict(registry.optimisation_input(run))


async def go(built: Any, run: Any, context: Any, with_: Any = None, **more: Any) -> dict[str, Any]:
    final: dict[str, Any] = await built.ainvoke(
        with_ if with_ is not None else given(run), config_of(run), context=context,
        durability="sync", **more,
    )  # fmt: skip
    return final


async def assert_changed_once(services: Services, where: Field, who: str = "policy:demo") -> None:
    """Check budgets, ledger, ads and audit: the sum stays, the bounds hold, nothing was done twice."""
    now = await budgets(services, where)
    assert now["good"] is not None
    assert now["bad"] is not None
    assert now["good"] + now["bad"] == 2 * DAILY
    assert DAILY * 20 // 100 <= now["bad"] < DAILY < now["good"] <= DAILY * 150 // 100
    async with services.db.tenant(where.org) as session:
        operations = (await session.scalars(select(Operation))).all()
        assert sorted((o.campaign_id, o.kind, o.state) for o in operations) == sorted(
            (c, "update", "confirmed") for c in (where.good, where.bad)
        )
        ads = {ad.id: ad.status for ad in (await session.scalars(select(Ad))).all()}
        assert [ad for ad, status in ads.items() if status == RESTING] == [where.weak_ad]
        rested = await Audit(session).of(where.weak_ad)
        assert [(entry.to_state, entry.who) for entry in rested] == [(RESTING, who)]
        for campaign in (where.good, where.bad):
            changes = [e for e in await Audit(session).of(campaign) if "budget_daily" in e.why]
            assert [entry.who for entry in changes] == [who]


async def test_every_node_is_crashed_or_said_not_to_be() -> None:
    drawn = set(graph.build().get_graph().nodes) - {"__start__", "__end__"}
    assert drawn == {*NODES, "nothing", "decline"}
    assert graph.build().get_graph().draw_mermaid() in DOCS.read_text()


@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize("name", NODES)
async def test_a_crash_at_any_node_repeats_no_effect(
    services: Services, saver: AsyncPostgresSaver, where: Field, monkeypatch: pytest.MonkeyPatch,
    name: str, when: str,
) -> None:  # fmt: skip
    run = optimisation_run(services, where.org, approval_mode="demo")
    calls = dies_once(monkeypatch, nodes, name, when)
    context = context_of(services, run)
    with pytest.raises(Crash):
        await go(graph.build(saver), run, context)
    final = await graph.build(saver).ainvoke(
        None, config_of(run), context=context, durability="sync"
    )
    assert len(calls) == 2
    assert (final["outcome"], final["cut"], final["raised"], final["rested"]) == ("done", 1, 1, 1)
    await assert_changed_once(services, where)


@pytest.mark.parametrize("name", NODES)
async def test_a_worker_that_stops_at_any_node_goes_on_from_there(
    services: Services, saver: AsyncPostgresSaver, where: Field, monkeypatch: pytest.MonkeyPatch,
    name: str,
) -> None:  # fmt: skip
    run = optimisation_run(services, where.org, approval_mode="demo")
    calls, control = stops_once(monkeypatch, nodes, name)
    built, context = graph.build(saver), context_of(services, run)
    try:
        final = await go(built, run, context, control=control)
        assert name == "finish"
    except GraphDrained:
        final = await built.ainvoke(None, config_of(run), context=context, durability="sync")
    assert len(calls) == 1
    assert final["outcome"] == "done"
    await assert_changed_once(services, where)


@pytest.mark.parametrize("decision", ["approve", "reject"])
async def test_a_person_decides_about_what_was_shown(
    services: Services, saver: AsyncPostgresSaver, where: Field, decision: str
) -> None:
    """Through the runner, as the installation does it: started once, asked, answered, done."""
    row = await start_run(services, where.org, by="key:anna", key="today")
    assert (await start_run(services, where.org, by="key:anna", key="today")).id == row.id
    listener = Listener()
    assert (
        await runner(services, saver, listener=listener).execute(row.id)
        is RunStatus.AWAITING_APPROVAL
    )
    question = (await stored(services, row.id)).question or {}
    assert (
        "moved between budgets; 2 budgets changed, sums kept; 1 ads taken out"
        in question["summary"]
    )
    assert {m["name"]: m["after_micros"] > m["before_micros"] for m in question["moves"]} == {
        "good": True, "bad": False,
    }  # fmt: skip
    assert (await budgets(services, where)) == {"good": DAILY, "bad": DAILY}
    await answer(
        services, row.id, RunStatus.AWAITING_APPROVAL, {"decision": decision, "by": "key:anna"}
    )
    ended = await runner(services, saver, "worker-2", listener=listener).execute(row.id)
    if decision == "reject":
        assert ended is RunStatus.REJECTED
        assert (await budgets(services, where)) == {"good": DAILY, "bad": DAILY}
        return
    assert ended is RunStatus.SUCCEEDED
    await assert_changed_once(services, where, "key:anna")
    result = (await stored(services, row.id)).result or {}
    assert (result["cut"], result["raised"], result["rested"], result["under"]) == (1, 1, 1, 1)
    assert {e.step for e in listener.events} >= {
        "measure",
        "judge",
        "propose",
        "cut",
        "lift",
        "rest",
    }
    # The compiler is told once for each campaign that changed and once for the ad.
    async with services.db.tenant(where.org) as session:
        topics = (await session.scalars(select(OutboxRow.topic))).all()
    assert topics.count("catalogue.changed") == 2 + 3


@pytest.mark.parametrize("what", [{}, {"decision": "maybe"}, "yes"])
async def test_only_an_explicit_approval_changes_anything(
    services: Services, saver: AsyncPostgresSaver, where: Field, what: Any
) -> None:
    run = optimisation_run(services, where.org)
    built, context = graph.build(saver), context_of(services, run)
    await go(built, run, context)
    asked = (await built.aget_state(config_of(run))).tasks[0].interrupts[0].id
    final = await go(built, run, context, Command(resume={asked: what}))
    assert final["outcome"] == "rejected"
    assert (await budgets(services, where)) == {"good": DAILY, "bad": DAILY}


async def test_an_approval_of_something_else_changes_nothing(
    services: Services, saver: AsyncPostgresSaver, where: Field
) -> None:
    run = optimisation_run(services, where.org)
    built, context = graph.build(saver), context_of(services, run)
    await go(built, run, context)
    other = {"decision": "approve", "by": "key:eve", "changeset": "0" * 32}
    with pytest.raises(Forbidden, match="other changes"):
        await go(built, run, context, Command(resume=other))
    # Nor does a plan that was exchanged on the desk after it was shown.
    again = optimisation_run(services, where.org)
    context = context_of(services, again)
    await go(built, again, context)
    desk = Desk(services.objects, again.id)
    plan = await desk.plan()
    await desk.keep_plan(type(plan)(moves=(), rests=(), cuts=plan.raises, raises=plan.cuts))
    with pytest.raises(Forbidden):
        await go(built, again, context, Command(resume={"decision": "approve", "by": "key:eve"}))
    assert (await budgets(services, where)) == {"good": DAILY, "bad": DAILY}


async def test_what_was_changed_meanwhile_is_not_changed_and_nothing_is_raised(
    services: Services, saver: AsyncPostgresSaver, where: Field
) -> None:
    run = optimisation_run(services, where.org)
    built, context = graph.build(saver), context_of(services, run)
    await go(built, run, context)
    async with services.db.tenant(where.org) as session:
        catalog = CatalogService(session, services.ids, services.clock)
        change = CampaignChange(budget_daily_micros=DAILY - 1_000_000)
        await catalog.change_campaign(
            where.bad, change, committed=Committed(0, 0), who="key:eve", why="less"
        )
    final = await go(built, run, context, Command(resume={"decision": "approve", "by": "key:anna"}))
    assert (final["outcome"], final["cuts_failed"], final["raised"]) == ("failed", 1, 0)
    assert (await budgets(services, where)) == {"good": DAILY, "bad": DAILY - 1_000_000}


@pytest.mark.parametrize(
    ("policy", "approved"),
    [
        ({}, True),
        ({"rest_ads": False}, False),
        ({"max_moved_micros": 1_000_000}, False),
        ({"max_raise_ppm": 200_000}, False),
        ({"max_cut_ppm": 300_000}, False),
        ({"currency": "JPY"}, False),
    ],
)  # fmt: skip
async def test_a_policy_stands_in_within_its_limits_only(
    services: Services, saver: AsyncPostgresSaver, where: Field, policy: dict[str, Any], approved: bool
) -> None:  # fmt: skip
    generous = {
        "currency": "USD", "max_moved_micros": 5_000_000, "max_raise_ppm": 500_000,
        "max_cut_ppm": 800_000, "rest_ads": True,
    }  # fmt: skip
    run = optimisation_run(
        services, where.org, approval_mode="policy", approval_policy={**generous, **policy}
    )
    final = await go(graph.build(saver), run, context_of(services, run))
    assert final.get("outcome") == ("done" if approved else None)
    if approved:
        await assert_changed_once(services, where, "policy:limits")
    else:
        assert (await budgets(services, where)) == {"good": DAILY, "bad": DAILY}


async def test_a_stop_of_spending_and_todays_raises_hold_proposals_back(
    services: Services, saver: AsyncPostgresSaver, where: Field
) -> None:
    run = optimisation_run(services, where.org, approval_mode="demo")
    context = context_of(services, run)
    await dispatcher(context).stop(where.org, "in_chat", who="key:anna", why="Audit.")
    final = await go(graph.build(saver), run, context)
    assert (final["moves"], final["rests"], final["outcome"]) == (0, 1, "done")
    assert (await budgets(services, where)) == {"good": DAILY, "bad": DAILY}
    plan = await Desk(services.objects, run.id).plan()
    assert {held.code for held in plan.refused} == {"spend_stopped"}


async def test_without_anything_to_gain_nobody_is_asked(
    services: Services, saver: AsyncPostgresSaver, where: Field
) -> None:
    async with services.db.system() as session:
        await session.execute(
            text("UPDATE campaigns SET budget_daily_micros = NULL, budget_total_micros = NULL")
        )
        await session.execute(
            text("UPDATE ads SET status = 'resting' WHERE id = :id"), {"id": where.weak_ad}
        )
    run = optimisation_run(services, where.org)
    final = await go(graph.build(saver), run, context_of(services, run))
    assert (final["outcome"], final["campaigns"]) == ("done", 0)
    assert "nothing should change" in final["reason"]


async def test_an_ad_rests_once_and_the_last_one_stays(services: Services, where: Field) -> None:
    async with services.db.tenant(where.org) as session:
        one, other = [ad.id for ad, _ in await Ads(session).servable([where.bad])]
        rests = AdRests(session, services.ids, services.clock)
        assert await rests.move(one, RESTING, key="run_1", who="key:a", why="weak")
        assert not await rests.move(one, RESTING, key="run_1", who="key:a", why="weak")
        assert await rests.move(one, ACTIVE, key="key:a 2", who="key:a", why="I like it")
        # The step that runs a second time does not undo what a person decided after it.
        assert not await rests.move(one, RESTING, key="run_1", who="key:a", why="weak")
        assert await rests.move(one, RESTING, key="run_2", who="key:a", why="weak")
        with pytest.raises(Conflict) as caught:
            await rests.move(other, RESTING, key="run_2", who="key:a", why="weak")
        assert caught.value.code == "last_ad"
        assert [ad.id for ad, _ in await Ads(session).servable([where.bad])] == [other]
        assert (await Campaigns(session).get(where.bad)).status == "live"


async def test_the_daily_run_is_started_once_and_not_while_one_waits(
    services: Services, where: Field
) -> None:
    clock = FixedClock(start_of_day_ms(date(2030, 1, 7)) + 3 * 3_600_000)
    parts = replace(services, clock=clock)
    assert await start_daily(parts, 4) == []
    clock.advance(3_600_000)
    assert await start_daily(parts, -1) == []
    (first,) = await start_daily(parts, 4)
    assert await start_daily(parts, 4) == []
    # The next day: yesterday's run still waits for its approval.
    clock.advance(86_400_000)
    assert await start_daily(parts, 4) == []
    async with services.db.system() as session:
        await session.execute(
            text("UPDATE runs SET status = 'rejected' WHERE id = :id"), {"id": first}
        )
    assert len(await start_daily(parts, 4)) == 1
