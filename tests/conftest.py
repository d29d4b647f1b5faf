"""The suite runs on the real parts: one PostgreSQL, Valkey and S3 per run, a database per worker."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit, urlunsplit

import psycopg
import pytest
import pytest_asyncio
from redis import Redis

from bootstrap.embedded import ServiceUrls
from bootstrap.services import Services, open_services
from bootstrap.settings import Settings, load_settings
from graphs.checkpoints import open_checkpointer, set_up_checkpoints
from storage.migrate import upgrade
from tests.support.embedded import create_database, stop_trio, template_database, trio

if TYPE_CHECKING:
    # Not at run time: `graphs` must come before LangGraph, which reads its strictness once.
    from langgraph.checkpoint.postgres.aio import AsyncPostgresSaver

SECRET = "tests-only-0123456789abcdef0123456789abcdef"
DATA = Path(__file__).resolve().parents[2] / "shared" / "data"


def pytest_unconfigure(config: pytest.Config) -> None:
    """End the services of this run."""
    stop_trio()


@pytest.fixture(scope="session")
def urls() -> ServiceUrls:
    """Addresses of this worker's database, Redis number and bucket."""
    shared = trio()
    worker = os.environ.get("PYTEST_XDIST_WORKER", "gw0")
    number = int(worker.removeprefix("gw"))
    template = template_database("parley_template", _prepare)
    admin = create_database(shared.admin_database_url, f"parley_{worker}", template=template)
    mine = shared.with_database(urlsplit(admin).path.lstrip("/"))
    return replace(
        mine, redis_url=_redis_db(mine.redis_url, 2 * number), s3_bucket=f"parley-{worker}"
    )


@pytest.fixture(scope="session")
def settings(urls: ServiceUrls, tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """Settings of a worker, as any installation would load them."""
    return load_settings(
        {
            **urls.as_env(),
            "PARLEY_SECRET_KEY": SECRET,
            "PARLEY_HOME": str(tmp_path_factory.mktemp("home")),
            "PARLEY_LEASE_S": "3",
        }
    )


@pytest.fixture
def clean(settings: Settings) -> None:
    """Empty the worker's database and Redis; quicker than a database per test."""
    with psycopg.connect(settings.migration_url) as connection:
        tables = connection.execute(
            "SELECT string_agg(format('%I.%I', schemaname, tablename), ', ') FROM pg_tables "
            "WHERE schemaname IN ('public', 'checkpoints') "
            "AND tablename NOT IN ('alembic_version', 'checkpoint_migrations')"
        ).fetchone()
        assert tables is not None
        connection.execute(f"TRUNCATE {tables[0]} CASCADE")
    for url in (settings.redis_url, settings.celery_broker):
        with Redis.from_url(url) as redis:
            redis.flushdb()


@pytest_asyncio.fixture
async def services(settings: Settings, clean: None) -> AsyncIterator[Services]:
    """Joined parts on empty data."""
    async with open_services(settings, pool_size=10) as parts:
        await parts.objects.ensure_bucket()
        yield parts


@pytest_asyncio.fixture
async def saver(services: Services) -> AsyncIterator[AsyncPostgresSaver]:
    """Checkpoints in the worker's database."""
    async with open_checkpointer(services.settings.database_url) as opened:
        yield opened


@pytest.fixture(scope="session")
def data() -> Path:
    """The folder of test data with licences; skips where it is absent."""
    if not DATA.is_dir():
        pytest.skip(f"test data is not at {DATA}")
    return DATA


def _prepare(template: ServiceUrls) -> None:
    upgrade(template.admin_database_url, "parley")
    asyncio.run(set_up_checkpoints(template.database_url))


def _redis_db(url: str, number: int) -> str:
    return urlunsplit(urlsplit(url)._replace(path=f"/{number}"))
