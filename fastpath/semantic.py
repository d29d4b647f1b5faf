"""Matching by meaning: ads whose text is near to what the user said, where words alone find few.

English only: the vectors know no other language. Nothing here runs a model: a turn's vector is a sum of table
rows, the ads' vectors were made at compile time, and all of it is whole numbers inside the snapshot.
"""

from __future__ import annotations

import unicodedata
from typing import Final

from domain.language import Language
from fastpath.snapshot import Snapshot

#: With this many tags found, what was said is clear enough.
ENOUGH_TAGS: Final = 3
#: Least cosine, parts per million, at which an ad counts as near; chosen in `benchmarks/relevance.py`.
FLOOR_PPM: Final = 450_000
MOST: Final = 64
#: Up to so many ads every one is compared number by number; beyond, only those with the nearest signs.
EXACT: Final = 2_048
_RERANKED: Final = 200


def similar(snapshot: Snapshot, folded: str, *, top: int = MOST) -> list[tuple[int, int]]:
    """Return (ad number, similarity) of the ads nearest to a text, best first.

    Args:
        snapshot: Its ads and their vectors; one without vectors finds nothing.
        folded: What the user said, folded (`fastpath.text.fold`); its first 4,000 characters count.
        top: Most ads to return.

    Returns:
        Similarity in parts per million, at least `FLOOR_PPM`; equal ones in order of the ad's number.
    """
    return nearest(snapshot, folded, top=top, floor=FLOOR_PPM)


def nearest(snapshot: Snapshot, folded: str, *, top: int, floor: int) -> list[tuple[int, int]]:
    """Return what `similar` does, with a floor of one's own."""
    vectors = snapshot.vectors
    if vectors is None:
        return []
    query = vectors.query(without_accents(folded))
    if query is None:
        return []
    keep = EXACT if vectors.count <= EXACT else _RERANKED
    return vectors.nearest(query, top, floor, keep)


def wanted(language: str | None, tags: int) -> bool:
    """Return whether meaning is to be asked: the turn is English, and words found few tags."""
    return language == Language.ENG and tags < ENOUGH_TAGS


def without_accents(folded: str) -> str:
    """Return a text as the table's pieces are written."""
    if folded.isascii():
        return folded
    parts = unicodedata.normalize("NFD", folded)
    return "".join(c for c in parts if unicodedata.category(c) != "Mn")
