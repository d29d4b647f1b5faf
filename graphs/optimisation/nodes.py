"""The work of each node. A node may run twice: every effect is keyed by the run."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import msgspec
from langgraph.runtime import Runtime
from langgraph.types import interrupt
from sqlalchemy.ext.asyncio import AsyncSession

from catalog.changesets import Approved, ChangeSet
from catalog.channels import OpResult
from catalog.guards import SpendLimits, check_spend
from catalog.operations import Operations, Stops
from catalog.repository import Campaigns
from catalog.resting import RESTING, AdRests
from domain.errors import Conflict, Forbidden, NotFound, ParleyError
from domain.money import Money
from domain.time import utc
from graphs.campaign import bookings, policing
from graphs.channels import dispatcher
from graphs.context import GraphContext
from graphs.optimisation.approving import by_policy
from graphs.optimisation.gathering import live_by_id
from graphs.optimisation.gathering import measure as look
from graphs.optimisation.material import Desk, Performance, Plan, Refused, change_of, plan_of
from graphs.optimisation.state import OptimisationState
from measurement.judging import Standing
from measurement.proposals import Proposals, propose

Run = Runtime[GraphContext]
Update = dict[str, Any]

_BY = "optimisation graph"
_CHANNEL = "in_chat"


async def measure(state: OptimisationState, runtime: Run) -> Update:
    """Look at what live campaigns did."""
    ctx = runtime.context
    measured = await look(ctx, state["window_days"])
    await Desk(ctx.objects, ctx.run_id).keep_performance(measured)
    await ctx.tell(
        "step",
        "measure",
        f"{len(measured.arms)} campaigns from {measured.first} to {measured.last}",
        campaigns=len(measured.arms),
        skipped=len(measured.skipped),
    )
    return {"campaigns": len(measured.arms)}


async def judge(state: OptimisationState, runtime: Run) -> Update:
    """Say which campaigns surely do worse than the others, and what should change."""
    ctx = runtime.context
    desk = Desk(ctx.objects, ctx.run_id)
    measured = await desk.performance()
    proposals = propose(measured.arms, measured.ads, ctx.run_id)
    await desk.keep_proposals(proposals)
    under = [v for v in proposals.verdicts if v.standing is Standing.UNDER]
    await ctx.tell(
        "agent",
        "judge",
        f"{len(under)} of {len(proposals.verdicts)} campaigns do worse than the others",
        under=len(under),
    )
    for advice in proposals.rewrites:
        await ctx.tell("warning", "creatives", f"{advice.name} needs other creatives: {advice.why}")
    return {"under": len(under), "proposed": len(proposals.moves) + len(proposals.rests)}


async def guard(state: OptimisationState, runtime: Run) -> Update:
    """Leave out what a guard would not let through, and write down the rest; nothing is sent."""
    ctx = runtime.context
    desk = Desk(ctx.objects, ctx.run_id)
    async with ctx.db.tenant(ctx.org_id) as session:
        plan = await _guarded(ctx, session, await desk.performance(), await desk.proposals())
    await desk.keep_plan(plan)
    for changeset in (plan.cuts, plan.raises):
        await dispatcher(ctx).plan(changeset, _BY)
    for held in plan.refused:
        await ctx.tell("warning", "guards", held.detail, campaign=held.campaign_id)
    summary = _summary(plan)
    await ctx.tell("step", "propose", summary, moves=len(plan.moves), rests=len(plan.rests))
    return {
        "moves": len(plan.moves),
        "rests": len(plan.rests),
        "changeset": plan.hash,
        "summary": summary,
    }


async def nothing(state: OptimisationState, runtime: Run) -> Update:
    """End a run that has nothing to propose."""
    return {
        "outcome": "done",
        "reason": f"{state['campaigns']} campaigns were looked at; nothing should change.",
    }


async def approve(state: OptimisationState, runtime: Run) -> Update:
    """Wait for a person, unless a policy may stand in for one and says so."""
    ctx = runtime.context
    if state["approval_mode"] == "demo" and ctx.demo_policy:
        return {"approval": replace(bookings.demo_approval(), changeset=state["changeset"])}
    plan = await Desk(ctx.objects, ctx.run_id).plan()
    if state["approval_mode"] == "policy":
        found = by_policy(state, plan)
        if found is not None:
            return {"approval": found}
    answer = interrupt(
        {
            "waits_for": "awaiting_approval",
            "changeset": state["changeset"],
            "summary": state["summary"],
            "moves": msgspec.to_builtins(plan.moves),
            "rests": msgspec.to_builtins(plan.rests),
            "advice": msgspec.to_builtins(plan.rewrites),
            "questions": ["Change these budgets and ads?"],
        }
    )
    return {"approval": bookings.approval(answer)}


async def decline(state: OptimisationState, runtime: Run) -> Update:
    """End a run that was not approved."""
    return {"outcome": "rejected", "reason": state["approval"].note or "Rejected."}


async def cut(state: OptimisationState, runtime: Run) -> Update:
    """Lower budgets: money has to be free before it is given."""
    ctx = runtime.context
    plan = await _approved_plan(state, ctx)
    results = await _apply(ctx, plan.cuts, state)
    failed = [result for result in results if not result.done]
    for result in failed:
        await ctx.tell("warning", "cut", result.detail, campaign=result.campaign_id)
    await ctx.tell("step", "cut", f"{_counted(len(results) - len(failed), 'budget')} lowered")
    return {"cut": len(results) - len(failed), "cuts_failed": len(failed)}


async def lift(state: OptimisationState, runtime: Run) -> Update:
    """Raise budgets by what was freed; nothing, if something was not."""
    ctx = runtime.context
    plan = await _approved_plan(state, ctx)
    if state["cuts_failed"]:
        await ctx.tell("warning", "lift", "A budget could not be lowered, so none is raised.")
        return {"raised": 0}
    results = await _apply(ctx, plan.raises, state)
    for result in results:
        if not result.done:
            await ctx.tell("warning", "lift", result.detail, campaign=result.campaign_id)
    raised = sum(result.done for result in results)
    await ctx.tell("step", "lift", f"{_counted(raised, 'budget')} raised")
    return {"raised": raised}


async def rest_ads(state: OptimisationState, runtime: Run) -> Update:
    """Take ads out that the others of their campaign surely beat; each once, whatever a person does later."""
    ctx = runtime.context
    plan, rested = await _approved_plan(state, ctx), 0
    for one in plan.rests:
        async with ctx.db.tenant(ctx.org_id) as session:
            rests = AdRests(session, ctx.ids, ctx.clock)
            try:
                await rests.move(
                    one.ad_id, RESTING, key=ctx.run_id, who=state["approval"].by, why=one.why
                )
                rested += 1
            except (Conflict, NotFound) as error:
                await ctx.tell("warning", "rest", error.detail, ad=one.ad_id)
    if plan.rests:
        await ctx.tell("step", "rest", f"{_counted(rested, 'ad')} at rest")
    return {"rested": rested}


async def finish(state: OptimisationState, runtime: Run) -> Update:
    """Say what was done."""
    lowered, rested = _counted(state["cut"], "budget"), _counted(state["rested"], "ad")
    done = f"{lowered} lowered, {state['raised']} raised, {rested} at rest."
    failed = state["cuts_failed"] > 0
    if failed:
        done += " A budget could not be lowered, so none was raised; run it again."
    return {"outcome": "failed" if failed and not state["cut"] else "done", "reason": done}


def _counted(number: int, thing: str) -> str:
    return f"{number} {thing}" if number == 1 else f"{number} {thing}s"


async def _guarded(
    ctx: GraphContext, session: AsyncSession, measured: Performance, proposals: Proposals
) -> Plan:
    """Propose again without what was refused, until everything passes: sums stay whatever is left out."""
    campaigns = live_by_id(await Campaigns(session).live())
    stops = await Stops(session).on(_CHANNEL)
    since = utc(ctx.clock.now_ms()) - timedelta(hours=24)
    refused: dict[str, Refused] = {}
    while True:
        held = len(refused)
        for move in proposals.moves:
            campaign = campaigns.get(move.campaign_id)
            try:
                if campaign is None or getattr(campaign, move.amount) != move.before_micros:
                    raise Conflict("changed_meanwhile", f"{move.name} was changed meanwhile.")
                recent = await Operations(session).moved_since(campaign.id, since)
                check_spend(change_of(move, campaign), SpendLimits(), recent, stops)
            except ParleyError as error:
                refused[move.campaign_id] = Refused(
                    campaign_id=move.campaign_id, code=error.code, detail=error.detail
                )
        if len(refused) == held:
            return plan_of(ctx.org_id, ctx.run_id, proposals, campaigns, tuple(refused.values()))
        left = [arm for arm in measured.arms if arm.campaign_id not in refused]
        proposals = propose(left, measured.ads, ctx.run_id)


async def _approved_plan(state: OptimisationState, ctx: GraphContext) -> Plan:
    """Return the plan, if it is the one that was approved.

    Raises:
        Forbidden: `not_approved`.
    """
    plan = await Desk(ctx.objects, ctx.run_id).plan()
    approved = state["approval"].changeset or state["changeset"]
    if not plan.hash == approved == state["changeset"]:
        raise Forbidden(
            "not_approved", "The approval is of other changes; show these and ask again."
        )
    return plan


async def _apply(
    ctx: GraphContext, changeset: ChangeSet, state: OptimisationState
) -> tuple[OpResult, ...]:
    if not changeset.changes:
        return ()
    await policing.launch(ctx, state["approval"], changeset.hash, "optimisation/apply")
    return await dispatcher(ctx).apply(changeset, Approved(state["approval"].by, changeset.hash))


def _summary(plan: Plan) -> str:
    """Return what a person is asked to approve, in one sentence."""
    moved: dict[str, int] = {}
    for move in plan.moves:
        freed = max(0, move.before_micros - move.after_micros)
        moved[move.currency] = moved.get(move.currency, 0) + freed
    parts = [f"{Money(micros, code)} moved between budgets" for code, micros in moved.items()]
    if plan.moves:
        parts.append(f"{len(plan.moves)} budgets changed, sums kept")
    if plan.rests:
        parts.append(f"{len(plan.rests)} ads taken out")
    return "; ".join(parts) + "." if parts else "Nothing should change."
