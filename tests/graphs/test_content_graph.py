"""Content on order: what is made, what is kept out, and that nothing is done twice."""

from __future__ import annotations

import hashlib
import io
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import msgspec
import pytest
import pytest_asyncio
from langgraph.checkpoint.postgres.aio import AsyncPostgresSaver
from langgraph.errors import GraphDrained
from langgraph.runtime import RunControl
from PIL import Image

from agents.content_creator import limits
from agents.content_creator.schemas import BrandKit
from agents.content_creator.variants import write_variants
from bootstrap.services import Services
from domain.errors import BadInput, Unprocessable
from domain.evidence import Citation, Passage
from graphs.checkpoints import open_checkpointer
from graphs.content import checking, graph, nodes, pictures
from graphs.content.order import ContentOrder, check_order, read_order
from graphs.content.shelf import Manifest, Shelf
from llm.images import Painted
from tests.support.campaigns import Crash, Listener, advertiser, config_of, context_of, sources
from tests.support.content import content_run, first_input, run_content
from tests.support.creatives import fact, shoe, wanted
from tools.provenance import read
from tools.render import problems, slot_of
from tools.video import ffmpeg

NODES = ("understand", "read_sources", "write", "check", "draw", "collect")
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


@pytest_asyncio.fixture
async def saver(services: Services) -> AsyncIterator[AsyncPostgresSaver]:
    async with open_checkpointer(services.settings.database_url) as opened:
        yield opened


async def made_by(
    services: Services,
    saver: AsyncPostgresSaver | None,
    listener: Listener | None = None,
    **order: Any,
) -> tuple[dict[str, Any], Manifest, Shelf]:
    org = await advertiser(services)
    run = content_run(services, org, **await sources(services), **{**ORDER, **order})
    context = context_of(services, run, listener)
    final = await graph.build(saver).ainvoke(
        first_input(run), config_of(run), context=context, durability="sync"
    )
    shelf = Shelf(services.objects, run.id)
    return final, await shelf.manifest(), shelf


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
async def test_pictures_show_what_passed_and_carry_their_provenance(
    services: Services, saver: AsyncPostgresSaver
) -> None:
    org = await advertiser(services)
    logo = pictures.cleaned(_png())[1]
    logo_id = pictures.id_of(org, logo)
    await services.objects.put(pictures.key_of(org, logo_id), logo)
    order = {
        "kinds": ["image"], "channels": ["google"], "languages": ["jpn"], "variants": 2, "products": 1,
        "colours": ["#8c2f39", "#f6e7cb"], "logo": logo_id,
    }  # fmt: skip
    run = content_run(services, org, **await sources(services), **order)
    await graph.build(saver).ainvoke(
        first_input(run), config_of(run), context=context_of(services, run), durability="sync"
    )
    shelf = Shelf(services.objects, run.id)
    made = [a for a in (await shelf.manifest()).assets if a.kind == "image"]
    wanted_slots = {"google.marketing", "google.square", "google.portrait"}
    assert {(a.slot, a.arm) for a in made if "logo" not in a.slot} == {
        (slot, arm) for slot in wanted_slots for arm in ("control", "price_first")
    }
    assert sorted(a.slot for a in made if "logo" in a.slot) == ["google.logo", "google.wide_logo"]
    assert {a.texts.get("price") for a in made if a.arm == "price_first"} == {("138ドル",)}
    for asset in made:
        data, slot = await shelf.file(asset.id), slot_of(asset.slot)
        assert problems(data, slot) == ()
        assert (asset.width, asset.height) == (slot.width, slot.height)
        inside = read(data, asset.media_type)
        assert inside is not None
        assert (inside.run, inside.origin) == (run.id, "rules_and_photo")
        assert inside.content_sha256 == asset.provenance["pixels_sha256"]
        assert hashlib.sha256(logo).hexdigest() in inside.inputs
        beside = await services.objects.get(
            f"runs/{run.id}/content/assets/{asset.id}.provenance.json"
        )
        assert msgspec.json.decode(beside) == asset.provenance


def _png() -> bytes:
    file = io.BytesIO()
    Image.new("RGB", (200, 80), (246, 231, 203)).save(file, format="PNG")
    return file.getvalue()


@pytest.mark.asyncio
async def test_a_film_is_made_where_ffmpeg_is_and_said_to_be_missing_where_it_is_not(
    services: Services, saver: AsyncPostgresSaver
) -> None:
    listener = Listener()
    order = {
        "kinds": ["video"], "channels": ["tiktok"], "languages": ["eng"], "variants": 1, "segments": [],
    }  # fmt: skip
    final, made, shelf = await made_by(services, saver, listener, **order)
    assert final["outcome"] == "done"
    films = [a for a in made.assets if a.kind == "video"]
    if ffmpeg() is None:
        assert films == []
        assert any("ffmpeg" in e.message for e in listener.events if e.type == "warning")
        return
    (film,) = films
    inside = read(await shelf.file(film.id), "video/mp4")
    assert inside is not None
    assert inside.title.startswith("tiktok.in_feed")
    assert film.texts["price"] == ("$138",)


class Painter:
    """An image model that paints one colour, or nothing."""

    def __init__(self, data: bytes) -> None:
        self.data, self.asked = data, list[str]()

    async def paint(self, prompt: str) -> Painted:
        self.asked.append(prompt)
        return Painted(self.data, "openai:gpt-image-2")


@pytest.mark.parametrize(("data", "origin"), [(None, "model"), (b"no picture", "rules")])
@pytest.mark.asyncio
async def test_an_image_model_paints_the_background_and_is_named(
    services: Services, saver: AsyncPostgresSaver, data: bytes | None, origin: str
) -> None:
    org, painter = await advertiser(services), Painter(data or _png())
    run = content_run(services, org, **await sources(services), **SMALL)
    context = replace(context_of(services, run), images=painter)
    await graph.build(saver).ainvoke(
        first_input(run), config_of(run), context=context, durability="sync"
    )
    assert len(painter.asked) == 1
    assert "No letters" in painter.asked[0]
    shelf = Shelf(services.objects, run.id)
    made = [a for a in (await shelf.manifest()).assets if a.kind == "image"]
    assert made
    for asset in made:
        inside = read(await shelf.file(asset.id), asset.media_type)
        assert inside is not None
        assert inside.origin == origin
        assert (inside.made_by == "openai:gpt-image-2") == (origin == "model")
        assert bool(inside.prompt_hash) == (origin == "model")


@pytest.mark.asyncio
async def test_a_picture_of_somebody_else_cannot_be_used(
    services: Services, saver: AsyncPostgresSaver
) -> None:
    theirs, org = await advertiser(services, "Other"), await advertiser(services)
    data = pictures.cleaned(_png())[1]
    picture_id = pictures.id_of(theirs, data)
    await services.objects.put(pictures.key_of(theirs, picture_id), data)
    run = content_run(services, org, **await sources(services), **{**SMALL, "logo": picture_id})
    with pytest.raises(Unprocessable, match="upload it first"):
        await graph.build(saver).ainvoke(
            first_input(run), config_of(run), context=context_of(services, run), durability="sync"
        )


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
    run = content_run(
        services, org, **await sources(services),
        **{**ORDER, "channels": ["meta"], "segments": [], "voice": {"banned_words": ["kaze", "カゼ"]}},
    )  # fmt: skip
    final = await graph.build(saver).ainvoke(
        first_input(run), config_of(run), context=context_of(services, run), durability="sync"
    )
    assert final["outcome"] in ("failed", "done")
    made = final["assets"]
    if final["outcome"] == "failed":
        assert (made, "add facts" in final["reason"]) == ([], True)


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
    real, calls = getattr(nodes, name), []

    async def dying(state: Any, runtime: Any) -> Any:
        calls.append(state.get("channel", ""))
        if len(calls) == 1 and when == "before":
            raise Crash
        update = await real(state, runtime)
        if len(calls) == 1:
            raise Crash
        return update

    dying.__name__ = name
    monkeypatch.setattr(nodes, name, dying)
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
    real, calls, control = getattr(nodes, name), [], RunControl()

    async def told_to_stop(state: Any, runtime: Any) -> Any:
        calls.append(f"{state.get('channel', name)}/{state.get('arm', '')}")
        control.request_drain()
        return await real(state, runtime)

    told_to_stop.__name__ = name
    monkeypatch.setattr(nodes, name, told_to_stop)
    built, context = graph.build(saver), context_of(services, run)
    try:
        final = await built.ainvoke(
            first_input(run), config_of(run), context=context, durability="sync", control=control
        )
        assert name == "collect", "told to stop in the last node: nothing was left to stop before"
    except GraphDrained:
        final = await built.ainvoke(None, config_of(run), context=context, durability="sync")
    assert len(calls) == len(set(calls)), "no part was done twice"
    assert final["outcome"] == "done"


@pytest.mark.parametrize(
    ("order", "error", "words"),
    [
        ({"channels": ["myspace"]}, BadInput, "myspace"),
        ({"channels": []}, BadInput, "Channels"),
        ({"variants": 99}, BadInput, "variants"),
        ({"products": 0}, BadInput, "products"),
        ({"openers": {"eng": "{segment.religion}"}}, BadInput, "slots"),
        ({"segments": [{"name": "a"}, {"name": "a"}]}, BadInput, "segments"),
        ({"kinds": ["song"]}, BadInput, "does not fit"),
        (
            {"channels": ["google", "meta", "tiktok"], "languages": ["eng", "jpn"], "products": 20, "variants": 6},
            Unprocessable,
            "720",
        ),
        (
            {"kinds": ["image"], "channels": ["google", "meta"], "products": 10, "variants": 6},
            Unprocessable,
            "360 pictures",
        ),
    ],
)  # fmt: skip
def test_an_order_that_cannot_be_done_is_refused(
    order: dict[str, Any], error: type[Exception], words: str
) -> None:
    with pytest.raises(error, match=words):
        read_order(msgspec.json.encode(order).decode())


def test_an_order_with_defaults_is_fine() -> None:
    check_order(ContentOrder())


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
