"""From a checked variant to pictures for every place of its channel."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace

from agents.content_creator.schemas import ContentRequest
from agents.content_creator.variants import CONTROL, Variant
from domain.errors import NotFound, ParleyError
from domain.product import Product
from graphs.content import assets, pictures
from graphs.content.order import ContentOrder, picture_of, read_order
from graphs.content.shelf import Asset, Background, Checked, Finding, Shelf
from graphs.content.state import ContentState
from graphs.context import GraphContext
from llm.offline.copywriter_facts import price_english, price_japanese
from tools.provenance import ProvenanceRecord, mark
from tools.provenance.marking import Origin
from tools.render import Drawing, Scene, Slot, problems, render, slots_of
from tools.video import compose

_HEADS = ("headline", "title", "tagline")
_BODIES = ("description", "long_headline", "primary_text", "intro", "ad_text")
#: The arm whose pictures show the price.
_PRICED = "price_first"


@dataclass(frozen=True)
class _Job:
    """One picture to paint."""

    variant: Variant
    product: Product
    slot: Slot
    scene: Scene


@dataclass(frozen=True)
class _Made:
    """A picture or film before it is signed."""

    kind: str
    data: bytes
    media_type: str
    texts: dict[str, tuple[str, ...]]
    findings: tuple[Finding, ...]


def parts(state: ContentState) -> list[str]:
    """Return what is drawn or filmed: `<channel>/<arm>` of channels that have places for it."""
    order = read_order(state["order"])
    return [name for name in state["arms"] if _has_places(order, *name.split("/", 1))]


def _has_places(order: ContentOrder, channel: str, arm: str) -> bool:
    drawn = "image" in order.kinds and bool(slots_of(channel, "image"))
    return drawn or (arm == CONTROL and "video" in order.kinds and bool(slots_of(channel, "video")))


async def draw(
    ctx: GraphContext,
    shelf: Shelf,
    order: ContentOrder,
    request: ContentRequest,
    checked: Sequence[Checked],
    arm: str,
) -> tuple[tuple[Asset, ...], list[str]]:
    """Return the pictures of one arm, kept and signed, and why some could not be made.

    Args:
        ctx: Run and credentials.
        shelf: Where files are kept.
        order: Colours, logo, product pictures.
        request: Products and brand kit.
        checked: Ads of the channel that passed.
        arm: Which variant.

    Raises:
        Unprocessable: `picture_missing` if the order names a picture that is not there.
    """
    logo = await pictures.load(ctx.objects, ctx.org_id, order.logo) if order.logo else None
    photos: dict[str, bytes] = {}
    painted: dict[str, Background] = {}
    for key in {one.variant.product_key for one in checked}:
        if picture_id := picture_of(order, key):
            photos[key] = await pictures.load(ctx.objects, ctx.org_id, picture_id)
            continue
        with suppress(NotFound):
            painted[key] = await shelf.background(key)
            photos[key] = painted[key].data
    made: list[Asset] = []
    left: list[str] = []
    jobs = [
        job
        for job in _jobs(request, checked, arm, logo, photos)
        if ("video" if job.slot.kind == "video" else "image") in order.kinds
    ]
    for job in jobs:
        try:
            background = painted.get(job.product.key)
            made.append(await _one(ctx, shelf, job, background))
        except ParleyError as error:
            left.append(f"{job.variant.key}, {job.slot.id}: {error.detail}")
    return tuple(made), left


def _jobs(
    request: ContentRequest,
    checked: Sequence[Checked],
    arm: str,
    logo: bytes | None,
    photos: dict[str, bytes],
) -> Iterator[_Job]:
    products = {product.key: product for product in request.products}
    variants = [one.variant for one in checked if not one.variant.segment]
    controls = {(v.product_key, v.language): v for v in variants if v.arm == CONTROL}
    logos: set[str] = set()
    for variant in variants:
        if variant.arm != arm:
            continue
        product = products[variant.product_key]
        control = controls.get((variant.product_key, variant.language), variant)
        scene = _scene(variant, control, product, request, logo, photos.get(product.key))
        for slot in slots_of(variant.channel):
            if slot.kind == "image" or (slot.kind == "video" and arm == CONTROL):
                yield _Job(variant, product, slot, scene)
            elif slot.kind == "logo" and arm == CONTROL and slot.id not in logos and scene.brand:
                # One logo a channel, whatever is advertised.
                logos.add(slot.id)
                yield _Job(variant, product, slot, scene)


def _scene(
    variant: Variant,
    control: Variant,
    product: Product,
    request: ContentRequest,
    logo: bytes | None,
    photo: bytes | None,
) -> Scene:
    # The tag shows the price, so the headline under it need not.
    texts = control.texts if variant.arm == _PRICED else variant.texts
    head = next((texts[f][0] for f in _HEADS if f in texts), product.title)
    body = next((texts[f][0] for f in _BODIES if f in texts and texts[f][0] != head), "")
    return Scene(
        headline=head,
        body=body,
        price=_price(product, variant.language) if variant.arm == _PRICED else "",
        brand=product.brand or request.site_name or request.brand_kit.name,
        colours=request.brand_kit.colours,
        logo=logo,
        picture=photo,
        seed=product.key,
    )


async def _one(ctx: GraphContext, shelf: Shelf, job: _Job, painted: Background | None) -> Asset:
    variant, slot, scene = job.variant, job.slot, job.scene
    # In a thread: the heartbeat must go on while pictures are painted.
    made = await asyncio.to_thread(_film if slot.kind == "video" else _picture, job)
    inputs = [claim.fact_id for claim in variant.claims]
    inputs += [_sha(data) for data in (scene.logo, scene.picture) if data]
    if job.slot.kind == "logo":
        painted = None
    made_by = painted.model if painted else assets.RULE_BASED
    prompt_hash = painted.prompt_hash if painted else ""
    record = assets.record(ctx, made_by=made_by, inputs=inputs, prompt_hash=prompt_hash)
    uploaded: Origin = "rules_and_photo" if scene.logo or scene.picture else "rules"
    marked = await asyncio.to_thread(
        mark,
        made.data,
        made.media_type,
        ProvenanceRecord(
            title=f"{slot.id} for {variant.key}",
            made_by=made_by,
            origin="model" if painted else uploaded,
            prompt_hash=prompt_hash,
            inputs=tuple(dict.fromkeys(inputs)),
            made_at=str(record["made_at"]),
            run=ctx.run_id,
        ),
        ctx.credentials(),
    )
    asset = Asset(
        id=shelf.asset_id(made.kind, variant.key, slot.id),
        kind=made.kind,
        channel=variant.channel,
        language=variant.language,
        arm=variant.arm,
        product_key=variant.product_key,
        variant=variant.key,
        slot=slot.id,
        hypothesis=variant.hypothesis,
        differs=variant.differs,
        media_type=made.media_type,
        size_bytes=len(marked),
        sha256=_sha(marked),
        width=slot.width,
        height=slot.height,
        texts=made.texts,
        claims=tuple(assets.claim_out(claim) for claim in variant.claims),
        findings=(*made.findings, *_refused(marked, made.kind, slot)),
        provenance={**record, "c2pa": True, "pixels_sha256": _sha(made.data)},
    )
    await shelf.keep_file(asset.id, marked)
    return asset


def _picture(job: _Job) -> _Made:
    drawing = render(job.scene, job.slot)
    texts = {} if job.slot.kind == "logo" else _shown((job.scene,), drawing.plan.left_out)
    return _Made("image", drawing.data, drawing.media_type, texts, tuple(_findings(drawing)))


def _film(job: _Job) -> _Made:
    scenes = tuple(_scenes(job))
    return _Made("video", compose(scenes, job.slot).data, "video/mp4", _shown(scenes), ())


def _scenes(job: _Job) -> Iterator[Scene]:
    """Yield what a film shows: the name, what is said of it, the name with the price."""
    scene = job.scene
    price = _price(job.product, job.variant.language)
    yield replace(scene, body="")
    if scene.body:
        yield replace(scene, headline=scene.body, body="")
    yield replace(scene, body="", price=price)


def _shown(scenes: Iterable[Scene], left_out: Iterable[str] = ()) -> dict[str, tuple[str, ...]]:
    shown: dict[str, dict[str, None]] = {}
    for scene in scenes:
        for name in ("headline", "body", "price"):
            text: str = getattr(scene, name)
            if text and name not in left_out:
                shown.setdefault(name, {})[text] = None
    return {name: tuple(texts) for name, texts in shown.items()}


def _findings(drawing: Drawing) -> Iterator[Finding]:
    for name in drawing.plan.palette.corrected:
        yield assets.warning("contrast", name, f"The {name} colour was changed to be readable.")
    for name in drawing.plan.left_out:
        yield assets.warning("layout", name, f"The {name} did not fit and was left out.")


def _refused(marked: bytes, kind: str, slot: Slot) -> Iterator[Finding]:
    for problem in problems(marked, slot) if kind == "image" else ():
        yield assets.warning("file", slot.id, problem)


def _price(product: Product, language: str) -> str:
    return (price_japanese(product) if language == "jpn" else price_english(product)) or ""


def _sha(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()
