"""Research asks the organisation's own documents, and says which ones its statements come from."""

from __future__ import annotations

import pytest
from langgraph.checkpoint.memory import InMemorySaver

from bootstrap.graph_parts import graph_context
from bootstrap.knowledge import Knowledge
from bootstrap.services import Services
from graphs import registry
from graphs.campaign.material import Desk
from graphs.versions import CURRENT
from tests.support.campaigns import Listener, advertiser, run_row, run_until_end, sources
from tests.support.knowledge import WordEmbedder, filled, knowledge

pytestmark = pytest.mark.asyncio

TEXTS = {
    "fit guide": "Trail-running customers in Japan ask for a wide fit before they ask for a price.",
    "returns": "Shoes that were worn outside cannot be sent back.",
}


async def test_findings_name_the_documents_they_rest_on(services: Services) -> None:
    org_id, stranger = await advertiser(services), await advertiser(services, "Somebody else")
    async with knowledge(services, org_id) as service:
        await filled(service, org_id, TEXTS)
    async with knowledge(services, stranger) as service:
        await filled(service, stranger, {"secret": "Trail-running margins are thin."})
    run = run_row(services, org_id, **await sources(services), approval_mode="demo")
    listener = Listener()
    context = graph_context(services, run, listener.emit, Knowledge(services, WordEmbedder()))
    graph = registry.find("campaign", CURRENT["campaign"]).build(InMemorySaver())
    state = await run_until_end(lambda: graph, run, context)  # type: ignore[arg-type,return-value]
    assert state["outcome"] == "launched"
    said = next(e for e in listener.events if (e.type, e.step) == ("agent", "research"))
    named = said.data["sources"]
    assert isinstance(named, list)
    assert "fit guide" in named
    report = await Desk(services.objects, run.id).research()
    quoted = [s.quote for one in report.insights for s in one.sources if s.where == "fit guide"]
    assert any("wide fit" in quote for quote in quoted)
    assert all("margins" not in one.statement for one in report.insights)


async def test_an_organisation_without_documents_loads_no_model(services: Services) -> None:
    store = Knowledge(services)
    assert await store.retrieve(await advertiser(services), "anything", 3) == ()
    assert store._loaded is None
