"""The Redis (or Valkey) client."""

from __future__ import annotations

from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import ExponentialBackoff
from redis.exceptions import BusyLoadingError, RedisError, TimeoutError
from redis.exceptions import ConnectionError as RedisConnectionError


def make_redis(url: str, *, timeout: float = 2.0) -> Redis:
    """Return an asyncio client that reconnects after a restart of the server.

    Args:
        url: `redis://[:password@]host:port/db`.
        timeout: Seconds for connecting and for each reply.
    """
    return Redis.from_url(
        url,
        socket_timeout=timeout,
        socket_connect_timeout=timeout,
        retry=Retry(ExponentialBackoff(cap=0.2, base=0.02), retries=2),
        retry_on_error=[BusyLoadingError, RedisConnectionError],
        health_check_interval=15,
        decode_responses=False,
    )


#: Everything that means "Redis did not do it".
REDIS_ERRORS = (RedisError, RedisConnectionError, TimeoutError, OSError)
