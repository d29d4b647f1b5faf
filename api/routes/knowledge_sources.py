"""Sources of knowledge: add one, upload a file, look at the jobs that read them, retry, remove."""

from __future__ import annotations

import tempfile
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

from fastapi import APIRouter, Depends, Query, Request
from sqlalchemy.ext.asyncio import AsyncSession

from api.deps import Api, CampaignReader, CampaignWriter, Limit, id_of, who
from api.models.knowledge_sources import (
    IngestFileOut,
    IngestJobOut,
    KnowledgeSourceIn,
    KnowledgeSourceOut,
    Namespace,
    RemovedOut,
    TrustLabel,
)
from api.routes.knowledge import Known
from api.uploads import received
from domain.errors import BadInput, Conflict
from rag.ingest import remove_source
from rag.ingest_jobs import (
    Files,
    IngestService,
    Jobs,
    NewFile,
    checked_name,
    checked_prefix,
    original_key,
)
from rag.ingest_tables import FileStatus, IngestFile, IngestJob
from rag.repository import Sources
from rag.tables import Source
from rag.types import Trust
from tools.product_source.links import web_address

router = APIRouter(prefix="/api/v1/knowledge", tags=["knowledge"])

SourceId = Annotated[str, Depends(id_of("kso"))]
JobId = Annotated[str, Depends(id_of("igj"))]
Space = Annotated[Namespace, Query()]

_MOST_FILES = 1_000
_BINARY = {"schema": {"type": "string", "format": "binary"}}
_BODY = {"requestBody": {"required": True, "content": {"application/octet-stream": _BINARY}}}


@router.post("/sources", status_code=202)
async def add_source(
    body: KnowledgeSourceIn, caller: CampaignWriter, api: Api, known: Known
) -> IngestJobOut:
    """Read a web page, or a folder of the object store; the same address again reads what has changed."""
    if body.kind == "url":
        address = web_address(body.uri)
        if address is None or "#" in address:
            raise BadInput(
                "bad_site_url",
                "Give a full address that starts with https:// or http://, without `#`.",
            )
        files, uri = [NewFile(address)], address
    else:
        files, uri = [], f"prefix:{checked_prefix(body.uri)}"
    async with api.services.db.tenant(caller.org_id) as session:
        service = await known.writer(session)
        index = await service.open(caller.org_id, body.namespace)
        source = await service.add_source(
            index,
            kind=body.kind,
            uri=uri,
            name=body.uri,
            trust=Trust(body.trust or Trust.UNTRUSTED),
            settings={"campaign_id": body.campaign_id} if body.campaign_id else None,
        )
        _check_trust(source, body.trust)
        # Adding what was removed takes it in again.
        source.status = "active"
        ingest = IngestService(session, api.services.ids, api.services.clock)
        return await _told(session, await ingest.add_job(index, source, files, by=who(caller)))


@router.post("/sources/upload", status_code=202, openapi_extra=_BODY)
async def upload(
    request: Request,
    name: Annotated[str, Query(min_length=1, max_length=300, description="File name.")],
    caller: CampaignWriter,
    api: Api,
    known: Known,
    namespace: Space = "default",
    source: Annotated[str, Query(max_length=80, description="Which set of uploads.")] = "uploads",
    trust: Annotated[TrustLabel | None, Query()] = None,
) -> IngestJobOut:
    """Upload a file as the raw body (at most 100 MB); the same name again replaces what it said."""
    checked_name(name)
    with tempfile.TemporaryDirectory(prefix="parley-upload-") as folder:
        path = Path(folder) / "body"
        digest, size = await received(request, path)
        async with api.services.db.tenant(caller.org_id) as session:
            service = await known.writer(session)
            index = await service.open(caller.org_id, namespace)
            found = await service.add_source(
                index,
                kind="upload",
                uri=f"upload:{source}",
                name=source,
                trust=Trust(trust or Trust.UNTRUSTED),
            )
            _check_trust(found, trust)
            found.status = "active"
            key = original_key(caller.org_id, found.id, digest)
            # The object first: a row never points at an object that is not there.
            await api.services.objects.put_file(key, path)
            ingest = IngestService(session, api.services.ids, api.services.clock)
            job = await ingest.add_job(
                index, found, [NewFile(name, key, size, digest)], by=who(caller)
            )
            return await _told(session, job)


@router.get("/sources")
async def list_sources(
    caller: CampaignReader, api: Api, limit: Limit = 50
) -> list[KnowledgeSourceOut]:
    """Return the newest sources."""
    async with api.services.db.tenant(caller.org_id) as session:
        return [KnowledgeSourceOut.model_validate(s) for s in await Sources(session).newest(limit)]


@router.delete("/sources/{id}")
async def delete_source(
    source_id: SourceId,
    caller: CampaignWriter,
    api: Api,
    known: Known,
    namespace: Space = "default",
) -> RemovedOut:
    """Take everything a source brought out of the indexes; searches as of before still find it."""
    async with api.services.db.tenant(caller.org_id) as session:
        service = await known.writer(session)
        gone = await remove_source(service, caller.org_id, namespace, source_id)
        return RemovedOut(documents=gone)


@router.get("/jobs")
async def list_jobs(
    caller: CampaignReader,
    api: Api,
    source: Annotated[str | None, Query(pattern=r"^kso_[0-9A-HJKMNP-TV-Z]{26}$")] = None,
    limit: Limit = 50,
) -> list[IngestJobOut]:
    """Return the newest jobs, of all sources or of one, without their files."""
    async with api.services.db.tenant(caller.org_id) as session:
        jobs: Sequence[IngestJob]
        if source is None:
            jobs = await Jobs(session).newest(limit)
        else:
            jobs = await Jobs(session).of_source(source, limit)
        return [_job(job, []) for job in jobs]


@router.get("/jobs/{id}")
async def get_job(job_id: JobId, caller: CampaignReader, api: Api) -> IngestJobOut:
    """Return a job and what became of each of its files."""
    async with api.services.db.tenant(caller.org_id) as session:
        return await _told(session, await Jobs(session).get(job_id))


@router.post("/jobs/{id}/retry", status_code=202)
async def retry_job(job_id: JobId, caller: CampaignWriter, api: Api) -> IngestJobOut:
    """Read the files of a job again that have failed."""
    async with api.services.db.tenant(caller.org_id) as session:
        ingest = IngestService(session, api.services.ids, api.services.clock)
        return await _told(session, await ingest.retry(job_id))


def _check_trust(source: Source, wanted: str | None) -> None:
    """Refuse another label for what a source has brought already: answers given rest on the old one."""
    if wanted is not None and source.trust != wanted:
        raise Conflict(
            "source_of_another_trust",
            f"{source.name!r} is labelled {source.trust}; give another `source`, or leave `trust` out.",
            trust=source.trust,
        )


async def _told(session: AsyncSession, job: IngestJob) -> IngestJobOut:
    return _job(job, await Files(session).of_job(job.id))


def _job(job: IngestJob, files: Sequence[IngestFile]) -> IngestJobOut:
    out = IngestJobOut.model_validate(
        {name: getattr(job, name) for name in IngestJobOut.model_fields if hasattr(job, name)}
    )
    out.counts = dict(Counter(str(file.status) for file in files))
    ordered = sorted(files, key=lambda file: (file.status != FileStatus.FAILED, file.name))
    out.files = [IngestFileOut.model_validate(file) for file in ordered[:_MOST_FILES]]
    return out
