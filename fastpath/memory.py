"""What this process remembers of the texts it has read."""

from __future__ import annotations

import secrets
from functools import cache

from fastpath._memory import Memory as Memory


@cache
def shared() -> Memory:
    """Return the memory of this process."""
    return Memory(secrets.token_bytes(16))
