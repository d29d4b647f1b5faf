"""Compile time: the IAB topics ads are bought on, as numbers, tags and postings.

An ad bought on a topic also stands for every topic below it: "Automotive" for a conversation about SUVs. Each
topic is a tag of its own (`iab:<id>`) whose surface forms are the words of `topics.Taxonomy`.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from fastpath.compile_facts import Facts
from fastpath.compile_rows import Rows
from fastpath.topics import PREFIX, Taxonomy, tag_of


class Topics:
    """The topics of one catalogue.

    Attributes:
        names: Ids of the topics that ads are bought on, of all above and all below them, and of those that
            advertisers keep away from, sorted.
        contents: Ad → the numbers of the topics it is bought on and of all above them.
        buyers: Topic id → ads bought on that very topic.
        tags: Topic number → its tag.

    Args:
        facts: Of the ads, in number order.
        taxonomy: What stands above what.
    """

    def __init__(self, facts: Facts, taxonomy: Taxonomy) -> None:
        self._taxonomy = taxonomy
        listed = list(taxonomy.parents)
        self.buyers: dict[str, list[int]] = {}
        pairs = list(zip(facts.bought.owners().tolist(), facts.bought.values.tolist(), strict=True))
        for ad, topic in pairs:
            self.buyers.setdefault(listed[topic], []).append(ad)
        every = {above for topic in self.buyers for above in taxonomy.lineage(topic)}
        named = {*self.buyers, *_kept_away(facts, taxonomy)}
        every.update(below for topic in named for below in taxonomy.below(topic))
        self.names = sorted(every)
        number = {topic: i for i, topic in enumerate(self.names)}
        above = {topic: {number[a] for a in taxonomy.lineage(topic)} for topic in self.buyers}
        rows: dict[int, set[int]] = {}
        for ad, topic in pairs:
            rows.setdefault(ad, set()).update(above[listed[topic]])
        counts = np.zeros(len(facts), dtype=np.int64)
        counts[list(rows)] = list(map(len, rows.values()))
        values = [one for ad in sorted(rows) for one in sorted(rows[ad])]
        self.contents = Rows.of_counts(counts, np.asarray(values, dtype=np.int64))
        self.tags = [tag_of(topic) for topic in self.names]

    def sources(self, number: int) -> list[list[int]]:
        """Return the ads that stand for a topic: of each topic from it upwards, those bought on it."""
        lineage = self._taxonomy.lineage(self.names[number])
        return [self.buyers[topic] for topic in lineage if topic in self.buyers]


def words_of_tags(tags: Sequence[str], taxonomy: Taxonomy) -> dict[str, tuple[str, ...]]:
    """Return, for the topics among some tags, the words that show them."""
    return {
        tag: tuple(taxonomy.words[topic])
        for tag in tags
        if tag.startswith(PREFIX) and (topic := taxonomy.known(tag)) is not None
    }


def _kept_away(facts: Facts, taxonomy: Taxonomy) -> set[str]:
    tags = facts.strings.take(np.unique(facts.away.values)).texts()
    known = (taxonomy.known(tag) for tag in tags if tag.startswith(PREFIX))
    return {topic for topic in known if topic is not None}
