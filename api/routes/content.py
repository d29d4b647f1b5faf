"""Content: ordered, made by a run, listed with checks and provenance, downloaded."""

from __future__ import annotations

import asyncio
from typing import Annotated, Any

import msgspec
from fastapi import APIRouter, Query, Request
from fastapi.responses import Response

from api.deps import Api, CampaignReader, CampaignWriter, IdempotencyKey, RunId
from api.models.campaigns import Started
from api.models.content import AssetOut, ContentOut, GenerateContent, PictureOut
from api.starting import start_run
from api.state import State
from catalog.access import Principal
from catalog.runs import Runs
from catalog.tables import Run
from domain.errors import NotFound, Unprocessable
from domain.ids import check_id
from graphs.content import pictures
from graphs.content.order import ContentOrder, check_order
from graphs.content.shelf import Asset, Manifest, Shelf
from llm.offline.brief.text import prepare

router = APIRouter(prefix="/api/v1/content", tags=["content"])

GRAPH = "content"
_SOURCES = ("site_url", "page_source_id", "feed_source_id")
_BINARY = {"schema": {"type": "string", "format": "binary"}}
_PICTURE = {
    "requestBody": {"required": True, "content": {"image/png": _BINARY, "image/jpeg": _BINARY}}
}
_FILE: dict[int | str, dict[str, Any]] = {
    200: {
        "description": "The file.",
        "content": {"application/octet-stream": {"schema": {"type": "string", "format": "binary"}}},
    }
}


@router.post("/generate", status_code=202)
async def generate(
    body: GenerateContent, caller: CampaignWriter, api: Api, key: IdempotencyKey = None
) -> Started:
    """Start making ads: texts in variants and pictures for each channel, every claim from the source."""
    prepare(body.goal)
    if not any(getattr(body, name) for name in _SOURCES):
        raise Unprocessable(
            "source_missing",
            "Say what the ads are written from: site_url, page_source_id or feed_source_id.",
        )
    check_order(_order(body))
    run = await start_run(api, caller, GRAPH, body.goal, _inputs(body), key)
    links = {
        "self": f"/api/v1/runs/{run.id}",
        "events": f"/api/v1/runs/{run.id}/events",
        "content": f"/api/v1/content/{run.id}",
    }
    return Started(run_id=run.id, status=run.status, links=links)


@router.post("/pictures", status_code=201, openapi_extra=_PICTURE)
async def upload_picture(request: Request, caller: CampaignWriter, api: Api) -> PictureOut:
    """Upload a logo or product picture as the raw body (PNG or JPEG, at most 10 MB), for later orders."""
    data = await request.body()
    image, clean = await asyncio.to_thread(pictures.cleaned, data)
    picture_id = pictures.id_of(caller.org_id, clean)
    await api.services.objects.put(pictures.key_of(caller.org_id, picture_id), clean)
    return PictureOut(id=picture_id, width=image.width, height=image.height, size_bytes=len(clean))


@router.get("/{id}")
async def get_content(item_id: RunId, caller: CampaignReader, api: Api) -> ContentOut:
    """Return what a content run has made; while it works, an empty list and its status."""
    run = await _run(item_id, caller, api)
    made = await _manifest(run, api)
    return ContentOut(
        run_id=run.id,
        status=run.status,
        assets=[_shown(run.id, asset) for asset in made.assets],
        left=made.left,
    )


@router.get("/{id}/download", response_class=Response, responses=_FILE)
async def download(
    item_id: RunId,
    asset: Annotated[str, Query(description="Id of an asset of the run.")],
    caller: CampaignReader,
    api: Api,
) -> Response:
    """Return the file of an asset: texts as JSON, pictures with their provenance inside."""
    run = await _run(item_id, caller, api)
    wanted = check_id(asset, "ast")
    found = next((a for a in (await _manifest(run, api)).assets if a.id == wanted), None)
    if found is None:
        raise NotFound("not_found", f"This run made no asset {wanted}.")
    data = await Shelf(api.services.objects, run.id).file(found.id)
    ending = found.media_type.rpartition("/")[2].replace("jpeg", "jpg")
    return Response(
        data,
        media_type=found.media_type,
        headers={"content-disposition": f'attachment; filename="{found.id}.{ending}"'},
    )


def _order(body: GenerateContent) -> ContentOrder:
    given = body.model_dump(mode="json", exclude={"goal", *_SOURCES}, exclude_none=True)
    return msgspec.convert(given, ContentOrder)


def _inputs(body: GenerateContent) -> dict[str, Any]:
    inputs: dict[str, Any] = {name: getattr(body, name) for name in _SOURCES}
    # As the row will hold it: the same request again is compared with it.
    inputs["order"] = msgspec.json.decode(msgspec.json.encode(_order(body)))
    return inputs


async def _run(run_id: str, caller: Principal, api: State) -> Run:
    """Return a content run of the caller's organisation; another's does not exist."""
    async with api.services.db.tenant(caller.org_id) as session:
        run = await Runs(session).get(run_id)
    if run.graph != GRAPH:
        raise NotFound("not_found", "That run makes no content.")
    return run


async def _manifest(run: Run, api: State) -> Manifest:
    try:
        return await Shelf(api.services.objects, run.id).manifest()
    except NotFound:
        # It has not come that far, or it was refused: nothing has been made.
        return Manifest()


def _shown(run_id: str, asset: Asset) -> AssetOut:
    plain = msgspec.to_builtins(asset)
    return AssetOut(**plain, download=f"/api/v1/content/{run_id}/download?asset={asset.id}")
