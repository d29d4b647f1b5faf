"""Compile time: the ads in number order, what is known of them, and what names their content."""

from __future__ import annotations

import hashlib
import zlib
from collections.abc import Sequence
from itertools import pairwise
from typing import Any, Final

import numpy as np

from domain.catalogue import AdEntry
from fastpath import _entries
from fastpath.compile_facts import DIGEST, Facts
from fastpath.compile_ids import ORDERING, IdColumn, ordered
from fastpath.compile_read import read
from fastpath.topics import Taxonomy

#: Ads per block on average, and at most: larger ones are smaller on disk and slower to read for the first time.
_MEAN: Final = 48
_MOST: Final = 128
_SPREAD: Final = np.uint64(0x9E3779B97F4A7C15)
_HIGH: Final = np.uint64(33)


class Gathered:
    """The ads of one catalogue.

    Attributes:
        ads: In order of advertiser, campaign and id, which is that of their numbers.
        facts: What is known of each, in that order.
        fresh: Numbers of those that had to be read, in the catalogue's order; the others were known.
        marks: A number from each ad's id. blocks: first ad of each block: a block begins where an ad's mark
            says so, whatever its neighbours are.
        digests: BLAKE2b-128 of each ad's content, one behind the other.
        numbered: Advertiser and campaign: the distinct ids in order, and the number of each ad's id.

    Args:
        ads: In any order.
        taxonomy: IAB topics.
        kept: What is known of ads of an earlier compile.
    """

    def __init__(
        self, ads: Sequence[AdEntry], taxonomy: Taxonomy, kept: Facts | None = None
    ) -> None:
        listed = list(ads)
        digests = _digests(listed)
        places = np.full(len(listed), -1) if kept is None else known(kept.digests, digests)
        fresh = np.flatnonzero(places < 0)
        facts = read([listed[i] for i in fresh.tolist()], digests[fresh], taxonomy)
        if kept is not None and not _alike(kept, facts):
            kept, places, fresh = None, np.full(len(listed), -1), np.arange(len(listed))
            facts = read(listed, digests, taxonomy)
        if kept is not None:
            places[fresh] = len(kept) + np.arange(len(fresh))
            facts = kept + facts
            ids = {name: facts.ids[name].take(places) for name in ORDERING}
        else:
            places, ids = np.arange(len(listed)), facts.ids
        order, found = ordered(ids)
        self.facts = facts.take(places[order])
        self.ads = [listed[i] for i in order.tolist()]
        number = np.empty(len(order), dtype=np.int64)
        number[order] = np.arange(len(order))
        self.fresh = number[fresh]
        self.numbered = {name: (few, numbers[order]) for name, (few, numbers) in found.items()}
        self.marks = _marks(self.facts.ids["ad_id"])
        self.blocks = _firsts(self.marks)
        self.digests = self.facts.digests.tobytes()

    def __len__(self) -> int:
        return len(self.ads)


def known(kept: Any, digests: Any) -> Any:
    """Return where each of some digests stands among those that are kept, or -1; zeros are no digest.

    Args:
        kept: uint64, shape (many, 2).
        digests: uint64, shape (many, 2).
    """
    none = np.full(len(digests), -1, dtype=np.int64)
    if not len(kept) or not len(digests):
        return none
    # Both in order, so that the search walks through memory.
    order, wanted = np.argsort(kept[:, 0]), np.argsort(digests[:, 0])
    ranked = kept[order, 0]
    at = np.searchsorted(ranked, digests[wanted, 0])
    found = order[np.minimum(at, len(ranked) - 1)]
    out = np.empty(len(digests), dtype=np.int64)
    out[wanted] = found
    same = (kept[out] == digests).all(axis=1) & digests.any(axis=1)
    return np.where(same, out, none)


def _digests(ads: list[AdEntry]) -> Any:
    whole = _entries.digests(ads, hashlib.blake2b(digest_size=DIGEST))
    return np.frombuffer(whole, dtype=np.uint64).reshape(-1, 2)


def _alike(kept: Facts, fresh: Facts) -> bool:
    """Return whether the ids of both are packed behind the same words."""
    return not len(fresh) or all(
        kept.ids[name].prefix == fresh.ids[name].prefix != "" for name in kept.ids
    )


def _marks(ids: IdColumn) -> Any:
    """Return a number from each id: below 2**31, spread whatever the ids are."""
    if ids.prefix:
        return ((ids.halves[:, 1] * _SPREAD) >> _HIGH).astype(np.int64)
    named = (zlib.crc32(one.encode("utf-8", "replace")) >> 1 for one in ids.texts())
    return np.fromiter(named, np.int64, len(ids))


def _firsts(marks: Any) -> list[int]:
    """Return the first ad of each block."""
    begins = [0, *(np.flatnonzero(marks[1:] % _MEAN == 0) + 1).tolist(), len(marks)]
    return [first for one, end in pairwise(begins) for first in range(one, end, _MOST)]
