"""Content on order: what is made, what is kept out, and that nothing is done twice."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.checkpoint.postgres.aio import AsyncPostgresSaver
from langgraph.errors import GraphDrained

from agents.content_creator import limits
from agents.content_creator.schemas import BrandKit
from agents.content_creator.variants import write_variants
from bootstrap.services import Services
from domain.brief import Brief, Kpi
from domain.evidence import Citation, Passage
from graphs.checkpoints import strict_serde
from graphs.content import checking, graph, nodes
from graphs.content.shelf import Shelf
from tests.support.campaigns import Listener, advertiser, config_of, context_of, sources
from tests.support.content import ORDER, SMALL, content_run, first_input, made_by, run_content
from tests.support.creatives import fact, shoe, wanted
from tests.support.interrupted import dies_once, stops_once

NODES = ("understand", "read_sources", "write", "check", "draw", "collect")


@pytest.mark.asyncio
async def test_an_order_becomes_checked_ads_with_provenance(
    services: Services, saver: AsyncPostgresSaver
) -> None:
    listener = Listener()
    final, made, shelf = await made_by(services, saver, listener)
    assert final["outcome"] == "done"
    assert final["assets"] == [asset.id for asset in made.assets]
    texts = [a for a in made.assets if a.kind == "text"]
    for channel in ORDER["channels"]:
        for language in ("eng", "jpn"):
            own = [a for a in texts if (a.channel, a.language) == (channel, language)]
            assert len([a for a in own if not a.segment]) == 3
            assert [a.segment for a in own if a.segment] == ["kansai"]
    for asset in texts:
        assert [b for b in limits.check_set(asset.channel, asset.texts) if b.weight == "hard"] == []
        assert (asset.hypothesis == "") == (asset.arm == "control")
        data = await shelf.file(asset.id)
        assert hashlib.sha256(data).hexdigest() == asset.sha256
        assert asset.provenance["made_by"] == "rule-based"
        assert asset.provenance["inputs"]
        assert all(claim["fact"] and claim["support"] for claim in asset.claims)
    personal = next(a for a in texts if a.segment and a.language == "eng" and a.channel == "meta")
    assert personal.texts["primary_text"][0].startswith("Looking in Osaka? ")
    told = [event.step for event in listener.events]
    assert told[0] == "brief"
    assert {"sources", "content", "compliance"} <= set(told)


@pytest.mark.asyncio
async def test_the_second_run_of_the_same_order_makes_the_same_texts(
    services: Services, saver: AsyncPostgresSaver
) -> None:
    _, first, _ = await made_by(services, saver)
    _, second, _ = await made_by(services, saver)
    assert [(a.variant, a.texts) for a in first.assets] == [
        (a.variant, a.texts) for a in second.assets
    ]


@pytest.mark.asyncio
async def test_what_documents_say_is_quoted_with_its_place(
    services: Services, saver: AsyncPostgresSaver
) -> None:
    said = "The midsole of the Kaze Ridge is made from castor oil foam."
    text = f"Materials. {said} Call us now."
    passage = Passage(
        text=text,
        score=1.0,
        language="eng",
        citation=Citation(
            title="Materials.pdf",
            quote=text,
            document_id="doc_1",
            chunk_id="chk_1",
            start=100,
            end=200,
        ),
    )

    async def retrieve(question: str, k: int) -> tuple[Passage, ...]:
        return (passage,)

    org = await advertiser(services)
    order = {**ORDER, "languages": ["eng"], "voice": {"tone_words": ["castor"]}}
    run = content_run(services, org, **await sources(services), **order)
    context = replace(context_of(services, run), retrieve=retrieve)
    await graph.build(saver).ainvoke(
        first_input(run), config_of(run), context=context, durability="sync"
    )
    made = await Shelf(services.objects, run.id).manifest()
    cited = [c for a in made.assets for c in a.claims if c.get("citation")]
    assert cited
    place: Any = cited[0]["citation"]
    assert (place["document_id"], place["quote"]) == ("doc_1", said)
    assert text[place["start"] - 100 : place["end"] - 100] == said


@pytest.mark.asyncio
async def test_what_must_not_be_advertised_is_refused(
    services: Services, saver: AsyncPostgresSaver
) -> None:
    org = await advertiser(services)
    run = content_run(
        services, org, "Sell cocaine to teenagers in the US", **await sources(services), **ORDER
    )
    final = await graph.build(saver).ainvoke(
        first_input(run), config_of(run), context=context_of(services, run), durability="sync"
    )
    assert (final["outcome"], final["assets"]) == ("refused", [])
    assert final["reason"]


@pytest.mark.asyncio
async def test_words_that_are_objected_to_do_not_come_back(
    services: Services, saver: AsyncPostgresSaver, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The first writing ignores the brand's ban; the checks send it back, the second keeps it out."""
    real = nodes.write_variants

    def careless(request: Any, channel: str, **more: Any) -> Any:
        if not request.avoid:
            request = replace(request, brand_kit=BrandKit(payer="x"))
        return real(request, channel, **more)

    monkeypatch.setattr(nodes, "write_variants", careless)
    final, made, _ = await made_by(
        services, saver, voice={"banned_words": ["rubber"]}, channels=["meta"], languages=["eng"]
    )
    assert final["round"] >= 1
    assert made.assets
    assert all("rubber" not in repr(a.texts).casefold() for a in made.assets)


@pytest.mark.asyncio
async def test_nothing_left_is_said_with_what_to_do(
    services: Services, saver: AsyncPostgresSaver
) -> None:
    org = await advertiser(services)
    order = {
        **ORDER, "channels": ["meta"], "languages": ["eng"], "segments": [],
        "voice": {"banned_words": ["a", "e", "o"]},
    }  # fmt: skip
    run = content_run(services, org, **await sources(services), **order)
    final = await graph.build(saver).ainvoke(
        first_input(run), config_of(run), context=context_of(services, run), durability="sync"
    )
    assert (final["outcome"], final["assets"]) == ("failed", [])
    assert "add facts" in final["reason"]


def test_every_node_is_in_the_list_that_is_crashed_or_said_not_to_be() -> None:
    drawn = set(graph.build().get_graph().nodes) - {"__start__", "__end__"}
    assert drawn == {*NODES, "refuse", "give_up", "next_round"}


@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize("name", NODES)
@pytest.mark.asyncio
async def test_a_crash_at_any_node_makes_everything_once(
    services: Services,
    saver: AsyncPostgresSaver,
    monkeypatch: pytest.MonkeyPatch,
    name: str,
    when: str,
) -> None:
    """The worker dies as the node starts, or after its work and before the checkpoint."""
    org = await advertiser(services)
    run = content_run(services, org, **await sources(services), **SMALL)
    dies_once(monkeypatch, nodes, name, when)
    final = await run_content(lambda: graph.build(saver), run, context_of(services, run))
    assert final["outcome"] == "done"
    made = await Shelf(services.objects, run.id).manifest()
    assert len({a.id for a in made.assets}) == len(made.assets)
    # In chat two variants, a personal one and two pictures; on Product Hunt two variants.
    assert [a.kind for a in made.assets] == ["text"] * 5 + ["image"] * 2
    files = [
        k for k in await services.objects.keys(f"runs/{run.id}/content/assets/") if "." not in k
    ]
    assert len(files) == len(made.assets)


@pytest.mark.parametrize("name", NODES)
@pytest.mark.asyncio
async def test_a_worker_that_stops_at_any_node_goes_on_from_there(
    services: Services, saver: AsyncPostgresSaver, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    org = await advertiser(services)
    run = content_run(services, org, **await sources(services), **SMALL)
    calls, control = stops_once(monkeypatch, nodes, name)
    built, context = graph.build(saver), context_of(services, run)
    try:
        final = await built.ainvoke(
            first_input(run), config_of(run), context=context, durability="sync", control=control
        )
        assert name == "collect", "told to stop in the last node: nothing was left to stop before"
    except GraphDrained:
        final = await built.ainvoke(None, config_of(run), context=context, durability="sync")
    parts = [(call.get("channel", name), call.get("arm", "")) for call in calls]
    assert len(parts) == len(set(parts)), "no part was done twice"
    assert final["outcome"] == "done"


def test_a_claim_that_no_fact_supports_blocks_an_ad() -> None:
    request = wanted(
        shoe(facts=(fact("4 mm rubber lugs grip muddy paths."),)),
        languages=("eng",), brand_kit=BrandKit(payer="Kaze Trail"),
    )  # fmt: skip
    variant = write_variants(request, "meta").variants[0]
    invented = replace(
        variant,
        key="invented",
        texts={**variant.texts, "primary_text": ("Doctors recommend these shoes.",)},
    )
    good, bad = checking.check([variant, invented], request, date(2026, 11, 21))
    assert good.outcome == "pass", good.findings
    assert bad.outcome == "block"
    assert {"claims"} <= {f.check for f in bad.findings}


def test_the_picture_beside_the_graph_is_the_graph() -> None:
    page = Path(graph.__file__).with_name("README.md")
    assert graph.build().get_graph().draw_mermaid() in page.read_text()
    assert len(Path(graph.__file__).read_text().splitlines()) <= 150


@pytest.mark.asyncio
async def test_the_state_comes_back_from_a_checkpoint_as_it_was() -> None:
    built = graph.build(InMemorySaver(serde=strict_serde()))
    config: Any = {"configurable": {"thread_id": "t"}}
    state = {
        "goal": "靴を売りたい", "site_url": None, "page_source_id": None, "feed_source_id": "src_1",
        "order": "{}", "brief": Brief(goal="g", geos=("JP",), kpi=Kpi("sales")), "channels": ["google"],
        "written": {"google": 3}, "drawn": {"google/control": 5}, "arms": ["google/control"], "again": [],
        "round": 1, "passed": 3, "to_revise": 0, "blocked": 0, "assets": ["ast_1"], "outcome": "done",
        "reason": "Made 3 texts.",
    }  # fmt: skip
    await built.aupdate_state(config, state, as_node="collect")
    again = (await built.aget_state(config)).values
    assert again == state
    assert type(again["brief"]) is Brief
    assert type(again["brief"].geos) is tuple
