"""Where things stand in a picture: one template for each shape of place, all within what is not drawn over."""

from __future__ import annotations

from dataclasses import dataclass, replace

from domain.errors import Unprocessable
from tools.render.colour import Palette
from tools.render.fitting import Box, Placed, fit
from tools.render.slots import Slot


@dataclass(frozen=True, kw_only=True)
class Scene:
    """What a picture shows.

    Attributes:
        headline: The main line.
        body: One sentence under it; may be empty.
        price: Shown in a tag; may be empty.
        brand: The brand's name; shown where there is no logo.
        colours: `#rrggbb`, the main one first.
        logo: PNG or JPEG; None = the name is written.
        picture: PNG or JPEG of the product; None = shapes in the brand's colours.
        seed: Chooses the shapes; the same seed, the same picture.
    """

    headline: str
    body: str = ""
    price: str = ""
    brand: str = ""
    colours: tuple[str, ...] = ()
    logo: bytes | None = None
    picture: bytes | None = None
    seed: str = ""


@dataclass(frozen=True)
class Plan:
    """A picture before it is painted.

    Attributes:
        slot: Where it is for.
        palette: Its colours.
        art: Room of the product picture, or of the shapes.
        texts: Brand (if it is written), headline, body, price.
        tag: Room of the price tag; None without one.
        bar: Room of the bar beside the brand; None without a brand.
        logo: Room of the logo; None if the brand is written.
        left_out: What did not fit and was left out: `body` or `price`.
    """

    slot: Slot
    palette: Palette
    art: Box
    texts: tuple[Placed, ...]
    tag: Box | None = None
    bar: Box | None = None
    logo: Box | None = None
    left_out: tuple[str, ...] = ()


@dataclass(frozen=True)
class _Frame:
    """Rooms of a template: for shapes or picture, and for words."""

    art: Box
    words: Box
    headline: int
    lines: int


def plan(scene: Scene, slot: Slot, palette: Palette) -> Plan:
    """Return where everything stands.

    Args:
        scene: What is shown.
        slot: Where it is for.
        palette: Readable colours.

    Raises:
        Unprocessable: `text_does_not_fit` if not even the headline fits.
    """
    if slot.kind == "logo":
        return _logo(scene, slot, palette)
    frame = _frame(slot)
    left, top, right, bottom = frame.words
    unit = min(slot.width, slot.height)
    small = max(round(unit * 0.036), 14)
    bar, logo, head = _brand(scene, frame, palette, unit)
    texts = [head] if head else []
    used = (round(small * 2.4) if scene.brand or scene.logo else 0) + top
    tag, price = _price(scene, (left, used, right, bottom), palette, unit)
    end = (tag[1] - round(unit * 0.03)) if tag else bottom
    words, left_out = _words(scene, frame, palette, (left, used, right, end), unit)
    texts += words
    if price and tag:
        shift = _close(words, tag, unit)
        tag = (tag[0], tag[1] - shift, tag[2], tag[3] - shift)
        texts.append(replace(price, top=price.top - shift))
    foot = tag[3] if tag else words[-1].top + words[-1].height
    planned = Plan(
        slot=slot, palette=palette, art=frame.art, texts=tuple(texts), tag=tag, bar=bar, logo=logo,
        left_out=left_out,
    )  # fmt: skip
    return _lowered(planned, (bottom - foot) // 2)


def _lowered(planned: Plan, by: int) -> Plan:
    """Return the plan with words, bar and tag in the middle of their room instead of at its top."""

    def down(box: Box | None) -> Box | None:
        return (box[0], box[1] + by, box[2], box[3] + by) if box else None

    return replace(
        planned,
        texts=tuple(replace(text, top=text.top + by) for text in planned.texts),
        tag=down(planned.tag),
        bar=down(planned.bar),
        logo=down(planned.logo),
    )


def _frame(slot: Slot) -> _Frame:
    wide, high = slot.width, slot.height
    left, top, right, bottom = slot.free
    gap = round(min(wide, high) * 0.075)
    if slot.ratio > 1.4:
        middle = round(wide * 0.58)
        inner = (gap, round(gap * 0.8), middle - round(gap * 0.7), high - round(gap * 0.8))
        return _Frame((middle, 0, wide, high), inner, 84, 3)
    if slot.ratio < 0.7:
        # Tall: words in the part that is not drawn over, the picture above them, shapes to the edges.
        middle = top + round((bottom - top) * 0.40)
        edge = max(left, gap)
        words = (edge, middle + gap // 2, min(right, wide - gap), bottom - gap // 2)
        return _Frame((0, 0, wide, middle), words, 128, 3)
    middle = round(high * (0.42 if slot.ratio > 0.9 else 0.47))
    inner = (gap, middle + round(gap * 0.8), wide - gap, high - round(gap * 0.8))
    return _Frame((0, 0, wide, middle), inner, 112, 3)


def _brand(
    scene: Scene, frame: _Frame, palette: Palette, unit: int
) -> tuple[Box | None, Box | None, Placed | None]:
    """Return the bar, the room of the logo, and the brand's name."""
    left, top, right, _ = frame.words
    small = max(round(unit * 0.036), 14)
    if scene.logo is not None:
        return None, (left, top, left + small * 6, top + round(small * 1.7)), None
    if not scene.brand:
        return None, None, None
    thick = max(round(small * 0.28), 3)
    bar = (left, top, left + thick, top + round(small * 1.3))
    box = (left + thick + round(small * 0.55), top, right, top + round(small * 1.7))
    name = fit(
        scene.brand, box, largest=small, smallest=max(small // 2, 9), most_lines=1,
        colour=palette.text, ground=palette.ground,
    )  # fmt: skip
    return bar, None, name


def _price(
    scene: Scene, room: Box, palette: Palette, unit: int
) -> tuple[Box | None, Placed | None]:
    """Return a tag at the foot of the room with the price in it."""
    if not scene.price:
        return None, None
    left, _, right, bottom = room
    size = max(round(unit * 0.048), 16)
    pad = round(size * 0.55)
    box = (left + pad, bottom - round(size * 1.85) + pad // 2, right - pad, bottom)
    placed = fit(
        scene.price, box, largest=size, smallest=max(size // 2, 10), most_lines=1,
        colour=palette.on_accent, ground=palette.accent, bold=True,
    )  # fmt: skip
    if placed is None:
        return None, None
    tag = (left, bottom - round(size * 1.85), left + round(placed.widest) + 2 * pad, bottom)
    top = tag[1] + (tag[3] - tag[1] - placed.leading) // 2
    return tag, replace(placed, top=top, box=(tag[0] + pad, tag[1], tag[2], tag[3]))


def _words(
    scene: Scene, frame: _Frame, palette: Palette, room: Box, unit: int
) -> tuple[list[Placed], tuple[str, ...]]:
    """Return headline and body, the headline as large as the room allows."""
    left, top, right, bottom = room
    high = bottom - top
    scale = unit / 1000
    largest = round(frame.headline * scale * (1.35 if frame.headline < 100 else 1.0))
    for body in dict.fromkeys((scene.body, "")):
        share = 0.68 if body else 1.0
        head = fit(
            scene.headline, (left, top, right, top + round(high * share)),
            largest=largest, smallest=max(round(34 * scale), 12), most_lines=frame.lines,
            colour=palette.text, ground=palette.ground, bold=True,
        )  # fmt: skip
        if head is None:
            continue
        if not body:
            return [head], ("body",) if scene.body else ()
        gap = round(head.size * 0.42)
        below = head.top + head.height + gap
        text = fit(
            body, (left, below, right, bottom),
            largest=max(round(head.size * 0.56), round(50 * scale), 12), smallest=max(round(25 * scale), 11),
            most_lines=4, colour=palette.text, ground=palette.ground,
        )  # fmt: skip
        if text is not None:
            return [head, text], ()
    raise Unprocessable(
        "text_does_not_fit",
        f"The headline {scene.headline[:40]!r} does not fit the picture; shorten it.",
    )


def _close(words: list[Placed], tag: Box, unit: int) -> int:
    """Return by how much a tag moves up, so that it stands near the words instead of at the foot."""
    end = words[-1].top + words[-1].height
    return max(tag[1] - end - round(unit * 0.045), 0)


def _logo(scene: Scene, slot: Slot, palette: Palette) -> Plan:
    gap = round(min(slot.width, slot.height) * 0.16)
    room = (gap, gap, slot.width - gap, slot.height - gap)
    if scene.logo is not None:
        return Plan(slot, palette, (0, 0, 0, 0), (), logo=room)
    name = scene.brand or scene.headline
    texts = [name] if slot.height >= 200 or slot.ratio > 2 else [name[:1]]
    for text in (*texts, name[:1]):
        placed = fit(
            text, room, largest=round(slot.height * 0.5), smallest=max(round(slot.height * 0.09), 12),
            most_lines=1 if slot.ratio > 2 else 3, colour=palette.text, ground=palette.ground,
            bold=True, centred=True,
        )  # fmt: skip
        if placed is not None:
            top = room[1] + (room[3] - room[1] - placed.height) // 2
            return Plan(slot, palette, (0, 0, 0, 0), (replace(placed, top=top),))
    raise Unprocessable("text_does_not_fit", f"The name {name[:40]!r} does not fit the logo.")
