"""Compile time: the tags of a catalogue as numbers, and rows of them per ad.

A million ads name two million tags: most are plain words and never become strings of Python here.
"""

from __future__ import annotations

from functools import cached_property
from typing import Any

import numpy as np

from fastpath import topics
from fastpath._core import hash_text
from fastpath.compile_facts import Facts
from fastpath.compile_rows import Rows
from fastpath.compile_strings import Strings, hashes, same, words
from fastpath.compile_topics import Topics, words_of_tags
from fastpath.form_keys import is_silent, key_and_plain


class SameHash(Exception):
    """Two tags have one hash under this seed; another seed tells them apart."""


class Tags:
    """All tags of the catalogue.

    Positive, negative and topic tags share the numbers: one scan of the text finds them all. They are numbered
    as their surface forms stand in the table: by the hash of their key; those without one last, by their text.

    Attributes:
        count: How many. strings: Canonical tags in order. plain: nothing but words. blanks: within each.
        keys: Hash of each tag's own key. silent: those without one.
        positive, negative, away: Ad → tags, as `Rows` of numbers; `away` are the topics it keeps away from.
        bought: The IAB topics it is bought on. bought_tags: their tags' numbers.
        words: Topic among the tags → the words that show it.

    Args:
        facts: Of the ads, in number order.
        taxonomy: IAB topics.
        seed: Of the hashes.

    Raises:
        SameHash: Two tags cannot be told apart.
    """

    def __init__(self, facts: Facts, taxonomy: topics.Taxonomy, seed: int) -> None:
        self.bought = Topics(facts, taxonomy)
        rows = (facts.tags, facts.negatives, facts.away)
        topical = Strings.of(self.bought.tags)
        used = np.zeros(len(facts.strings.starts) + len(topical.starts), dtype=bool)
        for one in rows:
            used[one.values] = True
        used[len(facts.strings.starts) :] = True
        numbers = self._number(facts.strings + topical, np.flatnonzero(used), seed)
        self.positive, self.negative, self.away = (
            Rows(one.offsets, numbers[one.values]).sorted(self.count) for one in rows
        )
        self.bought_tags = numbers[len(facts.strings.starts) :]
        silent = self.strings.take(np.flatnonzero(self.silent)).texts()
        self.words = words_of_tags(silent, taxonomy)

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

    def spelled(self) -> list[bytes]:
        """Return the UTF-8 of the canonical tags in number order."""
        return self.strings.spelled()

    def _number(self, every: Strings, chosen: Any, seed: int) -> Any:
        """Number the distinct ones of some strings; returns the number of each, -1 of those not chosen."""
        used = every.take(chosen)
        found, first, inverse = np.unique(
            hashes(seed, used), return_index=True, return_inverse=True
        )
        distinct = used.take(first)
        again = np.ones(len(inverse), dtype=bool)
        again[first] = False
        if not same(used.take(again), distinct.take(inverse[again])):
            raise SameHash
        # Strings of one run each: what `words` looks at stands side by side.
        texts = distinct.alone()
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
        out = np.full(len(every.starts), -1, dtype=np.int64)
        out[chosen] = place[inverse]
        return out


def warn(facts: Facts, tags: Tags, warnings: list[str]) -> None:
    """Note what was left out of which ad, and the ads that nothing leads to."""
    names = facts.ids["ad_id"].texts()
    for one in sorted(one for one in facts.left if one.field == "topics"):
        warnings.append(
            f"Topic {one.text[:40]!r} of ad {names[one.ad]} was left out:"
            " it is not in the IAB Content Taxonomy."
        )
    silent = (np.diff(tags.positive.offsets) == 0) & (np.diff(facts.bought.offsets) == 0)
    warnings.extend(
        f"Ad {names[ad]} has no usable tag and can never be matched."
        for ad in np.flatnonzero(silent).tolist()
    )
    for field in ("tags", "negative_tags", "blocked_topics"):
        warnings.extend(
            f"Tag {one.text[:40]!r} of ad {names[one.ad]} was left out: a tag is 1 to 4 words."
            for one in sorted(one for one in facts.left if one.field == field)
        )
