"""Publishes a run's progress on Redis streams; losing it never stops the run."""

from __future__ import annotations

import logging

import msgspec
from redis.asyncio import Redis

from domain.events import Progress, streams_of
from storage.cache import REDIS_ERRORS

log = logging.getLogger("parley.progress")

#: A run tells a few dozen lines; the cap guards against a loop.
_MAX_LINES = 2_000
_KEEP_SECONDS = 7 * 24 * 3600


class RedisProgress:
    """Emits progress events of runs.

    Args:
        redis: The client.
    """

    def __init__(self, redis: Redis) -> None:
        self._redis = redis

    async def emit(self, event: Progress) -> None:
        """Append one event to the streams of its run, its campaign and its organisation: to all or none."""
        body = msgspec.json.encode(event)
        try:
            async with self._redis.pipeline(transaction=True) as pipe:
                for stream in streams_of(event):
                    pipe.xadd(stream, {"e": body}, maxlen=_MAX_LINES)
                    pipe.expire(stream, _KEEP_SECONDS)
                await pipe.execute()
        except REDIS_ERRORS as error:
            log.warning("progress of %s not published: %s", event.run_id, error)
