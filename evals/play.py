"""Plays one repetition of a scenario and returns what was seen."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import replace
from typing import Any

import msgspec

from agents.ad_manager.agent import read_goal
from catalog.tables import Run
from domain.brief import Brief
from domain.errors import BadInput, NotFound, ParleyError
from domain.money import Money
from domain.time import day_of, to_ms
from evals.chats import campaign_chats, world_chats
from evals.drive import Drive, Played
from evals.history import live_through
from evals.made import look_at_content
from evals.moved import look_at_optimisation
from evals.observed import Observation, Support
from evals.ports import Heard, ListenedRouter, builder, tape_of
from evals.provider import Script
from evals.scenario import Scenario
from evals.seeded import SeededIds, VirtualClock
from evals.stage import Stage
from evals.state import money_of, state_of, texts_of
from evals.worlds import load_world, published, settle
from graphs.campaign.material import Desk
from graphs.optimisation.material import Desk as Plans
from llm.router import ModelRouter
from storage.cache import make_redis

#: A port at which nothing listens; connecting fails at once.
_NOBODY = "redis://127.0.0.1:1/0"


async def play(scenario: Scenario, stage: Stage | None, *, record: bool = False) -> Observation:
    """Play a scenario once.

    Args:
        scenario: What is played.
        stage: Where; only a `brief` needs none.
        record: Record its cassette instead of playing it.
    """
    started, cpu = time.monotonic(), time.process_time()
    clock = VirtualClock(to_ms(scenario.clock))
    if scenario.kind == "brief":
        seen = await _brief(scenario, clock, record)
    elif stage is None:
        raise BadInput("no_stage", f"{scenario.id} needs services to be played on.")
    elif scenario.kind == "chat":
        seen = await _chat(scenario, clock, stage)
    else:
        seen = await _run(scenario, clock, stage, record)
    seen.seconds = time.monotonic() - started
    seen.cpu_seconds = time.process_time() - cpu
    return seen


async def _brief(scenario: Scenario, clock: VirtualClock, record: bool) -> Observation:
    heard, tape = Heard(), tape_of(scenario, record)
    router = ListenedRouter(
        ModelRouter(scenario.model, clock=clock),
        heard,
        clock,
        builder(scenario, Script(scenario.provider), tape),
    )
    seen = Observation()
    try:
        reading = await read_goal(router, scenario.goal, day_of(clock.now_ms()))
    except ParleyError as error:
        seen.outcome, seen.reason = f"error:{error.code}", error.detail
    else:
        seen.outcome, seen.brief = "read", msgspec.to_builtins(reading.brief)
        seen.written = list(reading.warnings)
    seen.tools, seen.calls = tuple(heard.tools), heard.calls
    if tape is not None:
        _wind_up(seen, tape, record)
    return seen


async def _chat(scenario: Scenario, clock: VirtualClock, stage: Stage) -> Observation:
    chats = await world_chats(scenario, clock, stage.folder)
    shown = await chats.play(scenario.chat)
    return Observation(
        outcome="answered", shown=shown, published=published(load_world(scenario.world))
    )


async def _run(scenario: Scenario, clock: VirtualClock, stage: Stage, record: bool) -> Observation:
    parts = await stage.clean()
    world, heard, tape = load_world(scenario.world), Heard(), tape_of(scenario, record)
    services = replace(parts, clock=clock, ids=SeededIds(clock, scenario.seeded))
    org_id = await settle(world, services)
    campaigns = await live_through(world.campaigns, services, org_id, scenario.seeded)
    await stage.begin()
    lost = any(fault.kind == "redis" for fault in scenario.faults)
    dead = make_redis(_NOBODY) if lost else None
    playing = services if dead is None else replace(services, redis=dead)
    drive = Drive(scenario, world, stage, playing, clock, org_id, heard, tape, campaigns)
    began, spent = await state_of(stage.admin, org_id), (await money_of(stage.admin)).spent
    before = await stage.counts()
    run, played, path = await drive.play()
    if dead is not None:
        await dead.aclose()
    gained = _gained(before, await stage.counts())
    seen = Observation(
        outcome=played.outcome,
        reason=played.reason,
        trajectory=path,
        tools=tuple(heard.tools),
        asked=[{k: v for k, v in one.items() if k != "interrupt"} for one in played.asked],
        lines=heard.lines,
        problems=list(played.problems),
        calls=heard.calls,
        crashes=played.crashes,
        gained=gained,
        began=began,
        spent_before=spent,
        published=published(world),
    )
    seen.cost_micros, seen.tokens = heard.spent()
    if scenario.chat:
        chats = await campaign_chats(scenario, services, clock, stage.folder)
        seen.shown = await chats.play(scenario.chat)
    await _look(seen, scenario, played, run, stage, services.objects, org_id)
    if tape is not None:
        _wind_up(seen, tape, record)
    return seen


async def _look(
    seen: Observation,
    scenario: Scenario,
    played: Played,
    run: Run,
    stage: Stage,
    objects: Any,
    org_id: str,
) -> None:
    """Read rows and objects: what there is, whatever was told."""
    seen.state = await state_of(stage.admin, org_id)
    seen.money = await money_of(stage.admin)
    brief = played.values.get("brief")
    if isinstance(brief, Brief):
        seen.brief = msgspec.to_builtins(brief)
        seen.goal_cap = _cap(brief, scenario)
    seen.written = [*await texts_of(stage.admin, org_id), played.reason]
    if scenario.kind == "content":
        await look_at_content(seen, played.values, objects, run.id)
    elif scenario.kind == "optimisation":
        await look_at_optimisation(seen, played.values, Plans(objects, run.id), stage.admin)
    else:
        await _look_at_campaign(seen, played, Desk(objects, run.id))


async def _look_at_campaign(seen: Observation, played: Played, desk: Desk) -> None:
    if seen.state["campaigns"]:
        with suppress(NotFound):
            seen.supports += await _claims(desk, played.values)
    with suppress(NotFound):
        report = await desk.research()
        seen.written += [one.statement for one in report.insights]
        seen.supports += [
            Support(insight.statement, source.quote, source.where)
            for insight in report.insights
            for source in insight.sources
        ]
    seen.numbers = await _numbers(seen, played.values, desk)


async def _claims(desk: Desk, values: Mapping[str, Any]) -> list[Support]:
    """Return the claims of what is in the catalogue: of the last round's drafts that passed."""
    round_ = values.get("round", 0)
    passed = set((await desk.report(round_)).keys("pass"))
    return [
        Support(claim.sentence, claim.support, claim.where)
        for draft in await desk.drafts(round_)
        if draft.key in passed
        for claim in draft.claims
    ]


async def _numbers(
    seen: Observation, values: Mapping[str, Any], desk: Desk
) -> dict[str, tuple[Any, Any]]:
    """Return numbers that were told beside the same ones counted from rows and objects."""
    state, numbers = seen.state, dict[str, tuple[Any, Any]]()
    if "ads" in values:
        numbers["ads told and rows"] = (values["ads"], state["ads"]["total"])
    if "passed" in values:
        with suppress(NotFound):
            report = await desk.report(values.get("round", 0))
            counted = Counter(str(verdict.outcome) for verdict in report.verdicts)
            for outcome, name in (
                ("pass", "passed"),
                ("revise", "to_revise"),
                ("block", "blocked"),
            ):
                numbers[f"{name} told and in the report"] = (values[name], counted[outcome])
    campaign, plan = state["campaign"], values.get("plan")
    if campaign is not None and plan is not None and campaign["status"] != "live":
        numbers["bid planned and kept"] = (plan.bid_micros, campaign["bid_micros"])
    if "insights" in values:
        with suppress(NotFound):
            numbers["insights told and kept"] = (
                values["insights"], len((await desk.research()).insights),
            )  # fmt: skip
    launched = [
        line.data.get("ads") for line in seen.lines if (line.type, line.step) == ("step", "launch")
    ]
    if launched:
        numbers["ads in progress and rows"] = (launched[-1], state["ads"]["total"])
    return numbers


def _cap(brief: Brief, scenario: Scenario) -> int | None:
    """Return the most that may be spent: the goal's total, or what a person set themselves."""
    edited = [
        move.edit["budget_total_micros"]
        for move in scenario.user
        if move.edit.get("budget_total_micros") is not None and not move.refused
    ]
    if edited:
        return int(edited[-1])
    if brief.budget_total_minor is None or brief.currency is None:
        return None
    return Money.of_minor(brief.budget_total_minor, brief.currency).micros


def _gained(before: Mapping[str, int], after: Mapping[str, int]) -> dict[str, int]:
    """Return by how many rows each table has grown or shrunk; checkpoints are execution detail."""
    names = {name for name in (*before, *after) if not name.startswith("checkpoint")}
    changes = {name: after.get(name, 0) - before.get(name, 0) for name in sorted(names)}
    return {name: change for name, change in changes.items() if change}


def _wind_up(seen: Observation, tape: Any, record: bool) -> None:
    seen.new_requests += tape.refused
    if record:
        tape.save()
