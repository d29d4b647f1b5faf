"""State that all processes share, on a Redis that is handed in; and what to do when it is away."""

from __future__ import annotations

from typing import Any, Protocol

from storage.cache import REDIS_ERRORS

#: Everything that means "Redis did not do it".
AWAY = REDIS_ERRORS


class SharedState(Protocol):
    """The one thing needed of a Redis client: running a script, which is atomic."""

    def eval(self, script: str, numkeys: int, *keys_and_args: Any) -> Any:
        """Run a Lua script; awaitable."""
        ...


def text(value: Any) -> str:
    """Return a reply as text."""
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)
