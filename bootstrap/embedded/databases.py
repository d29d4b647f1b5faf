"""Roles and databases on a PostgreSQL server, as its superuser."""

from __future__ import annotations

import psycopg
from psycopg import sql

from bootstrap.embedded.urls import at_database

#: The login role of the application: bound by row-level security, owner of nothing.
APP_ROLE = "parley"
ADMIN_ROLE = "parley_admin"

_LIMITS = sql.SQL(
    "LOGIN NOSUPERUSER NOBYPASSRLS NOINHERIT NOCREATEDB NOCREATEROLE NOREPLICATION PASSWORD {}"
)


def ensure_app_role(admin_url: str, password: str) -> None:
    """Create the application's login role, or set its limits and password anew.

    Args:
        admin_url: Superuser URL of any database of the server.
        password: The password; only its SCRAM verifier is sent, so no log can hold it.
    """
    with psycopg.connect(admin_url, autocommit=True) as connection:
        verifier = connection.pgconn.encrypt_password(
            password.encode(), APP_ROLE.encode(), b"scram-sha-256"
        ).decode()
        known = connection.execute("SELECT 1 FROM pg_roles WHERE rolname = %s", (APP_ROLE,))
        verb = sql.SQL("ALTER ROLE" if known.fetchone() else "CREATE ROLE")
        limits = _LIMITS.format(sql.Literal(verifier))
        connection.execute(sql.SQL("{} {} {}").format(verb, sql.Identifier(APP_ROLE), limits))


def create_database(
    admin_url: str, name: str, template: str | None = None, app_role: str = APP_ROLE
) -> str:
    """Create a database with pgvector that only its owner and the application may enter.

    Args:
        admin_url: Superuser URL of any database of the server.
        name: Name of the new database; one that exists is kept.
        template: Database to copy; nobody may be connected to it.
        app_role: Login role that gets CONNECT.

    Returns:
        The superuser URL of the new database.
    """
    identifier = sql.Identifier(name)
    with psycopg.connect(at_database(admin_url, "postgres"), autocommit=True) as connection:
        known = connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", (name,))
        if not known.fetchone():
            source = sql.Identifier(template or "template1")
            connection.execute(sql.SQL("CREATE DATABASE {} TEMPLATE {}").format(identifier, source))
        connection.execute(sql.SQL("REVOKE ALL ON DATABASE {} FROM PUBLIC").format(identifier))
        connection.execute(
            sql.SQL("GRANT CONNECT ON DATABASE {} TO {}").format(
                identifier, sql.Identifier(app_role)
            )
        )
    url = at_database(admin_url, name)
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("CREATE EXTENSION IF NOT EXISTS vector")
    return url
