"""Where scenarios are played: real PostgreSQL, Valkey and S3 of their own, empty before each repetition.

One trio serves a whole suite; each process that plays has its own database, made from a template, its own
Redis number and bucket. The environment's services are never used: a stage is emptied again and again.
"""

from __future__ import annotations

import asyncio
import os
import tempfile
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field, replace
from itertools import count
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import psycopg
from langgraph.checkpoint.base import BaseCheckpointSaver
from psycopg import sql

from bootstrap.embedded import EmbeddedServices, ServiceUrls, create_database
from bootstrap.embedded.urls import ENV_NAMES
from bootstrap.services import Services, open_services
from bootstrap.settings import Settings, load_settings
from graphs.checkpoints import open_checkpointer, set_up_checkpoints
from storage.migrate import upgrade
from storage.objects import ObjectStore

#: Signs nonces, receipts and canaries of played runs; protects nothing.
SECRET = "evals-only-0123456789abcdef0123456789abcdef"  # noqa: S105 - not a secret of any installation
_TEMPLATE = "parley_eval_template"
#: Tables that say how the schema came to be, not what happened.
_KEPT = ("alembic_version", "checkpoint_migrations")


@dataclass(frozen=True)
class Stage:
    """One process's parts.

    Attributes:
        services: Joined parts; a scenario puts its own clock and ids into a copy.
        saver: Where graphs keep their progress.
        admin: A connection that is not bound by row-level security; counts and empties.
        tables: Every table, `schema.name`.
        folder: For files, such as snapshots.
    """

    services: Services
    saver: BaseCheckpointSaver[Any]
    admin: psycopg.AsyncConnection[Any]
    tables: tuple[str, ...]
    folder: Path
    _buckets: Iterator[int] = field(default_factory=count)

    async def clean(self) -> Services:
        """Empty database and Redis; return the parts with a fresh bucket."""
        # Row by row: most tables are empty, and emptying those by TRUNCATE would write a file each.
        deletes = "".join(f"DELETE FROM {table};" for table in self.tables)  # noqa: S608 - own tables
        await self.admin.execute(f"SET session_replication_role = replica; {deletes}")
        await self.services.redis.flushdb()
        given = self.services.settings
        objects = ObjectStore(
            given.s3_endpoint,
            given.s3_access_key.get_secret_value(),
            given.s3_secret_key.get_secret_value(),
            f"{given.s3_bucket}-{next(self._buckets)}",
            given.s3_region,
        )
        await objects.ensure_bucket()
        return replace(self.services, objects=objects)

    async def begin(self) -> None:
        """Take what made the world for sent: what waits from now on is the scenario's own doing."""
        await self.admin.execute("DELETE FROM outbox")

    async def counts(self) -> dict[str, int]:
        """Return how many rows each table has that has any."""
        each = (f"SELECT '{t}', count(*) FROM {t}" for t in self.tables)  # noqa: S608 - own tables
        query = " UNION ALL ".join(each)
        cursor = await self.admin.execute(query)
        return {name.partition(".")[2]: count for name, count in await cursor.fetchall() if count}

    async def cut_connections(self) -> None:
        """Cut every other connection to this database, as a restart of the server does."""
        await self.admin.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
            "WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )


@contextmanager
def own_services(folder: Path | None = None) -> Iterator[ServiceUrls]:
    """Start a trio for one suite and prepare the template; stop it and drop its data afterwards."""
    env = {key: value for key, value in os.environ.items() if key not in ENV_NAMES.values()}
    with tempfile.TemporaryDirectory(prefix="parley-eval-", dir=folder) as home:
        services = EmbeddedServices(Path(home), env=env, postgres_settings={"fsync": "off"})
        with services:
            urls = services.start()
            prepare_template(urls)
            yield urls


def prepare_template(urls: ServiceUrls) -> None:
    """Make the database that each process's own is copied from."""
    create_database(urls.admin_database_url, _TEMPLATE)
    made = urls.with_database(_TEMPLATE)
    upgrade(made.admin_database_url, urlsplit(made.database_url).username or "parley")
    asyncio.run(set_up_checkpoints(made.database_url))


def own_settings(urls: ServiceUrls, number: int, folder: Path) -> Settings:
    """Make this process's database and return settings that name it.

    Args:
        urls: The suite's services, with a prepared template.
        number: Of the process, from 0.
        folder: Home of the installation.
    """
    name = f"parley_eval_{number}"
    create_database(urls.admin_database_url, name, template=_TEMPLATE)
    parts = urlsplit(urls.redis_url)._replace(path=f"/{2 * number}")
    mine = replace(
        urls.with_database(name), redis_url=urlunsplit(parts), s3_bucket=f"parley-eval-{number}"
    )
    return stage_settings(mine.as_env(), folder)


def stage_settings(env: Mapping[str, str], folder: Path) -> Settings:
    """Return the settings of a stage on given services."""
    return load_settings({**env, "PARLEY_SECRET_KEY": SECRET, "PARLEY_HOME": str(folder)})


@asynccontextmanager
async def open_stage(settings: Settings) -> AsyncIterator[Stage]:
    """Join the parts that scenarios are played on."""
    async with (
        open_services(settings, pool_size=5) as services,
        open_checkpointer(settings.database_url) as saver,
        await psycopg.AsyncConnection.connect(settings.migration_url, autocommit=True) as admin,
    ):
        cursor = await admin.execute(
            "SELECT format('%%I.%%I', schemaname, tablename) FROM pg_tables "
            "WHERE schemaname IN ('public', 'checkpoints') AND NOT tablename = ANY(%s) ORDER BY 1",
            (list(_KEPT),),
        )
        tables = tuple(row[0] for row in await cursor.fetchall())
        await admin.execute(sql.SQL("SET statement_timeout = '20s'"))
        yield Stage(services, saver, admin, tables, settings.parley_home)
