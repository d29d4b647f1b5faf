"""Compile time: the ids of a million ads, in order and numbered."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import numpy as np

from fastpath import idlist

#: The ids that order the ads, the first before the others, and that of the creative.
ORDERING: Final = ("advertiser_id", "campaign_id", "ad_id")
ID_FIELDS: Final = (*ORDERING, "creative_id")
#: Products of ranks below this fit one number.
_MOST: Final = 1 << 62


class IdColumn:
    """One id of each ad, as numbers of 128 bits where all ids are as `domain.ids` makes them.

    Attributes:
        prefix: "" where they are texts.

    Args:
        texts: The ids; not needed where they are packed.
        packed: What `idlist.pack` said of them, where that is known.
    """

    def __init__(self, texts: Sequence[str], packed: tuple[str, Any, Any] | None = None) -> None:
        self._texts = texts
        self.packed = idlist.pack(texts) if packed is None else packed
        self.prefix = self.packed[0]

    def __add__(self, other: IdColumn) -> IdColumn:
        """Return these ids and others behind them, of which both are packed alike, or one is empty."""
        if not len(self):
            return other
        if not len(other):
            return self
        assert self.prefix == other.prefix != ""
        blob = np.concatenate([self.packed[2], other.packed[2]])
        return IdColumn((), (self.prefix, self.packed[1], blob))

    def __len__(self) -> int:
        return len(self.packed[2]) // 16 if self.prefix else len(self._texts)

    @property
    def halves(self) -> Any:
        """Return packed ids as uint64 (ids, 2)."""
        return self.packed[2].view(">u8").astype(np.uint64).reshape(-1, 2)

    def texts(self) -> Sequence[str]:
        """Return the ids as text, each made when asked for."""
        return idlist.IdList(*self.packed) if self.prefix else self._texts

    def take(self, order: Any) -> IdColumn:
        """Return the ids in another order."""
        if not self.prefix:
            return IdColumn([self._texts[i] for i in order.tolist()])
        rows = self.packed[2].view("V16")[order].view(np.uint8)
        return IdColumn((), (self.prefix, self.packed[1], rows))

    def numbered(self) -> tuple[IdColumn, Any]:
        """Return the distinct ids in order, and the number of each entry's id among them."""
        if not self.prefix:
            names = sorted(set(self._texts))
            number = {name: i for i, name in enumerate(names)}
            return IdColumn(names), np.asarray([number[one] for one in self._texts], np.int64)
        high, low = self.halves.T
        order = np.argsort(high)
        new = _changes(high[order])
        if not (new[1:] | ~_changes(low[order])[1:]).all():
            order = np.lexsort((low, high))
            new = _changes(high[order]) | _changes(low[order])
        numbers = np.empty(len(order), dtype=np.int64)
        numbers[order] = np.cumsum(new) - 1
        return self.take(order[new]), numbers


def ordered(ids: dict[str, IdColumn]) -> tuple[Any, dict[str, tuple[IdColumn, Any]]]:
    """Return the places of the ads in order of their ids, and the distinct ids with everyone's number.

    The numbers stand in the order of `ids`, as it was.
    """
    found = {name: ids[name].numbered() for name in ORDERING}
    columns = [found[name][1] for name in ORDERING]
    sizes = [len(found[name][0]) for name in ORDERING]
    if sizes[0] * sizes[1] * sizes[2] < _MOST:
        keys = (columns[0] * sizes[1] + columns[1]) * sizes[2] + columns[2]
        return np.argsort(keys, kind="stable"), found
    return np.lexsort(columns[::-1]), found


def _changes(values: Any) -> Any:
    """Return where a value differs from the one before it; the first does."""
    out = np.ones(len(values), dtype=bool)
    out[1:] = values[1:] != values[:-1]
    return out
