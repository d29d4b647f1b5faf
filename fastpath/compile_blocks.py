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
from itertools import accumulate, pairwise
from pathlib import Path
from typing import Any, Final

import numpy as np

from domain.errors import Unprocessable
from fastpath import layout
from fastpath.blocks import END, Writer
from fastpath.compile_gather import DIGEST, Gathered
from fastpath.compile_tags import Tags
from fastpath.snapshot import Snapshot

_KEY: Final = 8
_SAMPLES: Final = 80
_DICTIONARY: Final = 16_384
_LEVEL: Final = 6
_RAW: Final = -15
_THREADS: Final = 2


def block_arrays(
    ads: Gathered, tags: Tags, previous: Path | None
) -> tuple[bytes, dict[str, Any], int]:
    """Return the packed blocks, the arrays that find an ad in them, and how many blocks were taken over.

    Args:
        ads: In number order.
        tags: What each ad's texts may be shortened by.
        previous: A snapshot folder whose blocks are taken over where they hold the same.
    """
    write = Writer().entry
    rows = ads.columns["tags"]

    def entry(number: int) -> bytes:
        return write(ads.ads[number], tags.names_of(rows[number]))

    sample = sorted(np.argsort(ads.marks, kind="stable")[:_SAMPLES].tolist())
    dictionary = END.join(entry(number) for number in sample)[-_DICTIONARY:] or b"\0"
    known = _known(previous, dictionary)
    base = hashlib.blake2b(dictionary, digest_size=DIGEST).digest()

    def deflate(entries: list[bytes]) -> bytes:
        coder = zlib.compressobj(_LEVEL, zlib.DEFLATED, _RAW, 9, zdict=dictionary)
        return coder.compress(END.join(entries)) + coder.flush()

    keys = []
    blocks: list[bytes | Future[bytes]] = []
    with ThreadPoolExecutor(_THREADS) as pool:
        # The compressor runs outside the interpreter lock.
        for number, (first, end) in enumerate(pairwise([*ads.blocks, len(ads)])):
            content = base + ads.digests[DIGEST * number : DIGEST * (number + 1)]
            key = hashlib.blake2b(content, digest_size=_KEY).digest()
            keys.append(key)
            found = known.get(key)
            blocks.append(found or pool.submit(deflate, list(map(entry, range(first, end)))))
    packed = [one if isinstance(one, bytes) else one.result() for one in blocks]
    arrays = {
        "block_offsets": list(accumulate(map(len, packed), initial=0)),
        "block_ads": ads.blocks,
        "block_keys": np.frombuffer(b"".join(keys), dtype=np.uint8),
        "block_dictionary": np.frombuffer(dictionary, dtype=np.uint8),
    }
    return b"".join(packed), arrays, sum(isinstance(one, bytes) for one in blocks)


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
