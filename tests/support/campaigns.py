"""What tests of the campaign graph share: an organisation, the shop's sources, a context."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import msgspec
from langchain_core.runnables import RunnableConfig

from bootstrap.graph_parts import graph_context
from bootstrap.services import Services
from catalog.access import AccessService
from catalog.tables import Run
from domain.errors import Unprocessable
from domain.events import Progress
from domain.time import utc
from graphs.campaign.graph import Campaign
from graphs.context import GraphContext
from graphs.versions import CURRENT
from sandbox import shop_feed, shop_page
from tools.product_source import read_feed, read_page

GOAL = (
    "Get 200 sign-ups for our trail-running shop in Japan and the US before Christmas, "
    "3,000 dollars, not more than 15 dollars each"
)


@dataclass
class Listener:
    """Collects progress."""

    events: list[Progress] = field(default_factory=list)

    async def emit(self, event: Progress) -> None:
        """Keep an event."""
        self.events.append(event)


async def advertiser(services: Services, name: str = "Kaze Trail") -> str:
    """Make an advertiser; return its id."""
    async with services.db.system() as session:
        access = AccessService(session, services.ids, services.clock, services.new_secret)
        return (await access.create_organisation("advertiser", name)).id


async def sources(services: Services) -> dict[str, str]:
    """Put the demo shop's parsed page and feed into the object store, as an upload does."""
    ids = {}
    for kind, read, path in (
        ("page_source_id", read_page, shop_page()),
        ("feed_source_id", read_feed, shop_feed()),
    ):
        source_id = ids[kind] = services.ids.new("src")
        parsed = read(path.read_bytes(), path.name)
        await services.objects.put(f"sources/{source_id}/parsed.json", msgspec.json.encode(parsed))
    return ids


def run_row(services: Services, org_id: str, goal: str = GOAL, **inputs: Any) -> Run:
    """Return a run row that is not stored."""
    now = utc(services.clock.now_ms())
    return Run(
        id=services.ids.new("run"), org_id=org_id, created_at=now, updated_at=now, graph="campaign",
        graph_version=CURRENT["campaign"], goal=goal, inputs=inputs, requested_by="test", attempts=1,
        status="running",
    )  # fmt: skip


def context_of(services: Services, run: Run, listener: Listener | None = None) -> GraphContext:
    """Return the context of a run."""
    return graph_context(services, run, (listener or Listener()).emit)


def config_of(run: Run) -> RunnableConfig:
    """Return the graph's config of a run."""
    return {"configurable": {"thread_id": run.id}}


def first_input(run: Run) -> dict[str, Any]:
    """Return what the graph starts with."""
    return {
        "goal": run.goal,
        "site_url": run.inputs.get("site_url"),
        "page_source_id": run.inputs.get("page_source_id"),
        "feed_source_id": run.inputs.get("feed_source_id"),
        "approval_mode": run.inputs.get("approval_mode", "person"),
    }


class Crash(Exception):
    """Stands for a worker that dies: no retry policy knows it."""


async def run_until_end(
    build: Callable[[], Campaign], run: Run, context: GraphContext, crashes: int = 3
) -> dict[str, Any]:
    """Drive a graph to its end, going on from the checkpoint after each crash."""
    given: Any = first_input(run)
    for _ in range(crashes + 1):
        try:
            return await build().ainvoke(given, config_of(run), context=context, durability="sync")
        except Crash:
            given = None
    raise Unprocessable("too_many_crashes", "The run crashed more often than expected.")
