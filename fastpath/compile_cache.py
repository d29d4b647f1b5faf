"""Compile time: what one snapshot leaves to the next compile, the Japanese forms of every tag it knew."""

from __future__ import annotations

import zlib
from collections.abc import Iterable
from pathlib import Path

import msgspec

from domain.errors import Unprocessable
from fastpath import layout
from fastpath.expand import Expansion
from fastpath.snapshot import Snapshot
from fastpath.topics import PREFIX


class _Cache(msgspec.Struct, frozen=True, array_like=True):
    """As it lies on disk. Most tags have no forms; those the snapshot lists itself are not named again."""

    source: str
    forms: dict[str, tuple[str, ...]]
    others: tuple[str, ...]


def pack_expansion(expansion: Expansion, others: Iterable[str]) -> bytes:
    """Return the bytes of the cache.

    Args:
        expansion: Forms by word.
        others: What was looked up and is none of the snapshot's tags, in order.
    """
    forms = {word: row for word, row in sorted(expansion.forms.items()) if row}
    others = tuple(word for word in others if word not in forms)
    return zlib.compress(msgspec.msgpack.encode(_Cache(expansion.source, forms, others)), 6)


def load_expansion(folder: Path) -> Expansion | None:
    """Return the cache of a snapshot folder, or None if it cannot be read."""
    try:
        data = zlib.decompress((folder / layout.EXPANSION).read_bytes())
        cache = msgspec.msgpack.decode(data, type=_Cache)
        snapshot = Snapshot.open(folder, verify=False)
    except (OSError, zlib.error, msgspec.MsgspecError, Unprocessable):
        return None
    known = {name for name in snapshot.tags() if not name.startswith(PREFIX)}
    return Expansion(cache.source, cache.forms, frozenset(known.union(cache.others, cache.forms)))
