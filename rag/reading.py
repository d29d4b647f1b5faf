"""How others use knowledge: a reader bound to one organisation. Search, passages for a brief, answers, why.

Every call opens its own unit of work of that organisation, so row-level security holds whatever is asked.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import datetime

import msgspec

from domain import evidence
from domain.errors import NotFound
from domain.trust import Labelled
from domain.trust import Span as TrustSpan
from domain.trust import Trust as Label
from rag.answer import Answerer, Judge, Writer, place_of
from rag.answer_types import Answer
from rag.cache import IndexCache
from rag.holdings import StoredLibrary, open_library
from rag.postings import term_key
from rag.repository import Indexes
from rag.retrieve import Retriever
from rag.service import StoreOf, pgvector_store
from rag.types import Filter, Passage, Retrieved, Sentence, Span
from rag.why import Why, explain
from storage.database import Database

#: Passages kept of several questions asked for one brief.
_FOR_BRIEF = 12


class KnowledgeReader:
    """Reads one organisation's knowledge.

    Args:
        db: Database.
        org_id: Organisation; nobody else's text can be found.
        retriever: How it is searched.
        cache: In-process indexes, shared by the readers of a process.
        namespace: Which of the organisation's indexes.
        filter: What may be found at all, in every call that names no other filter.
        writer, judge: Models for answers; rules without.
        store_of: Where vectors are kept.
    """

    def __init__(
        self,
        db: Database,
        org_id: str,
        retriever: Retriever,
        cache: IndexCache,
        *,
        namespace: str = "default",
        filter: Filter | None = None,
        writer: Writer | None = None,
        judge: Judge | None = None,
        store_of: StoreOf = pgvector_store,
    ) -> None:
        self.org_id = org_id
        self.namespace = namespace
        self._db = db
        self._retriever = retriever
        self._cache = cache
        self._filter = filter or Filter()
        self._writer = writer
        self._judge = judge
        self._store_of = store_of

    async def search(self, query: str, k: int = 8, filter: Filter | None = None) -> Retrieved:
        """Return up to k passages with their trust labels, ranks and copies: all sources that say it.

        Raises:
            NotFound: `index_unknown` if nothing was ever ingested.
            Conflict: `index_of_another_model` if the index was made by another model.
        """
        filter = filter or self._filter
        async with self._library() as library:
            found = await self._retriever.search(library, query, filter, k=k)
            copies = await library.copies([p.chunk.no for p in found.passages], filter)
        passages = tuple(
            msgspec.structs.replace(p, copies=tuple(copies.get(p.chunk.no, ())))
            for p in found.passages
        )
        return msgspec.structs.replace(found, passages=passages)

    async def version_at(self, moment: datetime) -> int:
        """Return the knowledge version that was current at a moment, for `Filter.as_of`; 0 before the first."""
        async with self._db.tenant(self.org_id) as session:
            indexes = Indexes(session)
            index = await indexes.named(self.org_id, self.namespace)
            return await indexes.version_at(index.no, moment) if index is not None else 0

    async def retrieve(self, question: str, k: int = 6) -> tuple[evidence.Passage, ...]:
        """Return up to k passages as evidence; none where there is no knowledge yet."""
        try:
            found = await self.search(question, k)
        except NotFound:
            return ()
        return tuple(map(as_evidence, found.passages))

    async def retrieve_for(
        self, brief: Sequence[str], k: int = _FOR_BRIEF
    ) -> tuple[evidence.Passage, ...]:
        """Return passages for all parts of a brief (product, audience, market), each chunk once, in turns.

        Args:
            brief: Questions or phrases, the most important first.
            k: How many passages at most.
        """
        asked = [part for part in dict.fromkeys(p.strip() for p in brief) if part]
        lists = [await self.retrieve(part, k) for part in asked]
        found: dict[str, evidence.Passage] = {}
        for place in range(k):
            for passages in lists:
                if place < len(passages):
                    found.setdefault(passages[place].citation.chunk_id, passages[place])
        return tuple(found.values())[:k]

    async def answer(self, question: str, k: int = 8, filter: Filter | None = None) -> Answer:
        """Answer a question with checked citations, or say that it is not known.

        Raises:
            NotFound: `index_unknown` if nothing was ever ingested.
        """
        async with self._library() as library:

            async def search(text: str) -> Retrieved:
                return await self._retriever.search(library, text, filter or self._filter, k=k)

            answerer = Answerer(
                search,
                self._retriever.analyser,
                idf=lambda term: library.lexical.idf(term_key(term)),
                writer=self._writer,
                judge=self._judge,
            )
            return await answerer.ask(question)

    async def why(self, query: str, k: int = 8, filter: Filter | None = None) -> Why:
        """Return every stage's candidates and scores, and for each chunk why it was kept or not."""
        async with self._library() as library:
            return await explain(self._retriever, library, query, filter or self._filter, k)

    @asynccontextmanager
    async def _library(self) -> AsyncIterator[StoredLibrary]:
        async with self._db.tenant(self.org_id) as session:
            yield await open_library(
                session, self.org_id, self.namespace, self._cache, self._retriever.embedder,
                self._retriever.analyser, self._store_of,
            )  # fmt: skip


def as_evidence(passage: Passage) -> evidence.Passage:
    """Return a passage in the words agents share: the sentences that answer, and where they stand."""
    chunk = passage.chunk
    said = passage.sentences
    whole = Sentence(chunk.text, Span(0, len(chunk.text)), 0.0)
    place = place_of(chunk, said[0] if said else whole)
    if len(said) > 1:
        last = place_of(chunk, said[-1])
        quote = " ".join(one.text for one in said)
        place = msgspec.structs.replace(place, end=last.end, quote=quote)
    return evidence.Passage(
        text=chunk.text, score=passage.score, language=chunk.language, citation=place
    )


def labelled(found: Retrieved) -> Labelled:
    """Return the texts of passages with their labels, as a tool policy wants them.

    Retrieved text is untrusted, whoever brought it in: it may be quoted, never obeyed.
    """
    return tuple(
        TrustSpan(
            p.chunk.text, Label.UNTRUSTED, p.chunk.chunk_id, p.chunk.span.start, p.chunk.span.end
        )
        for p in found.passages
    )
