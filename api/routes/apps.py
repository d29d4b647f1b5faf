"""A publisher's apps."""

from __future__ import annotations

from fastapi import APIRouter

from api.deps import Api, KeyKeeper, Limit, Reporter
from api.models.keys import AppOut, CreateApp
from catalog.access import AccessService
from catalog.repository import Apps, Organisations
from domain.errors import Forbidden
from storage import outbox

router = APIRouter(prefix="/api/v1/apps", tags=["apps"])


@router.post("", status_code=201)
async def create(body: CreateApp, caller: KeyKeeper, api: Api) -> AppOut:
    """Make an app. It can ask for ads once the next snapshot is compiled, seconds later."""
    parts = api.services
    if caller.app_id is not None:
        raise Forbidden("app_beyond_own", "A key of one app cannot make other apps.")
    async with parts.db.tenant(caller.org_id) as session:
        org = await Organisations(session).get(caller.org_id)
        if org.kind == "advertiser":
            raise Forbidden("not_a_publisher", "Only a publisher has apps; use a publisher's key.")
        access = AccessService(session, parts.ids, parts.clock, parts.new_secret)
        app = await access.create_app(
            caller.org_id,
            body.name,
            formats=body.formats,
            currency=body.currency,
            reserve_micros=body.reserve_micros,
            default_geo=body.default_geo,
            web=body.web,
        )
        await outbox.put(
            session,
            parts.ids.new("obx"),
            caller.org_id,
            outbox.CATALOGUE_CHANGED,
            {"app_id": app.id},
        )
        answer = AppOut.model_validate(app)
    api.authenticator.forget()
    return answer


@router.get("")
async def list_apps(caller: Reporter, api: Api, limit: Limit = 50) -> list[AppOut]:
    """Return the organisation's apps, newest first."""
    async with api.services.db.tenant(caller.org_id) as session:
        return [AppOut.model_validate(row) for row in await Apps(session).newest(limit)]
