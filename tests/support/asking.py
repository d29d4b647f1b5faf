"""A market in which things have happened, and questions about it, for tests of the analytics agent."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any

from agents.analytics.agent import ask
from agents.analytics.schemas import Answer, Known
from bootstrap.services import Services
from domain.ids import stable_id
from domain.time import FixedClock
from llm.router import ModelRouter
from measurement.queries import recount, run
from measurement.query_types import Query, Side
from tests.support.catalogue import Market, market
from tests.support.happenings import Shown, happened

TODAY = date(2026, 11, 21)
SHOES, SALE = stable_id("cmp", "shoes"), stable_id("cmp", "sale")
NAMES = {SHOES: "Trail shoes", SALE: "夏のセール"}
KNOWN = Known(Side.ADVERTISER, NAMES, {}, TODAY)
ROUTER = ModelRouter(clock=FixedClock(0))


def on(day: str, hour: int = 12) -> datetime:
    return datetime.fromisoformat(day).replace(hour=hour, tzinfo=UTC)


@dataclass(frozen=True)
class Scene:
    """A market where things have happened, and a stranger's."""

    services: Services
    ours: Market
    theirs: Market

    @asynccontextmanager
    async def session(self, org: str) -> AsyncIterator[Any]:
        async with self.services.db.tenant(org) as session:
            yield session

    async def run(self, query: Query, org: str | None = None) -> Any:
        org = org or self.ours.advertiser
        async with self.session(org) as session:
            return await run(session, org, query)

    async def recount(self, query: Query, org: str | None = None) -> Any:
        org = org or self.ours.advertiser
        async with self.session(org) as session:
            return await recount(session, org, query)

    async def ask(self, question: str, known: Known = KNOWN) -> Answer:
        return await ask(question, known, router=ROUTER, run=self.run, recount=self.recount)


async def make_scene(services: Services) -> Scene:
    """Make a market where things have happened, and a stranger's."""
    ours, theirs = await market(services), await market(services)
    shoes: dict[str, Any] = {
        "advertiser": ours.advertiser, "publisher": ours.publisher, "campaign": SHOES,
        "per_click": 333_333,
    }  # fmt: skip
    sale: dict[str, Any] = {**shoes, "campaign": SALE, "ad": "ad_2", "language": "jpn"}
    await happened(
        services,
        [
            Shown(at=on("2026-11-10"), impressions=200, clicks=10, submits=2, **shoes),
            Shown(at=on("2026-11-12"), impressions=100, clicks=20, submits=1, **sale),
            Shown(at=on("2026-11-17"), impressions=300, clicks=9, submits=3, **shoes),
            Shown(at=on("2026-11-18", 23), impressions=50, clicks=1, dismissals=4, **sale),
            Shown(at=on("2026-11-20", 0), impressions=10, clicks=1, **{**sale, "currency": "JPY"}),
            Shown(
                at=on("2026-11-17"), impressions=77, clicks=7, per_click=5,
                **{k: v for k, v in {**shoes, "advertiser": theirs.advertiser}.items() if k != "per_click"},
            ),
            Shown(at=on("2026-11-17"), offers=40, reason="no_match", **shoes),
        ],
    )  # fmt: skip
    return Scene(services, ours, theirs)
