"""Schema migrations: Alembic without an ini file, run by `parley db upgrade`."""

from __future__ import annotations

from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from psycopg import sql
from sqlalchemy import Connection, Engine, MetaData, create_engine, text
from sqlalchemy.engine import make_url

from storage.database import APP_ROLE, SYSTEM_ROLE

#: Key of the advisory lock that lets one migration run at a time. Any constant will do.
_LOCK = 7_319_202_611


def upgrade(admin_url: str, app_login: str) -> str:
    """Bring the schema to the newest version and let the login role use it.

    Safe to run twice and at once: an advisory lock lets one at a time in, the others find nothing to do.

    Args:
        admin_url: `postgresql://…` of a role that may create tables and roles.
        app_login: The role the service logs in with; becomes a member of both guarded roles.

    Returns:
        The revision the database is at.
    """
    engine = sync_engine(admin_url)
    try:
        with engine.begin() as connection:
            connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _LOCK})
            command.upgrade(_config(connection), "head")
            for role in (APP_ROLE, SYSTEM_ROLE):
                _grant(connection, role, app_login)
            return MigrationContext.configure(connection).get_current_revision() or ""
    finally:
        engine.dispose()


def head() -> str:
    """Return the newest revision that the code knows."""
    return ScriptDirectory.from_config(_config(None)).get_current_head() or ""


def autogenerate(admin_url: str, metadata: MetaData, message: str) -> None:
    """Write a migration from the difference between tables and database (for developers)."""
    engine = sync_engine(admin_url)
    try:
        with engine.begin() as connection:
            command.revision(_config(connection, metadata), message, autogenerate=True)
    finally:
        engine.dispose()


def sync_engine(url: str) -> Engine:
    """Return a blocking engine (psycopg) for migrations and scripts."""
    return create_engine(make_url(url).set(drivername="postgresql+psycopg"))


def _config(connection: Connection | None, metadata: MetaData | None = None) -> Config:
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
    config.attributes["connection"] = connection
    config.attributes["metadata"] = metadata
    return config


def _grant(connection: Connection, role: str, login: str) -> None:
    """Let a login take a role on, and have none of its rights before it does.

    Whoever makes a role is a member that may not take it on, and a plain member has its rights at once:
    a query outside a unit of work would see every tenant.
    """
    query = text("SELECT pg_has_role(:login, :role, 'SET'), pg_has_role(:login, :role, 'USAGE')")
    may_take, has_rights = connection.execute(query, {"login": login, "role": role}).one()
    if not may_take or has_rights:
        statement = sql.SQL("GRANT {} TO {} WITH INHERIT FALSE, SET TRUE").format(
            sql.Identifier(role), sql.Identifier(login)
        )
        connection.execute(text(statement.as_string()))
