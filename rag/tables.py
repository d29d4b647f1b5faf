"""Tables of the knowledge store.

A document is one thing upstream; its versions say what was found when. Chunks, postings and vectors carry the
knowledge versions they are valid in, so that a search "as of" a version finds what was known then. Postings and
vectors stand apart from the text: what is scanned stays narrow.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from pgvector.sqlalchemy import Vector
from sqlalchemy import BigInteger, ForeignKey, Identity, Index, Integer, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from rag.types import DIMENSIONS, OPEN
from storage.base import Base, TenantRow

_STILL_OPEN = text(f"to_version = {OPEN}")


class KnowledgeIndex(TenantRow):
    """What one organisation knows under one name, and how it is indexed.

    Attributes:
        no: Its number in the narrow tables.
        version: Knowledge version; every change makes the next one. Writers queue at this row.
        rebuilt_version: Version at which terms and vectors were last made anew; older caches are worthless.
        embedding_model, embedding_languages: Whose vectors it holds, and which languages that model knows.
        analyser_id: Which analyser made its terms.
    """

    __tablename__ = "knowledge_indexes"
    __table_args__ = (UniqueConstraint("org_id", "namespace"), UniqueConstraint("no"))

    no: Mapped[int] = mapped_column(Integer, Identity(always=True))
    namespace: Mapped[str]
    version: Mapped[int] = mapped_column(Integer, default=0)
    rebuilt_version: Mapped[int] = mapped_column(Integer, default=0)
    embedding_model: Mapped[str]
    embedding_languages: Mapped[list[str]]
    analyser_id: Mapped[str]


class KnowledgeVersion(TenantRow):
    """When a knowledge version came to be, and through what."""

    __tablename__ = "knowledge_versions"
    __table_args__ = (UniqueConstraint("index_no", "version"),)

    index_no: Mapped[int] = mapped_column(Integer)
    version: Mapped[int] = mapped_column(Integer)
    cause: Mapped[str]


class Source(TenantRow):
    """Where knowledge comes from: an upload, an address, a feed, a folder of the object store.

    Attributes:
        kind: upload | url | feed | prefix | export | note.
        trust: Label of what is read from it, see `Trust`.
        status: active | removed.
    """

    __tablename__ = "knowledge_sources"
    __table_args__ = (UniqueConstraint("index_no", "uri"),)

    index_no: Mapped[int] = mapped_column(Integer)
    kind: Mapped[str]
    name: Mapped[str]
    uri: Mapped[str]
    trust: Mapped[str]
    status: Mapped[str] = mapped_column(default="active")
    settings: Mapped[dict[str, Any]] = mapped_column(default=dict)


class Document(TenantRow):
    """One thing upstream, as it is now.

    Attributes:
        no: Its number in the narrow tables.
        key: Its name within the source.
        content_hash: Of everything that is indexed; the same hash is not indexed again.
        revision: Counts its versions from 1.
        dated_at: When upstream says it was written, else when it was first seen.
        gone_version: Knowledge version at which it vanished upstream; `OPEN` while it is there.
    """

    __tablename__ = "knowledge_documents"
    __table_args__ = (
        UniqueConstraint("source_id", "key"),
        UniqueConstraint("no"),
        Index("ix_knowledge_documents_index_no", "index_no"),
    )

    no: Mapped[int] = mapped_column(BigInteger, Identity(always=True))
    index_no: Mapped[int] = mapped_column(Integer)
    source_id: Mapped[str] = mapped_column(ForeignKey("knowledge_sources.id"))
    key: Mapped[str]
    title: Mapped[str]
    language: Mapped[str]
    trust: Mapped[str]
    content_hash: Mapped[str]
    revision: Mapped[int] = mapped_column(Integer, default=1)
    object_key: Mapped[str | None]
    fields: Mapped[dict[str, Any]] = mapped_column(default=dict)
    metadata_: Mapped[dict[str, Any]] = mapped_column("metadata", default=dict)
    campaign_id: Mapped[str | None]
    dated_at: Mapped[datetime]
    gone_version: Mapped[int] = mapped_column(Integer, default=OPEN)


class DocumentVersion(TenantRow):
    """What a document was, from one knowledge version on; the original stays in the object store."""

    __tablename__ = "knowledge_document_versions"
    __table_args__ = (UniqueConstraint("document_id", "from_version"),)

    document_id: Mapped[str] = mapped_column(ForeignKey("knowledge_documents.id"))
    index_no: Mapped[int] = mapped_column(Integer)
    revision: Mapped[int] = mapped_column(Integer)
    content_hash: Mapped[str]
    title: Mapped[str]
    object_key: Mapped[str | None]
    signals: Mapped[dict[str, Any]] = mapped_column(default=dict)
    from_version: Mapped[int] = mapped_column(Integer)
    to_version: Mapped[int] = mapped_column(Integer, default=OPEN)


class Chunk(TenantRow):
    """A piece of a document.

    Attributes:
        no: Its number in the narrow tables.
        hash: Of title, headings, fields and text.
        edited: Its text was written by a person in place of the piece whose hash is `edit_of`.
        outdated: Edited, and the piece it replaces has changed upstream since.
    """

    __tablename__ = "knowledge_chunks"
    __table_args__ = (
        UniqueConstraint("no"),
        Index("ix_knowledge_chunks_document_no", "document_no", "to_version"),
    )

    no: Mapped[int] = mapped_column(BigInteger, Identity(always=True))
    index_no: Mapped[int] = mapped_column(Integer)
    document_no: Mapped[int] = mapped_column(BigInteger)
    ordinal: Mapped[int] = mapped_column(Integer)
    hash: Mapped[str]
    heading: Mapped[list[str]]
    span_start: Mapped[int] = mapped_column(Integer)
    span_end: Mapped[int] = mapped_column(Integer)
    language: Mapped[str]
    text: Mapped[str]
    edited: Mapped[bool] = mapped_column(default=False)
    edit_of: Mapped[str | None]
    outdated: Mapped[bool] = mapped_column(default=False)
    from_version: Mapped[int] = mapped_column(Integer)
    to_version: Mapped[int] = mapped_column(Integer, default=OPEN)


class ChunkPostings(Base):
    """Terms of a chunk, packed (see `rag.postings`): the truth behind the in-process index.

    Attributes:
        language: See `rag.types.language_number`.
    """

    __tablename__ = "knowledge_postings"
    __table_args__ = (
        Index("ix_knowledge_postings_from", "index_no", "from_version"),
        Index(
            "ix_knowledge_postings_to",
            "index_no",
            "to_version",
            postgresql_where=text(f"to_version < {OPEN}"),
        ),
    )

    chunk_no: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    index_no: Mapped[int] = mapped_column(Integer)
    document_no: Mapped[int] = mapped_column(BigInteger)
    language: Mapped[int] = mapped_column(Integer)
    from_version: Mapped[int] = mapped_column(Integer)
    to_version: Mapped[int] = mapped_column(Integer, default=OPEN)
    body_length: Mapped[int] = mapped_column(Integer)
    title_length: Mapped[int] = mapped_column(Integer)
    grams_length: Mapped[int] = mapped_column(Integer)
    body: Mapped[bytes]
    title: Mapped[bytes]
    grams: Mapped[bytes]


class ChunkVector(Base):
    """The embedding of a chunk; length one, so that the inner product is the cosine."""

    __tablename__ = "knowledge_vectors"
    __table_args__ = (
        Index("ix_knowledge_vectors_index_no", "index_no", "to_version"),
        Index("ix_knowledge_vectors_document_no", "document_no"),
        Index(
            "ix_knowledge_vectors_embedding",
            "embedding",
            postgresql_using="hnsw",
            postgresql_ops={"embedding": "vector_ip_ops"},
            postgresql_where=_STILL_OPEN,
        ),
    )

    chunk_no: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    index_no: Mapped[int] = mapped_column(Integer)
    document_no: Mapped[int] = mapped_column(BigInteger)
    language: Mapped[str]
    from_version: Mapped[int] = mapped_column(Integer)
    to_version: Mapped[int] = mapped_column(Integer, default=OPEN)
    embedding: Mapped[list[float]] = mapped_column(Vector(DIMENSIONS))
