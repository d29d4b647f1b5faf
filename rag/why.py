"""Why these chunks and not those: every stage's candidates with their scores, and what became of each."""

from __future__ import annotations

import msgspec

from rag.fuse import SAME_FROM, likeness, shingles
from rag.holdings import Library
from rag.rerank import head_of
from rag.retrieve import Ranking, Retriever
from rag.rewrite import weights_of
from rag.types import ChunkText, Filter, Hit, Retrieved

#: Candidates that are explained, at least.
_SHOWN = 20


class LegHit(msgspec.Struct, frozen=True):
    """A chunk in one leg: its place from 1 and the leg's own score."""

    place: int
    score: float


class Candidate(msgspec.Struct, frozen=True):
    """A chunk that was looked at.

    Attributes:
        chunk_id, document_id, title: Which.
        text: How it begins.
        legs: Place and score in each leg that found it.
        score: Fused and reranked score.
        coverage: Share of the question's weight in its words.
        kept: Place among the passages, from 1; 0 if it is none.
        why: One sentence.
    """

    chunk_id: str
    document_id: str
    title: str
    text: str
    legs: dict[str, LegHit]
    score: float
    coverage: float
    kept: int
    why: str


class Why(msgspec.Struct, frozen=True):
    """An explained search.

    Attributes:
        query, rewritten, notes: What was asked, how it was understood, what was changed.
        legs: How many chunks each leg found.
        candidates: Best first.
        version: Knowledge version searched.
        timings_ms: Milliseconds per stage.
    """

    query: str
    rewritten: str
    notes: tuple[str, ...]
    legs: dict[str, int]
    candidates: tuple[Candidate, ...]
    version: int
    timings_ms: dict[str, float]


async def explain(
    retriever: Retriever, library: Library, query: str, filter: Filter, k: int
) -> Why:
    """Search and explain.

    Args:
        retriever: How it is searched.
        library: What is searched.
        query: The question.
        filter: What may be found.
        k: How many passages are kept.
    """
    ranking = await retriever.rank(library, query, filter)
    found = await retriever.search(library, query, filter, k=k)
    hits = ranking.hits[: max(_SHOWN, 3 * k)]
    texts = await library.texts([hit.no for hit in hits], filter)
    candidates = [
        _candidate(retriever, library, ranking, found, hit, texts[hit.no])
        for hit in hits
        if hit.no in texts
    ]
    return Why(
        query, found.rewritten, found.notes,
        {name: len(leg) for name, leg in ranking.legs.items()},
        tuple(candidates), found.version, found.timings_ms,
    )  # fmt: skip


def _candidate(
    retriever: Retriever,
    library: Library,
    ranking: Ranking,
    found: Retrieved,
    hit: Hit,
    chunk: ChunkText,
) -> Candidate:
    legs = {
        name: LegHit(place + 1, one.score)
        for name, leg in ranking.legs.items()
        for place, one in enumerate(leg)
        if one.no == hit.no
    }
    kept = next((i + 1 for i, p in enumerate(found.passages) if p.chunk.no == hit.no), 0)
    covered = _coverage(retriever, library, ranking.understood.text, chunk)
    return Candidate(
        chunk.chunk_id, chunk.document_id, chunk.title, chunk.text[:160], legs, hit.score, covered,
        kept, _sentence(retriever, found, chunk, legs, covered, kept),
    )  # fmt: skip


def _coverage(retriever: Retriever, library: Library, asked: str, chunk: ChunkText) -> float:
    terms = list(dict.fromkeys(retriever.analyser.content_terms(asked)))
    read = retriever.analyser.content_terms
    present = {*read(head_of(chunk)), *read(chunk.text)}
    weights: list[float] = weights_of(terms, library.lexical).tolist()
    return sum(w for t, w in zip(terms, weights, strict=True) if t in present)


def _sentence(
    retriever: Retriever,
    found: Retrieved,
    chunk: ChunkText,
    legs: dict[str, LegHit],
    covered: float,
    kept: int,
) -> str:
    where = ", ".join(f"{name} {hit.place}" for name, hit in legs.items()) or "no leg"
    if kept:
        return f"kept as passage {kept}: {where}; holds {covered:.0%} of the question"
    sign = shingles(retriever.analyser.content_terms(chunk.text))
    for place, passage in enumerate(found.passages, 1):
        other = shingles(retriever.analyser.content_terms(passage.chunk.text))
        if likeness(sign, other) >= SAME_FROM:
            return f"left out: says the same as passage {place}"
    near = legs.get("dense")
    settings = retriever.settings
    if covered < settings.least_coverage and (near is None or near.score < settings.least_cosine):
        return (
            f"left out: holds {covered:.0%} of the question, less than {settings.least_coverage:.0%}, "
            "and is not near in meaning"
        )
    return f"left out: others rank higher or bring more that is new ({where})"
