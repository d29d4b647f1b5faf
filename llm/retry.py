"""What is worth trying again.

LangGraph's default predicate does not know httpx2, on which the OpenAI and Anthropic SDKs run: it retries
their 400 and 401 and does not retry timeouts. This one decides by status first, then by kind of error;
third parties are recognised by name, so that none of them has to be imported.
"""

from __future__ import annotations

from collections.abc import Iterator

from domain.errors import ParleyError, RateLimited, Unavailable

#: Statuses that may pass: timeout, conflict of locks, too early, too many, and the server's troubles.
RETRIED_STATUSES = frozenset({408, 425, 429, 500, 502, 503, 504, 529})

#: Error classes of third parties that mean "the line or the other side is down".
_TRANSIENT = {
    ("httpx", "TransportError"),
    ("httpx2", "TransportError"),
    ("httpcore", "NetworkError"),
    ("httpcore", "TimeoutException"),
    ("openai", "APIConnectionError"),
    ("anthropic", "APIConnectionError"),
    ("redis", "ConnectionError"),
    ("redis", "TimeoutError"),
    ("psycopg", "OperationalError"),
    ("psycopg_pool", "PoolTimeout"),
    ("sqlalchemy", "OperationalError"),
    ("sqlalchemy", "InterfaceError"),
    ("asyncpg", "PostgresConnectionError"),
    ("asyncpg", "InterfaceError"),
    ("asyncpg", "CannotConnectNowError"),
    ("asyncpg", "SerializationError"),
    ("asyncpg", "DeadlockDetectedError"),
    ("urllib3", "HTTPError"),
}
#: Names on the other hand that are mistakes of the request, even though their parents look transient.
_LASTING = {
    ("httpx", "UnsupportedProtocol"),
    ("httpx2", "UnsupportedProtocol"),
    ("httpx", "ProxyError"),
}


def should_retry(error: BaseException) -> bool:
    """Return whether trying again may help.

    Fits LangGraph's `RetryPolicy(retry_on=…)`. Statuses decide where there is one; typed errors are
    retried only if they say so (`Unavailable`, `RateLimited`); timeouts and lost connections are retried;
    defects (`ValueError`, `TypeError` …) never.
    """
    if isinstance(error, ParleyError):
        return isinstance(error, Unavailable | RateLimited)
    status = status_of(error)
    if status is not None:
        return status in RETRIED_STATUSES
    if broke_off(error):
        return True
    names = set(_names(error))
    if names & _LASTING:
        return False
    return isinstance(error, TimeoutError | ConnectionError) or bool(names & _TRANSIENT)


def status_of(error: BaseException) -> int | None:
    """Return the HTTP status an SDK's error carries, if any."""
    for holder in (error, getattr(error, "response", None)):
        for name in ("status_code", "status"):
            status = getattr(holder, name, None)
            if isinstance(status, int) and 400 <= status <= 599:
                return status
    return None


def broke_off(error: BaseException) -> bool:
    """Return whether an SDK reports trouble inside a stream that had begun well.

    OpenAI's raises its bare `APIError`; Anthropic's an error that carries the status of the response, 200.
    """
    kind = type(error)
    if (kind.__module__.split(".")[0], kind.__name__) == ("openai", "APIError"):
        return True
    status = getattr(error, "status_code", None)
    return isinstance(status, int) and 200 <= status <= 299


def retry_after(error: BaseException) -> float | None:
    """Return the seconds the other side asked to wait, if it did."""
    headers = getattr(getattr(error, "response", None), "headers", None)
    if headers is None:
        return None
    try:
        seconds = float(headers.get("retry-after", ""))
    except (TypeError, ValueError):
        return None
    return seconds if 0 <= seconds < 3600 else None


def _names(error: BaseException) -> Iterator[tuple[str, str]]:
    for parent in type(error).__mro__:
        yield parent.__module__.split(".")[0], parent.__name__
