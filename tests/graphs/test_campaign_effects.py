"""Every node of the campaign graph crashed, drained and overtaken: each effect once, each guard in the way."""

from __future__ import annotations

import msgspec
import pytest
from langgraph.checkpoint.postgres.aio import AsyncPostgresSaver
from langgraph.errors import GraphDrained
from langgraph.types import Command

from bootstrap.services import Services
from catalog.changes import CampaignChange, Committed
from catalog.operations import Operations
from catalog.repository import Campaigns
from catalog.service import CatalogService
from domain.errors import Forbidden
from graphs.campaign import graph, nodes, steps
from graphs.campaign.approving import ApprovalPolicy
from graphs.channels import dispatcher
from tests.support.campaigns import (
    GOAL,
    advertiser,
    config_of,
    context_of,
    first_input,
    run_row,
    run_until_end,
    sources,
)
from tests.support.interrupted import dies_once, stops_once
from tests.support.launches import assert_launched_once, audit_of

NODES = (
    "understand", "read_sources", "research", "lead_gen", "write", "check", "plan", "submit",
    "plan_channel", "approve", "launch", "watch",
)  # fmt: skip

#: Asks for a channel without a connector, so that its part is planned beside the chats'.
EVERYWHERE = ", in chats and on LinkedIn"


async def assert_planned_once(services: Services, org: str, campaign_id: str) -> None:
    """The part of the channel that is not connected stands on the ledger once, and went nowhere."""
    async with services.db.tenant(org) as session:
        rows = await Operations(session).of(campaign_id)
    assert sorted((row.channel, row.kind, row.state) for row in rows) == [
        ("in_chat", "launch", "confirmed"),
        ("linkedin", "create", "not_connected"),
    ]


def test_every_node_is_in_the_list_that_is_crashed_or_said_not_to_be() -> None:
    ends = {"refuse", "reject", "give_up", "clarify", "revise"}
    drawn = set(graph.build().get_graph().nodes) - {"__start__", "__end__"}
    assert drawn == {*NODES, *ends}


@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize("name", NODES)
@pytest.mark.asyncio
async def test_a_crash_at_any_node_repeats_no_effect(
    services: Services,
    saver: AsyncPostgresSaver,
    monkeypatch: pytest.MonkeyPatch,
    name: str,
    when: str,
) -> None:
    """The worker dies as the node starts, or after its work and before the checkpoint."""
    org = await advertiser(services)
    run = run_row(services, org, approval_mode="demo", **await sources(services))
    run.goal += EVERYWHERE
    home = steps if hasattr(steps, name) else nodes
    calls = dies_once(monkeypatch, home, name, when)
    final = await run_until_end(lambda: graph.build(saver), run, context_of(services, run))
    assert len(calls) == 2
    assert final["outcome"] == "launched"
    await assert_launched_once(services, org, final["campaign_id"])
    await assert_planned_once(services, org, final["campaign_id"])


@pytest.mark.parametrize("name", NODES)
@pytest.mark.asyncio
async def test_a_worker_that_stops_at_any_node_goes_on_from_there(
    services: Services, saver: AsyncPostgresSaver, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    """The worker is told to stop while the node works; another one goes on with the next node."""
    org = await advertiser(services)
    run = run_row(services, org, approval_mode="demo", **await sources(services))
    run.goal += EVERYWHERE
    home = steps if hasattr(steps, name) else nodes
    calls, control = stops_once(monkeypatch, home, name)
    built, context = graph.build(saver), context_of(services, run)
    try:
        final = await built.ainvoke(
            first_input(run), config_of(run), context=context, durability="sync", control=control
        )
        # Told to stop in the last node: there was nothing left to stop before.
        assert name == "watch"
    except GraphDrained:
        final = await built.ainvoke(None, config_of(run), context=context, durability="sync")
    assert len(calls) == 1
    assert final["outcome"] == "launched"
    await assert_launched_once(services, org, final["campaign_id"])
    await assert_planned_once(services, org, final["campaign_id"])


@pytest.mark.parametrize(
    ("max_total", "outcome", "who"),
    [(3_000_000_000, "launched", "policy:limits"), (2_999_000_000, None, None)],
)
@pytest.mark.asyncio
async def test_a_policy_stands_in_for_a_person_within_its_limits_only(
    services: Services, saver: AsyncPostgresSaver, max_total: int, outcome: str | None, who: str
) -> None:
    org = await advertiser(services)
    run = run_row(services, org, approval_mode="policy", **await sources(services))
    policy = ApprovalPolicy(
        currency="USD", max_total_micros=max_total, max_bid_micros=2_000_000, allow_warnings=True
    )
    given = {**first_input(run), "approval_policy": msgspec.json.encode(policy).decode()}
    built, context = graph.build(saver), context_of(services, run)
    final = await built.ainvoke(given, config_of(run), context=context, durability="sync")
    assert final.get("outcome") == outcome
    if outcome is None:
        waiting = (await built.aget_state(config_of(run))).tasks[0].interrupts[0].value
        assert waiting["waits_for"] == "awaiting_approval"
    else:
        assert (await audit_of(services, org, final["campaign_id"]))[-1] == ("live", who)


@pytest.mark.asyncio
async def test_what_was_changed_after_it_was_shown_is_not_launched(
    services: Services, saver: AsyncPostgresSaver
) -> None:
    org = await advertiser(services)
    run = run_row(services, org, **await sources(services))
    built, context = graph.build(saver), context_of(services, run)
    await built.ainvoke(first_input(run), config_of(run), context=context, durability="sync")
    shown = (await built.aget_state(config_of(run))).tasks[0].interrupts[0].value
    async with services.db.tenant(org) as session:
        catalog = CatalogService(session, services.ids, services.clock)
        change = CampaignChange(budget_total_micros=4_000_000_000)
        await catalog.change_campaign(
            shown["campaign_id"], change, committed=Committed(0, 0), who="key:eve", why="more"
        )
    answer = {"decision": "approve", "by": "key:anna", "changeset": shown["changeset"]}
    with pytest.raises(Forbidden, match="another change"):
        await built.ainvoke(
            Command(resume=answer), config_of(run), context=context, durability="sync"
        )
    async with services.db.tenant(org) as session:
        assert (await Campaigns(session).get(shown["campaign_id"])).status == "in_review"


@pytest.mark.asyncio
async def test_a_stop_of_spending_keeps_a_campaign_from_being_launched(
    services: Services, saver: AsyncPostgresSaver
) -> None:
    org = await advertiser(services)
    run = run_row(services, org, approval_mode="demo", **await sources(services))
    context = context_of(services, run)
    await dispatcher(context).stop(org, "in_chat", who="key:anna", why="Audit.")
    final = await graph.build(saver).ainvoke(
        first_input(run), config_of(run), context=context, durability="sync"
    )
    assert (final["outcome"], "stopped" in final["reason"]) == ("failed", True)
    async with services.db.tenant(org) as session:
        assert (await Campaigns(session).get(final["campaign_id"])).status == "in_review"


@pytest.mark.asyncio
async def test_a_platform_without_connector_is_stored_with_its_share(
    services: Services, saver: AsyncPostgresSaver
) -> None:
    org = await advertiser(services)
    goal = f"{GOAL}, on Google and TikTok too"
    run = run_row(services, org, goal, approval_mode="demo", **await sources(services))
    final = await graph.build(saver).ainvoke(
        first_input(run), config_of(run), context=context_of(services, run), durability="sync"
    )
    async with services.db.tenant(org) as session:
        rows = await Operations(session).of(final["campaign_id"])
    assert {(row.channel, row.state) for row in rows} == {
        ("google", "not_connected"), ("tiktok", "not_connected"), ("in_chat", "confirmed"),
    }  # fmt: skip
