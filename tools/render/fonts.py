"""Type: Pillow's own Latin face and IPAex Gothic for Japanese, measured the same on every machine."""

from __future__ import annotations

import unicodedata
from functools import cache
from importlib.util import find_spec
from pathlib import Path

from PIL import ImageFont

from domain.errors import Unavailable

Font = ImageFont.FreeTypeFont
#: A bold face is the ordinary one with its outline drawn as well: this share of the size on each side.
_BOLD = 0.02


@cache
def font(japanese: bool, size: int) -> Font:
    """Return a typeface at a size in pixels.

    Raises:
        Unavailable: `font_missing` if the Japanese face is not installed.
    """
    # Basic layout: Raqm is there on some machines only, and would set letters elsewhere.
    if japanese:
        return ImageFont.truetype(str(_japanese_file()), size, layout_engine=ImageFont.Layout.BASIC)
    face = ImageFont.load_default(size)
    assert isinstance(face, ImageFont.FreeTypeFont)
    return face.font_variant(layout_engine=ImageFont.Layout.BASIC)


def stroke_of(size: int, bold: bool) -> float:
    """Return how much outline makes a face of this size bold."""
    return round(size * _BOLD, 2) if bold else 0.0


def width(text: str, size: int, *, bold: bool = False) -> float:
    """Return the width of a line in pixels."""
    return font(is_japanese(text), size).getlength(text) + 2 * stroke_of(size, bold)


def is_japanese(text: str) -> bool:
    """Tell whether a text needs the Japanese face."""
    return any(unicodedata.east_asian_width(c) in "WFH" for c in text)


def _japanese_file() -> Path:
    # Read as a file: the package itself would load a plotting library.
    spec = find_spec("matplotlib_fontja")
    for folder in (spec.submodule_search_locations or ()) if spec else ():
        path = Path(folder) / "fonts" / "ipaexg.ttf"
        if path.is_file():
            return path
    raise Unavailable(
        "font_missing", "The Japanese typeface is not installed; install matplotlib-fontja."
    )
