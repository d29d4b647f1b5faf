"""What can be done with knowledge: open an index, put documents in, take them out, edit a piece.

Everything happens inside one unit of work of the caller. Whoever writes waits for others at the row of the
index, so two ingests of one source give the same as one after the other.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy.ext.asyncio import AsyncSession

from domain.errors import BadInput, Conflict
from domain.ids import Ids, stable_id
from domain.time import Clock, utc
from rag.analyse import Analyser
from rag.drafts import content_hash, embedding_text
from rag.pg_vectors import PgVectorStore
from rag.ports import Embedder, VectorStore
from rag.repository import Chunks, Documents, Indexes, Sources
from rag.tables import Chunk, KnowledgeIndex, KnowledgeVersion, Source
from rag.types import OPEN, DocumentDraft, Trust, Vectors, Written
from rag.writing import Writer

StoreOf = Callable[[AsyncSession, KnowledgeIndex], VectorStore]

#: Longest text of one chunk, in characters; a splitter that gives more has failed.
LONGEST_CHUNK = 20_000


def pgvector_store(session: AsyncSession, index: KnowledgeIndex) -> VectorStore:
    """Return the default store: the vectors of the index in PostgreSQL."""
    return PgVectorStore(session, index.no)


class KnowledgeService:
    """Writes knowledge inside one unit of work.

    Args:
        session: The open unit of work.
        ids: Where new ids come from.
        clock: Where "now" comes from.
        analyser: Makes terms.
        embedder: Makes vectors.
        store_of: Where vectors of an index are kept.
    """

    def __init__(
        self,
        session: AsyncSession,
        ids: Ids,
        clock: Clock,
        analyser: Analyser,
        embedder: Embedder,
        store_of: StoreOf = pgvector_store,
    ) -> None:
        self.session = session
        self.ids = ids
        self.clock = clock
        self.analyser = analyser
        self.embedder = embedder
        self.indexes, self.sources = Indexes(session), Sources(session)
        self.documents, self.chunks = Documents(session), Chunks(session)
        self._store_of = store_of

    async def open(self, org_id: str, namespace: str = "default") -> KnowledgeIndex:
        """Return an organisation's index, made for the present model and analyser if there is none.

        Raises:
            Conflict: `index_of_another_model` if its vectors or terms were made by others than the present ones.
        """
        index = await self.indexes.named(org_id, namespace)
        if index is None:
            await self.indexes.add_missing(
                {
                    "id": stable_id("kix", org_id, namespace),
                    "org_id": org_id,
                    "created_at": self._now(),
                    "namespace": namespace,
                    "version": 0,
                    "rebuilt_version": 0,
                    **self._makers(),
                }
            )
            index = await self.indexes.get(stable_id("kix", org_id, namespace))
        check_makers(index, self.embedder, self.analyser)
        return index

    async def add_source(
        self,
        index: KnowledgeIndex,
        *,
        kind: str,
        uri: str,
        name: str | None = None,
        trust: Trust = Trust.UNTRUSTED,
        settings: dict[str, Any] | None = None,
    ) -> Source:
        """Return the source of an index with that address, made if there is none."""
        found = await self.sources.by_uri(index.no, uri)
        if found is not None:
            return found
        return await self.sources.add(
            Source(
                id=self.ids.new("kso"),
                org_id=index.org_id,
                created_at=self._now(),
                index_no=index.no,
                kind=kind,
                name=name or uri,
                uri=uri,
                trust=str(trust),
                settings=settings or {},
            )
        )

    async def put(
        self, index: KnowledgeIndex, drafts: Sequence[DocumentDraft], *, cause: str
    ) -> Written:
        """Bring documents to what was found upstream; what is unchanged costs a comparison of hashes.

        Args:
            index: From `open`.
            drafts: Documents, at most one per source and key.
            cause: What brought them, for the history (`ingest run_…`).

        Raises:
            BadInput: if two drafts name the same document, or a chunk is empty or too long.
        """
        _check(drafts)
        # Before the lock: embedding takes seconds, and others may write meanwhile.
        changed = await self._changed(drafts)
        if not changed:
            return Written(index.version, kept=sum(len(d.chunks) for d in drafts))
        vectors = await self.embedded(await self._missing(changed))
        before = index.version
        await self.indexes.lock(index)
        if index.version != before:
            changed = await self._changed(drafts)
            more = [text for text in await self._missing(changed) if text not in vectors]
            vectors |= await self.embedded(more)
        if not changed:
            return Written(index.version, kept=sum(len(d.chunks) for d in drafts))
        version = await self._next(index, cause)
        writer = Writer(self, index, self._store_of(self.session, index), version)
        return await writer.write(changed, vectors)

    async def remove(
        self, index: KnowledgeIndex, document_ids: Sequence[str], *, cause: str
    ) -> Written:
        """Put up tombstones: the documents are found no more, except as of a version before."""
        await self.indexes.lock(index)
        documents = [await self.documents.get(document_id) for document_id in document_ids]
        here = [d for d in documents if d.gone_version == OPEN]
        if not here:
            return Written(index.version)
        version = await self._next(index, cause)
        writer = Writer(self, index, self._store_of(self.session, index), version)
        return await writer.bury(here)

    async def sweep(
        self, index: KnowledgeIndex, source_id: str, keys: Sequence[str], *, cause: str
    ) -> Written:
        """Remove the documents of a source that are not among the keys found upstream."""
        found = set(keys)
        gone = [d.id for d in await self.documents.present(source_id) if d.key not in found]
        return await self.remove(index, gone, cause=cause)

    async def edit_chunk(
        self, index: KnowledgeIndex, chunk_id: str, text: str, *, cause: str
    ) -> Chunk:
        """Replace the text of a chunk by a person's; it survives re-indexing.

        Raises:
            NotFound: if there is no such chunk.
            Conflict: `chunk_replaced` if it is not valid any more.
            BadInput: if the text is empty or too long.
        """
        _check_text(text)
        await self.indexes.lock(index)
        old = await self.chunks.get(chunk_id)
        if old.to_version != OPEN:
            raise Conflict("chunk_replaced", "This chunk has been replaced; edit the newest one.")
        document = (await self.documents.by_number([old.document_no]))[old.document_no]
        title_text = embedding_text(document.title, old.heading, text)
        vectors = await self.embedded([title_text] if self._is_embedded(old.language) else [])
        version = await self._next(index, cause)
        writer = Writer(self, index, self._store_of(self.session, index), version)
        return await writer.edit(document, old, text, vectors)

    async def preview(self, document_id: str) -> Sequence[Chunk]:
        """Return the valid chunks of a document in order, for a person to look at."""
        document = await self.documents.get(document_id)
        return (await self.chunks.live([document.no]))[document.no]

    async def reindex(self, index: KnowledgeIndex, *, cause: str = "reindex") -> Written:
        """Make all terms and vectors of the valid chunks anew, with the present model and analyser.

        What was valid before stays searchable as of its version by its words, no longer by its vectors.
        """
        await self.indexes.lock(index)
        version = await self._next(index, cause)
        for name, value in self._makers().items():
            setattr(index, name, value)
        index.rebuilt_version = version
        store = self._store_of(self.session, index)
        await store.clear()
        written = await Writer(self, index, store, version).rebuild()
        await self.session.flush()
        return written

    async def _changed(self, drafts: Sequence[DocumentDraft]) -> list[DocumentDraft]:
        known = await self.documents.states((d.source_id, d.key) for d in drafts)
        return [d for d in drafts if not _is_known(known.get((d.source_id, d.key)), d)]

    async def _missing(self, changed: Sequence[DocumentDraft]) -> list[str]:
        """Return the texts of changed documents that will need a vector."""
        if not changed:
            return []
        documents = await self.documents.states((d.source_id, d.key) for d in changed)
        known = await self.chunks.known([no for no, _, _ in documents.values()])
        texts = []
        for draft in changed:
            document = documents.get((draft.source_id, draft.key))
            before = known[document[0]] if document else []
            texts.extend(Writer.texts_to_embed(draft, before, self._is_embedded))
        return texts

    async def embedded(self, texts: Sequence[str]) -> dict[str, Vectors]:
        """Return the vector of each text."""
        unique = list(dict.fromkeys(texts))
        if not unique:
            return {}
        # The model computes for seconds: others go on meanwhile.
        vectors = await asyncio.to_thread(self.embedder.embed, unique)
        return dict(zip(unique, vectors, strict=True))

    async def _next(self, index: KnowledgeIndex, cause: str) -> int:
        index.version += 1
        await self.session.flush()
        self.session.add(
            KnowledgeVersion(
                id=self.ids.new("kve"),
                org_id=index.org_id,
                created_at=self._now(),
                index_no=index.no,
                version=index.version,
                cause=cause[:200],
            )
        )
        return index.version

    def _makers(self) -> dict[str, Any]:
        return {
            "embedding_model": self.embedder.model_id,
            "embedding_languages": list(self.embedder.languages),
            "analyser_id": self.analyser.id,
        }

    def _is_embedded(self, language: str) -> bool:
        return language in self.embedder.languages

    def _now(self) -> datetime:
        return utc(self.clock.now_ms())


def check_makers(index: KnowledgeIndex, embedder: Embedder, analyser: Analyser) -> None:
    """Raise `Conflict` unless the index was made by the present model and analyser."""
    for stored, present in (
        (index.embedding_model, embedder.model_id),
        (index.analyser_id, analyser.id),
    ):
        if stored != present:
            raise Conflict(
                "index_of_another_model",
                f"The index {index.namespace!r} was made with {stored} and this installation has {present}: "
                f"run `parley rag reindex --namespace {index.namespace}`.",
                stored=stored,
                present=present,
            )


def _is_known(state: tuple[int, str, int] | None, draft: DocumentDraft) -> bool:
    return state is not None and state[1:] == (content_hash(draft), OPEN)


def _check(drafts: Sequence[DocumentDraft]) -> None:
    if len({(d.source_id, d.key) for d in drafts}) < len(drafts):
        raise BadInput("document_twice", "Two of the documents have the same source and key.")
    for draft in drafts:
        for piece in draft.chunks:
            _check_text(piece.text)


def _check_text(text: str) -> None:
    if not text.strip() or len(text) > LONGEST_CHUNK or "\x00" in text:
        raise BadInput(
            "bad_chunk",
            f"A chunk must have 1 to {LONGEST_CHUNK:,} characters and no zero bytes.",
        )
