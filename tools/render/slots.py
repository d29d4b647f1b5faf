"""Places for pictures on each platform, and whether a file fits its place."""

from __future__ import annotations

import io
from dataclasses import dataclass
from datetime import date
from functools import cache
from importlib.resources import files
from typing import Any, Literal

import yaml
from PIL import Image, UnidentifiedImageError

from domain.errors import BadInput, NotFound

SlotKind = Literal["image", "logo", "video"]


@dataclass(frozen=True, kw_only=True)
class Slot:
    """One place on one platform.

    Attributes:
        platform, name: Which; as `slots.yaml` names them.
        kind: What goes there.
        width, height: Pixels that are made.
        ratio, tolerance: Width to height, and how far a file may be off, as a share.
        least: Least width and height the platform takes.
        max_bytes: Largest file.
        safe: Shares of the height or width at top, right, bottom and left that are drawn over.
        source: Where it is published.
        checked_on, expires_on: When it was compared with its source, and until when that holds.
    """

    platform: str
    name: str
    kind: SlotKind
    width: int
    height: int
    ratio: float
    tolerance: float
    least: tuple[int, int]
    max_bytes: int
    safe: tuple[float, float, float, float]
    source: str
    checked_on: date
    expires_on: date

    @property
    def id(self) -> str:
        """Return its name beside that of its platform."""
        return f"{self.platform}.{self.name}"

    @property
    def free(self) -> tuple[int, int, int, int]:
        """Return the box that is not drawn over: left, top, right, bottom in pixels."""
        top, right, bottom, left = self.safe
        return (
            round(left * self.width),
            round(top * self.height),
            round((1 - right) * self.width),
            round((1 - bottom) * self.height),
        )


def slots_of(platform: str, kind: SlotKind | None = None) -> tuple[Slot, ...]:
    """Return the places of a platform, in the order of the file; none for one without pictures."""
    return tuple(s for s in load_slots() if s.platform == platform and kind in (None, s.kind))


def slot_of(slot_id: str) -> Slot:
    """Return a place by its id, such as `meta.story`.

    Raises:
        NotFound: `slot_unknown`.
    """
    for slot in load_slots():
        if slot.id == slot_id:
            return slot
    raise NotFound("slot_unknown", f"There is no place called {slot_id!r}.")


def problems(data: bytes, slot: Slot) -> tuple[str, ...]:
    """Return why a picture would be refused in a place; empty if it fits.

    Args:
        data: The file.
        slot: Where it is to go.
    """
    found: list[str] = []
    if len(data) > slot.max_bytes:
        found.append(f"It has {len(data):,} bytes; at most {slot.max_bytes:,} are taken.")
    try:
        with Image.open(io.BytesIO(data)) as image:
            size, kind = image.size, image.format
    except (UnidentifiedImageError, OSError):
        return (*found, "It is no picture.")
    if kind not in ("PNG", "JPEG"):
        found.append(f"It is {kind}; PNG and JPEG are taken.")
    if size[0] < slot.least[0] or size[1] < slot.least[1]:
        found.append(
            f"It has {size[0]} x {size[1]} pixels; at least {slot.least[0]} x {slot.least[1]}."
        )
    if abs(size[0] / size[1] / slot.ratio - 1) > slot.tolerance:
        found.append(f"Its ratio is {size[0] / size[1]:.3f}; it must be {slot.ratio:.3f}.")
    return tuple(found)


@cache
def load_slots() -> tuple[Slot, ...]:
    """Return the places this installation ships with."""
    text = files("tools.render").joinpath("slots.yaml").read_text("utf-8")
    return tuple(_slot(row) for row in yaml.safe_load(text))


def _slot(row: dict[str, Any]) -> Slot:
    try:
        platform, name = str(row["id"]).split(".")
        wide, high = (float(part) for part in str(row["ratio"]).split(":"))
        return Slot(
            platform=platform,
            name=name,
            kind=row["kind"],
            width=row["size"][0],
            height=row["size"][1],
            ratio=wide / high,
            tolerance=row["tolerance"],
            least=tuple(row["least"]),
            max_bytes=row["max_bytes"],
            safe=tuple(row["safe"]),
            source=row["source"],
            checked_on=row["checked_on"],
            expires_on=row["expires_on"],
        )
    except (KeyError, TypeError, ValueError) as error:
        raise BadInput("bad_slots", f"Place {row.get('id')!r} has a wrong form: {error}.") from None
