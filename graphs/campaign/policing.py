"""Where the work of nodes becomes an effect: labels what they hand over, and asks the policy before it happens."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

from agents.ad_manager.schemas import MediaPlan
from agents.compliance.schemas import ComplianceFinding, ComplianceReport, Verdict
from agents.content_creator.schemas import CreativeDraft
from agents.research.evidence import hosts_in
from domain.brief import Brief
from domain.evidence import Passage
from domain.product import Product
from domain.trust import Trust
from graphs.campaign import clarifying
from graphs.campaign.material import Material
from graphs.campaign.state import Approval, CampaignState
from graphs.context import GraphContext
from llm.offline.brief.parser import parse_goal
from tools.policy import Argument, Call, Guard, PolicyRefused, built_in, wording
from tools.policy.links import host_of
from tools.web import ReadWeb, WebPage

#: What of a brief decides over money, beside a stated cost per action.
_MONEY = ("budget_total_minor", "daily_budget_minor", "period_budget", "currency")


async def fetch(ctx: GraphContext, node: str, url: str, source: str = "goal") -> bytes:
    """Fetch a page that the advertiser named.

    Args:
        ctx: Parts of the run.
        node: From where.
        url: Address, as the run's input or an answer of a person states it.
        source: Where it is stated.

    Raises:
        PolicyRefused: if the node may not.
        ParleyError: if it cannot be read.
    """
    guard = Guard(built_in(), hosts=filter(None, (host_of(url),)), canary=ctx.router.canary)
    stated = Argument(url, Trust.ADVERTISER, (source,))
    await admit(ctx, guard, Call(f"campaign/{node}", "fetch_page", {"url": stated}))
    return await ctx.fetch(url)


def retriever(ctx: GraphContext, node: str) -> GraphContext:
    """Return a context whose questions to the documents go through the policy.

    Args:
        ctx: Parts of the run.
        node: From where; of another graph with its name before it.
    """
    ask = ctx.retrieve
    if ask is None:
        return ctx
    guard = Guard(built_in(), canary=ctx.router.canary)

    async def retrieve(question: str, passages: int) -> tuple[Passage, ...]:
        arguments = {
            "question": Argument(question, Trust.UNTRUSTED, ("agent",)),
            "passages": Argument(passages, Trust.OPERATOR),
        }
        await admit(ctx, guard, Call(_node(node), "retrieve", arguments))
        return await ask(question, passages)

    return replace(ctx, retrieve=retrieve)


def _node(name: str) -> str:
    return name if "/" in name else f"campaign/{name}"


def web(ctx: GraphContext, node: str, goal: str) -> ReadWeb | None:
    """Return a reader of the addresses that a goal names, each asked of the policy; None if it names none."""
    hosts = hosts_in(goal)
    if ctx.web is None or not hosts:
        return None
    read = ctx.web(hosts)
    guard = Guard(built_in(), hosts=hosts, canary=ctx.router.canary)

    async def reader(url: str) -> WebPage:
        stated = Argument(url, Trust.ADVERTISER, ("goal",))
        await admit(ctx, guard, Call(f"campaign/{node}", "read_web", {"url": stated}))
        return await read(url)

    return reader


async def campaign(ctx: GraphContext, state: CampaignState) -> None:
    """Ask before a campaign is written down: its money must be what the goal states.

    Raises:
        PolicyRefused: `policy_untrusted_argument` if an amount rests on anybody else's word.
    """
    guard = Guard(built_in(), trusted=_said(state), canary=ctx.router.canary)
    arguments = campaign_arguments(state, trusted_brief(state, ctx))
    await admit(ctx, guard, Call("campaign/submit", "store_campaign", arguments))


def campaign_arguments(state: CampaignState, stated: Brief) -> dict[str, Argument]:
    """Return what a campaign is made of, labelled: what the goal states, and what a model added.

    Args:
        state: Brief and plan as they are.
        stated: The brief that rules alone read in the words of those who may decide.
    """
    brief, plan = state["brief"], state["plan"]
    money = Argument(None, Trust.ADVERTISER, ("goal",))
    if _money(brief) != _money(stated):
        money = Argument(None, Trust.UNTRUSTED, ("model:Brief",))
    arguments = {name: replace(money, value=value) for name, value in _amounts(plan).items()}
    for name, field in (("geos", "geos"), ("languages", "languages"), ("starts", "start")):
        arguments[name] = _of_brief(brief, stated, field)
    arguments["ends"] = _of_brief(brief, stated, "end")
    arguments["name"] = _of_brief(brief, stated, "product")
    return arguments


def trusted_brief(state: CampaignState, ctx: GraphContext) -> Brief:
    """Return the brief as rules alone read it in the goal and in what a person answered."""
    told = state.get("clarification")
    read = parse_goal(clarifying.goal_with(state["goal"], told), ctx.today)
    has_source = any(clarifying.sources_of(state).values())
    return clarifying.complete(read, told, ctx.today, has_source=has_source)


async def creatives(
    ctx: GraphContext, node: str, state: CampaignState, material: Material,
    drafts: Sequence[CreativeDraft], report: ComplianceReport,
) -> ComplianceReport:  # fmt: skip
    """Return the report with every draft blocked that the policy keeps from being published.

    Drafts that did not pass compliance are left as they are. One line of audit tells how many were held back.
    """
    guard = guard_of(ctx, state, material)
    passed = set(report.keys("pass"))
    asked = {
        draft.key: Call(f"campaign/{node}", "store_creative", arguments)
        for draft, arguments in zip(drafts, _labelled(drafts, material, state), strict=True)
        if draft.key in passed
    }
    refused = await asyncio.to_thread(_refused, guard, asked)
    if asked:
        await ctx.tell(
            "tool",
            node,
            wording.tally(len(asked) - len(refused), [one.message for one in refused.values()]),
            tool="store_creative",
            effect="publish",
            allowed=len(asked) - len(refused),
            refused=len(refused),
            codes=[*sorted({finding.rule for finding in refused.values()})],
        )
    return _with(report, refused)


async def launch(
    ctx: GraphContext, approval: Approval, changeset: str, node: str = "campaign/launch"
) -> None:
    """Ask before anything goes live or moves money: somebody who may decide must have approved it.

    Args:
        ctx: Parts of the run.
        approval: Who decided what.
        changeset: Hash of what is done.
        node: From where.

    Raises:
        PolicyRefused: if nobody is named who did.
    """
    trust = Trust.OPERATOR if approval.by.startswith("policy:") else Trust.ADVERTISER
    if approval.decision != "approve" or not approval.by:
        trust = Trust.UNTRUSTED
    arguments = {
        "approved_by": Argument(approval.by, trust, ("approval",)),
        "changeset": Argument(changeset, Trust.OPERATOR, ("ledger",)),
    }
    guard = Guard(built_in(), canary=ctx.router.canary)
    await admit(ctx, guard, Call(node, "launch", arguments))


async def admit(ctx: GraphContext, guard: Guard, call: Call) -> None:
    """Ask a guard, and tell what it said: one line of audit for each decision.

    Raises:
        PolicyRefused: if the call may not be made.
    """
    decision = guard.decide(call)
    await ctx.tell(
        "tool",
        call.node.rpartition("/")[2],
        decision.sentence,
        tool=call.tool,
        effect=str(decision.effect or "unknown"),
        allowed=decision.allowed,
        code=decision.code,
    )
    guard.check(call)


def guard_of(ctx: GraphContext, state: CampaignState, material: Material) -> Guard:
    """Return the guard of what is published: it knows the hosts that the advertiser verified.

    These are the host of the site that was named, hosts in the goal, those of an uploaded page, and, for a
    feed that the advertiser handed in, those of its link column.
    """
    hosts = list(material.brand_kit.site_hosts)
    named = (state.get("site_url"), material.landing_url)
    hosts += [host for url in named if url and (host := host_of(url))]
    if state.get("feed_source_id"):
        stated = {host_of(p.url) for p in material.products if p.url}
        hosts += sorted(host for host in stated if host)
    return Guard(built_in(), hosts=hosts, trusted=_said(state), canary=ctx.router.canary)


def _refused(guard: Guard, asked: Mapping[str, Call]) -> dict[str, ComplianceFinding]:
    refused = {}
    for key, call in asked.items():
        try:
            guard.check(call)
        except PolicyRefused as why:
            refused[key] = ComplianceFinding(
                draft_key=key, rule=why.code, severity="block", message=why.detail
            )
    return refused


def _labelled(
    drafts: Sequence[CreativeDraft], material: Material, state: CampaignState
) -> Iterator[dict[str, Argument]]:
    products = {product.key: product for product in material.products}
    kind = "feed" if state.get("feed_source_id") else "page"
    for draft in drafts:
        product = products.get(draft.product_key)
        words = "\n".join(text for copy in draft.texts.values() for text in copy.fields().values())
        arguments = {
            "texts": Argument(words, Trust.UNTRUSTED, ("facts",)),
            "tags": Argument("\n".join(draft.tags), Trust.UNTRUSTED, ("facts",)),
            "landing_url": _landing(draft.landing_url, product, material, kind, state),
        }
        if draft.image_url:
            own = product is not None and draft.image_url == product.image_url
            source = f"{kind}.image" if own else "model"
            if draft.image_url.startswith("/"):
                source = "rendered"
            arguments["image_url"] = Argument(draft.image_url, Trust.UNTRUSTED, (source,))
        yield arguments


def _landing(
    url: str, product: Product | None, material: Material, kind: str, state: CampaignState
) -> Argument:
    if url == state.get("site_url"):
        return Argument(url, Trust.ADVERTISER, ("goal",))
    if product is not None and url == product.url:
        return Argument(url, Trust.UNTRUSTED, (f"{kind}.url",))
    source = "page.url" if url == material.landing_url else "model"
    return Argument(url, Trust.UNTRUSTED, (source,))


def _amounts(plan: MediaPlan) -> dict[str, object]:
    return {
        "currency": plan.currency,
        "bid_micros": plan.bid_micros,
        "budget_total_micros": plan.budget_total_micros,
        "budget_daily_micros": plan.budget_daily_micros,
    }


def _money(brief: Brief) -> tuple[object, ...]:
    kpi = brief.kpi if brief.kpi is not None and brief.kpi.type == "cpa" else None
    return (*(getattr(brief, name) for name in _MONEY), kpi)


def _of_brief(brief: Brief, stated: Brief, field: str) -> Argument:
    value = getattr(brief, field)
    if value == getattr(stated, field):
        return Argument(value, Trust.ADVERTISER, ("goal",))
    return Argument(value, Trust.UNTRUSTED, ("model:Brief",))


def _said(state: CampaignState) -> str:
    return clarifying.goal_with(state["goal"], state.get("clarification"))


def _with(report: ComplianceReport, refused: dict[str, ComplianceFinding]) -> ComplianceReport:
    if not refused:
        return report
    verdicts = tuple(
        Verdict(draft_key=v.draft_key, outcome="block") if v.draft_key in refused else v
        for v in report.verdicts
    )
    return replace(report, verdicts=verdicts, findings=(*report.findings, *refused.values()))
