"""Text into boxes: as large as fits, whole words, no widow, nothing over the edge."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial

from tools.render import fonts
from tools.render.colour import Rgb
from tools.render.lines import break_lines, is_widow

Box = tuple[int, int, int, int]

#: Height of a line as a multiple of the type size, for headlines and for running text.
LEADING = 1.18
_JAPANESE_LEADING = 1.32
_STEPS = 26


@dataclass(frozen=True)
class Placed:
    """A text where it stands.

    Attributes:
        lines: From top to bottom.
        box: Left, top, right, bottom of the room that it was given.
        top: Where the first line begins.
        size: Of the type, in pixels.
        leading: Pixels from line to line.
        bold: Whether the outline is drawn as well.
        colour: Of the letters.
        ground: Behind them; what contrast is measured against.
        centred: In its box, instead of at its left edge.
        whole: Whether every Japanese word is in one line.
    """

    lines: tuple[str, ...]
    box: Box
    top: int
    size: int
    leading: int
    bold: bool
    colour: Rgb
    ground: Rgb
    centred: bool = False
    whole: bool = True

    @property
    def height(self) -> int:
        """Return the pixels from the first line's top to the last line's bottom."""
        return self.leading * len(self.lines)

    @property
    def widest(self) -> float:
        """Return the width of the longest line."""
        return max((fonts.width(line, self.size, bold=self.bold) for line in self.lines), default=0)

    @property
    def widow(self) -> bool:
        """Tell whether the last line is much shorter than the others."""
        return is_widow(self.lines, partial(fonts.width, size=self.size, bold=self.bold))


def fit(
    text: str,
    box: Box,
    *,
    largest: int,
    smallest: int,
    most_lines: int,
    colour: Rgb,
    ground: Rgb,
    bold: bool = False,
    centred: bool = False,
) -> Placed | None:
    """Return a text as large as it fits its box, or None if it does not even at the smallest size.

    Whole words and a full last line are worth a smaller type, down to the smallest; only then a long
    Japanese word is broken or a short last line taken.

    Args:
        text: One paragraph.
        box: Left, top, right, bottom in pixels.
        largest: Type size to begin with, in pixels.
        smallest: Type size to end with.
        most_lines: Lines at most.
        colour: Of the letters.
        ground: Of what is behind them.
        bold: Draw the outline as well.
        centred: In the box, instead of at its left edge.
    """
    wide, high = box[2] - box[0], box[3] - box[1]
    factor = _JAPANESE_LEADING if fonts.is_japanese(text) else LEADING
    fallback: Placed | None = None
    for whole in (True, False):
        for size in _sizes(largest, smallest):
            leading = round(size * factor)
            lines = break_lines(text, wide, partial(fonts.width, size=size, bold=bold), whole=whole)
            if not lines or len(lines) > most_lines or leading * len(lines) > high:
                continue
            placed = Placed(
                lines=tuple(lines), box=box, top=box[1], size=size, leading=leading, bold=bold,
                colour=colour, ground=ground, centred=centred, whole=whole,
            )  # fmt: skip
            if not placed.widow:
                return placed
            fallback = fallback or placed
    return fallback


def _sizes(largest: int, smallest: int) -> list[int]:
    step = max((largest - smallest) / _STEPS, 1)
    sizes = [round(largest - step * n) for n in range(_STEPS + 1)]
    return [size for size in dict.fromkeys(sizes) if size >= smallest] or [smallest]
