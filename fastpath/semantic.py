"""Matching by meaning: ads whose text is near to what the user said, where words alone find few.

English only: the vectors know no other language. Nothing here runs a model: a turn's vector is a sum of table
rows, the ads' vectors were made at compile time, and all of it is whole numbers inside the snapshot.
"""

from __future__ import annotations

from typing import Final

from domain.language import Language
from fastpath.snapshot import Snapshot
from fastpath.text import without_accents

#: With this many tags found, what was said is clear enough.
ENOUGH_TAGS: Final = 5
#: Least relevance and least cosine, parts per million, at which an ad counts as near. Chosen on the turns of
#: `benchmarks/relevance.py`: orders of coffee and questions about anything find nothing, wishes find their ads.
FLOOR_PPM: Final = 400_000
LEAST_PPM: Final = 400_000
MOST: Final = 64
#: Up to so many ads every one is compared number by number; beyond, only those that look near at a glance.
EXACT: Final = 2_048
_GLANCED: Final = 200


def similar(snapshot: Snapshot, folded: str, *, top: int = MOST) -> list[tuple[int, int]]:
    """Return (ad number, relevance) of the ads nearest to a text, best first.

    Args:
        snapshot: Its ads and their vectors; one without vectors finds nothing.
        folded: What the user said, folded (`fastpath.text.fold`); its first 4,000 characters count.
        top: Most ads to return.

    Returns:
        Relevance in parts per million, at least `FLOOR_PPM`, with a cosine of at least `LEAST_PPM`; equal
        ones in order of the ad's number.
    """
    return nearest(snapshot, folded, top=top, floor=FLOOR_PPM, least=LEAST_PPM)


def nearest(
    snapshot: Snapshot, folded: str, *, top: int, floor: int = 0, least: int = 0
) -> list[tuple[int, int]]:
    """Return what `similar` does, with floors of one's own."""
    vectors = snapshot.vectors
    if vectors is None:
        return []
    keep = EXACT if vectors.count <= EXACT else _GLANCED
    return vectors.nearest(without_accents(folded), top, floor, least, keep)


def wanted(language: str | None, tags: int) -> bool:
    """Return whether meaning is to be asked: the turn is English, and words found few tags."""
    return language == Language.ENG and tags < ENOUGH_TAGS
