"""What tests of content runs share: orders, rows, inputs."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from langgraph.checkpoint.postgres.aio import AsyncPostgresSaver

from bootstrap.services import Services
from catalog.tables import Run
from domain.errors import Unprocessable
from domain.time import utc
from graphs.content import graph
from graphs.content.graph import Content
from graphs.content.rows import content_input
from graphs.content.shelf import Manifest, Shelf
from graphs.context import GraphContext
from graphs.versions import CURRENT
from tests.support.campaigns import (
    Crash,
    Listener,
    advertiser,
    config_of,
    context_of,
    sources,
)

GOAL = "Sell our trail running shoes to runners in Japan and the US"

#: Small, with parts that run side by side in `write` and in `draw`.
SMALL: dict[str, Any] = {
    "kinds": ["text", "image"], "channels": ["in_chat", "producthunt"], "languages": ["eng"], "variants": 2,
    "products": 1, "segments": [{"name": "kansai", "values": {"city": "Osaka"}}],
}  # fmt: skip
ORDER: dict[str, Any] = {
    "channels": ["google", "meta", "in_chat"],
    "variants": 3,
    "products": 1,
    "segments": [{"name": "kansai", "values": {"city": "Osaka"}}],
}


def content_run(services: Services, org_id: str, goal: str = GOAL, **inputs: Any) -> Run:
    """Return the row of a content run that is not stored; what is no source is part of the order."""
    sources = {k: inputs.pop(k) for k in ("page_source_id", "feed_source_id") if k in inputs}
    now = utc(services.clock.now_ms())
    return Run(
        id=services.ids.new("run"), org_id=org_id, created_at=now, updated_at=now, graph="content",
        graph_version=CURRENT["content"], goal=goal, inputs={**sources, "order": inputs},
        requested_by="test", attempts=1, status="running",
    )  # fmt: skip


def first_input(run: Run) -> dict[str, Any]:
    """Return what the graph starts with, as a worker gives it."""
    given: Any = content_input(run)
    json.loads(given["order"])
    return dict(given)


async def run_content(
    build: Callable[[], Content], run: Run, context: GraphContext, crashes: int = 3
) -> dict[str, Any]:
    """Drive a graph to its end, going on from the checkpoint after each crash."""
    given: Any = first_input(run)
    for _ in range(crashes + 1):
        try:
            return await build().ainvoke(given, config_of(run), context=context, durability="sync")
        except Crash:
            given = None
    raise Unprocessable("too_many_crashes", "The run crashed more often than expected.")


async def made_by(
    services: Services,
    saver: AsyncPostgresSaver | None,
    listener: Listener | None = None,
    **order: Any,
) -> tuple[dict[str, Any], Manifest, Shelf]:
    """Run an order to its end; return the final state, what was made and where it lies."""
    org = await advertiser(services)
    run = content_run(services, org, **await sources(services), **{**ORDER, **order})
    context = context_of(services, run, listener)
    final = await graph.build(saver).ainvoke(
        first_input(run), config_of(run), context=context, durability="sync"
    )
    shelf = Shelf(services.objects, run.id)
    return final, await shelf.manifest(), shelf
