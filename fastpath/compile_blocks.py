"""Compile time: the ads' texts in blocks, most of them taken over from the previous snapshot.

A block begins where an ad's id says so, whatever its neighbours are, and is named by the content of its ads: a
change of some ads leaves the other blocks as they are. The dictionary comes from a few ads chosen by their ids;
where one of those changes, all blocks are packed again.
"""

from __future__ import annotations

import hashlib
import zlib
from collections.abc import Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import accumulate, chain, pairwise
from pathlib import Path
from typing import Any, Final, NamedTuple

import numpy as np

from domain.errors import Unprocessable
from fastpath import _entries, blocks, layout
from fastpath.blocks import END, Writer
from fastpath.compile_facts import DIGEST
from fastpath.compile_gather import Gathered
from fastpath.compile_rows import whole
from fastpath.compile_tags import Tags
from fastpath.snapshot import Snapshot

_KEY: Final = 8
_SAMPLES: Final = 80
_DICTIONARY: Final = 16_384
_LEVEL: Final = 6
_RAW: Final = -15
_THREADS: Final = 2
#: Blocks that are packed in one go.
_BATCH: Final = 32


class Packed(NamedTuple):
    """What `block_arrays` made.

    Attributes:
        texts: The blocks, one behind the other. arrays: what finds an ad in them.
        reused: Blocks taken over from the previous snapshot.
        entries: uint64 (ads, 2): names each ad's entry.
    """

    texts: bytes
    arrays: dict[str, Any]
    reused: int
    entries: Any


def block_arrays(ads: Gathered, tags: Tags, previous: Path | None) -> Packed:
    """Return the packed blocks and the arrays that find an ad in them.

    Args:
        ads: In number order.
        tags: What each ad's texts may be shortened by.
        previous: A snapshot folder whose blocks are taken over where they hold the same.
    """
    rows = tags.positive
    listed = _entries.Entries(
        ads.ads, tags.spelled(), whole(rows.offsets), whole(rows.values), Writer().rest_of
    )

    def entry(number: int) -> bytes:
        data: bytes | None = listed.entry(number)
        return blocks.whole(ads.ads[number]) if data is None else data

    sample = sorted(np.argsort(ads.marks, kind="stable")[:_SAMPLES].tolist())
    dictionary = END.join(entry(number) for number in sample)[-_DICTIONARY:] or b"\0"
    known = _known(previous, dictionary)
    base = hashlib.blake2b(dictionary, digest_size=DIGEST).digest()
    primed = zlib.compressobj(_LEVEL, zlib.DEFLATED, _RAW, 9, zdict=dictionary)

    def deflate(batch: list[list[bytes]]) -> list[bytes]:
        out = []
        for entries in batch:
            coder = primed.copy()
            out.append(coder.compress(END.join(entries)) + coder.flush())
        return out

    # In the catalogue's order, which is that of memory.
    made = {number: entry(number) for number in ads.fresh.tolist()}
    names = bytearray(ads.facts.entries.tobytes())
    for number, data in made.items():
        digest = hashlib.blake2b(data, digest_size=DIGEST).digest()
        names[DIGEST * number : DIGEST * (number + 1)] = digest
    keys: list[bytes] = []
    fresh: list[int] = []
    waiting: list[list[bytes]] = []
    batches: list[Future[list[bytes]]] = []
    with ThreadPoolExecutor(_THREADS) as pool:
        # The compressor runs outside the interpreter lock.
        for block, (first, end) in enumerate(pairwise([*ads.blocks, len(ads)])):
            content = base + names[DIGEST * first : DIGEST * end]
            key = hashlib.blake2b(content, digest_size=_KEY).digest()
            if key not in known:
                fresh.append(block)
                waiting.append([made.pop(n, b"") or entry(n) for n in range(first, end)])
            keys.append(key)
            if len(waiting) == _BATCH:
                batches.append(pool.submit(deflate, waiting))
                waiting = []
        batches.append(pool.submit(deflate, waiting))
    made_blocks = chain.from_iterable(batch.result() for batch in batches)
    written = dict(zip(fresh, made_blocks, strict=True))
    packed = [written[i] if i in written else known[key] for i, key in enumerate(keys)]
    arrays = {
        "block_offsets": list(accumulate(map(len, packed), initial=0)),
        "block_ads": ads.blocks,
        "block_keys": np.frombuffer(b"".join(keys), dtype=np.uint8),
        "block_dictionary": np.frombuffer(dictionary, dtype=np.uint8),
    }
    named = np.frombuffer(bytes(names), dtype=np.uint64).reshape(-1, 2)
    return Packed(b"".join(packed), arrays, len(keys) - len(fresh), named)


def _known(previous: Path | None, dictionary: bytes) -> Mapping[bytes, bytes]:
    """Return the blocks of an earlier snapshot by their key; one that is damaged or packed otherwise has none."""
    if previous is None:
        return {}
    try:
        snapshot = Snapshot.open(previous, verify=False)
        whole = layout.intact(
            previous / layout.TEXTS, snapshot.manifest.files[layout.TEXTS]
        ) and layout.intact(
            previous / layout.ARRAYS_FILE, snapshot.manifest.files[layout.ARRAYS_FILE]
        )
    except (Unprocessable, OSError):
        return {}
    if not whole or bytes(snapshot.block_dictionary) != dictionary:
        return {}
    keys = bytes(snapshot.block_keys)
    return {
        keys[_KEY * block : _KEY * (block + 1)]: snapshot.raw_block(block)
        for block in range(len(keys) // _KEY)
    }
