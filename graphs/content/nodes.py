"""The work of each node. A node may run twice: every effect is an object named by the run and the part."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import Any, cast

from langgraph.runtime import Runtime

from agents.ad_manager.agent import read_goal
from agents.content_creator.ideas import ideas
from agents.content_creator.schemas import ContentRequest
from agents.content_creator.variants import (
    CONTROL,
    Left,
    Variant,
    VariantSet,
    personalise,
    write_variants,
)
from domain.brief import Brief
from domain.errors import Unprocessable
from graphs.campaign import gathering
from graphs.campaign.material import Desk
from graphs.campaign.state import CampaignState
from graphs.content import assets, backgrounds, checking, drawing
from graphs.content.order import ContentOrder, read_order
from graphs.content.shelf import Asset, Manifest, Shelf
from graphs.content.state import ContentState, Part
from graphs.context import GraphContext
from graphs.knowledge import with_documents

Run = Runtime[GraphContext]
Update = dict[str, Any]


async def understand(state: ContentState, runtime: Run) -> Update:
    """Read what the content is for; nothing has to be asked, since nothing is spent."""
    ctx = runtime.context
    order = read_order(state["order"])
    reading = await read_goal(ctx.router, state["goal"], ctx.today)
    brief = reading.brief
    for warning in reading.warnings:
        await ctx.tell("warning", "brief", warning)
    channels = list(dict.fromkeys(order.channels))
    await ctx.tell(
        "step",
        "brief",
        brief.refuse_reason or f"content for {', '.join(channels)}",
        model=reading.model,
        rule_based=reading.rule_based,
        prompt_hash=reading.prompt_hash,
    )
    return {"brief": replace(brief, must_ask=(), questions=()), "channels": channels, "round": 0}


async def refuse(state: ContentState, runtime: Run) -> Update:
    """End a run whose goal must not be done."""
    reason = state["brief"].refuse_reason or "This goal cannot be advertised."
    return {"outcome": "refused", "reason": reason, "assets": []}


async def read_sources(state: ContentState, runtime: Run) -> Update:
    """Read page, feed and documents; have a model, where there is one, propose phrases."""
    ctx = runtime.context
    order = read_order(state["order"])
    material = await gathering.gather(cast("CampaignState", state), ctx)
    material = replace(
        material,
        products=material.products[: order.products],
        brand_kit=order.kit(material.brand_kit),
    )
    material = await with_documents(ctx, material, "content/read_sources")
    await Desk(ctx.objects, ctx.run_id).keep_material(material)
    request = await _request(ctx, state["brief"], order)
    found = await ideas(ctx.router, request)
    shelf = Shelf(ctx.objects, ctx.run_id)
    await shelf.keep_ideas(found)
    await backgrounds.paint(ctx, shelf, order, request.products, request.brand_kit.colours)
    for warning in found.warnings:
        await ctx.tell("warning", "content", warning)
    facts = sum(len(p.facts) for p in material.products) + len(material.site_facts)
    await ctx.tell(
        "step",
        "sources",
        f"read: {facts} facts about {len(material.products)} product(s),"
        f" {len(material.citations)} of them from documents",
        products=len(material.products),
        facts=facts,
        cited=len(material.citations),
        prompt_hash=found.prompt_hash,
    )
    return {}


async def write(state: Part, runtime: Run) -> Update:
    """Write the ads for one channel: control, variants, and a form for each segment."""
    ctx, channel, round_ = runtime.context, state["channel"], state["round"]
    order, shelf = read_order(state["order"]), Shelf(ctx.objects, ctx.run_id)
    request = await _request(ctx, state["brief"], order)
    if round_:
        request = replace(request, avoid=checking.objected(await shelf.checked(channel)))
    phrases = await shelf.ideas()
    written = await asyncio.to_thread(
        write_variants, request, channel, most=order.variants, written=phrases
    )
    written = _personal(written, request, order)
    await shelf.keep_written(channel, round_, written)
    await ctx.tell(
        "agent",
        "content",
        f"{channel}: {len(written.variants)} ads, {len(written.left)} left out"
        + (f" (written again, {round_})" if round_ else ""),
        channel=channel,
        ads=len(written.variants),
    )
    return {"written": {channel: len(written.variants)}}


async def check(state: ContentState, runtime: Run) -> Update:
    """Hold every ad against limits, platform rules, compliance, voice and facts."""
    ctx, shelf = runtime.context, Shelf(runtime.context.objects, runtime.context.run_id)
    request = await _request(ctx, state["brief"], read_order(state["order"]))
    counts = {"pass": 0, "revise": 0, "block": 0}
    again: list[str] = []
    arms: dict[str, None] = {}
    for channel in state["channels"]:
        written = await shelf.written(channel, state["round"])
        # In a thread: the heartbeat must go on while hundreds of texts are read.
        checked = await asyncio.to_thread(checking.check, written.variants, request, ctx.today)
        await shelf.keep_checked(channel, checked)
        for one in checked:
            counts[one.outcome] += 1
            if one.outcome == "pass" and not one.variant.segment:
                arms[f"{channel}/{one.variant.arm}"] = None
        if checking.objected(checked):
            again.append(channel)
    await ctx.tell(
        "step",
        "compliance",
        f"{counts['pass']} passed, {counts['revise']} to revise, {counts['block']} blocked",
        passed=counts["pass"],
        to_revise=counts["revise"],
        blocked=counts["block"],
    )
    return {
        "passed": counts["pass"],
        "to_revise": counts["revise"],
        "blocked": counts["block"],
        "again": again,
        "arms": list(arms),
    }


async def next_round(state: ContentState, runtime: Run) -> Update:
    """Count the round in which texts are written again without what was objected to."""
    return {"round": state["round"] + 1}


async def draw(state: Part, runtime: Run) -> Update:
    """Paint one variant of one channel for each of its places, signed and with its provenance inside."""
    ctx, shelf = runtime.context, Shelf(runtime.context.objects, runtime.context.run_id)
    channel, arm = state["channel"], state.get("arm", CONTROL)
    order = read_order(state["order"])
    request = await _request(ctx, state["brief"], order)
    checked = [one for one in await shelf.checked(channel) if one.outcome == "pass"]
    made, left = await drawing.draw(ctx, shelf, order, request, checked, arm)
    await shelf.keep_part(f"{channel}/{arm}", made)
    for message in left:
        await ctx.tell("warning", "pictures", message)
    await ctx.tell(
        "artefact",
        "pictures",
        f"{channel}, {arm}: {len(made)} pictures",
        channel=channel,
        arm=arm,
        pictures=len(made),
    )
    return {"drawn": {f"{channel}/{arm}": len(made)}}


async def collect(state: ContentState, runtime: Run) -> Update:
    """Put all that passed into one list, each thing with its provenance."""
    ctx, shelf = runtime.context, Shelf(runtime.context.objects, runtime.context.run_id)
    prompt_hash = await shelf.ideas_prompt()
    made: list[Asset] = []
    left: dict[str, str] = {}
    for channel in state["channels"]:
        written = await shelf.written(channel, state["round"])
        left |= {one.key: one.reason for one in written.left}
        for checked in await shelf.checked(channel):
            if checked.outcome != "pass":
                found = next(f for f in checked.findings if f.severity != "warn")
                left[checked.variant.key] = found.message
                continue
            asset, data = assets.text_asset(ctx, shelf, checked, prompt_hash)
            await shelf.keep_file(asset.id, data)
            made.append(asset)
    for name in sorted(state.get("drawn", {})):
        made += await shelf.part(name)
    await shelf.keep_manifest(Manifest(assets=tuple(made), left=left))
    kinds = [asset.kind for asset in made]
    said = ", ".join(f"{kinds.count(k)} {k}s" for k in dict.fromkeys(kinds))
    await ctx.tell("artefact", "content", f"made: {said}", assets=len(made), left_out=len(left))
    return {"outcome": "done", "reason": f"Made {said}.", "assets": [a.id for a in made]}


async def give_up(state: ContentState, runtime: Run) -> Update:
    """End a run of which nothing is left."""
    written = sum(state.get("written", {}).values())
    return {
        "outcome": "failed",
        "assets": [],
        "reason": f"None of {written} ads passed the checks; "
        "add facts to the product source or mend what was objected to.",
    }


async def _request(ctx: GraphContext, brief: Brief, order: ContentOrder) -> ContentRequest:
    material = await Desk(ctx.objects, ctx.run_id).material()
    request = gathering.request(brief, material)
    return replace(request, languages=order.languages or request.languages)


def _personal(written: VariantSet, request: ContentRequest, order: ContentOrder) -> VariantSet:
    """Return the variants with a form of every control for each segment."""
    variants: list[Variant] = []
    left: list[Left] = [*written.left]
    for variant in written.variants:
        variants.append(variant)
        if variant.arm == CONTROL:
            for segment in order.segments:
                made = personalise(variant, segment.segment(), request, order.openers)
                if isinstance(made, Variant):
                    variants.append(made)
                else:
                    left.append(made)
    if not variants and not left:
        raise Unprocessable(
            "nothing_written",
            "No ad could be written from the product source; add facts and a web address to it.",
        )
    return VariantSet(variants=tuple(variants), left=tuple(left))
