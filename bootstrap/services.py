"""The composition root: the only place where parts are joined to each other."""

from __future__ import annotations

import secrets
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field

from redis.asyncio import Redis

from bootstrap.settings import Settings
from domain.ids import Ids, RandomIds
from domain.time import Clock, SystemClock
from storage.cache import make_redis
from storage.database import Database
from storage.objects import ObjectStore


@dataclass(frozen=True)
class Services:
    """The parts that a door needs.

    Attributes:
        opened: What was opened later and ends with them.
    """

    settings: Settings
    db: Database
    redis: Redis
    objects: ObjectStore
    clock: Clock
    ids: Ids
    opened: AsyncExitStack = field(default_factory=AsyncExitStack)

    @staticmethod
    def new_secret() -> str:
        """Return a fresh secret of 256 random bits."""
        return secrets.token_urlsafe(32)


@asynccontextmanager
async def open_services(
    settings: Settings, *, clock: Clock | None = None, pool_size: int = 5
) -> AsyncIterator[Services]:
    """Join the parts and take them apart again at the end."""
    clock = clock or SystemClock()
    db = Database(settings.database_url, pool_size)
    redis = make_redis(settings.redis_url)
    opened = AsyncExitStack()
    try:
        yield Services(
            opened=opened,
            settings=settings,
            db=db,
            redis=redis,
            objects=ObjectStore(
                settings.s3_endpoint,
                settings.s3_access_key.get_secret_value(),
                settings.s3_secret_key.get_secret_value(),
                settings.s3_bucket,
                settings.s3_region,
            ),
            clock=clock,
            ids=RandomIds(clock),
        )
    finally:
        try:
            await opened.aclose()
        finally:
            await redis.aclose()
            await db.close()
