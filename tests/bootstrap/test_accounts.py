"""The local accounts: made once, kept private, made again when their rows are gone."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from sqlalchemy import func, select, text

from bootstrap.accounts import ensure_accounts, read_accounts
from bootstrap.services import Services
from catalog.access import ADVERTISER_SCOPES, PUBLISHER_SCOPES, AccessService
from catalog.tables import ApiKey, App, Organisation
from domain.errors import BadInput

pytestmark = pytest.mark.asyncio


@pytest.fixture
def local(services: Services, tmp_path: Path) -> Services:
    settings = services.settings.model_copy(update={"parley_home": tmp_path / "home"})
    return replace(services, settings=settings)


async def rows(services: Services) -> list[int]:
    async with services.db.system() as session:
        return [
            int(await session.scalar(select(func.count()).select_from(table)) or 0)
            for table in (Organisation, App, ApiKey)
        ]


async def test_accounts_are_made_once(local: Services) -> None:
    first = await ensure_accounts(local)
    assert await ensure_accounts(local) == first == read_accounts(local.settings.parley_home)
    # Platform, advertiser and publisher; one app; a key for each side.
    assert await rows(local) == [3, 1, 2]
    async with local.db.system() as session:
        access = AccessService(session, local.ids, local.clock, local.new_secret)
        advertiser = await access.authenticate(first.advertiser_key)
        publisher = await access.authenticate(first.publisher_key)
        web = await access.web_app(first.app_id)
    assert (advertiser.org_id, advertiser.scopes) == (
        first.advertiser_id,
        frozenset(ADVERTISER_SCOPES),
    )
    assert (publisher.org_id, publisher.scopes) == (first.publisher_id, frozenset(PUBLISHER_SCOPES))
    assert web.org_id == first.publisher_id


async def test_only_the_owner_may_read_the_keys(local: Services) -> None:
    accounts = await ensure_accounts(local)
    folder = local.settings.parley_home
    assert (folder / "accounts.json").stat().st_mode & 0o777 == 0o600
    assert [p.name for p in folder.iterdir()] == ["accounts.json"]
    async with local.db.system() as session:
        stored = (await session.scalars(select(ApiKey.secret_hash))).all()
    assert accounts.advertiser_key not in stored


async def test_a_new_database_gets_new_accounts(local: Services) -> None:
    first = await ensure_accounts(local)
    async with local.db.system() as session:
        await session.execute(text("DELETE FROM api_keys"))
        await session.execute(text("DELETE FROM apps"))
    second = await ensure_accounts(local)
    assert second.app_id != first.app_id
    assert second.advertiser_key != first.advertiser_key
    assert read_accounts(local.settings.parley_home) == second


async def test_keys_that_are_not_known_any_more_are_replaced(local: Services) -> None:
    first = await ensure_accounts(local)
    async with local.db.system() as session:
        await session.execute(text("UPDATE api_keys SET revoked_at = now()"))
    second = await ensure_accounts(local)
    # The same organisations: their campaigns are still theirs.
    assert (second.advertiser_id, second.app_id) == (first.advertiser_id, first.app_id)
    assert second.advertiser_key != first.advertiser_key
    assert await ensure_accounts(local) == second
    async with local.db.system() as session:
        access = AccessService(session, local.ids, local.clock, local.new_secret)
        assert (await access.authenticate(second.advertiser_key)).org_id == second.advertiser_id


@pytest.mark.parametrize("content", [b"", b"{", b"\xff", b"[]", b'{"advertiser_id": 1}'])
async def test_a_damaged_file_is_named_with_its_cure(tmp_path: Path, content: bytes) -> None:
    assert read_accounts(tmp_path) is None
    (tmp_path / "accounts.json").write_bytes(content)
    with pytest.raises(BadInput) as caught:
        read_accounts(tmp_path)
    assert caught.value.code == "accounts_damaged"
    assert str(tmp_path / "accounts.json") in caught.value.detail
    assert "remove it" in caught.value.detail
