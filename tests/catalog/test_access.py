"""API keys: hashed, scoped, rotatable."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import text

from bootstrap.services import Services
from catalog.access import ADVERTISER_SCOPES, AccessService
from domain.errors import BadInput, Forbidden, Unauthenticated
from domain.time import utc

pytestmark = pytest.mark.asyncio


async def test_a_key_opens_its_organisation_and_is_not_stored(services: Services) -> None:
    async with services.db.system() as session:
        access = AccessService(session, services.ids, services.clock, services.new_secret)
        org = await access.create_organisation("advertiser", "Kaze", tier="pro")
        key, secret = await access.issue_key(org.id, ADVERTISER_SCOPES, name="ci")
        who = await access.authenticate(secret)
        stored = (
            await session.execute(text("SELECT to_jsonb(k)::text FROM api_keys k"))
        ).scalar_one()
    assert (who.org_id, who.key_id, who.tier) == (org.id, key.id, "pro")
    assert secret not in stored
    assert secret.removeprefix("parley_sk_")[:-4] not in stored
    who.need("campaigns:write")
    with pytest.raises(Forbidden, match="ads:serve"):
        who.need("ads:serve")


async def test_keys_end(services: Services) -> None:
    async with services.db.system() as session:
        access = AccessService(session, services.ids, services.clock, services.new_secret)
        org = await access.create_organisation("publisher", "Chat")
        key, secret = await access.issue_key(org.id, ["ads:serve"], name="app")
        await access.revoke_key(key.id)
        with pytest.raises(Unauthenticated, match="revoked"):
            await access.authenticate(secret)
        past = utc(services.clock.now_ms() - 1)
        _, old = await access.issue_key(org.id, ["ads:serve"], name="old", expires_at=past)
        with pytest.raises(Unauthenticated, match="expired"):
            await access.authenticate(old)
        with pytest.raises(Unauthenticated, match="not known"):
            await access.authenticate("parley_sk_guess")


async def test_rotation_leaves_time_to_change_over(services: Services) -> None:
    async with services.db.system() as session:
        access = AccessService(session, services.ids, services.clock, services.new_secret)
        org = await access.create_organisation("publisher", "Chat")
        key, secret = await access.issue_key(org.id, ["ads:serve"], name="app")
        successor, fresh = await access.rotate_key(key.id, grace=timedelta(hours=1))
        assert successor.replaces == key.id
        assert (await access.authenticate(secret)).scopes == (
            await access.authenticate(fresh)
        ).scopes
        await access.rotate_key(key.id, grace=timedelta(0))
        with pytest.raises(Unauthenticated):
            await access.authenticate(secret)


async def test_unknown_scopes_are_refused(services: Services) -> None:
    async with services.db.system() as session:
        access = AccessService(session, services.ids, services.clock, services.new_secret)
        org = await access.create_organisation("publisher", "Chat")
        for scopes in ([], ["everything"]):
            with pytest.raises(BadInput):
                await access.issue_key(org.id, scopes, name="x")
