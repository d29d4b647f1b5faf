"""Contextual compression: of each passage the sentences that answer, all of them within a token budget."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from rag.analyse import Analyser
from rag.postings import term_key
from rag.rewrite import Statistics
from rag.types import ChunkText, Sentence, Span

#: Ends of sentences: Japanese marks, Latin marks before a space, line breaks.
_END = re.compile(r"(?<=[。！？])[」』）]?|(?<=[.!?])[\"')\]]*(?=\s)|\n+")
#: A sentence with less than this share of the best one's score is left out.
_LEAST_SHARE = 0.35
_WIDE = re.compile(r"[\u3040-\u30ff\u3400-\u9fff]")


def sentences(text: str) -> list[Span]:
    """Return where the sentences of a text stand, without the space around them."""
    spans, start = [], 0
    for end in [*(m.end() for m in _END.finditer(text)), len(text)]:
        piece = text[start:end]
        if stripped := piece.strip():
            first = start + piece.index(stripped[0])
            spans.append(Span(first, first + len(stripped)))
        start = end
    return spans


def tokens_of(text: str) -> int:
    """Return about how many tokens a model reads a text as: a wide character each, else four letters."""
    wide = len(_WIDE.findall(text))
    return wide + (len(text) - wide + 3) // 4


def compress(
    query_terms: Mapping[int, float],
    chunks: Sequence[ChunkText],
    analyser: Analyser,
    known: Statistics,
    *,
    budget: int,
) -> list[tuple[Sentence, ...]]:
    """Choose the sentences that answer, the best passages first.

    Args:
        query_terms: Weights by term key.
        chunks: Passages, best first.
        analyser: Makes terms.
        known: Statistics of the index.
        budget: Tokens that all sentences may take together.

    Returns:
        The sentences of each chunk in reading order; empty once the budget is used up.
    """
    worth = {key: weight * max(known.idf(key), 0.1) for key, weight in query_terms.items()}
    out = []
    for chunk in chunks:
        kept = _kept(_scored(worth, chunk, analyser), budget)
        budget -= sum(tokens_of(sentence.text) for sentence in kept)
        out.append(kept)
    return out


def _scored(worth: Mapping[int, float], chunk: ChunkText, analyser: Analyser) -> list[Sentence]:
    found = []
    for span in sentences(chunk.text):
        text = chunk.text[span.start : span.end]
        terms = {term_key(t) for t in (*analyser.words(text), *analyser.grams(text))}
        score = sum(value for key, value in worth.items() if key in terms)
        found.append(Sentence(text, span, score))
    return found


def _kept(scored: Sequence[Sentence], budget: int) -> tuple[Sentence, ...]:
    best = max((sentence.score for sentence in scored), default=0.0)
    chosen: list[Sentence] = []
    for sentence in sorted(scored, key=lambda s: (-s.score, s.span.start)):
        # Where no sentence has a word of the question, meaning found the passage: it opens with its subject.
        if sentence.score < _LEAST_SHARE * best or (best == 0 and len(chosen) == 2):
            break
        if (cost := tokens_of(sentence.text)) <= budget:
            chosen.append(sentence)
            budget -= cost
    return tuple(sorted(chosen, key=lambda s: s.span.start))
