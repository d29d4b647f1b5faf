"""LangGraph's checkpoints in PostgreSQL: own schema, system role, strict msgpack."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from langgraph.checkpoint.postgres.aio import AsyncPostgresSaver
from langgraph.checkpoint.serde.jsonplus import JsonPlusSerializer
from psycopg import AsyncConnection
from psycopg.rows import DictRow, dict_row
from psycopg_pool import AsyncConnectionPool
from sqlalchemy.engine import make_url

from storage.database import SYSTEM_ROLE

_SCHEMA = "checkpoints"


@asynccontextmanager
async def open_checkpointer(database_url: str) -> AsyncIterator[AsyncPostgresSaver]:
    """Open the checkpointer on a small pool of its own."""
    url = make_url(database_url).set(drivername="postgresql").render_as_string(hide_password=False)
    pool: AsyncConnectionPool[AsyncConnection[DictRow]] = AsyncConnectionPool(
        url,
        min_size=1,
        max_size=4,
        open=False,
        check=AsyncConnectionPool.check_connection,
        configure=_configure,
        kwargs={"autocommit": True, "prepare_threshold": 0, "row_factory": dict_row},
    )
    async with pool:
        yield AsyncPostgresSaver(pool, serde=strict_serde())


async def set_up_checkpoints(database_url: str) -> None:
    """Make or update the checkpoint tables. Part of `parley db upgrade`."""
    async with open_checkpointer(database_url) as saver:
        await saver.setup()


def strict_serde() -> JsonPlusSerializer:
    """Return the serializer that refuses types it was not told of (CVE-2026-28277).

    None means "no type but the plain ones"; the compiled graph adds those of its state schema.
    """
    return JsonPlusSerializer(allowed_msgpack_modules=None)


async def _configure(connection: AsyncConnection[Any]) -> None:
    await connection.execute(f"SET ROLE {SYSTEM_ROLE}")
    await connection.execute(f"SET search_path TO {_SCHEMA}")
