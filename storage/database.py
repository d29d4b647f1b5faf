"""The unit of work: one transaction per request or task, under one of two row-level-security roles.

Code below the doors gets an `AsyncSession` and never commits; leaving the `async with` does.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from sqlalchemy import text
from sqlalchemy.engine import make_url
from sqlalchemy.exc import DBAPIError, InterfaceError, OperationalError
from sqlalchemy.ext.asyncio import (
    AsyncEngine,
    AsyncSession,
    async_sessionmaker,
    create_async_engine,
)

from domain.errors import Unavailable
from domain.ids import check_id

#: SQLSTATEs (PostgreSQL, appendix A): connection exception, operator intervention, too many connections.
_AWAY = ("08", "57P", "53300")

APP_ROLE = "parley_app"
SYSTEM_ROLE = "parley_system"

_ENTER = text("SELECT set_config('role', :role, true), set_config('parley.org_id', :org, true)")


class Database:
    """A pool of connections and the only way to a transaction.

    Args:
        url: `postgresql://…` of the login role (no driver suffix needed).
        pool_size: Connections kept open.
    """

    def __init__(self, url: str, pool_size: int = 5) -> None:
        self.engine = make_engine(url, pool_size)
        self._sessions = async_sessionmaker(self.engine, expire_on_commit=False)

    @asynccontextmanager
    async def tenant(self, org_id: str) -> AsyncIterator[AsyncSession]:
        """Open a transaction that sees the rows of one organisation; commit on success.

        Raises:
            BadInput: if `org_id` is not an organisation id.
            Unavailable: if the database cannot be reached.
        """
        async with self._transaction(APP_ROLE, check_id(org_id, "org")) as session:
            yield session

    @asynccontextmanager
    async def system(self) -> AsyncIterator[AsyncSession]:
        """Open a transaction of the system itself (worker, compiler, event intake); commit on success."""
        async with self._transaction(SYSTEM_ROLE, "") as session:
            yield session

    async def ping(self) -> None:
        """Raise `Unavailable` unless the database answers."""
        async with self.system() as session:
            await session.execute(text("SELECT 1"))

    async def close(self) -> None:
        """Close all connections."""
        await self.engine.dispose()

    @asynccontextmanager
    async def _transaction(self, role: str, org_id: str) -> AsyncIterator[AsyncSession]:
        try:
            async with self._sessions() as session, session.begin():
                try:
                    await session.execute(_ENTER, {"role": role, "org": org_id})
                except OSError as error:
                    # Here only: further on it may as well be a file of the caller's.
                    raise _unavailable() from error
                yield session
        except (InterfaceError, OperationalError) as error:
            raise _unavailable() from error
        except DBAPIError as error:
            if error.connection_invalidated or _is_away(error):
                raise _unavailable() from error
            raise


def make_engine(url: str, pool_size: int = 5) -> AsyncEngine:
    """Return an async engine; `pool_pre_ping` replaces connections that a restart has killed."""
    return create_async_engine(
        make_url(url).set(drivername="postgresql+asyncpg"),
        pool_size=pool_size,
        max_overflow=pool_size,
        pool_pre_ping=True,
        pool_timeout=10,
        connect_args={"timeout": 5, "server_settings": {"timezone": "UTC"}},
    )


def _is_away(error: DBAPIError) -> bool:
    """Tell whether the server is starting, stopping or full; SQLAlchemy has no class for that."""
    state = str(getattr(error.orig, "sqlstate", None) or "")
    return state.startswith(_AWAY)


def _unavailable() -> Unavailable:
    return Unavailable(
        "database_unavailable", "The database cannot be reached; try again in a few seconds."
    )
