"""Compile time: the tags of a catalogue as numbers, and rows of them per ad.

A million ads name two million tags: most are plain words and never become strings of Python here.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import cached_property
from itertools import chain
from typing import Any, Final

import numpy as np

from fastpath import topics
from fastpath._core import hash_text
from fastpath.compile_gather import Gathered
from fastpath.compile_rows import Rows
from fastpath.compile_strings import Strings, hashes, same, words
from fastpath.compile_topics import Topics, words_of_tags
from fastpath.form_keys import is_silent, japanese_in, key_and_plain
from fastpath.text import canonical_tag, words_of

MAX_TAG_WORDS: Final = 4
_MAX_BYTES: Final = 80


class SameHash(Exception):
    """Two tags have one hash under this seed; another seed tells them apart."""


class Tags:
    """All tags of the catalogue; what cannot be matched is left out with a warning.

    Positive, negative and topic tags share the numbers: one scan of the text finds them all. They are numbered
    as their surface forms stand in the table: by the hash of their key; those without one last, by their text.

    Attributes:
        count: How many. strings: Canonical tags in order. plain: nothing but words. blanks: within each.
        keys: Hash of each tag's own key. silent: those without one.
        clean: What became of each tag that was not plain: its canonical name, or None.
        positive, negative, away: Ad → tags, as `Rows` of numbers; `away` are the topics it keeps away from.
        bought: The IAB topics it is bought on. bought_tags: their tags' numbers.
        words: Topic among the tags → the words that show it.

    Args:
        ads: In number order.
        taxonomy: IAB topics.
        seed: Of the hashes.
        warnings: Takes what was left out.

    Raises:
        SameHash: Two tags cannot be told apart.
    """

    def __init__(
        self, ads: Gathered, taxonomy: topics.Taxonomy, seed: int, warnings: list[str]
    ) -> None:
        self._taxonomy = taxonomy
        self.clean: dict[str, str | None] = {}
        self.bought = Topics(ads, taxonomy, warnings)
        listed, counts = _flat(ads.columns["tags"], ads.columns["negative_tags"])
        raw = Strings.of(listed)
        plain, blanks = words(raw)
        plain &= (raw.lengths <= _MAX_BYTES) & (blanks < MAX_TAG_WORDS)
        extra: list[str] = []
        places = np.arange(len(listed))
        for i in np.flatnonzero(~plain).tolist():
            name = self._clean(listed[i])
            places[i] = -1 if name is None else len(listed) + len(extra)
            if name is not None:
                extra.append(name)
        left = _left_out(ads, self.clean)
        away = [
            self._keeps_away(number, row, left) if row else ()
            for number, row in enumerate(ads.columns["blocked_topics"])
        ]
        away_counts = list(map(len, away))
        others = [*chain.from_iterable(away), *self.bought.tags]
        every = raw + Strings.of([*extra, *others])
        places = np.concatenate([places, len(listed) + len(extra) + np.arange(len(others))])
        numbers = self._number(every, places, seed)
        ends = np.cumsum([counts[0].sum(), counts[1].sum(), sum(away_counts)])
        first, second, third, self.bought_tags = np.split(numbers, ends)
        self.positive = _rows(counts[0], first)
        self.negative = _rows(counts[1], second)
        self.away = _rows(np.asarray(away_counts, dtype=np.int64), third)
        silent = self.strings.take(np.flatnonzero(self.silent)).texts()
        self.words = words_of_tags(silent, taxonomy)
        for number in np.flatnonzero(np.diff(self.positive.offsets) == 0).tolist():
            if number not in self.bought.contents:
                warnings.append(
                    f"Ad {ads.columns['ad_id'][number]} has no usable tag and can never be matched."
                )
        warnings.extend(
            f"Tag {tag[:40]!r} of ad {ads.columns['ad_id'][number]} was left out: a tag is 1 to 4 words."
            for number, tag in left
        )

    @cached_property
    def names(self) -> list[str]:
        """Return the canonical tags in number order."""
        return self.strings.texts()

    @cached_property
    def said(self) -> list[str]:
        """Return the words of topics that are no tag themselves, in order."""
        listed = {word for row in self.words.values() for word in row}
        return sorted(listed.difference(self.names)) if listed else []

    @property
    def spoken(self) -> list[str]:
        """Return all that can be said and may have Japanese forms."""
        if not self.words:
            return self.names
        return [name for name in self.names if name not in self.words] + self.said

    def names_of(self, row: Iterable[str]) -> list[str]:
        """Return the canonical names of some raw tags, in order, without those that were left out."""
        if self.clean:
            cleaned = (self.clean.get(tag, tag) for tag in row)
            return sorted({name for name in cleaned if name is not None})
        return sorted(set(row))

    def _number(self, every: Strings, places: Any, seed: int) -> Any:
        """Number the distinct strings at some places, and return the numbers; -1 stays."""
        valid = places >= 0
        used = every.take(places[valid])
        found, first, inverse = np.unique(
            hashes(seed, used), return_index=True, return_inverse=True
        )
        distinct = used.take(first)
        again = np.ones(len(inverse), dtype=bool)
        again[first] = False
        if not same(used.take(again), distinct.take(inverse[again])):
            raise SameHash
        # Strings of one run each: what `words` looks at stands side by side.
        texts = Strings.of(distinct.texts())
        plain, blanks = words(texts)
        silent = np.zeros(len(found), dtype=bool)
        odd = np.flatnonzero(~plain).tolist()
        names = dict(zip(odd, texts.take(odd).texts() if odd else (), strict=True))
        quiet = sorted((name, i) for i, name in names.items() if is_silent(name, topics.PREFIX))
        for rank, (_, i) in enumerate(quiet):
            found[i], silent[i] = rank, True
        for i, name in names.items():
            if not silent[i]:
                found[i] = hash_text(seed, key_and_plain(name)[0])
        order = np.lexsort((found, silent))
        place = np.empty(len(order), dtype=np.int64)
        place[order] = np.arange(len(order))
        self.count = len(order)
        self.strings = texts.take(order)
        self.keys, self.silent = found[order], silent[order]
        self.plain, self.blanks = plain[order], blanks[order]
        out = np.full(len(places), -1, dtype=np.int64)
        out[valid] = place[inverse]
        return out

    def _clean(self, tag: str) -> str | None:
        """Return the canonical name of a raw tag that is not plain, or None if it cannot be matched."""
        if tag not in self.clean:
            name = canonical_tag(tag)
            usable = len(name) <= _MAX_BYTES and name.count(" ") < MAX_TAG_WORDS
            usable = usable and not name.startswith(topics.PREFIX) and _matchable(name)
            self.clean[tag] = name if usable else None
        return self.clean[tag]

    def _keeps_away(
        self, number: int, blocked: Sequence[str], left: list[tuple[int, str]]
    ) -> list[str]:
        """Return the tags of the topics an ad keeps away from; an IAB id means all below it as well."""
        listed: dict[str, None] = {}
        for name in blocked:
            topic = self._taxonomy.known(name) if name.startswith(topics.PREFIX) else None
            if topic is not None:
                listed.update((topics.tag_of(below), None) for below in self._taxonomy.below(topic))
                continue
            own = self._clean(name)
            if own is None:
                left.append((number, name))
            else:
                listed[own] = None
        return list(listed)


def _left_out(ads: Gathered, clean: dict[str, str | None]) -> list[tuple[int, str]]:
    """Return (ad, raw tag) of all that cannot be matched."""
    if None not in clean.values():
        return []
    return [
        (number, tag)
        for field in ("tags", "negative_tags")
        for number, row in enumerate(ads.columns[field])
        for tag in row
        if clean.get(tag, tag) is None
    ]


def _flat(*columns: Sequence[Sequence[str]]) -> tuple[list[str], list[Any]]:
    """Return the strings of all rows one behind the other, and of each column the lengths of its rows."""
    counts = [np.fromiter(map(len, rows), np.int64, len(rows)) for rows in columns]
    return list(chain.from_iterable(chain.from_iterable(columns))), counts


def _rows(counts: Any, numbers: Any) -> Rows:
    """Return rows of distinct numbers in order, without those that were left out."""
    owners = np.repeat(np.arange(len(counts)), counts)
    order = np.lexsort((numbers, owners))
    owners, numbers = owners[order], numbers[order]
    kept = numbers >= 0
    kept[1:] &= (owners[1:] != owners[:-1]) | (numbers[1:] != numbers[:-1])
    return Rows.of_counts(np.bincount(owners[kept], minlength=len(counts)), numbers[kept])


def _matchable(name: str) -> bool:
    if name.isascii() and any(map(str.isalnum, name)):
        return True
    return bool(words_of(name).base) or japanese_in(name)
