"""The offline reranker: how well a chunk covers the question, by features a person can check."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

from rag.analyse import Analyser
from rag.rewrite import Statistics, weights_of
from rag.types import ChunkText

#: Share of each feature: terms covered, terms in title or headings, neighbours kept, terms close together.
COVERAGE, TITLE, BIGRAMS, PROXIMITY = 0.4, 0.3, 0.15, 0.15


class FeatureReranker:
    """Reads the words of question and chunk; needs no model.

    Args:
        analyser: Makes terms.
        known: Statistics of the index: rare words weigh more.
    """

    name = "features"

    def __init__(self, analyser: Analyser, known: Statistics) -> None:
        self._analyser = analyser
        self._known = known

    async def scores(self, query: str, chunks: Sequence[ChunkText]) -> list[float]:
        """Return a relevance in [0, 1] for every chunk, in the order given."""
        terms = list(dict.fromkeys(self._analyser.content_terms(query)))
        if not terms:
            return [0.0] * len(chunks)
        weights = weights_of(terms, self._known).tolist()
        return [self._score(terms, weights, chunk) for chunk in chunks]

    def _score(self, terms: Sequence[str], weights: list[float], chunk: ChunkText) -> float:
        head = self._analyser.content_terms(head_of(chunk))
        body = self._analyser.content_terms(chunk.text)
        words = head + body
        present, at_head = set(words), set(head)
        covered = sum(w for t, w in zip(terms, weights, strict=True) if t in present)
        in_title = sum(w for t, w in zip(terms, weights, strict=True) if t in at_head)
        pairs = list(pairwise(terms))
        neighbours = set(pairwise(words))
        kept = sum(pair in neighbours for pair in pairs) / len(pairs) if pairs else covered
        near = _closeness(words, set(terms) & present)
        return COVERAGE * covered + TITLE * in_title + BIGRAMS * kept + PROXIMITY * near * covered


def head_of(chunk: ChunkText) -> str:
    """Return what stands above a chunk's text: title, headings, short values."""
    return " \n ".join((chunk.title, *chunk.heading, *chunk.fields.values()))


def _closeness(words: Sequence[str], wanted: set[str]) -> float:
    """Return the number of wanted terms over the length of the shortest stretch that holds them all."""
    if not wanted:
        return 0.0
    last: dict[str, int] = {}
    best = len(words) + 1
    for at, word in enumerate(words):
        if word in wanted:
            last[word] = at
            if len(last) == len(wanted):
                best = min(best, at - min(last.values()) + 1)
    return len(wanted) / best
