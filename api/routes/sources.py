"""Product sources: a landing page or feed goes in, facts and the rows that could not be used come out."""

from __future__ import annotations

import asyncio
import hashlib
from typing import Annotated, Literal

import msgspec
from fastapi import APIRouter, Query, Request
from sqlalchemy.exc import IntegrityError

from api.deps import Api, CampaignReader, CampaignWriter, SourceId
from api.models.sources import SourceOut
from bootstrap.services import Services
from catalog.repository import Sources
from catalog.tables import ProductSourceRow
from domain.errors import Unprocessable
from domain.ids import stable_id
from domain.product import ProductSource
from domain.time import utc
from tools.product_source import read_feed, read_page

router = APIRouter(prefix="/api/v1/sources", tags=["sources"])

Kind = Literal["page", "feed"]
FileName = Annotated[
    str,
    Query(
        min_length=1,
        max_length=200,
        pattern=r"^[^\x00-\x1f\x7f]+$",
        description="File name or address; a feed's ending says what it is (.csv, .jsonl, .xml).",
    ),
]

_BINARY = {"schema": {"type": "string", "format": "binary"}}
_BODY = {
    "requestBody": {
        "required": True,
        "content": {"text/html": _BINARY, "text/csv": _BINARY, "application/octet-stream": _BINARY},
    }
}


@router.post("", status_code=201, openapi_extra=_BODY)
async def upload(
    request: Request,
    kind: Annotated[Kind, Query()],
    name: FileName,
    caller: CampaignWriter,
    api: Api,
) -> SourceOut:
    """Upload a landing page or feed as the raw body (at most 20 MB); the same bytes give the same source."""
    data = await request.body()
    if not data:
        raise Unprocessable("source_empty", "The file is empty; send the page or feed as the body.")
    digest = hashlib.sha256(data).hexdigest()
    source_id = stable_id("src", caller.org_id, kind, digest)
    there = await _find(api.services, caller.org_id, source_id)
    if there is not None:
        return there
    read = read_page if kind == "page" else read_feed
    source = await asyncio.to_thread(read, data, name)
    return await _keep(api.services, caller.org_id, source_id, source, data, digest)


@router.get("/{id}")
async def get_source(item_id: SourceId, caller: CampaignReader, api: Api) -> SourceOut:
    """Return a source and the rows of it that could not be used."""
    async with api.services.db.tenant(caller.org_id) as session:
        return SourceOut.model_validate(await Sources(session).get(item_id))


async def _find(parts: Services, org_id: str, source_id: str) -> SourceOut | None:
    async with parts.db.tenant(org_id) as session:
        row = await Sources(session).find(source_id)
        return None if row is None else SourceOut.model_validate(row)


async def _keep(
    parts: Services, org_id: str, source_id: str, source: ProductSource, data: bytes, digest: str
) -> SourceOut:
    """Store the objects first: a row never points at an object that is not there."""
    original = f"sources/{source_id}/original"
    await parts.objects.put(original, data)
    await parts.objects.put(f"sources/{source_id}/parsed.json", msgspec.json.encode(source))
    row = ProductSourceRow(
        id=source_id,
        org_id=org_id,
        created_at=utc(parts.clock.now_ms()),
        kind=source.kind,
        name=source.name,
        object_key=original,
        sha256=digest,
        size_bytes=len(data),
        products=len(source.products),
        problems=msgspec.to_builtins(source.problems),
    )
    try:
        async with parts.db.tenant(org_id) as session:
            return SourceOut.model_validate(await Sources(session).add(row))
    except IntegrityError:
        # The same bytes came twice at once; the other row says the same.
        there = await _find(parts, org_id, source_id)
        if there is None:
            raise
        return there
