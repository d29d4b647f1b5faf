"""Compile time: the IAB topics ads are bought on, as numbers, tags and postings.

An ad bought on a topic also stands for every topic below it: "Automotive" for a conversation about SUVs. Each
topic is a tag of its own (`iab:<id>`) whose surface forms are the words of `topics.Taxonomy`.
"""

from __future__ import annotations

from collections.abc import Sequence

from domain.catalogue import AdEntry
from fastpath.topics import PREFIX, Taxonomy, tag_of


class Topics:
    """The topics of one catalogue.

    Attributes:
        names: Ids of the topics that ads are bought on, of all above and all below them, and of those that
            advertisers keep away from, sorted.
        contents: Ad → numbers of the topics it is bought on and of all above them.
        buyers: Topic id → ads bought on that very topic.
        tags: Topic number → its tag.

    Args:
        ads: In number order.
        taxonomy: What stands above what.
        warnings: Takes what was left out.
    """

    def __init__(self, ads: Sequence[AdEntry], taxonomy: Taxonomy, warnings: list[str]) -> None:
        self._taxonomy = taxonomy
        self.buyers: dict[str, list[int]] = {}
        bought: list[list[str]] = []
        for i, ad in enumerate(ads):
            row = _known(ad, taxonomy, warnings) if ad.topics else []
            bought.append(row)
            for topic in row:
                self.buyers.setdefault(topic, []).append(i)
        every = {above for topic in self.buyers for above in taxonomy.lineage(topic)}
        named = {*self.buyers, *_kept_away(ads, taxonomy)}
        every.update(below for topic in named for below in taxonomy.below(topic))
        self.names = sorted(every)
        number = {topic: i for i, topic in enumerate(self.names)}
        above = {topic: {number[a] for a in taxonomy.lineage(topic)} for topic in self.buyers}
        self.contents: list[list[int]] = [
            sorted(set().union(*(above[topic] for topic in row))) if row else [] for row in bought
        ]
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


def _kept_away(ads: Sequence[AdEntry], taxonomy: Taxonomy) -> set[str]:
    names = {name for ad in ads if ad.blocked_topics for name in ad.blocked_topics}
    known = (taxonomy.known(name) for name in names if name.startswith(PREFIX))
    return {topic for topic in known if topic is not None}


def _known(ad: AdEntry, taxonomy: Taxonomy, warnings: list[str]) -> list[str]:
    found: dict[str, None] = {}
    for name in ad.topics:
        topic = taxonomy.known(name)
        if topic is None:
            warnings.append(
                f"Topic {name[:40]!r} of ad {ad.ad_id} was left out: it is not in the IAB Content Taxonomy."
            )
        else:
            found[topic] = None
    return list(found)
