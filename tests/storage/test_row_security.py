"""Tenants are separated by the database itself."""

from __future__ import annotations

import asyncio

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from bootstrap.services import Services
from catalog.access import AccessService
from catalog.repository import Apps, BrandKits
from catalog.tables import BrandKit
from domain.errors import BadInput, NotFound
from domain.time import utc
from tests.support.tables import METADATA

pytestmark = pytest.mark.asyncio

_TABLES = sorted(METADATA.tables)


async def two_tenants(services: Services) -> tuple[str, str]:
    """Make two organisations with a brand kit each."""
    ids = []
    async with services.db.system() as session:
        access = AccessService(session, services.ids, services.clock, services.new_secret)
        for name in ("One", "Two"):
            org = await access.create_organisation("advertiser", name)
            await BrandKits(session).add(
                BrandKit(
                    id=services.ids.new("kit"),
                    org_id=org.id,
                    created_at=utc(services.clock.now_ms()),
                    name=name,
                    payer=name,
                )
            )
            ids.append(org.id)
    return ids[0], ids[1]


async def test_every_table_forces_row_level_security(services: Services) -> None:
    async with services.db.system() as session:
        rows = await session.execute(
            text(
                "SELECT relname, relrowsecurity AND relforcerowsecurity FROM pg_class "
                "WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace "
                "AND relname <> 'alembic_version'"
            )
        )
        guarded = dict(rows.all())
    assert sorted(guarded) == _TABLES
    assert all(guarded.values())


async def test_roles_have_no_way_around(services: Services) -> None:
    async with services.db.system() as session:
        rows = await session.execute(
            text(
                "SELECT rolname, rolsuper OR rolbypassrls OR rolinherit FROM pg_roles "
                "WHERE rolname IN ('parley', 'parley_app', 'parley_system')"
            )
        )
        assert dict(rows.all()) == {"parley": False, "parley_app": False, "parley_system": False}


async def test_without_a_tenant_there_are_no_rows(services: Services) -> None:
    await two_tenants(services)
    async with services.db.engine.begin() as connection:
        await connection.execute(text("SELECT set_config('role', 'parley_app', true)"))
        for table in _TABLES:
            if table in ("ledger_entries", "snapshots"):
                continue
            count = await connection.scalar(text(f"SELECT count(*) FROM {table}"))
            assert count == 0, table


async def test_without_a_role_nothing_can_be_read(services: Services) -> None:
    for table in _TABLES:
        with pytest.raises(DBAPIError, match="permission denied"):
            async with services.db.engine.begin() as connection:
                await connection.execute(text(f"SELECT 1 FROM {table}"))


async def test_a_tenant_sees_its_own_rows_and_no_others(services: Services) -> None:
    one, two = await two_tenants(services)
    async with services.db.tenant(one) as session:
        assert [kit.org_id for kit in await BrandKits(session).newest()] == [one]
        assert await BrandKits(session).of(two) is None


async def test_a_pooled_connection_does_not_leak_the_tenant_before(services: Services) -> None:
    one, two = await two_tenants(services)

    async def look(org_id: str) -> set[str]:
        async with services.db.tenant(org_id) as session:
            await session.execute(text("SELECT pg_sleep(0.002)"))
            return {kit.org_id for kit in await BrandKits(session).newest()}

    seen = await asyncio.gather(*(look(org) for org in (one, two) * 40))
    assert seen == [{one}, {two}] * 40
    async with services.db.engine.begin() as connection:
        assert await connection.scalar(text("SELECT current_user")) == "parley"
        assert await connection.scalar(text("SELECT current_setting('parley.org_id', true)")) in (
            "",
            None,
        )


async def test_a_row_for_somebody_else_cannot_be_written(services: Services) -> None:
    one, two = await two_tenants(services)
    with pytest.raises(DBAPIError, match="row-level security"):
        async with services.db.tenant(one) as session:
            access = AccessService(session, services.ids, services.clock, services.new_secret)
            await access.create_app(two, "not mine")
    async with services.db.tenant(two) as session:
        assert await Apps(session).newest() == []


async def test_somebody_elses_row_looks_as_if_it_were_not_there(services: Services) -> None:
    one, two = await two_tenants(services)
    async with services.db.tenant(two) as session:
        access = AccessService(session, services.ids, services.clock, services.new_secret)
        app = await access.create_app(two, "theirs")
    with pytest.raises(NotFound, match="no publisher app"):
        async with services.db.tenant(one) as session:
            await Apps(session).get(app.id)


@pytest.mark.parametrize(
    "org_id", ["", "org_", "org_x' OR '1'='1", "cmp_01ARZ3NDEKTSV4RRFFQ69G5FAV"]
)
async def test_a_tenant_must_be_an_organisation_id(services: Services, org_id: str) -> None:
    with pytest.raises(BadInput):
        async with services.db.tenant(org_id):
            pass


@pytest.mark.parametrize("table", ["audit_log", "ad_events", "decisions", "ledger_lines"])
async def test_history_cannot_be_deleted(services: Services, table: str) -> None:
    with pytest.raises(DBAPIError, match="permission denied"):
        async with services.db.system() as session:
            await session.execute(text(f"DELETE FROM {table}"))


async def test_a_failed_unit_of_work_leaves_nothing(services: Services) -> None:
    one, _ = await two_tenants(services)

    async def half_done() -> None:
        async with services.db.tenant(one) as session:
            access = AccessService(session, services.ids, services.clock, services.new_secret)
            await access.create_app(one, "half")
            raise RuntimeError("stop")

    with pytest.raises(RuntimeError):
        await half_done()
    async with services.db.tenant(one) as session:
        assert await Apps(session).newest() == []
