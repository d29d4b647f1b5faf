"""Compile time: the ads in number order, each field of all of them in one row, and what names their content."""

from __future__ import annotations

import hashlib
import zlib
from collections.abc import Iterator, Sequence
from itertools import chain, pairwise
from operator import attrgetter
from typing import Any, Final

import msgspec
import numpy as np

from domain.catalogue import AdEntry
from fastpath import idlist
from fastpath.compile_strings import SEPARATOR

DIGEST: Final = 16
#: Ads per block on average, and at most: larger ones are smaller on disk and slower to read for the first time.
_MEAN: Final = 48
_MOST: Final = 128
_IDS: Final = ("advertiser_id", "campaign_id", "ad_id")
_FIELDS: Final = (
    *_IDS, "creative_id", "tags", "negative_tags", "bid_micros", "quality_ppm", "bid_model", "format", "house",
    "currency", "pace_ppm", "languages", "texts", "geos", "devices", "weekdays", "apps", "blocked_apps",
    "starts_ms", "ends_ms", "topics", "blocked_topics",
)  # fmt: skip


class Gathered:
    """The ads of one catalogue.

    Attributes:
        ads: In order of advertiser, campaign and id, which is that of their numbers.
        columns: Field → its value of each ad, in that order. A tag holds no control character that
            `compile_strings` puts between tags.
        marks: A number from each ad's id. blocks: first ad of each block: a block begins where an ad's mark
            says so, whatever its neighbours are.
        digests: BLAKE2b-128 of each block's content, one behind the other.
        ids: `creative_id` and the ids that order the ads, see `IdColumn`.

    Args:
        ads: In any order.
    """

    def __init__(self, ads: Sequence[AdEntry]) -> None:
        ids = {name: IdColumn(list(map(attrgetter(name), ads))) for name in _IDS}
        order = _order([ids[name] for name in _IDS])
        self.ads = [ads[i] for i in order.tolist()]
        values = tuple(zip(*map(attrgetter(*_FIELDS), self.ads), strict=True))
        empty: tuple[Any, ...] = ((),) * len(_FIELDS)
        self.columns: dict[str, Sequence[Any]] = dict(zip(_FIELDS, values or empty, strict=True))
        for name in ("tags", "negative_tags"):
            self.columns[name] = _without_separators(self.columns[name])
        named = (zlib.crc32(one.encode("utf-8", "replace")) for one in self.columns["ad_id"])
        self.marks = np.fromiter(named, np.int64, len(ads))
        self.blocks = _firsts(self.marks)
        self.digests = b"".join(self._digests())
        self.ids = {name: column.take(order) for name, column in ids.items()}
        self.ids["creative_id"] = IdColumn(self.columns["creative_id"])

    def __len__(self) -> int:
        return len(self.ads)

    def _digests(self) -> Iterator[bytes]:
        encode = msgspec.msgpack.Encoder().encode
        for first, end in pairwise([*self.blocks, len(self)]):
            yield hashlib.blake2b(encode(self.ads[first:end]), digest_size=DIGEST).digest()


def _firsts(marks: Any) -> list[int]:
    """Return the first ad of each block."""
    begins = [0, *(np.flatnonzero(marks[1:] % _MEAN == 0) + 1).tolist(), len(marks)]
    return [first for one, end in pairwise(begins) for first in range(one, end, _MOST)]


class IdColumn:
    """One id of each ad, as numbers of 128 bits where all ids are as `domain.ids` makes them.

    Args:
        texts: The ids; not needed where they are packed.
        packed: What `idlist.pack` said of them, where that is known.
    """

    def __init__(self, texts: Sequence[str], packed: tuple[str, Any, Any] | None = None) -> None:
        self.texts = texts
        self.packed = idlist.pack(texts) if packed is None else packed
        prefix, _, blob = self.packed
        self.halves = blob.view(">u8").astype(np.uint64).reshape(-1, 2) if prefix else None

    def take(self, order: Any) -> IdColumn:
        """Return the ids in another order."""
        prefix, offsets, blob = self.packed
        if not prefix:
            return IdColumn([self.texts[i] for i in order.tolist()])
        return IdColumn((), (prefix, offsets, blob.reshape(-1, 16)[order].reshape(-1)))

    def numbered(self) -> tuple[tuple[str, Any, Any], Any]:
        """Return the distinct ids, packed and in order, and the number of each entry's id among them."""
        if self.halves is None:
            names = sorted(set(self.texts))
            number = {name: i for i, name in enumerate(names)}
            return idlist.pack(names), np.asarray([number[one] for one in self.texts], np.int64)
        fresh = np.ones(len(self.halves), dtype=bool)
        fresh[1:] = (self.halves[1:] != self.halves[:-1]).any(axis=1)
        # Neighbours have the same id; what is left may still come twice.
        few = self.halves[fresh]
        order = np.lexsort((few[:, 1], few[:, 0]))
        ranked = few[order]
        new = np.ones(len(ranked), dtype=bool)
        new[1:] = (ranked[1:] != ranked[:-1]).any(axis=1)
        number_of = np.empty(len(few), dtype=np.int64)
        number_of[order] = np.cumsum(new) - 1
        blob = np.ascontiguousarray(ranked[new].astype(">u8")).view(np.uint8).reshape(-1)
        return (self.packed[0], self.packed[1], blob), number_of[np.cumsum(fresh) - 1]


def _order(columns: Sequence[IdColumn]) -> Any:
    """Return the places of the ads in order of their ids, the first column before the others."""
    halves = [column.halves for column in columns]
    if any(one is None for one in halves):
        keys = list(zip(*(column.texts for column in columns), strict=True))
        return np.asarray(sorted(range(len(keys)), key=keys.__getitem__), dtype=np.int64)
    keyed = [one[:, half] for one in reversed(halves) if one is not None for half in (1, 0)]
    return np.lexsort(keyed)


def _without_separators(rows: Sequence[Sequence[str]]) -> Sequence[Sequence[str]]:
    if SEPARATOR not in "".join(chain.from_iterable(rows)):
        return rows
    return [tuple(tag.replace(SEPARATOR, " ") for tag in row) for row in rows]
