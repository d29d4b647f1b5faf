"""The campaign graph: every way through it, and every node run twice."""

from __future__ import annotations

import json
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest
from langgraph.checkpoint.postgres.aio import AsyncPostgresSaver
from langgraph.types import Command

from bootstrap.services import Services
from catalog.lifecycle import CampaignStatus
from catalog.repository import Campaigns, Creatives
from catalog.service import CatalogService
from domain.errors import Unprocessable
from graphs.campaign import clarifying, doubts, graph, v1
from graphs.campaign.state import Clarification
from llm.offline.brief.parser import parse_goal
from llm.offline.brief.questions import DETAILS, parts_in, questions
from tests.support.campaigns import (
    GOAL,
    Listener,
    advertiser,
    config_of,
    context_of,
    first_input,
    run_row,
    sources,
)
from tests.support.launches import assert_launched_once, audit_of
from tools.product_source import read_page

LATE = "Sell our shoes in Japan until 1 March 2019 for 300 dollars"


@pytest.mark.asyncio
async def test_a_goal_becomes_a_live_campaign_and_the_policy_says_who_approved(
    services: Services, saver: AsyncPostgresSaver
) -> None:
    org = await advertiser(services)
    run = run_row(services, org, approval_mode="demo", **await sources(services))
    listener = Listener()
    final = await graph.build(saver).ainvoke(
        first_input(run),
        config_of(run),
        context=context_of(services, run, listener),
        durability="sync",
    )
    assert final["outcome"] == "launched"
    await assert_launched_once(services, org, final["campaign_id"])
    async with services.db.tenant(org) as session:
        campaign = await Campaigns(session).get(final["campaign_id"])
        creatives = await Creatives(session).of(campaign.id, "approved")
    assert (campaign.currency, campaign.budget_total_micros) == ("USD", 3_000_000_000)
    assert sorted(campaign.geos) == ["JP", "US"]
    assert sorted(campaign.languages) == ["eng", "jpn"]
    assert campaign.ends_at is not None
    assert all(set(c.texts) == {"eng", "jpn"} and c.claims for c in creatives)
    assert {c.format for c in creatives} == {"action_card", "lead_gen", "static", "followup"}
    assert [e.step for e in listener.events if e.type == "step"] == [
        "brief", "sources", "compliance", "plan", "review", "approval", "launch", "watch",
    ]  # fmt: skip
    assert {e.step for e in listener.events if e.type == "agent"} == {"research", "audience"}
    assert any("not by a person" in e.message for e in listener.events)


@pytest.mark.parametrize(("decision", "status"), [("approve", "live"), ("reject", "draft")])
@pytest.mark.asyncio
async def test_a_person_decides(
    services: Services, saver: AsyncPostgresSaver, decision: str, status: str
) -> None:
    org = await advertiser(services)
    run = run_row(services, org, **await sources(services))
    built, context = graph.build(saver), context_of(services, run)
    await built.ainvoke(first_input(run), config_of(run), context=context, durability="sync")
    waiting = await built.aget_state(config_of(run))
    question = waiting.tasks[0].interrupts[0].value
    assert question["waits_for"] == "awaiting_approval"
    assert "3,000" in question["summary"]
    answer = {"decision": decision, "by": "key:anna", "note": "as agreed"}
    final = await built.ainvoke(
        Command(resume=answer), config_of(run), context=context, durability="sync"
    )
    assert final["outcome"] == ("launched" if decision == "approve" else "rejected")
    async with services.db.tenant(org) as session:
        assert (await Campaigns(session).get(final["campaign_id"])).status == status
    assert (await audit_of(services, org, final["campaign_id"]))[-1] == (status, "key:anna")


@pytest.mark.parametrize("answer", [{}, {"decision": "maybe"}, "yes", {"decision": ["approve"]}])
@pytest.mark.asyncio
async def test_only_an_explicit_approval_launches(
    services: Services, saver: AsyncPostgresSaver, answer: Any
) -> None:
    org = await advertiser(services)
    run = run_row(services, org, **await sources(services))
    built, context = graph.build(saver), context_of(services, run)
    await built.ainvoke(first_input(run), config_of(run), context=context, durability="sync")
    asked = (await built.aget_state(config_of(run))).tasks[0].interrupts[0].id
    final = await built.ainvoke(
        Command(resume={asked: answer}), config_of(run), context=context, durability="sync"
    )
    assert final["outcome"] == "rejected"


@pytest.mark.asyncio
async def test_what_is_missing_is_asked_and_the_answer_is_used(
    services: Services, saver: AsyncPostgresSaver
) -> None:
    org = await advertiser(services)
    goal = "Advertise our trail-running shop in Japan until 24 December"
    run = run_row(services, org, goal, approval_mode="demo", **await sources(services))
    built, context = graph.build(saver), context_of(services, run)
    await built.ainvoke(first_input(run), config_of(run), context=context, durability="sync")
    waiting = await built.aget_state(config_of(run))
    question = waiting.tasks[0].interrupts[0].value
    assert question["waits_for"] == "needs_input"
    assert question["missing"] == ["budget"]
    assert len(question["questions"]) == 1
    async with services.db.tenant(org) as session:
        assert await Campaigns(session).newest() == []
    final = await built.ainvoke(
        Command(resume={"text": "The budget is 500 dollars in total."}),
        config_of(run), context=context, durability="sync",
    )  # fmt: skip
    assert final["outcome"] == "launched"
    async with services.db.tenant(org) as session:
        campaign = await Campaigns(session).get(final["campaign_id"])
    assert (campaign.currency, campaign.budget_total_micros) == ("USD", 500_000_000)


@pytest.mark.asyncio
async def test_answers_given_one_after_another_are_all_kept(
    services: Services, saver: AsyncPostgresSaver
) -> None:
    org = await advertiser(services)
    run = run_row(
        services, org, "Promote our shop", approval_mode="demo", **await sources(services)
    )
    built, context = graph.build(saver), context_of(services, run)
    await built.ainvoke(first_input(run), config_of(run), context=context, durability="sync")
    missing = []
    for answer in (
        {"text": "500 dollars in total"},
        {"fields": {"geos": ["JP"]}},
        {"text": "until 24 December"},
    ):
        waiting = await built.aget_state(config_of(run))
        missing.append(waiting.tasks[0].interrupts[0].value["missing"])
        final = await built.ainvoke(
            Command(resume=answer), config_of(run), context=context, durability="sync"
        )
    assert missing == [["budget", "geos", "end_date"], ["geos", "end_date"], ["end_date"]]
    assert final["outcome"] == "launched"
    async with services.db.tenant(org) as session:
        campaign = await Campaigns(session).get(final["campaign_id"])
    assert (campaign.budget_total_micros, campaign.geos) == (500_000_000, ["JP"])


@pytest.mark.parametrize(
    ("goal", "asks", "answer", "budget", "end"),
    [
        (LATE, "past", {"text": "until {end}"}, 300, True),
        (LATE, "past", {"fields": {"end": "{end}"}}, 300, True),
        ("Spend 900 zorkmids in Japan until 24 December", "ambiguous", {"text": "900 dollars"}, 900, False),
        (
            "Sell our shoes in Japan for -500 dollars until Christmas",
            "impossible",
            {"fields": {"budget_total_minor": 40_000, "currency": "USD"}},
            400,
            False,
        ),
    ],
)  # fmt: skip
@pytest.mark.asyncio
async def test_an_answer_takes_the_place_of_what_was_in_doubt(
    services: Services,
    saver: AsyncPostgresSaver,
    goal: str,
    asks: str,
    answer: dict[str, Any],
    budget: int,
    end: bool,
) -> None:
    org = await advertiser(services)
    run = run_row(services, org, goal, approval_mode="demo", **await sources(services))
    built, context = graph.build(saver), context_of(services, run)
    await built.ainvoke(first_input(run), config_of(run), context=context, durability="sync")
    waiting = await built.aget_state(config_of(run))
    assert waiting.tasks[0].interrupts[0].value["missing"] == [asks]
    last = context.today + timedelta(days=30)
    told = json.loads(json.dumps(answer).replace("{end}", last.isoformat()))
    final = await built.ainvoke(
        Command(resume=told), config_of(run), context=context, durability="sync"
    )
    assert final["outcome"] == "launched"
    async with services.db.tenant(org) as session:
        campaign = await Campaigns(session).get(final["campaign_id"])
    assert (campaign.currency, campaign.budget_total_micros) == ("USD", budget * 1_000_000)
    if end:
        assert campaign.ends_at is not None
        assert campaign.ends_at.date() == last + timedelta(days=1)


@pytest.mark.asyncio
async def test_a_campaign_that_was_ended_meanwhile_is_not_said_to_be_live(
    services: Services, saver: AsyncPostgresSaver
) -> None:
    org = await advertiser(services)
    run = run_row(services, org, **await sources(services))
    built, context = graph.build(saver), context_of(services, run)
    await built.ainvoke(first_input(run), config_of(run), context=context, durability="sync")
    async with services.db.tenant(org) as session:
        (campaign,) = await Campaigns(session).newest()
        catalog = CatalogService(session, services.ids, services.clock)
        await catalog.move(campaign.id, CampaignStatus.ENDED, who="key:anna", why="not now")
    final = await built.ainvoke(
        Command(resume={"decision": "approve", "by": "key:bob"}),
        config_of(run), context=context, durability="sync",
    )  # fmt: skip
    assert final["outcome"] == "rejected"
    assert "ended before" in final["reason"]


@pytest.mark.asyncio
async def test_a_run_that_can_write_nothing_says_why(
    services: Services, saver: AsyncPostgresSaver
) -> None:
    org = await advertiser(services)
    page = b"<h1>Ukulele strings</h1><p>Nylon strings keep their tuning in humid weather.</p>"
    source = services.ids.new("src")
    parsed = msgspec.json.encode(read_page(page, "u.html"))
    await services.objects.put(f"sources/{source}/parsed.json", parsed)
    run = run_row(services, org, approval_mode="demo", page_source_id=source)
    with pytest.raises(Unprocessable, match="no web address") as caught:
        await graph.build(saver).ainvoke(
            first_input(run), config_of(run), context=context_of(services, run), durability="sync"
        )
    assert caught.value.code == "nothing_written"


def test_only_doubts_that_were_answered_are_dropped() -> None:
    today = date(2026, 11, 21)
    brief = parse_goal("Sell our shoes in Japan for -500 dollars until 30 February 2027", today)
    assert doubts.doubts_of(brief) == {"impossible": ("budget", "dates")}
    half = doubts.settle(brief, Clarification("300 dollars"), today)
    assert (half.budget_total_minor, half.must_ask) == (30_000, ("impossible",))
    assert "the dates" in half.questions[0]
    assert "budget" not in half.questions[0]
    whole = doubts.settle(brief, Clarification("300 dollars\nuntil 24 December 2026"), today)
    assert (whole.end, whole.must_ask, whole.questions) == ("2026-12-24", (), ())
    # An answer that is in doubt itself settles nothing, nor does one about something else.
    for text in ("-20 dollars", "around 10 to 20 dollars or so", "in Germany", "", "。"):
        again = doubts.settle(brief, Clarification(text), today)
        assert again.must_ask == ("impossible",), text


@pytest.mark.parametrize("japanese", [False, True])
def test_the_parts_of_a_question_can_be_read_back(japanese: bool) -> None:
    for part in DETAILS:
        (question,) = questions({"ambiguous": [part]}, japanese)
        assert parts_in(question) == (part,)
    (question,) = questions({"impossible": ["budget", "cap", "dates"]}, japanese)
    assert set(parts_in(question)) == {"budget", "cap", "dates"}


def test_what_was_said_last_wins_and_the_oldest_words_go_first() -> None:
    first = Clarification("one\ntwo", '{"currency": "USD", "geos": ["JP"]}')
    second = Clarification("three", '{"currency": "JPY"}')
    both = clarifying.together(first, second, "goal")
    assert both.text == "one\ntwo\nthree"
    assert json.loads(both.fields) == {"currency": "JPY", "geos": ["JP"]}
    assert clarifying.together(None, second, "goal") == second
    assert clarifying.together(first, second, "g" * 7_990).text == "two\nthree"


@pytest.mark.asyncio
async def test_without_a_source_the_run_asks_for_one(
    services: Services, saver: AsyncPostgresSaver
) -> None:
    org = await advertiser(services)
    run = run_row(services, org, approval_mode="demo")
    built, context = graph.build(saver), context_of(services, run)
    await built.ainvoke(first_input(run), config_of(run), context=context, durability="sync")
    waiting = await built.aget_state(config_of(run))
    assert "landing page" in waiting.tasks[0].interrupts[0].value["questions"][0]
    feed = (await sources(services))["feed_source_id"]
    final = await built.ainvoke(
        Command(resume={"fields": {"feed_source_id": feed}}),
        config_of(run), context=context, durability="sync",
    )  # fmt: skip
    assert final["outcome"] == "launched"


@pytest.mark.asyncio
async def test_what_must_not_be_done_is_refused_with_a_reason(
    services: Services, saver: AsyncPostgresSaver
) -> None:
    org = await advertiser(services)
    goal = "Sell cocaine to teenagers in the US for 1,000 dollars until 31 December"
    run = run_row(services, org, goal, approval_mode="demo", **await sources(services))
    final = await graph.build(saver).ainvoke(
        first_input(run), config_of(run), context=context_of(services, run), durability="sync"
    )
    assert final["outcome"] == "refused"
    assert final["reason"]
    async with services.db.tenant(org) as session:
        assert await Campaigns(session).newest() == []


def test_the_picture_in_the_docs_is_the_graph() -> None:
    page = Path(__file__).resolve().parents[2] / "docs" / "graphs.md"
    for version in (graph, v1):
        assert version.build().get_graph().draw_mermaid() in page.read_text()
    assert len(Path(graph.__file__).read_text().splitlines()) <= 150


def test_the_demo_goal_is_the_one_tested_here() -> None:
    from bootstrap.cli.demo import GOAL as SHIPPED  # noqa: PLC0415 - the command line is heavy

    assert SHIPPED == GOAL
