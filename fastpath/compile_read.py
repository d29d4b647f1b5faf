"""Compile time: ads from the catalogue read into columns (`compile_facts.Facts`)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Final

import numpy as np

from domain.catalogue import AdEntry
from domain.language import Language
from fastpath import _entries, layout, topics
from fastpath.compile_facts import COLUMNS, FREE, Facts, Left
from fastpath.compile_ids import ID_FIELDS, IdColumn
from fastpath.compile_rows import Rows
from fastpath.compile_strings import SEPARATOR, Strings, words
from fastpath.form_keys import japanese_in
from fastpath.text import canonical_tag, words_of

MAX_TAG_WORDS: Final = 4
_MAX_BYTES: Final = 80


def read(ads: list[AdEntry], digests: Any, taxonomy: topics.Taxonomy) -> Facts:
    """Return what is known of some ads.

    Args:
        ads: In any order.
        digests: Of their contents, uint64 (ads, 2).
        taxonomy: IAB topics.
    """
    if not ads:
        return _nothing()
    whole = np.zeros((len(COLUMNS) + 2, len(ads)), dtype=np.int64)
    codes = (_entries.Codes(), _entries.Codes(), _entries.Codes([FREE]))
    found = _entries.read(ads, layout.FORMATS, layout.MODELS, codes, whole.data)
    numbers, counts = whole[: len(COLUMNS)], whole[len(COLUMNS) :]
    spoken = np.asarray([_bits(*key) for key in codes[1].listed], dtype=np.int64)
    numbers[COLUMNS.index("languages")] = spoken[numbers[COLUMNS.index("languages")]]
    said = _Said(counts, found[len(ID_FIELDS) :], taxonomy)
    return Facts(
        digests=digests,
        entries=np.zeros((len(ads), 2), dtype=np.uint64),
        ids={name: IdColumn(texts) for name, texts in zip(ID_FIELDS, found, strict=False)},
        numbers=numbers,
        tags=said.tags,
        negatives=said.negatives,
        away=said.away,
        bought=said.bought,
        strings=said.strings,
        currencies=tuple(codes[0].listed),
        bounds=tuple(codes[2].listed),
        left=tuple(said.left),
    )


def _nothing() -> Facts:
    none = Rows.of_counts([], np.zeros(0, dtype=np.int64))
    return Facts(
        digests=np.zeros((0, 2), dtype=np.uint64),
        entries=np.zeros((0, 2), dtype=np.uint64),
        ids={name: IdColumn(()) for name in ID_FIELDS},
        numbers=np.zeros((len(COLUMNS), 0), dtype=np.int64),
        tags=none,
        negatives=none,
        away=none,
        bought=none,
        strings=Strings.of(()),
        currencies=(),
        bounds=(FREE,),
        left=(),
    )


def _bits(languages: tuple[str, ...], texts: tuple[str, ...]) -> int:
    """Return the bits of the languages an ad may be shown in.

    A restricted ad needs a text in that very language; an unrestricted one falls back to English.
    """
    bits = 0
    for i, language in enumerate(layout.LANGUAGES):
        if languages:
            shown = language in languages and language in texts
        else:
            shown = language in texts or Language.ENG in texts
        bits |= int(shown) << i
    return bits


class _Said:
    """Tags and topics of some ads as rows of numbers; see `Facts`."""

    def __init__(self, counts: Any, found: Sequence[Any], taxonomy: topics.Taxonomy) -> None:
        tags, negatives, bought, away = found
        ads = counts.shape[1]
        self._taxonomy = taxonomy
        self._clean: dict[str, str | None] = {}
        self.left: list[Left] = []
        place = {topic: i for i, topic in enumerate(taxonomy.parents)}
        self.bought = _sparse(
            ads, bought, lambda ad, row: [place[topic] for topic in self._topics(ad, row)]
        )
        listed = tags + negatives
        raw = Strings.of(listed)
        if len(raw.starts) != len(listed):
            listed = [tag.replace(SEPARATOR, " ") for tag in listed]
            raw = Strings.of(listed)
        places, extra = self._places(raw, listed)
        first, second = np.split(places, [len(tags)])
        self.tags = self._kept("tags", counts[0], first, listed)
        self.negatives = self._kept("negative_tags", counts[1], second, listed[len(first) :])
        more = _entries.Codes()
        self.away = _sparse(
            ads,
            away,
            lambda ad, row: [
                more.of(name) + len(listed) + len(extra) for name in self._keeps_away(ad, row)
            ],
        )
        self.strings = raw + Strings.of([*extra, *more.listed]) if extra or more.listed else raw

    def _places(self, raw: Strings, listed: Sequence[str]) -> tuple[Any, list[str]]:
        """Return where the canonical form of each raw tag stands, or -1, and the forms behind the raw tags."""
        plain, blanks = words(raw)
        plain &= (raw.lengths <= _MAX_BYTES) & (blanks < MAX_TAG_WORDS)
        places = np.arange(len(listed))
        extra = _entries.Codes()
        for i in np.flatnonzero(~plain).tolist():
            name = self._canonical(listed[i])
            places[i] = -1 if name is None else len(listed) + extra.of(name)
        return places, extra.listed

    def _kept(self, field: str, counts: Any, places: Any, listed: Sequence[str]) -> Rows:
        """Return rows without what is left out."""
        kept = places >= 0
        if kept.all():
            return Rows.of_counts(counts, places)
        owners = np.repeat(np.arange(len(counts)), counts)
        for at in np.flatnonzero(~kept).tolist():
            self.left.append(Left(field, int(owners[at]), listed[at]))
        return Rows.of_counts(np.bincount(owners[kept], minlength=len(counts)), places[kept])

    def _canonical(self, tag: str) -> str | None:
        """Return the canonical name of a raw tag that is not plain, or None if it cannot be matched."""
        if tag not in self._clean:
            name = canonical_tag(tag)
            usable = len(name) <= _MAX_BYTES and name.count(" ") < MAX_TAG_WORDS
            usable = usable and not name.startswith(topics.PREFIX) and _matchable(name)
            self._clean[tag] = name if usable else None
        return self._clean[tag]

    def _topics(self, ad: int, listed: Sequence[str]) -> list[str]:
        """Return the topics an ad is bought on."""
        found: dict[str, None] = {}
        for name in listed:
            topic = self._taxonomy.known(name)
            if topic is None:
                self.left.append(Left("topics", ad, name))
            else:
                found[topic] = None
        return list(found)

    def _keeps_away(self, ad: int, blocked: Sequence[str]) -> list[str]:
        """Return the tags of the topics an ad keeps away from; an IAB id means all below it as well."""
        listed: dict[str, None] = {}
        for name in blocked:
            topic = self._taxonomy.known(name) if name.startswith(topics.PREFIX) else None
            if topic is not None:
                listed.update((topics.tag_of(below), None) for below in self._taxonomy.below(topic))
                continue
            own = self._canonical(name)
            if own is None:
                self.left.append(Left("blocked_topics", ad, name))
            else:
                listed[own] = None
        return list(listed)


def _sparse(
    ads: int,
    rows: Sequence[tuple[int, Sequence[str]]],
    pick: Callable[[int, Sequence[str]], list[int]],
) -> Rows:
    """Return what `pick` makes of each ad's row; most have none."""
    counts = np.zeros(ads, dtype=np.int64)
    values: list[int] = []
    for ad, row in rows:
        found = pick(ad, row)
        counts[ad] = len(found)
        values += found
    return Rows.of_counts(counts, np.asarray(values, dtype=np.int64))


def _matchable(name: str) -> bool:
    if name.isascii() and any(map(str.isalnum, name)):
        return True
    return bool(words_of(name).base) or japanese_in(name)
