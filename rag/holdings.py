"""What is searched: an index in the database, or one held in memory for evaluation."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Protocol

import numpy as np
from sqlalchemy.ext.asyncio import AsyncSession

from domain.errors import NotFound
from rag.analyse import Analyser
from rag.cache import IndexCache
from rag.drafts import embedding_text, language_of_draft
from rag.lexical import LexicalIndex, Scope
from rag.likeness import copies_of
from rag.ports import Embedder, VectorStore
from rag.postings import Packed, Query, pack_chunk
from rag.repository import Chunks, Documents, Indexes
from rag.segments import Rows
from rag.service import StoreOf, check_makers, pgvector_store
from rag.tables import KnowledgeIndex
from rag.types import (
    OPEN,
    ChunkText,
    DocumentDraft,
    Filter,
    Hit,
    Trust,
    language_number,
)


class Library(Protocol):
    """The legs of a search over one index at one version."""

    lexical: LexicalIndex

    async def find(self, query: Query, k: int, filter: Filter) -> list[Hit]:
        """Return the k best chunks by their words."""
        ...

    async def nearest(self, vector: Sequence[float], k: int, filter: Filter) -> list[Hit]:
        """Return the k nearest chunks by their vectors."""
        ...

    async def postings(self, nos: Sequence[int]) -> dict[int, tuple[int, bytes]]:
        """Return tokens and packed words of chunks."""
        ...

    async def texts(self, nos: Sequence[int], filter: Filter) -> dict[int, ChunkText]:
        """Return the texts of those chunks that pass the filter."""
        ...


class StoredLibrary:
    """An index in the database, inside one unit of work of its tenant.

    Args:
        session: The open unit of work.
        index: The index.
        lexical: Its in-process cache.
        store: Its vectors.
    """

    def __init__(
        self,
        session: AsyncSession,
        index: KnowledgeIndex,
        lexical: LexicalIndex,
        store: VectorStore,
    ) -> None:
        self.index = index
        self.lexical = lexical
        self._store = store
        self._session = session
        self._chunks, self._documents = Chunks(session), Documents(session)
        self._scoped: tuple[Filter, Scope] | None = None

    async def find(self, query: Query, k: int, filter: Filter) -> list[Hit]:
        """Return the k best chunks by their words."""
        scope = await self._scope(filter)
        return await asyncio.to_thread(self.lexical.search, query, k, scope)

    async def nearest(self, vector: Sequence[float], k: int, filter: Filter) -> list[Hit]:
        """Return the k nearest chunks by their vectors."""
        among = self.lexical.count(await self._scope(filter))
        return await self._store.nearest(vector, k, filter, among)

    async def postings(self, nos: Sequence[int]) -> dict[int, tuple[int, bytes]]:
        """Return tokens and packed words of chunks."""
        return await self._chunks.postings(nos)

    async def texts(self, nos: Sequence[int], filter: Filter) -> dict[int, ChunkText]:
        """Return the texts of those chunks that pass the filter: the database has the last word."""
        return {text.no: text for text in await self._chunks.texts(self.index.no, nos, filter)}

    async def copies(self, nos: Sequence[int], filter: Filter) -> dict[int, list[ChunkText]]:
        """Return the other chunks that say the same as those, by chunk number."""
        return await copies_of(self._session, self.index.no, nos, filter)

    async def _scope(self, filter: Filter) -> Scope:
        # The legs of one search ask with one and the same filter.
        if self._scoped is None or self._scoped[0] is not filter:
            numbers = None
            if filter.by_document:
                numbers = await self._documents.numbers(self.index.no, filter)
            languages = tuple(map(language_number, filter.languages))
            self._scoped = (filter, Scope(filter.as_of, numbers, languages))
        return self._scoped[1]


async def open_library(
    session: AsyncSession,
    org_id: str,
    namespace: str,
    cache: IndexCache,
    embedder: Embedder | None,
    analyser: Analyser,
    store_of: StoreOf = pgvector_store,
) -> StoredLibrary:
    """Open an organisation's index for searching.

    Raises:
        NotFound: `index_unknown` if it has none of that name.
        Conflict: `index_of_another_model` if it was made by another model or analyser.
    """
    index = await Indexes(session).named(org_id, namespace)
    if index is None:
        raise NotFound(
            "index_unknown", f"There is no knowledge in {namespace!r} yet; ingest something first."
        )
    if embedder is not None:
        check_makers(index, embedder, analyser)
    lexical = await cache.get(session, index)
    return StoredLibrary(session, index, lexical, store_of(session, index))


class MemoryLibrary:
    """Documents held in memory: the same analyser, index and scores, exact vectors, no database.

    Args:
        drafts: Documents.
        analyser: Makes terms.
        embedder: Makes vectors; None leaves the dense leg empty.
    """

    def __init__(
        self, drafts: Sequence[DocumentDraft], analyser: Analyser, embedder: Embedder | None
    ) -> None:
        self._texts = _texts_of(drafts)
        streams = [pack_chunk(analyser, t.title, t.heading, t.text, t.fields) for t in self._texts]
        self._packed = [stream[0] for stream in streams]
        self.lexical = LexicalIndex().updated(1, _rows(self._texts, streams))
        known = [
            i for i, t in enumerate(self._texts) if embedder and t.language in embedder.languages
        ]
        self._numbers = np.array([self._texts[i].no for i in known], np.int64)
        self._vectors = np.zeros((0, 1), np.float32)
        if embedder is not None and known:
            self._vectors = embedder.embed(
                [
                    embedding_text(t.title, t.heading, t.text)
                    for t in map(self._texts.__getitem__, known)
                ]
            )

    async def find(self, query: Query, k: int, filter: Filter) -> list[Hit]:
        """Return the k best chunks by their words."""
        return self.lexical.search(query, k)

    async def nearest(self, vector: Sequence[float], k: int, filter: Filter) -> list[Hit]:
        """Return the k nearest chunks by their vectors."""
        if not len(self._vectors):
            return []
        scores = self._vectors @ np.asarray(vector, np.float32)
        best = np.lexsort((self._numbers, -scores))[:k]
        return [Hit(int(self._numbers[i]), float(scores[i])) for i in best]

    async def postings(self, nos: Sequence[int]) -> dict[int, tuple[int, bytes]]:
        """Return tokens and packed words of chunks."""
        return {no: (self._packed[no - 1].length, self._packed[no - 1].records) for no in nos}

    async def texts(self, nos: Sequence[int], filter: Filter) -> dict[int, ChunkText]:
        """Return texts."""
        return {no: self._texts[no - 1] for no in nos}


def _texts_of(drafts: Sequence[DocumentDraft]) -> list[ChunkText]:
    out: list[ChunkText] = []
    for draft in drafts:
        for piece in draft.chunks:
            out.append(
                ChunkText(
                    no=len(out) + 1,
                    chunk_id=f"{draft.key}#{len(out) + 1}",
                    document_id=draft.key,
                    source_id=draft.source_id,
                    key=draft.key,
                    title=draft.title,
                    text=piece.text,
                    heading=piece.heading,
                    span=piece.span,
                    language=language_of_draft(draft, piece.text),
                    trust=Trust(draft.trust),
                    from_version=1,
                    fields=draft.fields,
                )
            )
    return out


def _rows(texts: Sequence[ChunkText], streams: Sequence[tuple[Packed, Packed, Packed]]) -> Rows:
    numbers = np.array([text.no for text in texts], np.int64)
    columns = list(zip(*streams, strict=True)) if streams else [(), (), ()]
    return Rows(
        numbers,
        numbers,
        np.ones(len(texts), np.int64),
        np.full(len(texts), OPEN, np.int64),
        np.array([language_number(text.language) for text in texts], np.int64),
        tuple(np.array([p.length for p in column], np.int64) for column in columns),
        tuple(np.array([len(p.records) // 10 for p in column], np.int64) for column in columns),
        tuple(b"".join(p.records for p in column) for column in columns),
    )
