"""Compile time: what a compile knows of each ad by itself, as columns.

Nothing here depends on the other ads: what was read once holds as long as the ad's content is the same
(`compile_kept`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Final, NamedTuple

import numpy as np

from fastpath.compile_ids import ID_FIELDS, IdColumn
from fastpath.compile_rows import Rows
from fastpath.compile_strings import Strings

#: Rows of `Facts.numbers`, in the order of `_entries.numbers`.
COLUMNS: Final = (
    "bid", "quality", "pace", "house", "format", "model", "currency", "languages", "bound",
)  # fmt: skip
#: Bytes that name an ad's content, and those that name its entry in a block.
DIGEST: Final = 16
#: Schedule and targets as the catalogue names them: starts, ends, devices, weekdays, places, apps, blocked apps.
Bound = tuple[
    int | None, int | None, tuple[str, ...], tuple[int, ...], tuple[str, ...], tuple[str, ...],
    tuple[str, ...],
]  # fmt: skip
FREE: Final[Bound] = (None, None, (), (), (), (), ())


class Left(NamedTuple):
    """Something an ad says that is left out.

    Attributes:
        field: Where it stands: `topics`, `tags`, `negative_tags` or `blocked_topics`.
        ad: Number of the ad. text: as the catalogue has it.
    """

    field: str
    ad: int
    text: str


@dataclass(frozen=True, slots=True)
class Facts:
    """Columns, one entry an ad.

    Attributes:
        digests: uint64 (ads, 2): names the ad's content. entries: uint64 (ads, 2): names its entry in a block;
            both zero where that is not known yet.
        ids: By the name of the field.
        numbers: int64, one row for each of `COLUMNS`. Formats and models as in `layout`, languages as bits,
            currencies and bounds numbered as listed here.
        tags, negatives, away: Rows of numbers of `strings`; `away` are the topics an ad keeps away from.
        bought: Rows of numbers of IAB topics, in the taxonomy's order.
        strings: Canonical tags; one may stand there more than once.
        currencies: Listed. bounds: distinct schedules and targets, that of an unbound ad first.
        left: What was left out, of whichever ads.
    """

    digests: Any
    entries: Any
    ids: dict[str, IdColumn]
    numbers: Any
    tags: Rows
    negatives: Rows
    away: Rows
    bought: Rows
    strings: Strings
    currencies: tuple[str, ...]
    bounds: tuple[Bound, ...]
    left: tuple[Left, ...]

    def __len__(self) -> int:
        return len(self.digests)

    def column(self, name: str) -> Any:
        """Return one of `COLUMNS`."""
        return self.numbers[COLUMNS.index(name)]

    def take(self, numbers: Any) -> Facts:
        """Return some of the ads, in the given order; what was left out stays with the first."""
        place = dict(zip(numbers.tolist(), range(len(numbers)), strict=True)) if self.left else {}
        return replace(
            self,
            digests=self.digests[numbers],
            entries=self.entries[numbers],
            ids={name: column.take(numbers) for name, column in self.ids.items()},
            numbers=np.stack([row[numbers] for row in self.numbers]),
            **{
                name: getattr(self, name).take(numbers)
                for name in ("tags", "negatives", "away", "bought")
            },
            left=tuple(one._replace(ad=place[one.ad]) for one in self.left if one.ad in place),
        )

    def __add__(self, other: object) -> Facts:
        """Return these ads and others behind them."""
        assert isinstance(other, Facts)
        numbers = other.numbers.copy()
        money = merged(self.currencies, other.currencies)
        bounds = merged(self.bounds, other.bounds)
        for name, (_, places) in (("currency", money), ("bound", bounds)):
            at = COLUMNS.index(name)
            numbers[at] = places[numbers[at]]
        before = len(self.strings.starts)
        joined = {
            name: getattr(self, name)
            + Rows(getattr(other, name).offsets, getattr(other, name).values + before)
            for name in ("tags", "negatives", "away")
        }
        return Facts(
            digests=np.concatenate([self.digests, other.digests]),
            entries=np.concatenate([self.entries, other.entries]),
            ids={name: self.ids[name] + other.ids[name] for name in ID_FIELDS},
            numbers=np.concatenate([self.numbers, numbers], axis=1),
            bought=self.bought + other.bought,
            strings=self.strings + other.strings,
            currencies=money[0],
            bounds=bounds[0],
            left=self.left + tuple(one._replace(ad=one.ad + len(self)) for one in other.left),
            **joined,
        )


def merged(ours: Sequence[Any], others: Sequence[Any]) -> tuple[tuple[Any, ...], Any]:
    """Return two lists as one without repetition, and the places in it of the second's entries."""
    listed = dict.fromkeys([*ours, *others])
    place = {one: i for i, one in enumerate(listed)}
    return tuple(listed), np.asarray([place[one] for one in others], dtype=np.int64)
