"""Compile time: the IAB topics ads are bought on, as numbers, tags and postings.

An ad bought on a topic also stands for every topic below it: "Automotive" for a conversation about SUVs. Each
topic is a tag of its own (`iab:<id>`) whose surface forms are the words of `topics.Taxonomy`.
"""

from __future__ import annotations

from collections.abc import Sequence

from fastpath.compile_gather import Gathered
from fastpath.topics import PREFIX, Taxonomy, tag_of


class Topics:
    """The topics of one catalogue.

    Attributes:
        names: Ids of the topics that ads are bought on, of all above and all below them, and of those that
            advertisers keep away from, sorted.
        contents: Ad, if it is bought on topics → their numbers and those of all above them.
        buyers: Topic id → ads bought on that very topic.
        tags: Topic number → its tag.

    Args:
        ads: In number order.
        taxonomy: What stands above what.
        warnings: Takes what was left out.
    """

    def __init__(self, ads: Gathered, taxonomy: Taxonomy, warnings: list[str]) -> None:
        self._taxonomy = taxonomy
        self.buyers: dict[str, list[int]] = {}
        bought: dict[int, list[str]] = {}
        for i, listed in enumerate(ads.columns["topics"]):
            if not listed:
                continue
            bought[i] = _known(ads.columns["ad_id"][i], listed, taxonomy, warnings)
            for topic in bought[i]:
                self.buyers.setdefault(topic, []).append(i)
        every = {above for topic in self.buyers for above in taxonomy.lineage(topic)}
        named = {*self.buyers, *_kept_away(ads, taxonomy)}
        every.update(below for topic in named for below in taxonomy.below(topic))
        self.names = sorted(every)
        number = {topic: i for i, topic in enumerate(self.names)}
        above = {topic: {number[a] for a in taxonomy.lineage(topic)} for topic in self.buyers}
        self.contents: dict[int, list[int]] = {
            i: sorted(set().union(*(above[topic] for topic in row)))
            for i, row in bought.items()
            if row
        }
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


def _kept_away(ads: Gathered, taxonomy: Taxonomy) -> set[str]:
    names = {name for row in ads.columns["blocked_topics"] if row for name in row}
    known = (taxonomy.known(name) for name in names if name.startswith(PREFIX))
    return {topic for topic in known if topic is not None}


def _known(ad_id: str, listed: Sequence[str], taxonomy: Taxonomy, warnings: list[str]) -> list[str]:
    found: dict[str, None] = {}
    for name in listed:
        topic = taxonomy.known(name)
        if topic is None:
            warnings.append(
                f"Topic {name[:40]!r} of ad {ad_id} was left out: it is not in the IAB Content Taxonomy."
            )
        else:
            found[topic] = None
    return list(found)
