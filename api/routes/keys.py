"""Keys: made, listed, rotated and revoked by a key of the same organisation that can do as much."""

from __future__ import annotations

from datetime import timedelta

from fastapi import APIRouter
from sqlalchemy.ext.asyncio import AsyncSession

from api.deps import Api, KeyId, KeyKeeper, Limit
from api.models.keys import CreateKey, KeyOut, NewKey, RotateKey
from api.state import State
from catalog.access import AccessService, Principal
from catalog.repository import ApiKeys, Apps
from catalog.tables import ApiKey
from domain.errors import Conflict, Forbidden
from domain.ids import check_id
from domain.time import utc

router = APIRouter(prefix="/api/v1/keys", tags=["keys"])


@router.post("", status_code=201)
async def create(body: CreateKey, caller: KeyKeeper, api: Api) -> NewKey:
    """Make a key. Its secret is in this answer only."""
    _check_scopes(caller, body.scopes)
    app_id = _bind(caller, body.app_id)
    expires_at = None
    if body.expires_in_days is not None:
        now = utc(api.services.clock.now_ms())
        expires_at = now + timedelta(days=body.expires_in_days)
    async with api.services.db.tenant(caller.org_id) as session:
        if app_id is not None:
            # A foreign key does not ask whose app it is; row-level security does.
            await Apps(session).get(check_id(app_id, "app"))
        key, secret = await _access(session, api).issue_key(
            caller.org_id, body.scopes, name=body.name, app_id=app_id, expires_at=expires_at
        )
        return _new(key, secret)


@router.get("")
async def list_keys(caller: KeyKeeper, api: Api, limit: Limit = 50) -> list[KeyOut]:
    """Return the organisation's keys, newest first, without their secrets."""
    async with api.services.db.tenant(caller.org_id) as session:
        rows = await ApiKeys(session).newest(limit)
        return [KeyOut.model_validate(row) for row in rows]


@router.post("/{id}/rotate", status_code=201)
async def rotate(item_id: KeyId, body: RotateKey, caller: KeyKeeper, api: Api) -> NewKey:
    """Make a successor with the same rights; the old key works on for the grace period."""
    async with api.services.db.tenant(caller.org_id) as session:
        old = await ApiKeys(session).get(item_id, lock=True)
        _check_scopes(caller, old.scopes)
        _bind(caller, old.app_id, must_match=True)
        now = utc(api.services.clock.now_ms())
        if old.revoked_at is not None or (old.expires_at is not None and old.expires_at <= now):
            raise Conflict("key_ended", "This key has ended; make a new one instead.")
        key, secret = await _access(session, api).rotate_key(
            item_id, grace=timedelta(hours=body.grace_hours)
        )
        answer = _new(key, secret)
    api.authenticator.forget()
    return answer


@router.delete("/{id}", status_code=204)
async def revoke(item_id: KeyId, caller: KeyKeeper, api: Api) -> None:
    """End a key at once; twice is once."""
    async with api.services.db.tenant(caller.org_id) as session:
        await _access(session, api).revoke_key(item_id)
    api.authenticator.forget()


def _check_scopes(caller: Principal, scopes: list[str]) -> None:
    beyond = sorted(set(scopes) - caller.scopes)
    if beyond:
        raise Forbidden(
            "scope_beyond_own",
            f"A key cannot give rights that it does not have itself: {', '.join(beyond)[:200]}.",
        )


def _bind(caller: Principal, app_id: str | None, *, must_match: bool = False) -> str | None:
    """Return the app a key is bound to: a key of one app makes keys of that app only."""
    if caller.app_id is None:
        return app_id
    if app_id != caller.app_id and (must_match or app_id is not None):
        raise Forbidden("app_beyond_own", "A key of one app cannot make keys for another.")
    return caller.app_id


def _access(session: AsyncSession, api: State) -> AccessService:
    parts = api.services
    return AccessService(session, parts.ids, parts.clock, parts.new_secret)


def _new(key: ApiKey, secret: str) -> NewKey:
    return NewKey(**KeyOut.model_validate(key).model_dump(), secret=secret)
