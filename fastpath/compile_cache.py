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


def pack_expansion(expansion: Expansion, words: Iterable[str], tags: Iterable[str]) -> bytes:
    """Return the bytes of the cache.

    Args:
        expansion: Forms by word.
        words: All that was looked up, in order.
        tags: The snapshot's tags.
    """
    forms = {word: row for word in words if (row := expansion.forms.get(word))}
    others = tuple(sorted(set(words).difference(tags, forms)))
    return zlib.compress(msgspec.msgpack.encode(_Cache(expansion.source, forms, others)), 6)


def load_expansion(folder: Path) -> Expansion | None:
    """Return the cache of a snapshot folder, or None if it cannot be read."""
    try:
        data = zlib.decompress((folder / layout.EXPANSION).read_bytes())
        cache = msgspec.msgpack.decode(data, type=_Cache)
        snapshot = Snapshot.open(folder, verify=False)
    except (OSError, zlib.error, msgspec.MsgspecError, Unprocessable):
        return None
    known = (name for name in snapshot.tags() if not name.startswith(PREFIX))
    forms: dict[str, tuple[str, ...]] = dict.fromkeys(known, ())
    return Expansion(cache.source, {**forms, **dict.fromkeys(cache.others, ()), **cache.forms})
