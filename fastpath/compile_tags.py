"""Compile time: the tags of a catalogue as numbers, rows of them per ad, and the table of surface forms."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from operator import attrgetter
from typing import Any, Final

import numpy as np

from domain.catalogue import AdEntry
from fastpath import topics
from fastpath._core import hash_text
from fastpath.compile_rows import Rows, strings
from fastpath.compile_topics import Topics, words_of_tags
from fastpath.expand import Expansion
from fastpath.japanese import is_japanese
from fastpath.text import canonical_tag, is_plain, key_of, words_of

MAX_TAG_WORDS: Final = 4
_MAX_CHARS: Final = 80
_PLAIN: Final = re.compile(r"[a-z0-9]+(?: [a-z0-9]+)*")
#: Forms that share the leading bits of their hash, on average.
_PER_BUCKET: Final = 3
_HASH_BITS: Final = 64


class Tags:
    """All tags of the catalogue, numbered in order; what cannot be matched is left out with a warning.

    Positive, negative and topic tags share the numbers: one scan of the text finds them all.

    Attributes:
        names: Canonical tags in order. number: the way back.
        positive, negative, away: Ad → tags, as `Rows` of numbers; `away` are the topics it keeps away from.
        bought: The IAB topics it is bought on.
        words: Topic among the tags → the words that show it. spoken: all that can be said, in order.

    Args:
        ads: In number order.
        taxonomy: IAB topics.
        warnings: Takes what was left out.
    """

    def __init__(
        self, ads: Sequence[AdEntry], taxonomy: topics.Taxonomy, warnings: list[str]
    ) -> None:
        self._taxonomy = taxonomy
        self._seen: dict[str, int] = {}
        self._temporary: dict[str, int] = {}
        self._warnings = warnings
        positive = self._rows(ads, attrgetter("tags"))
        negative = self._rows(ads, attrgetter("negative_tags"))
        away = self._rows(ads, self._keeps_away)
        self.bought = Topics(ads, taxonomy, warnings)
        for tag in self.bought.tags:
            self._temporary.setdefault(tag, len(self._temporary))
        self.names = sorted(self._temporary)
        self.number = {name: i for i, name in enumerate(self.names)}
        rank = np.fromiter(map(self.number.__getitem__, self._temporary), np.int64)
        self.positive, self.negative, self.away = (
            Rows(rows.offsets, rank[rows.values]).sorted() for rows in (positive, negative, away)
        )
        self.words = words_of_tags(self.names, taxonomy)
        said = {word for words in self.words.values() for word in words}
        self.spoken = sorted(said.union(self.names).difference(self.words)) if said else self.names
        for number in np.flatnonzero(np.diff(self.positive.offsets) == 0).tolist():
            if not self.bought.contents[number]:
                warnings.append(
                    f"Ad {ads[number].ad_id} has no usable tag and can never be matched."
                )

    def _rows(self, ads: Sequence[AdEntry], listed: Callable[[AdEntry], Iterable[str]]) -> Rows:
        seen = self._seen
        counts: list[int] = []
        values: list[int] = []
        for ad in ads:
            before = len(values)
            row = listed(ad)
            if row:
                found = {seen[tag] if tag in seen else self._clean(tag) for tag in row}
                if -1 in found:
                    self._warn(ad.ad_id, row)
                    found.discard(-1)
                values.extend(found)
            counts.append(len(values) - before)
        return Rows.of_counts(counts, np.asarray(values, dtype=np.int64))

    def _clean(self, tag: str) -> int:
        """Return the temporary number of a raw tag, -1 if it cannot be matched."""
        # Most tags come canonical, of nothing but words.
        plain = _PLAIN.fullmatch(tag) is not None
        name = tag if plain else canonical_tag(tag)
        usable = len(name) <= _MAX_CHARS and name.count(" ") < MAX_TAG_WORDS
        usable = usable and (plain or (not name.startswith(topics.PREFIX) and _matchable(name)))
        number = self._temporary.setdefault(name, len(self._temporary)) if usable else -1
        self._seen[tag] = number
        return number

    def _warn(self, ad_id: str, row: Iterable[str]) -> None:
        self._warnings.extend(
            f"Tag {tag[:40]!r} of ad {ad_id} was left out: a tag is 1 to 4 words."
            for tag in row
            if self._seen[tag] < 0
        )

    def _keeps_away(self, ad: AdEntry) -> list[str]:
        """Return the topics an ad keeps away from; an IAB id means all below it as well."""
        if not ad.blocked_topics:
            return []
        listed = []
        for name in ad.blocked_topics:
            topic = self._taxonomy.known(name) if name.startswith(topics.PREFIX) else None
            if topic is None:
                listed.append(name)
                continue
            for below in self._taxonomy.below(topic):
                tag = topics.tag_of(below)
                self._seen[tag] = self._temporary.setdefault(tag, len(self._temporary))
                listed.append(tag)
        return listed


class Forms:
    """The surface forms in the order of their key's hash, and the table that finds them.

    Attributes:
        arrays: See `layout.ARRAYS`. count: forms. bits: leading bits that choose a bucket.
        longest: most words of a key. starts: first characters of Japanese keys and the longest with each.

    Args:
        tags: All tags.
        expansion: Their Japanese forms.
        seed: Of the hashes.
    """

    def __init__(self, tags: Tags, expansion: Expansion, seed: int) -> None:
        self.longest = 0
        self.starts: dict[str, int] = {}
        texts, pairs = _texts(tags, expansion)
        self.count = len(texts)
        keys: list[str | None] = [None] * self.count
        plain = np.zeros(self.count, dtype=np.uint8)
        hashes = np.zeros(self.count, dtype=np.uint64)
        for i in np.unique(pairs[0]).tolist():
            keys[i], plain[i] = self._key(texts[i])
        keyed = [i for i, key in enumerate(keys) if key is not None]
        hashes[keyed] = np.fromiter(
            (hash_text(seed, key) for key in keys if key is not None), np.uint64, len(keyed)
        )
        silent = np.ones(self.count, dtype=bool)
        silent[keyed] = False
        order = np.lexsort((hashes, silent))
        place = np.empty(self.count, dtype=np.int64)
        place[order] = np.arange(self.count)
        self.starts = dict(sorted(self.starts.items()))
        self.bits = max(1, (len(keyed) // _PER_BUCKET).bit_length())
        ranked = hashes[order[: len(keyed)]]
        leading = (ranked >> np.uint64(_HASH_BITS - self.bits)).astype(np.int64)
        form_tags = Rows.of_pairs(place[pairs[0]], pairs[1], self.count).sorted()
        offsets, blob = strings([texts[i] for i in order.tolist()])
        self.arrays = {
            "buckets": np.searchsorted(leading, np.arange((1 << self.bits) + 1)),
            "prints": ranked & np.uint64(0xFFFF),
            "form_offsets": offsets,
            "form_blob": blob,
            "form_plain": plain[order],
            "form_tag_offsets": form_tags.offsets,
            "form_tags": form_tags.values,
            "tag_form": place[: len(tags.names)],
        }

    def _key(self, form: str) -> tuple[str, bool]:
        """Return the key of a surface form, and whether nothing but words is in it."""
        if form.isascii() and _PLAIN.fullmatch(form):
            self.longest = max(self.longest, form.count(" ") + 1)
            return form, True
        if any(map(is_japanese, form)):
            self.starts[form[0]] = max(self.starts.get(form[0], 0), len(form))
            return form, is_plain(form)
        words = words_of(form)
        self.longest = max(self.longest, len(words.base))
        return key_of(words), is_plain(form)


def _texts(tags: Tags, expansion: Expansion) -> tuple[list[str], tuple[Any, Any]]:
    """Return the distinct surface forms, those of the tags first, and which stands for which tag.

    A topic's name is not said, and Japanese is looked for without the blanks between words.
    """
    texts = list(tags.names)
    number = dict(tags.number)
    extra: dict[int, set[int]] = {}

    def form(text: str) -> int:
        if text not in number:
            number[text] = len(texts)
            texts.append(text)
        return number[text]

    own = []
    for i, name in enumerate(tags.names):
        said = tags.words.get(name)
        if said is not None:
            listed = [one for word in said for one in (word, *expansion.forms.get(word, ()))]
        else:
            listed = list(expansion.forms.get(name, ()))
            if name.isascii() or not any(map(is_japanese, name)):
                own.append(i)
            else:
                listed.append(name)
        if listed:
            unspaced = (t.replace(" ", "") if any(map(is_japanese, t)) else t for t in listed)
            extra[i] = {form(text) for text in unspaced}
    own_set = set(own)
    more = [(f, i) for i, row in extra.items() for f in row if not (f == i and i in own_set)]
    forms = np.asarray(own + [f for f, _ in more], dtype=np.int64)
    return texts, (forms, np.asarray(own + [i for _, i in more], dtype=np.int64))


def _matchable(name: str) -> bool:
    if name.isascii() and any(map(str.isalnum, name)):
        return True
    return bool(words_of(name).base) or any(map(is_japanese, name))
