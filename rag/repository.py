"""Queries of the knowledge store. None commits; all stay within one index, whoever asks."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

import numpy as np
from sqlalchemy import (
    Integer,
    bindparam,
    func,
    insert,
    literal_column,
    select,
    text,
    tuple_,
    update,
)
from sqlalchemy.dialects.postgresql import insert as upsert

from rag.drafts import Known
from rag.segments import Rows
from rag.tables import (
    Chunk,
    ChunkPostings,
    Document,
    DocumentVersion,
    KnowledgeIndex,
    KnowledgeVersion,
    Source,
)
from rag.types import OPEN, ChunkText, Filter, Numbers, Span, Trust
from storage.base import Repository

#: Spelled out, never a parameter: a prepared statement that is planned once for all values cannot know that a
#: partial index holds every row it asks for, and reads the whole table instead.
STILL_OPEN = literal_column(str(OPEN), Integer)

#: Rows read at a time into the in-process index.
_SLAB = 50_000

#: Columns of a chunk with its document: those named first become fields of the same name.
_TEXT_NAMES = (
    "no", "chunk_id", "text", "language", "from_version", "edited",
    "document_id", "source_id", "key", "title", "fields", "campaign_id",
)  # fmt: skip
_TEXT_COLUMNS = (
    Chunk.no, Chunk.id, Chunk.text, Chunk.language, Chunk.from_version, Chunk.edited,
    Document.id, Document.source_id, Document.key, Document.title, Document.fields, Document.campaign_id,
    Chunk.heading, Chunk.span_start, Chunk.span_end, Document.trust,
)  # fmt: skip

_COLUMNS = text(
    """
    SELECT count(*) AS chunks, max(chunk_no) AS last,
        string_agg(int8send(chunk_no), ''::bytea ORDER BY chunk_no) AS no,
        string_agg(int8send(document_no), ''::bytea ORDER BY chunk_no) AS document_no,
        string_agg(int8send(from_version), ''::bytea ORDER BY chunk_no) AS from_version,
        string_agg(int8send(to_version), ''::bytea ORDER BY chunk_no) AS to_version,
        string_agg(int8send(language), ''::bytea ORDER BY chunk_no) AS language,
        string_agg(int8send(body_length), ''::bytea ORDER BY chunk_no) AS body_length,
        string_agg(int8send(title_length), ''::bytea ORDER BY chunk_no) AS title_length,
        string_agg(int8send(grams_length), ''::bytea ORDER BY chunk_no) AS grams_length,
        string_agg(int8send(length(body) / 10), ''::bytea ORDER BY chunk_no) AS body_count,
        string_agg(int8send(length(title) / 10), ''::bytea ORDER BY chunk_no) AS title_count,
        string_agg(int8send(length(grams) / 10), ''::bytea ORDER BY chunk_no) AS grams_count,
        string_agg(body, ''::bytea ORDER BY chunk_no) AS body,
        string_agg(title, ''::bytea ORDER BY chunk_no) AS title,
        string_agg(grams, ''::bytea ORDER BY chunk_no) AS grams
    FROM (
        SELECT * FROM knowledge_postings
        WHERE index_no = :index_no AND from_version > :since AND chunk_no > :after
        ORDER BY chunk_no LIMIT :slab
    ) AS slab
    """
)


class Indexes(Repository[KnowledgeIndex]):
    """Knowledge indexes and their versions."""

    row, prefix = KnowledgeIndex, "kix"

    async def named(self, org_id: str, namespace: str) -> KnowledgeIndex | None:
        """Return an organisation's index by name."""
        found: KnowledgeIndex | None = await self.session.scalar(
            select(KnowledgeIndex).where(
                KnowledgeIndex.org_id == org_id, KnowledgeIndex.namespace == namespace
            )
        )
        return found

    async def numbered(self, index_no: int) -> KnowledgeIndex | None:
        """Return the index of that number, if it is the caller's."""
        found: KnowledgeIndex | None = await self.session.scalar(
            select(KnowledgeIndex).where(KnowledgeIndex.no == index_no)
        )
        return found

    async def add_missing(self, row: dict[str, Any]) -> None:
        """Insert an index unless the organisation has one of that name."""
        await self.session.execute(upsert(KnowledgeIndex).values(row).on_conflict_do_nothing())

    async def lock(self, index: KnowledgeIndex) -> None:
        """Wait until no other writer works on the index, and read its version anew."""
        await self.session.refresh(index, with_for_update=True)

    async def version_at(self, index_no: int, moment: datetime) -> int:
        """Return the knowledge version that was current at a moment; 0 before the first."""
        found = await self.session.scalar(
            select(func.max(KnowledgeVersion.version)).where(
                KnowledgeVersion.index_no == index_no, KnowledgeVersion.created_at <= moment
            )
        )
        return int(found or 0)


class Sources(Repository[Source]):
    """Sources."""

    row, prefix = Source, "kso"

    async def by_uri(self, index_no: int, uri: str) -> Source | None:
        """Return the source of an index with that address."""
        found: Source | None = await self.session.scalar(
            select(Source).where(Source.index_no == index_no, Source.uri == uri)
        )
        return found


class Documents(Repository[Document]):
    """Documents and their versions."""

    row, prefix = Document, "doc"

    async def by_keys(self, keys: Iterable[tuple[str, str]]) -> dict[tuple[str, str], Document]:
        """Return the documents with those (source id, key), with what has been changed meanwhile."""
        query = select(Document).where(tuple_(Document.source_id, Document.key).in_(list(keys)))
        rows = await self.session.scalars(query.execution_options(populate_existing=True))
        return {(row.source_id, row.key): row for row in rows}

    async def states(
        self, keys: Iterable[tuple[str, str]]
    ) -> dict[tuple[str, str], tuple[int, str, int]]:
        """Return (number, content hash, gone version) of the documents with those (source id, key)."""
        wanted: dict[str, list[str]] = {}
        for source_id, key in keys:
            wanted.setdefault(source_id, []).append(key)
        found = {}
        columns = (Document.key, Document.no, Document.content_hash, Document.gone_version)
        for source_id, names in wanted.items():
            query = select(*columns).where(Document.source_id == source_id, Document.key.in_(names))
            for key, no, hash_, gone in await self.session.execute(query):
                found[source_id, key] = (no, hash_, gone)
        return found

    async def present(self, source_id: str) -> Sequence[Document]:
        """Return the documents of a source that have not vanished, by key."""
        query = select(Document).where(
            Document.source_id == source_id, Document.gone_version == OPEN
        )
        return (await self.session.scalars(query.order_by(Document.key))).all()

    async def page(
        self, index_no: int, source_id: str | None, after: str, limit: int
    ) -> Sequence[Document]:
        """Return the documents of an index that have not vanished, of all sources or of one, by id."""
        query = select(Document).where(
            Document.index_no == index_no, Document.gone_version == OPEN, Document.id > after
        )
        if source_id is not None:
            query = query.where(Document.source_id == source_id)
        return (await self.session.scalars(query.order_by(Document.id).limit(limit))).all()

    async def by_number(self, nos: Iterable[int]) -> dict[int, Document]:
        """Return documents by their numbers."""
        rows = await self.session.scalars(select(Document).where(Document.no.in_(list(nos))))
        return {row.no: row for row in rows}

    async def numbers(self, index_no: int, filter: Filter) -> Numbers:
        """Return the numbers of the documents of an index that pass a filter, sorted."""
        query = select(func.array_agg(Document.no)).where(
            Document.index_no == index_no, *document_conditions(filter)
        )
        return np.sort(np.array(await self.session.scalar(query) or [], np.int64))

    async def close_versions(self, document_ids: Sequence[str], version: int) -> None:
        """End the versions of documents that are open."""
        await self.session.execute(
            update(DocumentVersion)
            .where(
                DocumentVersion.document_id.in_(document_ids), DocumentVersion.to_version == OPEN
            )
            .values(to_version=version)
        )

    async def version_of(self, document_id: str, as_of: int) -> DocumentVersion | None:
        """Return what a document was in a knowledge version."""
        found: DocumentVersion | None = await self.session.scalar(
            select(DocumentVersion).where(
                DocumentVersion.document_id == document_id,
                DocumentVersion.from_version <= as_of,
                DocumentVersion.to_version > as_of,
            )
        )
        return found


class Chunks(Repository[Chunk]):
    """Chunks and their postings."""

    row, prefix = Chunk, "chk"

    async def live(self, document_nos: Sequence[int]) -> dict[int, list[Chunk]]:
        """Return the valid chunks of documents, in order, by document number."""
        found: dict[int, list[Chunk]] = {no: [] for no in document_nos}
        query = (
            select(Chunk)
            .where(Chunk.document_no.in_(document_nos), Chunk.to_version == OPEN)
            .order_by(Chunk.document_no, Chunk.ordinal, Chunk.no)
            .execution_options(populate_existing=True)
        )
        for chunk in await self.session.scalars(query):
            found[chunk.document_no].append(chunk)
        return found

    async def known(self, document_nos: Sequence[int]) -> dict[int, list[Known]]:
        """Return the valid chunks of documents without their texts, in order, by document number."""
        found: dict[int, list[Known]] = {no: [] for no in document_nos}
        columns = (
            Chunk.no,
            Chunk.ordinal,
            Chunk.hash,
            Chunk.span_start,
            Chunk.span_end,
            Chunk.edited,
            Chunk.edit_of,
        )
        query = (
            select(Chunk.document_no, *columns)
            .where(Chunk.document_no.in_(document_nos), Chunk.to_version == OPEN)
            .order_by(Chunk.document_no, Chunk.ordinal, Chunk.no)
        )
        rows: Iterable[Sequence[Any]] = await self.session.execute(query)
        for document_no, *values in rows:
            found[document_no].append(Known(*values))
        return found

    async def insert(self, rows: list[dict[str, Any]]) -> dict[str, int]:
        """Insert chunks; return their numbers by id."""
        if not rows:
            return {}
        found = await self.session.execute(insert(Chunk).returning(Chunk.id, Chunk.no), rows)
        return {chunk_id: no for chunk_id, no in found}

    async def insert_postings(self, rows: list[dict[str, Any]]) -> None:
        """Insert postings."""
        if rows:
            await self.session.execute(insert(ChunkPostings), rows)

    async def retire(self, nos: Sequence[int], version: int) -> None:
        """End the validity of chunks."""
        for table in (Chunk, ChunkPostings):
            key = Chunk.no if table is Chunk else ChunkPostings.chunk_no
            await self.session.execute(update(table).where(key.in_(nos)).values(to_version=version))

    async def move(self, places: list[dict[str, int]]) -> None:
        """Note new places of unchanged chunks: `place_of`, `ordinal`, `span_start`, `span_end`."""
        if places:
            statement = update(Chunk).where(Chunk.no == bindparam("place_of"))
            connection = await self.session.connection()
            await connection.execute(
                statement.values(
                    {
                        name: bindparam(f"new_{name}")
                        for name in ("ordinal", "span_start", "span_end")
                    }
                ),
                places,
            )

    async def mark_outdated(self, nos: Sequence[int]) -> None:
        """Mark edited chunks whose original has changed."""
        if nos:
            await self.session.execute(update(Chunk).where(Chunk.no.in_(nos)).values(outdated=True))

    async def page(self, index_no: int, before: int, after: int, limit: int) -> Sequence[Chunk]:
        """Return valid chunks of an index from before a version, by number, after a number."""
        query = select(Chunk).where(
            Chunk.index_no == index_no,
            Chunk.to_version == OPEN,
            Chunk.from_version < before,
            Chunk.no > after,
        )
        return (await self.session.scalars(query.order_by(Chunk.no).limit(limit))).all()

    async def texts(self, index_no: int, nos: Sequence[int], filter: Filter) -> list[ChunkText]:
        """Return chunks with what is needed to cite them; those that do not pass the filter are left out."""
        query = (
            select(*_TEXT_COLUMNS)
            .join(Document, Document.no == Chunk.document_no)
            .where(
                Chunk.index_no == index_no,
                Chunk.no.in_(nos),
                *visible(Chunk.from_version, Chunk.to_version, filter),
                *document_conditions(filter),
            )
        )
        if filter.languages:
            query = query.where(Chunk.language.in_(filter.languages))
        return [_chunk_text(*row) for row in await self.session.execute(query)]

    async def postings(self, nos: Sequence[int]) -> dict[int, tuple[int, bytes]]:
        """Return length and packed body terms of chunks, by number."""
        query = select(ChunkPostings.chunk_no, ChunkPostings.body_length, ChunkPostings.body)
        rows = await self.session.execute(query.where(ChunkPostings.chunk_no.in_(nos)))
        return {no: (length, body) for no, length, body in rows}

    async def rows_since(self, index_no: int, version: int, after: int = 0) -> Rows | None:
        """Return a slab of the index rows that came after a version, by number; None when there are no more."""
        found = await self.session.execute(
            _COLUMNS, {"index_no": index_no, "since": version, "after": after, "slab": _SLAB}
        )
        row = found.mappings().one()
        if not row["chunks"]:
            return None
        column = {
            name: np.frombuffer(row[name], ">i8").astype(np.int64)
            for name in row
            if name not in ("chunks", "last", "body", "title", "grams")
        }
        return Rows(
            column["no"], column["document_no"], column["from_version"], column["to_version"],
            column["language"],
            (column["body_length"], column["title_length"], column["grams_length"]),
            (column["body_count"], column["title_count"], column["grams_count"]),
            (row["body"], row["title"], row["grams"]),
        )  # fmt: skip

    async def retired_since(self, index_no: int, version: int) -> dict[int, int]:
        """Return number → end of the chunks whose validity ended after a version."""
        rows = await self.session.execute(
            select(ChunkPostings.chunk_no, ChunkPostings.to_version).where(
                ChunkPostings.index_no == index_no,
                ChunkPostings.to_version > version,
                ChunkPostings.to_version < STILL_OPEN,
            )
        )
        return {no: end for no, end in rows}


def visible(from_version: Any, to_version: Any, filter: Filter) -> list[Any]:
    """Return the conditions that rows are valid in the knowledge version a filter names."""
    if filter.as_of is None:
        return [to_version == STILL_OPEN]
    return [from_version <= filter.as_of, to_version > filter.as_of]


def document_conditions(filter: Filter) -> list[Any]:
    """Return what a filter asks of documents, as SQL conditions."""
    conditions: list[Any] = []
    for column, values in (
        (Document.id, filter.document_ids),
        (Document.source_id, filter.source_ids),
        (Document.trust, [str(label) for label in filter.trust]),
        (Document.campaign_id, filter.campaign_ids),
    ):
        if values:
            conditions.append(column.in_(values))
    if filter.since is not None:
        conditions.append(Document.dated_at >= filter.since)
    if filter.until is not None:
        conditions.append(Document.dated_at < filter.until)
    if filter.metadata:
        conditions.append(Document.metadata_.contains(filter.metadata))
    return conditions


def _chunk_text(*row: Any) -> ChunkText:
    *plain, heading, start, end, trust = row
    values = dict(zip(_TEXT_NAMES, plain, strict=True))
    return ChunkText(heading=tuple(heading), span=Span(start, end), trust=Trust(trust), **values)
