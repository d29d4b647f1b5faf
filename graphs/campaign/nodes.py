"""The work of each node. A node may run twice: every effect is keyed by the run.

Nodes take the state and `Runtime[GraphContext]`, and return the keys they change.
"""

from __future__ import annotations

import asyncio
from typing import Any

from langgraph.runtime import Runtime
from langgraph.types import interrupt

from agents.ad_manager.agent import plan_media, read_goal
from agents.compliance.agent import review
from agents.content_creator.agent import create
from agents.content_creator.agent import revise as rewrite
from catalog.lifecycle import CampaignStatus
from catalog.service import CatalogService
from domain.errors import Unprocessable
from domain.ids import stable_id
from graphs.campaign import bookings, clarifying, gathering, policing
from graphs.campaign.material import Desk
from graphs.campaign.state import CampaignState
from graphs.context import GraphContext
from graphs.knowledge import with_documents

Run = Runtime[GraphContext]
Update = dict[str, Any]

_BY = "campaign graph"
_OVERTAKEN = "The campaign was ended before it was approved; nothing was launched."


async def understand(state: CampaignState, runtime: Run) -> Update:
    """Read the goal, with whatever a person has added to it."""
    ctx = runtime.context
    told = state.get("clarification")
    goal = clarifying.goal_with(state["goal"], told)
    reading = await read_goal(ctx.router, goal, ctx.today)
    update: Update = {}
    if told is not None:
        update = clarifying.sources_in(told)
    sources = {**clarifying.sources_of(state), **update}
    brief = clarifying.complete(reading.brief, told, ctx.today, has_source=any(sources.values()))
    for warning in reading.warnings:
        await ctx.tell("warning", "brief", warning)
    await ctx.tell(
        "step",
        "brief",
        clarifying.in_words(brief),
        model=reading.model,
        rule_based=reading.rule_based,
        prompt_hash=reading.prompt_hash,
    )
    return {**update, "brief": brief}


async def clarify(state: CampaignState, runtime: Run) -> Update:
    """Wait for a person to say what is missing. Does nothing else: it runs again when they have."""
    brief = state["brief"]
    answer = interrupt(
        {
            "waits_for": "needs_input",
            "missing": list(brief.must_ask),
            "questions": list(brief.questions),
        }
    )
    told = clarifying.clarification(answer)
    return {"clarification": clarifying.together(state.get("clarification"), told, state["goal"])}


async def refuse(state: CampaignState, runtime: Run) -> Update:
    """End a run whose goal must not be done."""
    reason = state["brief"].refuse_reason or "This goal cannot be advertised."
    return {"outcome": "refused", "reason": reason}


async def read_sources(state: CampaignState, runtime: Run) -> Update:
    """Read landing page and feed; keep the facts in the object store."""
    ctx = runtime.context
    material = await gathering.gather(state, ctx)
    await Desk(ctx.objects, ctx.run_id).keep_material(material)
    facts = sum(len(p.facts) for p in material.products) + len(material.site_facts)
    await ctx.tell(
        "step",
        "sources",
        f"read: {facts} facts about {len(material.products)} product(s)",
        products=len(material.products),
        facts=facts,
    )
    return {}


async def plan(state: CampaignState, runtime: Run) -> Update:
    """Decide channels, bid and budgets."""
    ctx = runtime.context
    media = plan_media(state["brief"], ctx.today)
    for channel in media.not_connected:
        await ctx.tell(
            "warning", "plan", f"{channel} is planned but not connected yet", channel=channel
        )
    await ctx.tell("step", "plan", media.summary, bid_micros=media.bid_micros)
    return {"plan": media}


async def write(state: CampaignState, runtime: Run) -> Update:
    """Write creatives from the facts that were read."""
    ctx = runtime.context
    desk = Desk(ctx.objects, ctx.run_id)
    material = await with_documents(ctx, await desk.material(), "campaign/write")
    # Kept again: a revision must find the same facts, whatever the documents say by then.
    await desk.keep_material(material)
    written = await create(ctx.router, gathering.request(state["brief"], material))
    await desk.keep_drafts(0, written.drafts)
    for warning in written.warnings:
        await ctx.tell("warning", "content", warning)
    for skipped in written.skipped[:5]:
        await ctx.tell("warning", "content", f"{skipped.product_key}: {skipped.reason}")
    if not written.drafts:
        raise Unprocessable(
            "nothing_written",
            f"No ad could be written: {written.skipped[0].reason}"
            if written.skipped
            else "No ad could be written from the product source; add facts to it.",
        )
    await ctx.tell(
        "artefact",
        "content",
        f"{len(written.drafts)} creatives written by {written.written_by}"
        + (f", {len(written.skipped)} products left out" if written.skipped else ""),
        creatives=len(written.drafts),
        skipped=len(written.skipped),
        prompt_hash=written.prompt_hash,
    )
    return {"creatives": len(written.drafts), "round": 0}


async def check(state: CampaignState, runtime: Run) -> Update:
    """Hold every creative against the rules."""
    ctx = runtime.context
    desk, round_ = Desk(ctx.objects, ctx.run_id), state.get("round", 0)
    material = await desk.material()
    # In a thread: the heartbeat must go on while thousands of drafts are read.
    drafts = await desk.drafts(round_)
    report = await asyncio.to_thread(review, drafts, material.brand_kit, state["brief"])
    await desk.keep_report(round_, report)
    counts = bookings.count(report)
    await ctx.tell(
        "step",
        "compliance",
        f"{counts['passed']} passed, {counts['to_revise']} to revise, {counts['blocked']} blocked",
        **counts,
    )
    return counts


async def revise(state: CampaignState, runtime: Run) -> Update:
    """Write again what compliance sent back, without the words it objected to."""
    ctx = runtime.context
    desk, round_ = Desk(ctx.objects, ctx.run_id), state.get("round", 0)
    request = gathering.request(state["brief"], await desk.material())
    report = await desk.report(round_)
    old = await desk.drafts(round_)
    drafts = await asyncio.to_thread(rewrite, old, report.findings, request)
    await desk.keep_drafts(round_ + 1, drafts)
    await ctx.tell("step", "content", f"revision {round_ + 1} written", round=round_ + 1)
    return {"round": round_ + 1}


async def submit(state: CampaignState, runtime: Run) -> Update:
    """Put campaign and creatives into the catalogue and hand them in for review: all or nothing."""
    ctx = runtime.context
    desk, round_ = Desk(ctx.objects, ctx.run_id), state.get("round", 0)
    drafts, report = await desk.drafts(round_), await desk.report(round_)
    await policing.campaign(ctx, state)
    report = await policing.creatives(ctx, "submit", state, await desk.material(), drafts, report)
    if not report.keys("pass"):
        raise Unprocessable(
            "nothing_allowed", "The policy lets none of the creatives be published; see the report."
        )
    campaign_id = stable_id("cmp", ctx.run_id)
    async with ctx.db.tenant(ctx.org_id) as session:
        catalog = CatalogService(session, ctx.ids, ctx.clock)
        campaign = await catalog.create_campaign(
            ctx.org_id,
            bookings.campaign_spec(
                state["brief"], state["plan"], bookings.controls(state.get("controls", "{}"))
            ),
            who=_BY,
            campaign_id=campaign_id,
            run_id=ctx.run_id,
            brief=bookings.plain(state["brief"]),
            plan=bookings.plain(state["plan"]),
        )
        if campaign.status == CampaignStatus.DRAFT:
            await catalog.add_creatives(campaign, bookings.creative_specs(drafts, report))
            await catalog.creatives.judge(bookings.verdicts(campaign_id, drafts, report))
            await catalog.move(
                campaign_id, CampaignStatus.IN_REVIEW, who=_BY, why="creatives passed compliance"
            )
    await ctx.tell(
        "step", "review", f"campaign {campaign_id} waits for approval", campaign=campaign_id
    )
    return {"campaign_id": campaign_id}


async def approve(state: CampaignState, runtime: Run) -> Update:
    """Wait for a person, unless the demo policy stands in for one and says so."""
    if state["approval_mode"] == "demo" and runtime.context.demo_policy:
        return {"approval": bookings.demo_approval()}
    answer = interrupt(
        {
            "waits_for": "awaiting_approval",
            "campaign_id": state["campaign_id"],
            "summary": bookings.summary(state["brief"], state["plan"], state["passed"]),
            "questions": ["Launch this campaign?"],
        }
    )
    return {"approval": bookings.approval(answer)}


async def launch(state: CampaignState, runtime: Run) -> Update:
    """Take the campaign live in chats; twice is once."""
    ctx, approval = runtime.context, state["approval"]
    campaign_id = state["campaign_id"]
    await policing.launch(ctx, approval, approval.changeset)
    async with ctx.db.tenant(ctx.org_id) as session:
        catalog = CatalogService(session, ctx.ids, ctx.clock)
        campaign = await catalog.campaigns.get(campaign_id, lock=True)
        # A later pause by a person must not be undone by a launch that runs a second time.
        if campaign.status == CampaignStatus.IN_REVIEW:
            await catalog.move(
                campaign_id, CampaignStatus.APPROVED, who=approval.by, why=approval.note
            )
        if campaign.status == CampaignStatus.APPROVED:
            await catalog.launch(campaign_id, who=approval.by, why="approved")
        history = await catalog.audit.of(campaign_id)
        if not any(entry.to_state == CampaignStatus.LIVE for entry in history):
            return {"outcome": "rejected", "reason": _OVERTAKEN}
        ads = (await catalog.creatives.count(campaign_id)).get("approved", 0)
    await ctx.tell("step", "approval", approval.note, by=approval.by)
    await ctx.tell("step", "launch", f"{ads} ads are live in chats", ads=ads, campaign=campaign_id)
    return {"outcome": "launched", "reason": f"{ads} ads are live in chats.", "ads": ads}


async def reject(state: CampaignState, runtime: Run) -> Update:
    """Send the campaign back to draft."""
    ctx, approval = runtime.context, state["approval"]
    async with ctx.db.tenant(ctx.org_id) as session:
        catalog = CatalogService(session, ctx.ids, ctx.clock)
        campaign = await catalog.campaigns.get(state["campaign_id"], lock=True)
        if campaign.status == CampaignStatus.IN_REVIEW:
            await catalog.move(
                campaign.id, CampaignStatus.DRAFT, who=approval.by, why=approval.note or "rejected"
            )
    return {"outcome": "rejected", "reason": approval.note or "Rejected."}


async def give_up(state: CampaignState, runtime: Run) -> Update:
    """End a run of which no creative is left."""
    return {
        "outcome": "failed",
        "reason": f"None of {state['creatives']} creatives passed compliance; "
        "add facts to the product source or mend the ones that were objected to.",
    }
