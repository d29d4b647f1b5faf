"""Works on one ingest job: lease, heartbeat, file by file, and how it came to rest.

A job works for a slice of time and queues itself again, so that no broker has to wait for a long feed; what
a batch wrote and how far it came are committed together, so a worker that dies costs one batch. A file that
cannot be read fails alone, with its reason.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any, Protocol

from sqlalchemy.ext.asyncio import AsyncSession

from domain.errors import NotFound, ParleyError, Unavailable
from domain.events import Plain, Progress, ProgressType
from domain.ids import Ids
from domain.time import Clock
from rag.analyse import Analyser
from rag.ingest_files import FileReader, Reading
from rag.ingest_jobs import Files, IngestService, Jobs, NewFile, area_of, documents_of
from rag.ingest_tables import FileStatus, IngestFile, IngestJob, JobStatus
from rag.ports import Embedder
from rag.repository import Sources
from rag.service import KnowledgeService, StoreOf, pgvector_store
from rag.tables import Source
from storage import outbox
from storage.database import Database
from storage.leases import Lease
from storage.objects import ObjectStore

log = logging.getLogger("parley.rag")

#: Jobs that die this often without getting anywhere are not tried again.
MAX_ATTEMPTS = 8
#: Files of a prefix that one job reads.
MAX_FILES = 20_000


class Fetched(Protocol):
    """What an address holds."""

    @property
    def data(self) -> bytes:
        """Its bytes."""
        ...

    @property
    def kind(self) -> str:
        """Its media type, as the server states it."""
        ...


Fetch = Callable[[str], Awaitable[Fetched]]
Emit = Callable[[Progress], Awaitable[None]]


@dataclass(frozen=True)
class Ingestion:
    """Executes ingest jobs.

    Attributes:
        db, objects, ids, clock: The installation's parts.
        analyser, embedder, store_of: As in `KnowledgeService`.
        fetch: Reads a public address without becoming a way into private networks; raises typed errors.
        emit: Publishes progress.
        owner: Name of this worker process, unique among all.
        lease_s: Seconds a lease lasts without a heartbeat.
        slice_s: Seconds after which a job makes room for others and queues itself again.
        batch: Documents written at a time.
    """

    db: Database
    objects: ObjectStore
    ids: Ids
    clock: Clock
    analyser: Analyser
    embedder: Embedder
    fetch: Fetch
    emit: Emit
    owner: str
    lease_s: int = 20
    slice_s: float = 100.0
    batch: int = 200
    store_of: StoreOf = pgvector_store

    async def execute(self, job_id: str) -> JobStatus | None:
        """Work on a job until it rests or its slice is over.

        Returns:
            The status it came to (`queued` if it goes on later), or None if it is not this worker's turn.

        Raises:
            Unavailable: if a part is down; the lease expires and the job is tried again.
        """
        lease = self._lease(job_id)
        job = await lease.take()
        if job is None:
            log.info("job %s: its source is being read, or nothing is to be done", job_id)
            return None
        if job.attempts > MAX_ATTEMPTS:
            return await self._fail(
                job, "job_keeps_dying", f"It was begun {job.attempts} times; see the logs."
            )
        return await lease.hold(self._work(job))

    @asynccontextmanager
    async def knowledge(self, job: IngestJob) -> AsyncIterator[KnowledgeService]:
        """Open a unit of work of the job's tenant."""
        async with self.db.tenant(job.org_id) as session:
            yield self.service(session)

    def service(self, session: AsyncSession) -> KnowledgeService:
        """Return the verbs of knowledge inside a unit of work."""
        return KnowledgeService(
            session, self.ids, self.clock, self.analyser, self.embedder, self.store_of
        )

    async def tell(
        self, job: IngestJob, kind: ProgressType, step: str, message: str, **data: Plain
    ) -> None:
        """Publish one line of progress."""
        await self.emit(
            Progress(
                run_id=job.id, type=kind, step=step, message=message, at_ms=self.clock.now_ms(),
                data={**data}, org_id=job.org_id,
            )
        )  # fmt: skip

    async def _work(self, job: IngestJob) -> JobStatus | None:
        until = asyncio.get_running_loop().time() + self.slice_s
        try:
            async with self.knowledge(job) as service:
                await service.open(job.org_id, job.namespace)
                source = await service.sources.get(job.source_id)
            if source.kind == "prefix" and not job.listed:
                await self._list(job, source)
            if not await self._files(job, source, until):
                return await self._queue_again(job)
            if source.kind == "prefix":
                await self._sweep(job, source)
        except Unavailable as error:
            if not error.code.startswith("encoder_"):
                # A part is down: keep the job, let the lease expire and try again where it stood.
                raise
            return await self._fail(job, error.code, error.detail)
        except ParleyError as error:
            return await self._fail(job, error.code, error.detail)
        return await self._finish(job)

    async def _files(self, job: IngestJob, source: Source, until: float) -> bool:
        """Read the files that wait; False if the time was up first."""
        async with self.db.tenant(job.org_id) as session:
            waiting = await Files(session).of_job(job.id, FileStatus.WAITING)
        reader = FileReader(self, job, source, until)
        for file in waiting:
            try:
                reading = await reader.read(file)
            except Unavailable:
                raise
            except ParleyError as error:
                gone = error.extra.get("answered") in (404, 410)
                reading = await reader.give_up(file, error, gone=gone)
            if reading is Reading.NOT_YET:
                return False
            await self._told(job, file)
        return True

    async def _told(self, job: IngestJob, file: IngestFile) -> None:
        if file.error is not None:
            await self.tell(job, "warning", "file", f"{file.name}: {file.error['detail']}")
            return
        await self.tell(
            job, "step", "file", f"{file.name}: {file.status}",
            documents=file.documents, chunks=file.chunks_added, kept=file.chunks_kept,
        )  # fmt: skip

    async def _list(self, job: IngestJob, source: Source) -> None:
        """Note the files of a folder of the object store."""
        area = area_of(job.org_id)
        keys = await self.objects.keys(area + source.uri.removeprefix("prefix:"))
        if len(keys) > MAX_FILES:
            log.warning("job %s: %s files, %s are read", job.id, len(keys), MAX_FILES)
            await self.tell(job, "warning", "list", f"Only the first {MAX_FILES:,} files are read.")
        named = [NewFile(key.removeprefix(area), key) for key in keys[:MAX_FILES] if "#" not in key]
        async with self.db.tenant(job.org_id) as session:
            await IngestService(session, self.ids, self.clock).add_files(job, named)
            stored = await Jobs(session).get(job.id)
            stored.listed = True
        await self.tell(job, "step", "list", f"{len(named)} files", files=len(named))

    async def _sweep(self, job: IngestJob, source: Source) -> None:
        """Put up tombstones for what has vanished from a folder."""
        async with self.db.tenant(job.org_id) as session:
            listed = {file.name for file in await Files(session).of_job(job.id)}
        after, gone = "", 0
        while True:
            async with self.knowledge(job) as service:
                page = await documents_of(service.session, source.id, after)
                lost = [found for key, found in page if key.partition("#")[0] not in listed]
                if lost:
                    names = {key.partition("#")[0] for key, _ in page} - listed
                    await Files(service.session).forget(source.id, names)
                    index = await service.open(job.org_id, job.namespace)
                    await service.remove(index, lost, cause=f"ingest {job.id}")
            gone += len(lost)
            if not page:
                break
            after = page[-1][0]
        if gone:
            await self.tell(job, "step", "sweep", f"{gone} documents are gone", documents=gone)

    async def _finish(self, job: IngestJob) -> JobStatus | None:
        async with self.db.tenant(job.org_id) as session:
            files = await Files(session).of_job(job.id)
        failed = sum(file.status == FileStatus.FAILED for file in files)
        status = JobStatus.SUCCEEDED
        if failed:
            status = JobStatus.FAILED if failed == len(files) else JobStatus.PARTIAL
        ended = await self._rest(job, status, error=None)
        if ended is not None:
            await self.tell(
                job, "finished", status, f"{len(files) - failed} of {len(files)} files read",
                chunks=sum(f.chunks_added for f in files), failed=failed,
            )  # fmt: skip
        return ended

    async def _fail(self, job: IngestJob, code: str, detail: str) -> JobStatus | None:
        ended = await self._rest(job, JobStatus.FAILED, error={"code": code, "detail": detail})
        if ended is not None:
            await self.tell(job, "finished", "failed", detail)
        return ended

    async def _queue_again(self, job: IngestJob) -> JobStatus | None:
        async with self.db.system() as session:
            # It got somewhere: starts are counted to find jobs that kill workers.
            kept = await Jobs(session).release(job.id, self.owner, JobStatus.QUEUED, attempts=0)
            if kept:
                await outbox.put(
                    session,
                    self.ids.new("obx"),
                    job.org_id,
                    outbox.INGEST_ENQUEUE,
                    {"job_id": job.id},
                )
        return JobStatus.QUEUED if kept else None

    async def _rest(self, job: IngestJob, status: JobStatus, **values: Any) -> JobStatus | None:
        kept = await self._lease(job.id).give_back(status, **values)
        return status if kept else None

    def _lease(self, job_id: str) -> Lease[IngestJob]:
        return Lease(self.db, Jobs, job_id, self.owner, self.lease_s)


async def remove_source(
    service: KnowledgeService, org_id: str, namespace: str, source_id: str
) -> int:
    """Put up tombstones for everything a source brought; returns how many documents it was.

    Raises:
        NotFound: if there is no such source.
    """
    source = await Sources(service.session).get(source_id, lock=True)
    if source.status == "removed":
        raise NotFound("not_found", f"There is no source {source_id[:40]!r} any more.")
    index = await service.open(org_id, namespace)
    gone = 0
    while page := await documents_of(service.session, source_id, ""):
        await service.remove(
            index, [found for _, found in page], cause=f"source {source_id} removed"
        )
        await service.session.flush()
        gone += len(page)
    source.status = "removed"
    await Files(service.session).forget(source_id)
    return gone
