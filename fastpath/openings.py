"""Which words may begin a longer tag: a filter that spares the matcher most of its look-ups.

Three of four look-ups ask for phrases of two to four words, and most words of a text begin none. The filter
is made of the snapshot's forms when they are read for the first time; a word that begins one always passes.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Final

import numpy as np

from fastpath._bulk import hash_rows
from fastpath._core import OPENING_BITS, hash_text

if TYPE_CHECKING:
    from fastpath.snapshot import Snapshot

_BLANK: Final = 32
_ASCII: Final = 128
#: More forms than this whose first word has to be guessed: the filter lets everything pass.
_MOST_ODD: Final = 100_000


def openings(snapshot: Snapshot) -> bytearray:
    """Return a bit for the hash of each word that begins a form of several words, and for few others."""
    offsets = np.asarray(snapshot.form_offsets, dtype=np.int64)
    blob = np.asarray(snapshot.form_blob, dtype=np.uint8)
    bits = np.zeros(1 << OPENING_BITS, dtype=np.uint8)
    blanks = np.append(np.flatnonzero(blob == _BLANK), len(blob))
    first = blanks[np.searchsorted(blanks, offsets[:-1])]
    several = np.flatnonzero(first < offsets[1:])
    starts, ends = offsets[several], first[several]
    odd = np.asarray(snapshot.form_plain)[several] == 0
    wide = np.append(np.flatnonzero(blob >= _ASCII), len(blob))
    odd |= wide[np.searchsorted(wide, starts)] < ends
    if np.count_nonzero(odd) > _MOST_ODD:
        return bytearray(b"\xff" * (len(bits) // 8))
    even = ~odd
    hashes = np.zeros(np.count_nonzero(even), dtype=np.uint64)
    lengths = (ends - starts)[even]
    hash_rows(snapshot.seed, blob.data, starts[even].data, lengths.data, hashes.data)
    bits[hashes >> np.uint64(64 - OPENING_BITS)] = 1
    for start, end in zip(starts[odd].tolist(), ends[odd].tolist(), strict=True):
        for word in _beginnings(bytes(blob[start:end]).decode("utf-8", "replace")):
            bits[hash_text(snapshot.seed, word) >> (64 - OPENING_BITS)] = 1
    return bytearray(np.packbits(bits, bitorder="little").tobytes())


def _beginnings(text: str) -> Iterator[str]:
    """Return what may be the first word of a form with symbols of its own (`wi-fi router`, `.net course`)."""
    for start in range(len(text)):
        if text[start].isalnum():
            for end in range(start + 1, len(text) + 1):
                yield text[start:end]
