"""What happened to an ad: impression, click, submit, dismiss."""

from __future__ import annotations

from fastapi import APIRouter, Request

from api.deps import Api
from api.intake import Happening, Intake, Render
from api.models.events import EventBody, EventOut
from api.state import State
from api.wire import split_id
from catalog.access import Principal
from domain.errors import ParleyError, Unavailable

router = APIRouter(tags=["ads"])


@router.post("/api/events")
async def track(body: EventBody, request: Request, api: Api) -> EventOut:
    """Report what happened to an ad. The same event again counts once; each ad pays once."""
    principal = await api.authenticator.caller(request.scope, body.app_id)
    principal.need("events:write")
    await _count(api, principal, request)
    request_id, nonce = split_id(body.request_id, body.nonce)
    happening = Happening(
        type=body.type,
        request_id=request_id,
        nonce=nonce,
        ad_id=body.ad_id,
        app_id=body.app_id,
        event_id=body.event_id,
        render=Render(**body.render.model_dump()) if body.render else None,
    )
    try:
        outcome = await Intake(api.services, api.serving.state).take(happening)
    except ParleyError as error:
        api.metrics.events.labels(str(body.type), error.code).inc()
        raise
    verdict = "duplicate" if outcome.duplicate else outcome.verdict
    api.metrics.events.labels(str(body.type), verdict).inc()
    return EventOut(
        event_id=body.event_id or outcome.event_id,
        duplicate=outcome.duplicate,
        charged=outcome.charged,
    )


async def _count(api: State, principal: Principal, request: Request) -> None:
    """Count the call. An event is money: it is not lost because a counter cannot be reached."""
    try:
        await api.count(principal, request.scope)
    except Unavailable:
        return
