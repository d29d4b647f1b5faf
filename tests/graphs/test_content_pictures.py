"""Pictures and films of content runs, and orders that cannot be done."""

from __future__ import annotations

import hashlib
import io
from dataclasses import replace
from typing import Any

import msgspec
import pytest
from langgraph.checkpoint.postgres.aio import AsyncPostgresSaver
from PIL import Image

from bootstrap.services import Services
from domain.errors import BadInput, Unprocessable
from graphs.content import graph, pictures
from graphs.content.order import ContentOrder, check_order, read_order
from graphs.content.shelf import Shelf
from llm.images import Painted
from tests.support.campaigns import Listener, advertiser, config_of, context_of, sources
from tests.support.content import SMALL, content_run, first_input, made_by
from tools.provenance import read
from tools.render import problems, slot_of
from tools.video import ffmpeg


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
