"""The migrations and the tables say the same."""

from __future__ import annotations

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import text
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ProgrammingError

from bootstrap.settings import Settings
from storage.migrate import head, sync_engine, upgrade
from tests.support.tables import METADATA


def test_upgrading_again_changes_nothing(settings: Settings) -> None:
    assert upgrade(settings.migration_url, "parley") == head()


def test_tables_and_migrations_agree(settings: Settings) -> None:
    engine = sync_engine(settings.migration_url)
    try:
        with engine.connect() as connection:
            context = MigrationContext.configure(connection, opts={"compare_type": True})
            assert compare_metadata(context, METADATA) == []
    finally:
        engine.dispose()


def test_a_login_has_no_rights_before_it_takes_a_role_on(settings: Settings) -> None:
    """A login made elsewhere inherits by default; every tenant's rows would be open to it."""
    engine = sync_engine(settings.migration_url)
    database = f'"{make_url(settings.migration_url).database}"'
    try:
        with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as admin:
            admin.execute(text("CREATE ROLE parley_heir LOGIN INHERIT NOSUPERUSER PASSWORD 'heir'"))
            admin.execute(text(f"GRANT CONNECT ON DATABASE {database} TO parley_heir"))
            # As an older installation, or a person, may have granted it.
            admin.execute(text("GRANT parley_system TO parley_heir"))
        upgrade(settings.migration_url, "parley_heir")
        upgrade(settings.migration_url, "parley_heir")
        url = make_url(settings.migration_url).set(username="parley_heir", password="heir")
        heir = sync_engine(url.render_as_string(hide_password=False))
        try:
            with heir.begin() as connection:
                connection.execute(text("SET LOCAL ROLE parley_app"))
                assert connection.execute(text("SELECT count(*) FROM campaigns")).scalar() == 0
            with pytest.raises(ProgrammingError, match="permission denied"), heir.begin() as plain:
                plain.execute(text("SELECT count(*) FROM campaigns"))
        finally:
            heir.dispose()
        with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as admin:
            admin.execute(text(f"REVOKE CONNECT ON DATABASE {database} FROM parley_heir"))
            admin.execute(text("DROP ROLE parley_heir"))
    finally:
        engine.dispose()
