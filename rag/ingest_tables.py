"""Tables of ingestion: jobs, the files each of them reads, and what is alike."""

from __future__ import annotations

from enum import StrEnum
from typing import Any

from sqlalchemy import ARRAY, BigInteger, ForeignKey, Index, Integer, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from storage.base import Base, TenantRow
from storage.leases import LeasedRow


class JobStatus(StrEnum):
    """Where a job stands."""

    QUEUED = "queued"
    RUNNING = "running"
    SUCCEEDED = "succeeded"
    PARTIAL = "partial"  # some files failed
    FAILED = "failed"


class FileStatus(StrEnum):
    """Where a file stands."""

    WAITING = "waiting"
    DONE = "done"
    UNCHANGED = "unchanged"
    GONE = "gone"  # vanished upstream; its documents have tombstones
    FAILED = "failed"


class IngestJob(LeasedRow):
    """One reading of a source, leased to one worker at a time.

    Attributes:
        namespace: Name of the index it writes to.
        status: See `JobStatus`.
        listed: Whether the files of a prefix have been listed.
        error: `code` and `detail` of what stopped the whole job.
        attempts: How often a worker has begun it since it last got anywhere.
    """

    __tablename__ = "ingest_jobs"
    __table_args__ = (
        Index("ix_ingest_jobs_status", "status"),
        Index("ix_ingest_jobs_source_id", "source_id"),
    )

    source_id: Mapped[str] = mapped_column(ForeignKey("knowledge_sources.id"))
    namespace: Mapped[str]
    requested_by: Mapped[str]
    listed: Mapped[bool] = mapped_column(default=False)
    error: Mapped[dict[str, Any] | None]
    attempts: Mapped[int] = mapped_column(Integer, default=0)


class IngestFile(TenantRow):
    """A file (or page) of a job, and what became of it.

    Attributes:
        name: Its name within the source; the keys of its documents begin with it.
        object_key: Where the original lies; None until it has been fetched.
        sha256: Of the original.
        position: Rows of a feed that are written already.
        error: `code` and `detail` of why it could not be read.
        signals: What extraction noticed: hidden text, rows left out, pages without text.
    """

    __tablename__ = "ingest_files"
    __table_args__ = (UniqueConstraint("job_id", "name"),)

    job_id: Mapped[str] = mapped_column(ForeignKey("ingest_jobs.id"))
    source_id: Mapped[str] = mapped_column(index=True)
    name: Mapped[str]
    object_key: Mapped[str | None]
    size_bytes: Mapped[int] = mapped_column(BigInteger, default=0)
    sha256: Mapped[str | None]
    status: Mapped[str] = mapped_column(default=FileStatus.WAITING)
    error: Mapped[dict[str, Any] | None]
    position: Mapped[int] = mapped_column(Integer, default=0)
    documents: Mapped[int] = mapped_column(Integer, default=0)
    chunks_added: Mapped[int] = mapped_column(Integer, default=0)
    chunks_kept: Mapped[int] = mapped_column(Integer, default=0)
    chunks_retired: Mapped[int] = mapped_column(Integer, default=0)
    signals: Mapped[dict[str, Any]] = mapped_column(default=dict)


class ChunkLikeness(Base):
    """What a chunk reads like, so that copies of it are found.

    Attributes:
        bands: Eight numbers, mixed with the index's; texts that are alike share at least one. Only the first of
            each cluster has them, and only where the band is not crowded.
        cluster_no: Number of the first chunk that reads the same; its own if it is the first.
    """

    __tablename__ = "knowledge_likeness"
    __table_args__ = (
        Index("ix_knowledge_likeness_bands", "bands", postgresql_using="gin"),
        Index("ix_knowledge_likeness_cluster_no", "index_no", "cluster_no"),
    )

    chunk_no: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    index_no: Mapped[int] = mapped_column(Integer)
    bands: Mapped[list[int]] = mapped_column(ARRAY(Integer))
    cluster_no: Mapped[int] = mapped_column(BigInteger)
