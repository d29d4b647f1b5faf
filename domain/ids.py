"""Identifiers: a short prefix that says what it is, then a time-ordered ULID.

`cmp_01JD3Z...` is a campaign. Ids made from content (`stable_id`) are used where a step may run twice
and must produce the same row.
"""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Iterator
from typing import Protocol

from domain.errors import BadInput
from domain.time import Clock

_CROCKFORD = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
#: Two characters at once: an id is made for every ad request.
_PAIRS = tuple(first + second for first in _CROCKFORD for second in _CROCKFORD)
_SHIFTS = tuple(range(120, -1, -10))
_TIME_SHIFTS = (40, 30, 20, 10, 0)
#: Every byte as the character of its last five bits: 16 random bytes give 80 random bits.
_ANY = bytes(ord(_CROCKFORD[byte & 31]) for byte in range(256))
_RANDOM_CHARACTERS = 16
#: So many ids share one call of the system's random source.
_POOLED = 256
_ID = re.compile(r"[a-z]{2,5}_[0-9A-HJKMNP-TV-Z]{26}")

#: What each prefix stands for.
PREFIXES: dict[str, str] = {
    "org": "organisation",
    "app": "publisher app",
    "key": "API key",
    "cmp": "campaign",
    "crt": "creative",
    "ad": "ad",
    "run": "agent run",
    "src": "product source",
    "req": "ad request",
    "evt": "event",
    "txn": "ledger entry",
    "snp": "snapshot",
    "aud": "audit entry",
    "obx": "outbox row",
    "kix": "knowledge index",
    "kve": "knowledge version",
    "kso": "knowledge source",
    "doc": "document",
    "dov": "document version",
    "chk": "chunk",
    "igj": "ingest job",
    "igf": "ingested file",
    "cop": "channel operation",
    "stp": "spending stop",
    "chc": "campaign check",
    "led": "lead",
    "lim": "import of leads",
    "sup": "suppression",
    "adn": "audience",
    "lcu": "cursor of leads",
    "ast": "made asset",
    "pic": "uploaded picture",
    "qry": "question to the measurements",
    "rpt": "report",
    "rps": "report schedule",
    "alr": "alert",
}


class Ids(Protocol):
    """Where new ids come from."""

    def new(self, prefix: str) -> str:
        """Return a fresh id, e.g. `new("cmp")` → `cmp_01J...`."""
        ...


class RandomIds:
    """ULIDs: 48 bits of time, 80 bits of randomness.

    Args:
        clock: Where the time part comes from.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._last = (-1, "")

    def new(self, prefix: str) -> str:
        """Return a fresh id."""
        now = self._clock.now_ms()
        last, stamp = self._last
        if now != last:
            stamp = "".join([_PAIRS[now >> shift & 1023] for shift in _TIME_SHIFTS])
            self._last = (now, stamp)
        return f"{prefix}_{stamp}{next(_pool.parts, None) or _pool.filled()}"


class _Pool:
    """Random halves of ids, made many at a time."""

    def __init__(self) -> None:
        self.parts: Iterator[str] = iter(())

    def filled(self) -> str:
        """Fill the pool and return the first part of it."""
        size = _RANDOM_CHARACTERS
        text = os.urandom(size * _POOLED).translate(_ANY).decode("ascii")
        # Threads that fill it at once each take from their own: no part is ever given out twice.
        fresh = iter([text[at : at + size] for at in range(0, len(text), size)])
        self.parts = fresh
        return next(fresh)

    def clear(self) -> None:
        """Forget what was made."""
        self.parts = iter(())


_pool = _Pool()
# A forked child would give out the ids of its parent.
os.register_at_fork(after_in_child=_pool.clear)


class CountingIds:
    """Predictable ids for tests, counted from one."""

    def __init__(self) -> None:
        self._count = 0

    def new(self, prefix: str) -> str:
        """Return the next id."""
        self._count += 1
        return f"{prefix}_{encode(self._count)}"


def encode(number: int) -> str:
    """Return 26 Crockford base-32 characters for a number below 2**130."""
    return "".join([_PAIRS[number >> shift & 1023] for shift in _SHIFTS])


def stable_id(prefix: str, *parts: str) -> str:
    """Return an id that depends on its parts only, so that a step that runs twice writes one row."""
    digest = hashlib.blake2b("\x1f".join(parts).encode(), digest_size=16).digest()
    return f"{prefix}_{encode(int.from_bytes(digest, 'big'))}"


def check_id(value: str, prefix: str) -> str:
    """Return `value` if it is an id of that kind; raise `BadInput` otherwise."""
    if not _ID.fullmatch(value) or not value.startswith(prefix + "_"):
        kind = PREFIXES.get(prefix, prefix)
        raise BadInput("bad_id", f"{value[:40]!r} is not a valid id; a {kind} is {prefix}_….")
    return value
