"""Retrieval, stage by stage: understand → search both legs → feed back → fuse → rerank → thin out → compress."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence

import msgspec

from domain.errors import Unavailable
from rag.analyse import Analyser, language_of
from rag.compress import compress
from rag.fuse import RRF_K, distinct, diverse, fuse, likeness, order, shingles
from rag.holdings import Library
from rag.ports import Embedder, Reranker, Rewriter
from rag.postings import Query, query_of, term_key
from rag.rerank import FeatureReranker, head_of
from rag.rewrite import Understood, feedback, understand, weights_of
from rag.types import ChunkText, Filter, Hit, Passage, Retrieved


class Settings(msgspec.Struct, frozen=True):
    """How retrieval works; the defaults are the measured ones.

    Attributes:
        candidates: Chunks asked of each leg.
        rrf_k: Damping of the fusion.
        expand: Whether rules, feedback and a rewriter add to the question.
        feedback_chunks: Best chunks that feedback reads; 0 is no feedback.
        feedback_terms: Terms it adds. feedback_share: what they weigh, the question's own being 1.
        expanded_weight: Weight of the expanded question's list beside the plain one's (1).
        rerank_top: Chunks the reranker reads; 0 is no reranking.
        rerank_share: Weight of the reranker's score against the fused one; suppliers' models get 1.
        relevance: Weight of relevance against novelty in the choice of passages.
        least_coverage: Share of the question's weight a passage must hold, unless it is near in meaning.
        least_cosine: Nearness from which no words need be shared.
        budget_tokens: Tokens of all sentences kept together.
    """

    candidates: int = 100
    rrf_k: int = RRF_K
    expand: bool = True
    feedback_chunks: int = 5
    feedback_terms: int = 10
    feedback_share: float = 0.3
    expanded_weight: float = 0.5
    rerank_top: int = 30
    rerank_share: float = 0.3
    relevance: float = 0.8
    least_coverage: float = 0.3
    least_cosine: float = 0.35
    budget_tokens: int = 1_500


class Ranking(msgspec.Struct, frozen=True):
    """Chunks before they are thinned out.

    Attributes:
        hits: Best first, scores in [0, 1].
        legs: The lists that were fused, by name.
        understood: The question.
        texts: Texts read so far, by chunk number.
        timings_ms: Milliseconds per stage.
    """

    hits: list[Hit]
    legs: dict[str, list[Hit]]
    understood: Understood
    texts: dict[int, ChunkText]
    timings_ms: dict[str, float]


class Retriever:
    """Searches libraries.

    Args:
        analyser: Makes terms; the one the index was made with.
        embedder: Makes the question's vector; None is a lexical search.
        reranker: Reads candidates; None is the offline one.
        rewriter: Words questions in other ways; None leaves it to the rules.
        settings: How it works.
    """

    def __init__(
        self,
        analyser: Analyser,
        embedder: Embedder | None,
        reranker: Reranker | None = None,
        rewriter: Rewriter | None = None,
        settings: Settings | None = None,
    ) -> None:
        self.analyser = analyser
        self.embedder = embedder
        self.reranker = reranker
        self.rewriter = rewriter
        self.settings = settings or Settings()

    async def rank(self, library: Library, query: str, filter: Filter | None = None) -> Ranking:
        """Return candidates in their final order, without thinning out; for evaluation and `search`."""
        filter = filter or Filter()
        clock = _Stopwatch()
        understood = self._understood(library, query)
        variants = await self._variants(query) if self.settings.expand else []
        clock.lap("understand")
        legs = await self._searched(library, understood, variants, filter, clock)
        fused = fuse(
            [(_weight(name, legs, self.settings), hits) for name, hits in legs.items()],
            self.settings.rrf_k,
        )
        clock.lap("fuse")
        texts: dict[int, ChunkText] = {}
        if self.settings.rerank_top:
            texts = await library.texts([h.no for h in fused[: self.settings.rerank_top]], filter)
            fused = await self._reranked(library, understood, fused, texts)
            clock.lap("rerank")
        return Ranking(fused, legs, understood, texts, clock.laps)

    async def search(
        self, library: Library, query: str, filter: Filter | None = None, *, k: int = 8
    ) -> Retrieved:
        """Return up to k passages that answer, each with its sentences, trust label and ranks."""
        filter = filter or Filter()
        started = time.perf_counter()
        ranking = await self.rank(library, query, filter)
        pool = ranking.hits[: max(30, 3 * k)]
        unread = [h.no for h in pool if h.no not in ranking.texts]
        texts = ranking.texts | (await library.texts(unread, filter) if unread else {})
        pool = [hit for hit in pool if hit.no in texts]
        pool = self._relevant(library, ranking, pool, texts)
        signs = {h.no: shingles(self.analyser.content_terms(texts[h.no].text)) for h in pool}
        chosen = diverse(
            distinct(pool, signs),
            k,
            lambda a, b: likeness(signs[a], signs[b]),
            self.settings.relevance,
        )
        chunks = [texts[hit.no] for hit in chosen]
        plain = ranking.understood.plain
        kept = compress(
            plain.words | plain.grams,
            chunks,
            self.analyser,
            library.lexical,
            budget=self.settings.budget_tokens,
        )
        places = {
            name: {h.no: i + 1 for i, h in enumerate(hits)} for name, hits in ranking.legs.items()
        }
        passages = tuple(
            Passage(
                texts[hit.no],
                hit.score,
                {n: p[hit.no] for n, p in places.items() if hit.no in p},
                said,
            )
            for hit, said in zip(chosen, kept, strict=True)
        )
        spent = (time.perf_counter() - started) * 1000
        return Retrieved(
            query, ranking.understood.text, ranking.understood.notes, passages,
            library.lexical.version if filter.as_of is None else filter.as_of,
            tuple(ranking.legs), {**ranking.timings_ms, "all": spent},
        )  # fmt: skip

    def _understood(self, library: Library, query: str) -> Understood:
        if self.settings.expand:
            return understand(query, self.analyser, library.lexical)
        plain = query_of(self.analyser, query)
        return Understood(query, plain, plain)

    async def _variants(self, query: str) -> list[str]:
        if self.rewriter is None:
            return []
        try:
            return await self.rewriter.variants(query, language_of(query))
        except Unavailable:
            # The rules alone answer too.
            return []

    async def _searched(
        self,
        library: Library,
        understood: Understood,
        variants: Sequence[str],
        filter: Filter,
        clock: _Stopwatch,
    ) -> dict[str, list[Hit]]:
        """Return the lists of all legs by name."""
        k, legs = self.settings.candidates, {}
        legs["lexical"] = await library.find(understood.plain, k, filter)
        clock.lap("lexical")
        spoken = [understood.text, *variants]
        if self.embedder is not None and language_of(understood.text) in self.embedder.languages:
            vectors = await asyncio.to_thread(self.embedder.embed, spoken)
            clock.lap("embed")
            for number, vector in enumerate(vectors):
                name = "dense" if number == 0 else f"dense {number + 1}"
                legs[name] = await library.nearest(vector.tolist(), k, filter)
            clock.lap("dense")
        if self.settings.expand:
            best = fuse([(1.0, hits) for hits in legs.values()], self.settings.rrf_k)
            expanded = await self._fed_back(library, understood.expanded, best)
            legs["expanded"] = await library.find(expanded, k, filter)
            for number, variant in enumerate(variants):
                legs[f"expanded {number + 2}"] = await library.find(
                    query_of(self.analyser, variant), k, filter
                )
            clock.lap("expanded")
        return {name: hits for name, hits in legs.items() if hits}

    async def _fed_back(self, library: Library, query: Query, best: Sequence[Hit]) -> Query:
        top = best[: self.settings.feedback_chunks]
        if not top or not query.words:
            return query
        postings = await library.postings([hit.no for hit in top])
        chunks = [(hit.score, *postings[hit.no]) for hit in top if hit.no in postings]
        return feedback(
            query, chunks, library.lexical,
            terms=self.settings.feedback_terms, share=self.settings.feedback_share,
        )  # fmt: skip

    async def _reranked(
        self,
        library: Library,
        understood: Understood,
        fused: list[Hit],
        texts: dict[int, ChunkText],
    ) -> list[Hit]:
        head = [hit for hit in fused[: self.settings.rerank_top] if hit.no in texts]
        tail = fused[self.settings.rerank_top :]
        reranker: Reranker = self.reranker or FeatureReranker(self.analyser, library.lexical)
        share = self.settings.rerank_share if self.reranker is None else 1.0
        try:
            scores = await reranker.scores(understood.text, [texts[hit.no] for hit in head])
        except Unavailable:
            return [*head, *tail]
        mixed = [
            Hit(hit.no, (1 - share) * hit.score + share * score)
            for hit, score in zip(head, scores, strict=True)
        ]
        # What was not read stays behind what was.
        least = min((hit.score for hit in mixed), default=1.0)
        first = tail[0].score if tail else 1.0
        return [*order(mixed), *(Hit(h.no, least * h.score / max(first, 1e-9)) for h in tail)]

    def _relevant(
        self, library: Library, ranking: Ranking, pool: Sequence[Hit], texts: dict[int, ChunkText]
    ) -> list[Hit]:
        """Return the hits that share enough of the question's words or are near in meaning."""
        near = {
            h.no for h in ranking.legs.get("dense", []) if h.score >= self.settings.least_cosine
        }
        terms = list(dict.fromkeys(self.analyser.content_terms(ranking.understood.text)))
        weights: list[float] = weights_of(terms, library.lexical).tolist()

        plain, expanded = ranking.understood.plain.words, ranking.understood.expanded.words
        added = {
            key: share / max(1, len(terms)) for key, share in expanded.items() if key not in plain
        }

        def covered(chunk: ChunkText) -> float:
            read = self.analyser.content_terms
            present = {*read(head_of(chunk)), *read(chunk.text)}
            keys = {term_key(term) for term in present} if added else set()
            own = sum(w for t, w in zip(terms, weights, strict=True) if t in present)
            return own + sum(share for key, share in added.items() if key in keys)

        return [
            h for h in pool if h.no in near or covered(texts[h.no]) >= self.settings.least_coverage
        ]


class _Stopwatch:
    """Milliseconds between laps; only for reports."""

    def __init__(self, now: Callable[[], float] = time.perf_counter) -> None:
        self.laps: dict[str, float] = {}
        self._now = now
        self._last = now()

    def lap(self, name: str) -> None:
        """Note the time since the lap before."""
        now = self._now()
        self.laps[name] = (now - self._last) * 1000
        self._last = now


def _weight(name: str, legs: dict[str, list[Hit]], settings: Settings) -> float:
    """Return the weight of a list; meaning and words count the same, however many lists either has."""
    kind = name.split()[0]
    several = sum(1 for other in legs if other.split()[0] == kind)
    more = settings.expanded_weight if "expanded" in legs else 0.0
    return {"dense": 1.0 + more, "expanded": more}.get(kind, 1.0) / several
