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
        names: Ids of the topics that ads are bought on, of all above and all below them, sorted.
        contents: Ad → numbers of the topics it is bought on and of all above them.
        tags: Topic number → its tag.

    Args:
        ads: In number order.
        taxonomy: What stands above what.
        warnings: Takes what was left out.
    """

    def __init__(self, ads: Sequence[AdEntry], taxonomy: Taxonomy, warnings: list[str]) -> None:
        self.taxonomy = taxonomy
        bought = [_known(ad, taxonomy, warnings) for ad in ads]
        own = {topic for row in bought for topic in row}
        every = {other for topic in own for other in taxonomy.lineage(topic)}
        every.update(other for topic in own for other in taxonomy.below(topic))
        self.names = sorted(every)
        number = {topic: i for i, topic in enumerate(self.names)}
        self.contents = [
            sorted({number[above] for topic in row for above in taxonomy.lineage(topic)})
            for row in bought
        ]
        self.shown = [
            sorted({number[below] for topic in row for below in taxonomy.below(topic)})
            for row in bought
        ]
        self.tags = [tag_of(topic) for topic in self.names]


def words_of_tags(tags: Sequence[str], taxonomy: Taxonomy) -> dict[str, tuple[str, ...]]:
    """Return, for the topics among some tags, the words that show them."""
    return {
        tag: tuple(taxonomy.words[topic])
        for tag in tags
        if tag.startswith(PREFIX) and (topic := taxonomy.known(tag)) is not None
    }


def _known(ad: AdEntry, taxonomy: Taxonomy, warnings: list[str]) -> list[str]:
    found = []
    for name in ad.topics:
        topic = taxonomy.known(name)
        if topic is None:
            warnings.append(
                f"Topic {name[:40]!r} of ad {ad.ad_id} was left out: it is not in the IAB Content Taxonomy."
            )
        else:
            found.append(topic)
    return found
