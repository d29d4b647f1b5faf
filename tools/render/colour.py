"""Colours that can be read: WCAG 2.2 contrast, measured and put right."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from domain.errors import BadInput

Rgb = tuple[int, int, int]

#: Least contrast of text (WCAG 2.2, 1.4.3) and of large text and shapes (1.4.3, 1.4.11).
TEXT_CONTRAST, LARGE_CONTRAST = 4.5, 3.0
WHITE: Rgb = (255, 255, 255)
INK: Rgb = (17, 24, 28)
_HEX = re.compile(r"#[0-9a-fA-F]{6}")
#: Where a brand states no colours.
_DEFAULT: tuple[str, ...] = ("#1f4f5b", "#f2b544")
_STEPS = 40
#: Luminance from which a ground counts as light.
_LIGHT = 0.5


@dataclass(frozen=True)
class Palette:
    """The colours of one picture.

    Attributes:
        ground: Behind everything.
        shade, tint, deep: For shapes: a little off the ground, farther off, and the farthest.
        text: On the ground; at least 4.5 : 1.
        accent: For small things; at least 3 : 1 on the ground.
        on_accent: Text on the accent; at least 4.5 : 1.
        corrected: Which of them had to be changed to be readable.
    """

    ground: Rgb
    shade: Rgb
    tint: Rgb
    deep: Rgb
    text: Rgb
    accent: Rgb
    on_accent: Rgb
    corrected: tuple[str, ...] = ()


def parse(text: str) -> Rgb:
    """Return `#rrggbb` as red, green, blue.

    Raises:
        BadInput: `bad_colour`.
    """
    if not _HEX.fullmatch(text):
        raise BadInput("bad_colour", f"{text[:20]!r} is not a colour; write #rrggbb.")
    return int(text[1:3], 16), int(text[3:5], 16), int(text[5:7], 16)


def luminance(colour: Rgb) -> float:
    """Return relative luminance, 0 (black) to 1 (white); WCAG 2.2."""
    red, green, blue = (_linear(part / 255) for part in colour)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one: Rgb, other: Rgb) -> float:
    """Return the contrast of two colours, 1 to 21; WCAG 2.2."""
    low, high = sorted((luminance(one), luminance(other)))
    return (high + 0.05) / (low + 0.05)


def readable(colour: Rgb, ground: Rgb, least: float) -> Rgb:
    """Return the colour, made darker or lighter as little as needed to stand out from the ground.

    Args:
        colour: Wished for.
        ground: Behind it.
        least: Contrast that is needed.
    """
    if contrast(colour, ground) >= least:
        return colour
    # Towards whichever end the ground is farther from; that end always reaches 4.5.
    end = WHITE if contrast(WHITE, ground) >= contrast((0, 0, 0), ground) else (0, 0, 0)
    for step in range(1, _STEPS + 1):
        mixed = mix(colour, end, step / _STEPS)
        if contrast(mixed, ground) >= least:
            return mixed
    return end


def mix(one: Rgb, other: Rgb, share: float) -> Rgb:
    """Return the colour between two; `share` of the other, 0 to 1."""
    red, green, blue = (round(a + (b - a) * share) for a, b in zip(one, other, strict=True))
    return red, green, blue


def palette(colours: Sequence[str]) -> Palette:
    """Return the colours of a picture from those of a brand, corrected where they could not be read.

    Args:
        colours: `#rrggbb`, the main one first, then the accent; may be empty.

    Raises:
        BadInput: `bad_colour`.
    """
    named = [parse(c) for c in (colours or _DEFAULT)]
    ground = named[0]
    wished = named[1] if len(named) > 1 else mix(ground, WHITE, 0.75)
    best = WHITE if contrast(WHITE, ground) >= contrast(INK, ground) else INK
    text = readable(best, ground, TEXT_CONTRAST)
    accent = readable(wished, ground, LARGE_CONTRAST)
    inside = INK if contrast(INK, accent) >= contrast(WHITE, accent) else WHITE
    on_accent = readable(inside, accent, TEXT_CONTRAST)
    light = luminance(ground) > _LIGHT
    changed = {"text": text != best, "accent": accent != wished}
    return Palette(
        ground=ground,
        # On a light ground black only makes grey; the brand's own accent keeps it warm or cool.
        shade=mix(ground, accent, 0.12) if light else mix(ground, (0, 0, 0), 0.14),
        tint=mix(ground, accent, 0.26) if light else mix(ground, text, 0.16),
        deep=mix(ground, accent, 0.5) if light else mix(ground, (0, 0, 0), 0.28),
        text=text,
        accent=accent,
        on_accent=on_accent,
        corrected=tuple(name for name, was in changed.items() if was),
    )


def _linear(part: float) -> float:
    return part / 12.92 if part <= 0.04045 else float(((part + 0.055) / 1.055) ** 2.4)
