"""IAB content topics: which stands above which, and the words that show one in a conversation.

Data: `data/iab_words.tsv` (ids, hierarchy and names: IAB Tech Lab Content Taxonomy 3.1, CC BY 3.0; words written
for this project). Read at compile time only; the serving plane knows topics as numbers of a snapshot.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Final

from fastpath.text import canonical_tag

_TABLE: Final = Path(__file__).parent / "data" / "iab_words.tsv"
#: In front of the id where a topic stands among tags; no advertiser's tag begins with it.
PREFIX: Final = "iab:"


class Taxonomy:
    """The tree of topics.

    Args:
        parents: Topic → the one above it, or "".
        words: Topic → canonical tags that show it.
    """

    def __init__(self, parents: Mapping[str, str], words: Mapping[str, Sequence[str]]) -> None:
        self.parents = parents
        self.words = words
        self._known = {topic.lower(): topic for topic in parents}
        self._below: dict[str, list[str]] = {topic: [] for topic in parents}
        for topic in parents:
            for above in self.lineage(topic):
                self._below[above].append(topic)

    def known(self, name: str) -> str | None:
        """Return the id that a raw name means (`2`, `iab:2`, in any case), or None."""
        return self._known.get(name.strip().lower().removeprefix(PREFIX))

    def lineage(self, topic: str) -> list[str]:
        """Return a topic and all above it, the nearest first."""
        out = [topic]
        while self.parents[out[-1]]:
            out.append(self.parents[out[-1]])
        return out

    def below(self, topic: str) -> Sequence[str]:
        """Return a topic and all below it."""
        return self._below[topic]


def tag_of(topic: str) -> str:
    """Return the tag that stands for a topic in a snapshot."""
    return PREFIX + topic.lower()


@cache
def shipped() -> Taxonomy:
    """Return the taxonomy that ships with this code, read once."""
    return read_taxonomy(_TABLE)


def read_taxonomy(path: Path) -> Taxonomy:
    """Return a taxonomy file: id, id above, name, words, separated by tabs; # starts a comment."""
    parents: dict[str, str] = {}
    words: dict[str, tuple[str, ...]] = {}
    for line in path.read_text("utf-8").splitlines():
        if line and not line.startswith("#"):
            topic, above, _, listed = line.split("\t")
            parents[topic] = above
            tags = (canonical_tag(word) for word in listed.split(","))
            words[topic] = tuple(tag for tag in tags if tag)
    return Taxonomy(parents, words)
