"""Paints plans: shapes in the brand's colours or the product's picture, then the words."""

from __future__ import annotations

import hashlib
import io
import math
from dataclasses import dataclass

from PIL import Image, ImageDraw, ImageOps, UnidentifiedImageError

from domain.errors import BadInput
from tools.render import fonts
from tools.render.colour import Palette, Rgb, contrast, mix, palette
from tools.render.fitting import Box, Placed
from tools.render.layout import Plan, Scene, plan
from tools.render.slots import Slot, problems

#: Shapes are painted this much larger and made smaller, which smooths their edges.
_SMOOTH = 2
#: Width to height below which a picture is a story.
_TALL = 0.7
#: Uploaded pictures: bytes, and pixels of either side.
MAX_PICTURE_BYTES, MAX_PICTURE_SIDE = 10_000_000, 8_000
_JPEG_QUALITIES = (92, 85, 75, 60)


@dataclass(frozen=True)
class Drawing:
    """A finished picture.

    Attributes:
        data: The file.
        media_type: `image/png` or `image/jpeg`.
        width, height: Pixels.
        plan: What was painted where.
        contrast: Least contrast of a text with what is behind it.
        problems: Why its place would refuse it; empty if it fits.
    """

    data: bytes
    media_type: str
    width: int
    height: int
    plan: Plan
    contrast: float
    problems: tuple[str, ...]


def render(scene: Scene, slot: Slot) -> Drawing:
    """Return the picture of a scene for a place; the same scene and place give the same bytes.

    Args:
        scene: What is shown.
        slot: Where it is for.

    Raises:
        BadInput: `bad_colour` or `bad_picture`.
        Unprocessable: `text_does_not_fit`.
    """
    colours = palette(scene.colours)
    planned = plan(scene, slot, colours)
    image = paint(planned, scene)
    data, media_type = _file(image, slot, photo=scene.picture is not None)
    return Drawing(
        data=data,
        media_type=media_type,
        width=image.width,
        height=image.height,
        plan=planned,
        contrast=min((contrast(t.colour, t.ground) for t in planned.texts), default=21.0),
        problems=problems(data, slot),
    )


def paint(planned: Plan, scene: Scene) -> Image.Image:
    """Return the painted plan."""
    slot, colours = planned.slot, planned.palette
    image = Image.new("RGB", (slot.width, slot.height), colours.ground)
    if slot.kind != "logo":
        if scene.picture is not None:
            _photo(image, planned.art, read_picture(scene.picture))
        else:
            _shapes(image, planned.art, colours, scene.seed or scene.headline)
    draw = ImageDraw.Draw(image)
    if slot.ratio < _TALL:
        _ridge(image, colours)
    if planned.bar:
        draw.rectangle(_inclusive(planned.bar), fill=colours.accent)
    if planned.logo and scene.logo is not None:
        _logo(image, planned.logo, read_picture(scene.logo), centred=slot.kind == "logo")
    if planned.tag:
        _tag(image, planned.tag, colours.accent)
    for placed in planned.texts:
        _text(draw, placed)
    return image


def read_picture(data: bytes) -> Image.Image:
    """Return an uploaded picture, upright, without anything but its pixels.

    Raises:
        BadInput: `bad_picture` if it is none, or too large.
    """
    if len(data) > MAX_PICTURE_BYTES:
        raise BadInput("bad_picture", f"A picture has at most {MAX_PICTURE_BYTES:,} bytes.")
    try:
        with Image.open(io.BytesIO(data), formats=("PNG", "JPEG")) as image:
            if max(image.size) > MAX_PICTURE_SIDE:
                raise BadInput(
                    "bad_picture", f"A picture has at most {MAX_PICTURE_SIDE:,} pixels a side."
                )
            upright = ImageOps.exif_transpose(image)
            clear = "A" in upright.getbands() or "transparency" in upright.info
            return upright.convert("RGBA" if clear else "RGB")
    except (UnidentifiedImageError, OSError, Image.DecompressionBombError, SyntaxError) as error:
        raise BadInput("bad_picture", "That file is no PNG or JPEG picture.") from error


def _photo(image: Image.Image, room: Box, picture: Image.Image) -> None:
    size = (room[2] - room[0], room[3] - room[1])
    if picture.mode == "RGBA":
        # A cut-out product stands on the ground, whole.
        fitted = ImageOps.contain(picture, (round(size[0] * 0.84), round(size[1] * 0.84)))
        at = (room[0] + (size[0] - fitted.width) // 2, room[1] + (size[1] - fitted.height) // 2)
        image.paste(fitted, at, fitted)
        return
    image.paste(ImageOps.fit(picture, size, Image.Resampling.LANCZOS), room[:2])


def _logo(image: Image.Image, room: Box, logo: Image.Image, *, centred: bool) -> None:
    fitted = ImageOps.contain(logo, (room[2] - room[0], room[3] - room[1]))
    across = (room[2] - room[0] - fitted.width) // 2 if centred else 0
    down = (room[3] - room[1] - fitted.height) // 2
    mask = fitted if fitted.mode == "RGBA" else None
    image.paste(fitted, (room[0] + across, room[1] + down), mask)


def _shapes(image: Image.Image, room: Box, colours: Palette, seed: str) -> None:
    """Paint one of three still lifes of brand colours; which one, and how, is up to the seed."""
    wide, high = (room[2] - room[0]) * _SMOOTH, (room[3] - room[1]) * _SMOOTH
    digest = hashlib.blake2b(seed.encode(), digest_size=8).digest()
    panel = Image.new("RGB", (wide, high), colours.shade)
    draw = ImageDraw.Draw(panel)
    (_hills, _rings, _sheets)[digest[0] % 3](draw, (wide, high), colours, digest)
    small = panel.resize((room[2] - room[0], room[3] - room[1]), Image.Resampling.LANCZOS)
    image.paste(small, room[:2])


def _hills(
    draw: ImageDraw.ImageDraw, size: tuple[int, int], colours: Palette, digest: bytes
) -> None:
    wide, high = size
    radius = min(wide, high) * (0.17 + digest[1] / 255 * 0.05)
    across, down = wide * (0.56 + digest[2] / 255 * 0.16), high * 0.34
    _disc(draw, across, down, radius, colours.accent)
    layers = (colours.tint, mix(colours.tint, colours.deep, 0.4), colours.deep)
    for number, colour in enumerate(layers):
        base = high * (0.56 + 0.15 * number)
        rise = high * (0.13 - 0.022 * number)
        shift = digest[3 + number] / 255 * math.tau
        ridge = [
            (
                x,
                base
                - rise
                * (math.sin(x / wide * 5.2 + shift) + 0.35 * math.sin(x / wide * 11 + shift)),
            )
            for x in range(0, wide + 8, 8)
        ]
        draw.polygon([(0, high), *ridge, (wide, high)], fill=colour)


def _ridge(image: Image.Image, colours: Palette) -> None:
    """Paint a low ridge at the foot of a tall picture, where the platform draws its own controls."""
    wide, high = image.width * _SMOOTH, round(image.height * 0.2) * _SMOOTH
    panel = Image.new("RGB", (wide, high), colours.ground)
    draw = ImageDraw.Draw(panel)
    for number, colour in enumerate((colours.shade, mix(colours.shade, colours.deep, 0.5))):
        base, rise = high * (0.42 + 0.26 * number), high * 0.2
        ridge = [
            (x, base - rise * math.sin(x / wide * 4.4 + 1.9 * number))
            for x in range(0, wide + 8, 8)
        ]
        draw.polygon([(0, high), *ridge, (wide, high)], fill=colour)
    small = panel.resize((image.width, high // _SMOOTH), Image.Resampling.LANCZOS)
    image.paste(small, (0, image.height - small.height))


def _rings(
    draw: ImageDraw.ImageDraw, size: tuple[int, int], colours: Palette, digest: bytes
) -> None:
    wide, high = size
    across = wide * (0.35 + digest[1] / 255 * 0.3)
    down = high * (0.5 + digest[2] / 255 * 0.14)
    most = math.hypot(wide, high) * 0.62
    for number in range(7, 0, -1):
        share = 0.05 + 0.035 * (number % 2) + 0.02 * (7 - number)
        _disc(draw, across, down, most * number / 7, mix(colours.shade, colours.tint, 3 * share))
    _disc(draw, across, down, most * 0.155, colours.accent)


def _sheets(
    draw: ImageDraw.ImageDraw, size: tuple[int, int], colours: Palette, digest: bytes
) -> None:
    wide, high = size
    slope = high * (0.35 + digest[1] / 255 * 0.3)
    step = wide / 5
    for number in range(8):
        start = step * (number - 2)
        share = 0.03 + 0.035 * (number % 4)
        colour = (
            colours.accent
            if number == 3 + digest[2] % 2
            else mix(colours.shade, colours.text, share)
        )
        draw.polygon(
            [(start, high), (start + slope, 0), (start + slope + step, 0), (start + step, high)],
            fill=colour,
        )


def _disc(
    draw: ImageDraw.ImageDraw, across: float, down: float, radius: float, colour: Rgb
) -> None:
    draw.ellipse((across - radius, down - radius, across + radius, down + radius), fill=colour)


def _tag(image: Image.Image, room: Box, colour: Rgb) -> None:
    size = (room[2] - room[0], room[3] - room[1])
    large = Image.new("L", (size[0] * 4, size[1] * 4), 0)
    ImageDraw.Draw(large).rounded_rectangle(
        (0, 0, large.width - 1, large.height - 1), radius=size[1], fill=255
    )
    image.paste(colour, room[:2], large.resize(size, Image.Resampling.LANCZOS))


def _text(draw: ImageDraw.ImageDraw, placed: Placed) -> None:
    stroke = fonts.stroke_of(placed.size, placed.bold)
    for number, line in enumerate(placed.lines):
        face = fonts.font(fonts.is_japanese(line), placed.size)
        left: float = placed.box[0] + stroke
        if placed.centred:
            room = placed.box[2] - placed.box[0]
            left += (room - fonts.width(line, placed.size, bold=placed.bold)) / 2
        # The middle of capitals in the middle of the line, whatever the face's own metrics are.
        middle = placed.top + placed.leading * (number + 0.5)
        draw.text(
            (round(left), round(middle)), line, font=face, fill=placed.colour, anchor="lm",
            stroke_width=stroke, stroke_fill=placed.colour,
        )  # fmt: skip


def _file(image: Image.Image, slot: Slot, *, photo: bool) -> tuple[bytes, str]:
    """Return the picture as PNG, or as JPEG where it is a photo or would be too large."""
    if not photo:
        data = _saved(image, format="PNG", compress_level=9)
        if len(data) <= slot.max_bytes:
            return data, "image/png"
    for quality in _JPEG_QUALITIES:
        data = _saved(image, format="JPEG", quality=quality, subsampling=0, optimize=True)
        if len(data) <= slot.max_bytes:
            break
    return data, "image/jpeg"


def _saved(image: Image.Image, **how: object) -> bytes:
    file = io.BytesIO()
    image.save(file, **how)  # type: ignore[arg-type]
    return file.getvalue()


def _inclusive(box: Box) -> Box:
    return box[0], box[1], box[2] - 1, box[3] - 1
