"""Ingest jobs: made with their files, leased to one worker at a time, one at a time per source."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import msgspec
from sqlalchemy import func, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from domain.errors import BadInput, Conflict
from domain.ids import Ids, stable_id
from domain.time import Clock, utc
from rag.ingest_tables import FileStatus, IngestFile, IngestJob, JobStatus
from rag.tables import Document, KnowledgeIndex, Source
from rag.types import OPEN
from storage import outbox
from storage.base import Repository
from storage.leases import LeasedRepository

ACTIVE = (JobStatus.QUEUED, JobStatus.RUNNING)


class NewFile(msgspec.Struct, frozen=True):
    """A file for a job: its name within the source, and where the original lies if it is there already."""

    name: str
    object_key: str | None = None
    size_bytes: int = 0
    sha256: str | None = None


class Jobs(LeasedRepository[IngestJob]):
    """Queries over jobs."""

    row, prefix = IngestJob, "igj"

    async def take_lease(self, row_id: str, owner: str, seconds: int) -> IngestJob | None:
        """Lease a job, unless somebody works on it or on another job of the same source."""
        source = select(IngestJob.source_id).where(IngestJob.id == row_id).scalar_subquery()
        # Two jobs of one source take turns at this row: they would tombstone each other's documents.
        await self.session.execute(select(Source.id).where(Source.id == source).with_for_update())
        busy = select(IngestJob.id).where(
            IngestJob.source_id == source,
            IngestJob.id != row_id,
            IngestJob.status == JobStatus.RUNNING,
            IngestJob.lease_until >= func.now(),
        )
        if await self.session.scalar(busy.limit(1)) is not None:
            return None
        return await super().take_lease(row_id, owner, seconds)

    async def of_source(self, source_id: str, limit: int = 50) -> Sequence[IngestJob]:
        """Return the jobs of a source, newest first."""
        query = select(IngestJob).where(IngestJob.source_id == source_id)
        query = query.order_by(IngestJob.created_at.desc(), IngestJob.id.desc()).limit(limit)
        return (await self.session.scalars(query)).all()


class Files(Repository[IngestFile]):
    """Queries over the files of jobs."""

    row, prefix = IngestFile, "igf"

    async def of_job(self, job_id: str, *statuses: FileStatus) -> Sequence[IngestFile]:
        """Return the files of a job by name, of all statuses or some."""
        query = select(IngestFile).where(IngestFile.job_id == job_id).order_by(IngestFile.name)
        if statuses:
            query = query.where(IngestFile.status.in_(statuses))
        return (await self.session.scalars(query)).all()

    async def before(self, file: IngestFile) -> IngestFile | None:
        """Return what became of the same file in the job before, None if it was never read."""
        query = select(IngestFile).where(
            IngestFile.source_id == file.source_id,
            IngestFile.name == file.name,
            IngestFile.job_id != file.job_id,
            IngestFile.status != FileStatus.WAITING,
        )
        newest = query.order_by(IngestFile.created_at.desc(), IngestFile.id.desc()).limit(1)
        found: IngestFile | None = await self.session.scalar(newest)
        return found

    async def forget(self, source_id: str, names: Iterable[str] | None = None) -> None:
        """Note that what files of a source brought (all, or some) is gone, so that they are read anew."""
        statement = update(IngestFile).where(IngestFile.source_id == source_id)
        if names is not None:
            statement = statement.where(IngestFile.name.in_(list(names)))
        await self.session.execute(statement.values(status=FileStatus.GONE))


class IngestService:
    """Makes jobs and answers for them, inside one unit of work.

    Args:
        session: The open unit of work.
        ids: Where new ids come from.
        clock: Where "now" comes from.
    """

    def __init__(self, session: AsyncSession, ids: Ids, clock: Clock) -> None:
        self.session = session
        self.ids = ids
        self.clock = clock
        self.jobs, self.files = Jobs(session), Files(session)

    async def add_job(
        self, index: KnowledgeIndex, source: Source, files: Iterable[NewFile], *, by: str
    ) -> IngestJob:
        """Make a job and queue it.

        Raises:
            Conflict: `source_removed`.
        """
        if source.status != "active":
            raise Conflict("source_removed", "This source was removed; add it again first.")
        now = utc(self.clock.now_ms())
        job = await self.jobs.add(
            IngestJob(
                id=self.ids.new("igj"),
                org_id=index.org_id,
                created_at=now,
                updated_at=now,
                source_id=source.id,
                namespace=index.namespace,
                requested_by=by,
            )
        )
        await self.add_files(job, files)
        await self._enqueue(job)
        return job

    async def add_files(self, job: IngestJob, files: Iterable[NewFile]) -> None:
        """Add files to a job; those it has already stay as they are."""
        known = {file.name for file in await self.files.of_job(job.id)}
        now = utc(self.clock.now_ms())
        self.session.add_all(
            IngestFile(
                id=stable_id("igf", job.id, file.name),
                org_id=job.org_id,
                created_at=now,
                job_id=job.id,
                source_id=job.source_id,
                name=file.name,
                object_key=file.object_key,
                size_bytes=file.size_bytes,
                sha256=file.sha256,
            )
            for file in files
            if file.name not in known
        )
        await self.session.flush()

    async def retry(self, job_id: str) -> IngestJob:
        """Queue the failed files of a job again.

        Raises:
            NotFound: if there is no such job.
            Conflict: `job_active` while it is worked on, `nothing_failed` if there is nothing to retry.
        """
        job = await self.jobs.get(job_id, lock=True)
        if job.status in ACTIVE:
            raise Conflict("job_active", "This job is still at work; wait until it has ended.")
        failed = await self.files.of_job(job_id, FileStatus.FAILED)
        if not failed and job.status != JobStatus.FAILED:
            raise Conflict("nothing_failed", "No file of this job has failed; start a new one.")
        for file in failed:
            file.status, file.error, file.position = FileStatus.WAITING, None, 0
        job.status, job.error, job.attempts = JobStatus.QUEUED, None, 0
        job.updated_at = utc(self.clock.now_ms())
        await self._enqueue(job)
        return job

    async def _enqueue(self, job: IngestJob) -> None:
        await outbox.put(
            self.session, self.ids.new("obx"), job.org_id, outbox.INGEST_ENQUEUE, {"job_id": job.id}
        )


def area_of(org_id: str) -> str:
    """Return where an organisation may lay files for us to read, in the object store."""
    return f"orgs/{org_id}/files/"


def original_key(org_id: str, source_id: str, sha256: str) -> str:
    """Return where the original of a document lies."""
    return f"orgs/{org_id}/knowledge/{source_id}/{sha256}"


def checked_prefix(prefix: str) -> str:
    """Return a prefix below an organisation's own area.

    Raises:
        BadInput: `bad_prefix`.
    """
    parts = prefix.split("/")
    if prefix.startswith("/") or ".." in parts or "." in parts or not prefix.isprintable():
        raise BadInput(
            "bad_prefix",
            "Give a folder of your own area, such as `brand/`, without `..` or a leading slash.",
        )
    return prefix


def checked_name(name: str) -> str:
    """Return a file's name.

    Raises:
        BadInput: `bad_file_name`.
    """
    if not 1 <= len(name) <= 300 or not name.isprintable() or "#" in name:
        raise BadInput(
            "bad_file_name", "Name the file in 1 to 300 printable characters, without `#`."
        )
    return name


async def documents_of(
    session: AsyncSession, source_id: str, after: str, limit: int = 500, below: str = ""
) -> Sequence[tuple[str, str]]:
    """Return (key, id) of a page of documents that are there, by key.

    Args:
        session: The open unit of work.
        source_id: Their source.
        after: Key of the last one before the page; empty for the first page.
        limit: How many at most.
        below: What their keys begin with.
    """
    query = select(Document.key, Document.id).where(
        Document.source_id == source_id,
        Document.gone_version == OPEN,
        Document.key > after,
        Document.key.startswith(below, autoescape=True),
    )
    rows = await session.execute(query.order_by(Document.key).limit(limit))
    return [(key, document_id) for key, document_id in rows]


async def known_hashes(
    session: AsyncSession, source_id: str, keys: Sequence[str]
) -> dict[str, tuple[str, str | None]]:
    """Return content hash and original of those documents that are there, by key."""
    query = select(Document.key, Document.content_hash, Document.object_key).where(
        Document.source_id == source_id, Document.key.in_(keys), Document.gone_version == OPEN
    )
    rows = await session.execute(query)
    return {key: (content, original) for key, content, original in rows}
