"""A run reads the other shops that its goal names, and no further ones."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
from langgraph.checkpoint.memory import InMemorySaver

from audience.imports import Importer
from audience.types import LawfulBasis, Terms
from bootstrap.graph_parts import graph_context
from bootstrap.services import Services
from domain.errors import Unprocessable
from domain.product import Product
from graphs import registry
from graphs.campaign.material import Desk
from graphs.versions import CURRENT
from tests.support.campaigns import GOAL, Listener, advertiser, run_row, run_until_end, sources
from tools.web import ReadWeb, Statement, WebPage

pytestmark = pytest.mark.asyncio


class Web:
    """Two shops, and what was asked of them."""

    def __init__(self) -> None:
        self.hosts: list[set[str]] = []
        self.asked: list[str] = []

    def __call__(self, hosts: Collection[str]) -> ReadWeb:
        self.hosts.append(set(hosts))
        return self.read

    async def read(self, url: str) -> WebPage:
        self.asked.append(url)
        if "gone" in url:
            raise Unprocessable("site_unreachable", "The site could not be reached; try again.")
        said = "All shoes come with free returns; more at https://third.example/."
        return WebPage(
            url=url, name="Ibex", products=(Product(key="i", title="Ibex Rock", price="150", currency="USD"),),
            statements=(Statement(text=said, where=f"{url}#L1:p.1"),),
        )  # fmt: skip


async def test_other_shops_of_the_goal_are_read_through_the_policy(services: Services) -> None:
    org_id, web, listener = await advertiser(services), Web(), Listener()
    goal = f"{GOAL} Competitors: https://www.ibex.example/shoes and https://gone.example."
    run = run_row(services, org_id, goal=goal, **await sources(services), approval_mode="demo")
    context = replace(graph_context(services, run, listener.emit), web=web)
    graph = registry.find("campaign", CURRENT["campaign"]).build(InMemorySaver())
    state = await run_until_end(lambda: graph, run, context)  # type: ignore[arg-type,return-value]
    assert state["outcome"] == "launched"
    assert web.hosts == [{"ibex.example", "gone.example"}]
    assert web.asked == ["https://www.ibex.example/shoes", "https://gone.example"]
    report = await Desk(services.objects, run.id).research()
    assert [shop.name for shop in report.competitors] == ["Ibex"]
    (source,) = next(i for i in report.of("gap") if "free returns" in i.statement).sources
    assert source.url == "https://www.ibex.example/shoes"
    warnings = [e.message for e in listener.events if (e.type, e.step) == ("warning", "research")]
    assert warnings == [
        "https://gone.example was not read: The site could not be reached; try again."
    ]
    asked = [e for e in listener.events if e.type == "tool" and e.data.get("tool") == "read_web"]
    assert [e.data["allowed"] for e in asked] == [True, True]


async def test_leads_are_counted_for_the_audience_and_never_shown(
    services: Services, tmp_path: Path
) -> None:
    org_id, listener = await advertiser(services), Listener()
    path = tmp_path / "list.csv"
    path.write_text(
        "email,interests\n" + "".join(f"p{n}@kaze.example,trail running\n" for n in range(4))
    )
    terms = Terms(
        source="newsletter", lawful_basis=LawfulBasis.CONSENT, consent_text="Yes, write to me.",
        consent_at=datetime(2026, 5, 1, tzinfo=UTC),
    )  # fmt: skip
    importer = Importer(services.db, services.ids, services.clock, b"k" * 32)
    await importer.run(org_id, path, terms, name="list.csv", sha256="0", by="test")
    run = run_row(services, org_id, **await sources(services), approval_mode="demo")
    graph = registry.find("campaign", CURRENT["campaign"]).build(InMemorySaver())
    context = graph_context(services, run, listener.emit)
    state = await run_until_end(lambda: graph, run, context)  # type: ignore[arg-type,return-value]
    assert state["outcome"] == "launched"
    said = next(e for e in listener.events if (e.type, e.step) == ("agent", "audience"))
    assert said.message.endswith("4 of 4 leads may be written to")
    report = await Desk(services.objects, run.id).audience()
    assert "4 of your 4 leads have said so." in {segment.reason for segment in report.segments}
    assert "kaze.example" not in repr(report)
