"""The nodes that version 2 adds or does in another way. A node may run twice: every effect is keyed by the run."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import msgspec
from langgraph.types import interrupt

from agents.ad_manager.channels import creation, share
from agents.compliance.agent import review
from agents.compliance.report import as_html, as_json
from agents.compliance.second import read_again
from agents.lead_gen.agent import find_audience
from agents.research.agent import research as look_into
from audience.service import known as known_leads
from catalog.changesets import Approved, ChangeSet
from catalog.channels import OpResult
from catalog.checks import Checks
from catalog.in_chat import launch_of
from catalog.service import CatalogService
from domain.events import Plain
from domain.time import utc
from graphs.campaign import bookings, nodes, policing
from graphs.campaign.approving import by_policy
from graphs.campaign.material import Desk
from graphs.campaign.nodes import Run, Update
from graphs.campaign.state import CampaignState, ChannelPart
from graphs.channels import dispatcher
from graphs.context import GraphContext

#: When the first look at a launched campaign is due.
FIRST_LOOK = timedelta(hours=1)
#: Sources named in a line of progress; the report has them all.
_PLACES = 20


async def research(state: CampaignState, runtime: Run) -> Update:
    """Find out what the sources say about market, product and readers."""
    ctx = policing.retriever(runtime.context, "research")
    desk, brief = Desk(ctx.objects, ctx.run_id), state["brief"]
    # Only what the marketer named may be read; nothing that was read adds a host.
    web = policing.web(ctx, "research", brief.goal)
    report = await look_into(
        ctx.router, brief, await desk.material(), ctx.retrieve, today=ctx.today, web=web
    )
    await desk.keep_research(report)
    for warning in report.warnings:
        await ctx.tell("warning", "research", warning)
    found = len(report.insights)
    places: list[Plain] = [
        *sorted({source.where for one in report.insights for source in one.sources})
    ]
    await ctx.tell(
        "agent",
        "research",
        f"{found} findings, {len(report.keywords)} keywords"
        + (" (rule-based)" if report.rule_based else ""),
        insights=found,
        sources=places[:_PLACES],
    )
    return {"insights": found}


async def lead_gen(state: CampaignState, runtime: Run) -> Update:
    """Find out whom the campaign should speak to."""
    ctx = runtime.context
    async with ctx.db.tenant(ctx.org_id) as session:
        # Counts only: no run needs to know one person.
        known = await known_leads(session)
    report = await find_audience(ctx.router, state["brief"], (), today=ctx.today, known=known)
    await Desk(ctx.objects, ctx.run_id).keep_audience(report)
    for warning in report.warnings:
        await ctx.tell("warning", "audience", warning)
    found = len(report.segments)
    await ctx.tell(
        "agent",
        "audience",
        f"{found} segments, {report.usable} of {report.leads} leads may be written to",
        segments=found,
    )
    return {"segments": found}


async def check(state: CampaignState, runtime: Run) -> Update:
    """Hold every creative against the rules, then have it read again by a reader that is only stricter."""
    ctx = runtime.context
    desk, round_ = Desk(ctx.objects, ctx.run_id), state.get("round", 0)
    material, drafts = await desk.material(), await desk.drafts(round_)
    # In a thread: the heartbeat must go on while thousands of drafts are read.
    first = await asyncio.to_thread(review, drafts, material.brand_kit, state["brief"])
    report, problems = await read_again(ctx.router, drafts, first)
    report = await policing.creatives(ctx, "check", state, material, drafts, report)
    await desk.keep_report(round_, report)
    reader = "rules" if ctx.router.spec == "offline" else ctx.router.spec
    read_at = ctx.today.isoformat()
    await desk.keep_compliance_pages(
        as_html(report, read_at=read_at, second_reader=reader),
        msgspec.json.encode(as_json(report, read_at=read_at, second_reader=reader)),
    )
    for problem in problems:
        await ctx.tell("warning", "compliance", problem)
    counts = bookings.count(report)
    passed = set(report.keys("pass"))
    warnings = sum(f.severity == "warn" and f.draft_key in passed for f in report.findings)
    await ctx.tell(
        "step",
        "compliance",
        f"{counts['passed']} passed, {counts['to_revise']} to revise, {counts['blocked']} blocked",
        **counts,
        warnings=warnings,
    )
    return {**counts, "warnings": warnings + len(problems)}


async def submit(state: CampaignState, runtime: Run) -> Update:
    """Put the campaign into the catalogue; what would go live in chats is what is shown for approval."""
    update = await nodes.submit(state, runtime)
    changeset = await _launch_of(runtime.context, update["campaign_id"])
    return {**update, "changeset": changeset.hash}


def parts_elsewhere(state: CampaignState) -> tuple[ChannelPart, ...]:
    """Return what is planned for channels other than chats, one for each."""
    return tuple(
        ChannelPart(
            channel=part.channel,
            campaign_id=state["campaign_id"],
            brief=state["brief"],
            plan=state["plan"],
        )
        for part in share(state["brief"], state["plan"])
        if not part.connected
    )


async def plan_channel(state: ChannelPart, runtime: Run) -> Update:
    """Write down what would leave for one channel; the ledger marks those that are not connected."""
    ctx = runtime.context
    (part,) = (p for p in share(state["brief"], state["plan"]) if p.channel == state["channel"])
    asked = creation(ctx.org_id, ctx.run_id, state["campaign_id"], part)
    await dispatcher(ctx).plan(asked, "campaign graph")
    await ctx.tell(
        "warning",
        "channels",
        f"{part.channel} is not connected; its part is stored: {part.reason}",
        channel=part.channel,
    )
    return {}


async def approve(state: CampaignState, runtime: Run) -> Update:
    """Wait for a person, unless a policy may stand in for one and says so."""
    if state["approval_mode"] == "demo" and runtime.context.demo_policy:
        return {"approval": bookings.demo_approval()}
    if state["approval_mode"] == "policy":
        approval = by_policy(state)
        if approval is not None:
            return {"approval": approval}
    answer = interrupt(
        {
            "waits_for": "awaiting_approval",
            "campaign_id": state["campaign_id"],
            "changeset": state["changeset"],
            "summary": bookings.summary(state["brief"], state["plan"], state["passed"]),
            "to_look_at": state["warnings"],
            "questions": ["Launch this campaign?"],
        }
    )
    return {"approval": bookings.approval(answer)}


async def launch(state: CampaignState, runtime: Run) -> Update:
    """Take the campaign live through the channel port; twice is once."""
    ctx, approval = runtime.context, state["approval"]
    campaign_id = state["campaign_id"]
    changeset = msgspec.structs.replace(await _launch_of(ctx, campaign_id), why=approval.note)
    await policing.launch(ctx, approval, changeset.hash)
    # A person approves what stands there, edits included; a policy approved what it was shown.
    approved = Approved(approval.by, approval.changeset or changeset.hash)
    (result,) = await dispatcher(ctx).apply(changeset, approved)
    if not result.done:
        return _not_launched(result)
    async with ctx.db.tenant(ctx.org_id) as session:
        catalog = CatalogService(session, ctx.ids, ctx.clock)
        ads = (await catalog.creatives.count(campaign_id)).get("approved", 0)
    await ctx.tell("step", "approval", approval.note, by=approval.by)
    await ctx.tell("step", "launch", f"{ads} ads are live in chats", ads=ads, campaign=campaign_id)
    return {"outcome": "launched", "reason": f"{ads} ads are live in chats.", "ads": ads}


async def watch(state: CampaignState, runtime: Run) -> Update:
    """Plan the look after the first hour; no worker waits for it."""
    ctx = runtime.context
    now = utc(ctx.clock.now_ms())
    async with ctx.db.tenant(ctx.org_id) as session:
        await Checks(session).schedule(
            ctx.org_id, state["campaign_id"], "first_hour", now=now, due=now + FIRST_LOOK
        )
    await ctx.tell(
        "step", "watch", "its first hour will be looked at", campaign=state["campaign_id"]
    )
    return {}


async def _launch_of(ctx: GraphContext, campaign_id: str) -> ChangeSet:
    async with ctx.db.tenant(ctx.org_id) as session:
        campaign = await CatalogService(session, ctx.ids, ctx.clock).campaigns.get(campaign_id)
        return ChangeSet(
            org_id=ctx.org_id,
            channel="in_chat",
            plan_id=ctx.run_id,
            changes=(launch_of(campaign),),
        )


def _not_launched(result: OpResult) -> Update:
    overtaken = result.code == "campaign_state"
    return {
        "outcome": "rejected" if overtaken else "failed",
        "reason": result.detail or "It is not known whether the campaign was launched; look at it.",
    }
