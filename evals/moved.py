"""Looks at what an optimisation run has changed: rows before and after, and what was measured, counted again.

`moved` in the state of an optimisation run:

budgets     {campaign's name: [before, after]}, micros, of those that differ
under       names of campaigns that surely do worse;   refused: {name: code} of what the guards held back
skipped     how many campaigns did not compete
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, timedelta
from typing import Any

import msgspec
import psycopg
from psycopg.rows import dict_row

from domain.errors import NotFound
from evals.observed import Observation
from graphs.optimisation.material import Desk, Performance, Plan
from measurement.judging import Standing

AMOUNTS = ("budget_daily_micros", "budget_total_micros")
_COUNTED = """
    SELECT campaign_id AS id, count(*) FILTER (WHERE type = 'click') AS clicks,
           count(*) FILTER (WHERE type = 'submit') AS submits, sum(charged_micros)::bigint AS spent
    FROM ad_events WHERE created_at >= %(first)s AND created_at < %(end)s GROUP BY 1"""


async def look_at_optimisation(
    seen: Observation,
    values: Mapping[str, Any],
    desk: Desk,
    admin: psycopg.AsyncConnection[Any],
) -> None:
    """Add to an observation what an optimisation run has measured and changed.

    Args:
        seen: Has the state before and after; gets `state["moved"]` and numbers.
        values: The graph's last state.
        desk: Where the run keeps its objects.
        admin: Counts events.
    """
    names = {row["id"]: row["name"] for row in seen.state["campaigns"]}
    moved: dict[str, Any] = {"budgets": budgets_moved(seen), "under": [], "refused": {}}
    seen.state["moved"] = moved
    try:
        measured = await desk.performance()
        proposals = await desk.proposals()
    except NotFound:
        return
    moved["skipped"] = len(measured.skipped)
    verdicts = [v for v in proposals.verdicts if v.standing is Standing.UNDER]
    moved["under"] = sorted(names[verdict.key] for verdict in verdicts)
    seen.numbers |= await _measured(measured, seen, values, admin)
    seen.numbers["campaigns that do worse, told and judged"] = (values["under"], len(verdicts))
    try:
        plan = await desk.plan()
    except NotFound:
        return
    moved["refused"] = {names[one.campaign_id]: one.code for one in plan.refused}
    seen.numbers |= _done(plan, seen, values)


def budgets_moved(seen: Observation) -> dict[str, list[int | None]]:
    """Return by name the budgets that are not what they were: before and after."""
    before = {row["id"]: row for row in seen.began["campaigns"]}
    return {
        row["name"]: [before[row["id"]][name], row[name]]
        for row in seen.state["campaigns"]
        for name in AMOUNTS
        if row["id"] in before and row[name] != before[row["id"]][name]
    }


async def _measured(
    measured: Performance, seen: Observation, values: Mapping[str, Any], admin: Any
) -> dict[str, tuple[Any, Any]]:
    end = date.fromisoformat(measured.last) + timedelta(days=1)
    async with admin.cursor(row_factory=dict_row) as cursor:
        await cursor.execute(_COUNTED, {"first": measured.first, "end": end.isoformat()})
        rows = {row["id"]: row for row in await cursor.fetchall()}
    nothing = {"clicks": 0, "submits": 0, "spent": 0}
    live = [row for row in seen.began["campaigns"] if row["status"] == "live"]
    numbers: dict[str, tuple[Any, Any]] = {
        "campaigns told and live": (values["campaigns"] + len(measured.skipped), len(live))
    }
    for arm in measured.arms:
        row = rows.get(arm.campaign_id, nothing)
        numbers[f"{arm.name} measured and counted"] = (
            (arm.clicks, arm.submits, arm.spent_micros),
            (row["clicks"], row["submits"], row["spent"]),
        )
    return numbers


def _done(plan: Plan, seen: Observation, values: Mapping[str, Any]) -> dict[str, tuple[Any, Any]]:
    """Return what was told of changes beside the rows, and sums that must stay."""
    rows = {row["id"]: row for row in seen.state["campaigns"]}
    reached = [m for m in plan.moves if rows[m.campaign_id][m.amount] == m.after_micros]
    cuts = sum(move.after_micros < move.before_micros for move in reached)
    resting = seen.state["ads"]["resting"] - seen.began["ads"]["resting"]
    numbers: dict[str, tuple[Any, Any]] = {
        "budgets lowered, told and in rows": (values.get("cut", 0), cuts),
        "budgets raised, told and in rows": (values.get("raised", 0), len(reached) - cuts),
        "ads that rest, told and in rows": (values.get("rested", 0), resting),
    }
    for code in {move.currency for move in plan.moves}:
        own = [move for move in plan.moves if move.currency == code]
        numbers[f"sum of budgets in {code} before and after"] = (
            sum(move.before_micros for move in own),
            sum(move.after_micros for move in own),
        )
    for question in seen.asked:
        numbers["changes shown and planned"] = (
            msgspec.json.encode([question["moves"], question["rests"]]).decode(),
            msgspec.json.encode([plan.moves, plan.rests]).decode(),
        )
    return numbers
