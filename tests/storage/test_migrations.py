"""The migrations and the tables say the same."""

from __future__ import annotations

from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext

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
