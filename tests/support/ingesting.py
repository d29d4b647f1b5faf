"""Ingestion for tests: a worker of one's own, files put where uploads lie, jobs run to their end."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Sequence
from dataclasses import replace

from bootstrap.services import Services
from domain.events import Progress
from rag.analyse import default_analyser
from rag.ingest import Ingestion
from rag.ingest_jobs import Files, IngestService, Jobs, NewFile, original_key
from rag.ingest_tables import IngestFile, IngestJob
from rag.ports import Embedder
from rag.types import Trust
from tests.support.knowledge import WordEmbedder, knowledge
from tools.product_source.fetch import Fetched


class Web:
    """Addresses and what they hold, in place of the network."""

    def __init__(self, pages: dict[str, Fetched | Exception] | None = None) -> None:
        self.pages = pages or {}
        self.asked: list[str] = []

    async def __call__(self, url: str) -> Fetched:
        self.asked.append(url)
        found = self.pages[url]
        if isinstance(found, Exception):
            raise found
        return found


class Told:
    """Keeps what was told."""

    def __init__(self) -> None:
        self.events: list[Progress] = []

    async def __call__(self, event: Progress) -> None:
        self.events.append(event)


def ingestion(services: Services, embedder: Embedder | None = None, **more: object) -> Ingestion:
    """Return a worker."""
    made = Ingestion(
        db=services.db,
        objects=services.objects,
        ids=services.ids,
        clock=services.clock,
        analyser=default_analyser(),
        embedder=embedder or WordEmbedder(),
        fetch=Web(),
        emit=Told(),
        owner="tests",
        lease_s=10,
    )
    return replace(made, **more)  # type: ignore[arg-type]


async def job_for(
    services: Services,
    org: str,
    files: dict[str, bytes] | Sequence[str] = (),
    *,
    kind: str = "upload",
    uri: str = "upload:tests",
    trust: Trust = Trust.UNTRUSTED,
    embedder: Embedder | None = None,
) -> str:
    """Make a job: files given with their bytes are laid where uploads lie; addresses are only named."""
    async with knowledge(services, org, embedder) as service:
        index = await service.open(org)
        source = await service.add_source(index, kind=kind, uri=uri, trust=trust)
        new = []
        for name in files:
            if isinstance(files, dict):
                data = files[name]
                key = original_key(org, source.id, hashlib.sha256(data).hexdigest())
                await services.objects.put(key, data)
                new.append(NewFile(name, key, len(data)))
            else:
                new.append(NewFile(name))
        made = await IngestService(service.session, services.ids, services.clock).add_job(
            index, source, new, by="tests"
        )
        return made.id


async def report(services: Services, job_id: str) -> tuple[IngestJob, dict[str, IngestFile]]:
    """Return a job and its files by name."""
    async with services.db.system() as session:
        job = await Jobs(session).get(job_id)
        return job, {f.name: f for f in await Files(session).of_job(job_id)}


async def ingested(
    services: Services, org: str, files: dict[str, bytes], **more: object
) -> tuple[IngestJob, dict[str, IngestFile]]:
    """Ingest files and return what became of them."""
    job_id = await job_for(services, org, files)
    await ingestion(services, **more).execute(job_id)  # type: ignore[arg-type]
    return await report(services, job_id)


async def until_idle(worker: Ingestion, job_id: str) -> None:
    """Work on a job, slice after slice, until it rests."""
    async with asyncio.timeout(60):
        while (await worker.execute(job_id)) == "queued":
            continue
