"""A publisher's apps."""

from __future__ import annotations

import msgspec
from fastapi import APIRouter
from sqlalchemy.ext.asyncio import AsyncSession

from api.deps import Api, AppId, KeyKeeper, Limit, Reporter
from api.models.keys import AppOut, ChangeApp, CreateApp
from bootstrap.services import Services
from catalog.access import AccessService
from catalog.controls import AppControls
from catalog.repository import Apps, Organisations
from catalog.tables import App
from domain.errors import Forbidden
from storage import outbox

router = APIRouter(prefix="/api/v1/apps", tags=["apps"])

_RULES = set(AppControls.__struct_fields__)


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
            controls=msgspec.convert(body.model_dump(include=_RULES), AppControls),
        )
        await _announce(session, parts, app)
        answer = AppOut.model_validate(app)
    api.authenticator.forget()
    return answer


@router.patch("/{id}")
async def change(item_id: AppId, body: ChangeApp, caller: KeyKeeper, api: Api) -> AppOut:
    """Change what an app wants and does not want; it holds once the next snapshot is compiled."""
    parts = api.services
    if caller.app_id not in (None, item_id):
        raise Forbidden("app_beyond_own", "A key of one app cannot change other apps.")
    async with parts.db.tenant(caller.org_id) as session:
        access = AccessService(session, parts.ids, parts.clock, parts.new_secret)
        row = await Apps(session).get(item_id, lock=True)
        rules = {name: getattr(row, name) for name in _RULES}
        rules.update(body.model_dump(exclude_unset=True))
        app = await access.change_app(item_id, msgspec.convert(rules, AppControls))
        await _announce(session, parts, app)
        return AppOut.model_validate(app)


async def _announce(session: AsyncSession, parts: Services, app: App) -> None:
    what = {"app_id": app.id}
    await outbox.put(session, parts.ids.new("obx"), app.org_id, outbox.CATALOGUE_CHANGED, what)


@router.get("")
async def list_apps(caller: Reporter, api: Api, limit: Limit = 50) -> list[AppOut]:
    """Return the organisation's apps, newest first."""
    async with api.services.db.tenant(caller.org_id) as session:
        return [AppOut.model_validate(row) for row in await Apps(session).newest(limit)]
