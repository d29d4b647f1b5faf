"""How a change of knowledge is written: rows of documents, chunks, postings and vectors of one version."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any

import msgspec

from domain.time import to_ms, utc
from rag.drafts import (
    Change,
    Known,
    chunk_hash,
    content_hash,
    difference,
    embedding_text,
    language_of_draft,
)
from rag.ports import VectorItem, VectorStore
from rag.postings import pack_chunk
from rag.tables import Chunk, Document, DocumentVersion, KnowledgeIndex
from rag.types import OPEN, DocumentDraft, Vectors, Written, language_number

if TYPE_CHECKING:
    from rag.service import KnowledgeService

#: Chunks whose vectors are made anew at a time.
_BATCH = 500


class Writer:
    """Writes the changes of one knowledge version.

    Args:
        service: Whose session, ids and analyser are used.
        index: Index, locked.
        store: Its vectors.
        version: The version that the changes make.
    """

    def __init__(
        self,
        service: KnowledgeService,
        index: KnowledgeIndex,
        store: VectorStore,
        version: int,
    ) -> None:
        self._service = service
        self._index = index
        self._store = store
        self._version = version

    @staticmethod
    def texts_to_embed(
        draft: DocumentDraft, known: Sequence[Known], is_embedded: Callable[[str], bool]
    ) -> list[str]:
        """Return the texts of a draft that need a vector."""
        return [
            embedding_text(draft.title, piece.heading, piece.text)
            for _, piece, _ in difference(draft, known).add
            if is_embedded(language_of_draft(draft, piece.text))
        ]

    async def write(
        self, drafts: Sequence[DocumentDraft], vectors: Mapping[str, Vectors]
    ) -> Written:
        """Bring documents to their drafts."""
        documents = self._service.documents
        known = await documents.by_keys((d.source_id, d.key) for d in drafts)
        chunks_known = await self._service.chunks.known([d.no for d in known.values()])
        before = {d.id: chunks_known[d.no] for d in known.values()}
        await documents.close_versions([d.id for d in known.values()], self._version)
        rows = [self._document(draft, known.get((draft.source_id, draft.key))) for draft in drafts]
        self._service.session.add_all(rows)
        await self._service.session.flush()
        self._service.session.add_all(
            self._document_version(row, draft) for row, draft in zip(rows, drafts, strict=True)
        )
        changes = [
            difference(draft, before.get(row.id, []))
            for row, draft in zip(rows, drafts, strict=True)
        ]
        await self._retire([no for change in changes for no in change.retire])
        await self._keep(changes)
        chunks = [
            (row, self._chunk(row, draft, place, hash_))
            for row, draft, change in zip(rows, drafts, changes, strict=True)
            for place, _, hash_ in change.add
        ]
        await self._add(chunks, vectors)
        return Written(
            self._version,
            documents=len(drafts),
            added=len(chunks),
            kept=sum(len(change.keep) for change in changes),
            retired=sum(len(change.retire) for change in changes),
            outdated_edits=sum(len(change.outdated) for change in changes),
        )

    async def bury(self, documents: Sequence[Document]) -> Written:
        """Put up tombstones for documents; edits go with them."""
        live = await self._service.chunks.known([d.no for d in documents])
        nos = [chunk.no for chunks in live.values() for chunk in chunks]
        await self._retire(nos)
        await self._service.documents.close_versions([d.id for d in documents], self._version)
        for document in documents:
            document.gone_version = self._version
        await self._service.session.flush()
        return Written(self._version, documents=len(documents), retired=len(nos))

    async def edit(
        self, document: Document, old: Chunk, text: str, vectors: Mapping[str, Vectors]
    ) -> Chunk:
        """Put a person's text in the place of a chunk."""
        row = {
            **_copied(old),
            "id": self._service.ids.new("chk"),
            "created_at": self._now(),
            "text": text,
            "hash": chunk_hash(document.title, old.heading, text, document.fields),
            "edited": True,
            "edit_of": old.edit_of if old.edited else old.hash,
            "outdated": False,
            "from_version": self._version,
            "to_version": OPEN,
        }
        await self._retire([old.no])
        await self._add([(document, row)], vectors)
        return await self._service.chunks.get(row["id"])

    async def rebuild(self) -> Written:
        """Make terms and vectors of all valid chunks anew, as chunks of this version."""
        done, after = 0, 0
        while page := await self._service.chunks.page(self._index.no, self._version, after, _BATCH):
            after = page[-1].no
            documents = await self._service.documents.by_number({c.document_no for c in page})
            pairs = [
                (
                    documents[chunk.document_no],
                    {
                        **_copied(chunk),
                        "id": self._service.ids.new("chk"),
                        "created_at": self._now(),
                        "from_version": self._version,
                        "to_version": OPEN,
                    },
                )
                for chunk in page
            ]
            texts = [
                embedding_text(document.title, row["heading"], row["text"])
                for document, row in pairs
                if row["language"] in self._service.embedder.languages
            ]
            await self._retire([chunk.no for chunk in page])
            await self._add(pairs, await self._service.embedded(texts))
            done += len(page)
        return Written(self._version, added=done, retired=done)

    async def _retire(self, nos: Sequence[int]) -> None:
        if nos:
            await self._service.chunks.retire(nos, self._version)
            await self._store.retire(nos, self._version)

    async def _keep(self, changes: Sequence[Change]) -> None:
        moved = [
            {
                "place_of": chunk.no,
                "new_ordinal": place,
                "new_span_start": piece.span.start,
                "new_span_end": piece.span.end,
            }
            for change in changes
            for chunk, place, piece in change.keep
            if (chunk.ordinal, chunk.span_start, chunk.span_end)
            != (place, piece.span.start, piece.span.end)
        ]
        await self._service.chunks.move(moved)
        await self._service.chunks.mark_outdated(
            [no for change in changes for no in change.outdated]
        )

    async def _add(
        self,
        chunks: Sequence[tuple[Document, dict[str, Any]]],
        vectors: Mapping[str, Vectors],
    ) -> None:
        numbers = await self._service.chunks.insert([row for _, row in chunks])
        postings, items = [], []
        for document, row in chunks:
            no = numbers[row["id"]]
            postings.append(self._postings(document, row, no))
            vector = vectors.get(embedding_text(document.title, row["heading"], row["text"]))
            if vector is not None:
                items.append(self._vector(document, row, no, vector))
        await self._service.chunks.insert_postings(postings)
        await self._store.put(items)

    def _document(self, draft: DocumentDraft, row: Document | None) -> Document:
        if row is None:
            row = Document(
                id=self._service.ids.new("doc"),
                org_id=self._index.org_id,
                created_at=self._now(),
                index_no=self._index.no,
                source_id=draft.source_id,
                key=draft.key,
                revision=0,
                dated_at=self._now(),
            )
        row.title, row.trust, row.fields = draft.title, str(draft.trust), dict(draft.fields)
        row.language = language_of_draft(
            draft, draft.title + " ".join(c.text for c in draft.chunks[:3])
        )
        row.content_hash, row.object_key = content_hash(draft), draft.object_key
        row.metadata_, row.campaign_id = dict(draft.metadata), draft.campaign_id
        row.dated_at = draft.published_at or row.dated_at
        row.revision += 1
        row.gone_version = OPEN
        return row

    def _document_version(self, row: Document, draft: DocumentDraft) -> DocumentVersion:
        return DocumentVersion(
            id=self._service.ids.new("dov"),
            org_id=row.org_id,
            created_at=self._now(),
            document_id=row.id,
            index_no=self._index.no,
            revision=row.revision,
            content_hash=row.content_hash,
            title=row.title,
            object_key=row.object_key,
            signals=draft.signals,
            from_version=self._version,
        )

    def _chunk(self, row: Document, draft: DocumentDraft, place: int, hash_: str) -> dict[str, Any]:
        piece = draft.chunks[place]
        return {
            "id": self._service.ids.new("chk"),
            "org_id": row.org_id,
            "created_at": self._now(),
            "index_no": self._index.no,
            "document_no": row.no,
            "ordinal": place,
            "hash": hash_,
            "heading": list(piece.heading),
            "span_start": piece.span.start,
            "span_end": piece.span.end,
            "language": language_of_draft(draft, piece.text),
            "text": piece.text,
            "edited": False,
            "edit_of": None,
            "outdated": False,
            "from_version": self._version,
            "to_version": OPEN,
        }

    def _postings(self, document: Document, row: dict[str, Any], no: int) -> dict[str, Any]:
        body, title, grams = pack_chunk(
            self._service.analyser, document.title, row["heading"], row["text"], document.fields
        )
        return {
            "chunk_no": no,
            "index_no": self._index.no,
            "document_no": document.no,
            "language": language_number(row["language"]),
            "from_version": self._version,
            "to_version": OPEN,
            "body_length": body.length,
            "title_length": title.length,
            "grams_length": grams.length,
            "body": body.records,
            "title": title.records,
            "grams": grams.records,
        }

    def _vector(
        self, document: Document, row: dict[str, Any], no: int, vector: Vectors
    ) -> VectorItem:
        return VectorItem(
            no=no,
            document_no=document.no,
            vector=tuple(vector.tolist()),
            language=row["language"],
            source_id=document.source_id,
            document_id=document.id,
            trust=document.trust,
            from_version=self._version,
            to_version=OPEN,
            dated_ms=to_ms(document.dated_at),
            campaign_id=document.campaign_id,
            metadata={
                k: v
                for k, v in document.metadata_.items()
                if isinstance(v, str | int | float | bool)
            },
        )

    def _now(self) -> datetime:
        return utc(self._service.clock.now_ms())


def _copied(chunk: Chunk) -> dict[str, Any]:
    names = (
        "org_id", "index_no", "document_no", "ordinal", "hash", "heading", "span_start", "span_end",
        "language", "text", "edited", "edit_of", "outdated",
    )  # fmt: skip
    return {name: msgspec.to_builtins(getattr(chunk, name)) for name in names}
