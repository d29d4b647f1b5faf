"""Is it alive, is it ready, how is it doing. Not counted, no key; keep /metrics inside your network."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable
from time import perf_counter

from fastapi import APIRouter, Response
from pydantic import BaseModel

from api.deps import Api
from api.metrics import CONTENT_TYPE
from domain.errors import ParleyError, Unavailable
from storage.cache import REDIS_ERRORS

router = APIRouter(tags=["health"])

_PATIENCE_S = 2.0


class Alive(BaseModel):
    """The process answers."""

    status: str = "ok"


class Part(BaseModel):
    """One part the service needs."""

    ok: bool
    latency_ms: float
    detail: str | None = None


class Ready(BaseModel):
    """Whether ads can be served and campaigns run."""

    ready: bool
    parts: dict[str, Part]


@router.get("/healthz")
async def healthz() -> Alive:
    """Tell that the process is alive."""
    return Alive()


@router.get("/readyz", responses={503: {"model": Ready}})
async def readyz(api: Api, response: Response) -> Ready:
    """Ask every part; 503 while one of them is missing."""
    parts = api.services

    async def redis() -> None:
        await parts.redis.ping()

    async def snapshot() -> None:
        if api.fastpath() is None:
            raise Unavailable("no_snapshot", "No snapshot has been compiled yet.")

    names = ("database", "redis", "objects", "snapshot")
    checks = (parts.db.ping(), redis(), parts.objects.ping(), snapshot())
    found = dict(zip(names, await asyncio.gather(*map(_try, checks)), strict=True))
    ready = all(part.ok for part in found.values())
    response.status_code = 200 if ready else 503
    return Ready(ready=ready, parts=found)


@router.get("/metrics", response_class=Response, responses={200: {"content": {CONTENT_TYPE: {}}}})
async def metrics(api: Api) -> Response:
    """Return counters and timings in the Prometheus text format."""
    return Response(api.metrics.text(), media_type=CONTENT_TYPE)


async def _try(check: Awaitable[None]) -> Part:
    started = perf_counter()
    detail: str | None = None
    try:
        async with asyncio.timeout(_PATIENCE_S):
            await check
    except ParleyError as error:
        detail = error.detail
    except REDIS_ERRORS:
        detail = "It does not answer."
    latency = round((perf_counter() - started) * 1000, 2)
    return Part(ok=detail is None, latency_ms=latency, detail=detail)
