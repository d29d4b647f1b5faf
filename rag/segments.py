"""Immutable pieces of the in-process index: postings by term, sorted by key, in flat arrays."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from rag.postings import RECORD, STREAMS
from rag.types import Numbers

#: Chunks per full segment; bounds the memory that building one takes for a moment.
SLAB = 100_000


@dataclass(frozen=True)
class Rows:
    """Index rows in columns, as read from the database; n chunks.

    Attributes:
        no, document_no: (n,) int64. from_version, to_version, language: (n,) int64.
        lengths: per stream (n,) int64 tokens.
        counts: per stream (n,) int64 number of records. records: per stream the `RECORD`s of all chunks in order.
    """

    no: Numbers
    document_no: Numbers
    from_version: Numbers
    to_version: Numbers
    language: Numbers
    lengths: tuple[Numbers, ...]
    counts: tuple[Numbers, ...]
    records: tuple[bytes, ...]

    def __len__(self) -> int:
        return len(self.no)


@dataclass(frozen=True)
class Postings:
    """Postings of one stream: `docs[offsets[i]:offsets[i + 1]]` hold term `keys[i]`, `tfs` times."""

    keys: Numbers
    offsets: Numbers
    docs: NDArray[np.int32]
    tfs: NDArray[np.uint16]

    @property
    def nbytes(self) -> int:
        """Return the bytes it takes."""
        return self.keys.nbytes + self.offsets.nbytes + self.docs.nbytes + self.tfs.nbytes

    def counts(self, keys: Numbers, living: Numbers | None = None) -> Numbers:
        """Return in how many chunks each of many terms occurs.

        Args:
            keys: The terms.
            living: From `counted`; without it all chunks count.
        """
        if not len(self.keys):
            return np.zeros(len(keys), np.int64)
        at = np.minimum(np.searchsorted(self.keys, keys), len(self.keys) - 1)
        found = self.offsets[at + 1] - self.offsets[at] if living is None else living[at]
        return np.where(self.keys[at] == keys, found, 0)

    def counted(self, mask: NDArray[np.bool_]) -> Numbers:
        """Return per term of `keys` in how many chunks of a mask over all positions it occurs."""
        # Every term has a posting, so no stretch is empty.
        return np.add.reduceat(mask[self.docs], self.offsets[:-1], dtype=np.int64)

    def of(self, key: int) -> tuple[NDArray[np.int32], NDArray[np.uint16]]:
        """Return positions and frequencies of a term."""
        at = int(np.searchsorted(self.keys, key))
        if at == len(self.keys) or self.keys[at] != key:
            return self.docs[:0], self.tfs[:0]
        low, high = self.offsets[at], self.offsets[at + 1]
        return self.docs[low:high], self.tfs[low:high]


@dataclass(frozen=True)
class Segment:
    """Postings of a contiguous range of positions, per stream."""

    start: int
    size: int
    streams: tuple[Postings, ...]

    @property
    def nbytes(self) -> int:
        """Return the bytes it takes."""
        return sum(postings.nbytes for postings in self.streams)


def build(rows: Rows, start: int) -> Segment:
    """Return a segment of rows that stand from position `start` on."""
    streams = []
    for stream in range(len(STREAMS)):
        records = np.frombuffer(rows.records[stream], RECORD)
        docs = np.repeat(np.arange(start, start + len(rows), dtype=np.int32), rows.counts[stream])
        streams.append(_sorted(records["key"].astype(np.int64), docs, records["tf"]))
    return Segment(start, len(rows), tuple(streams))


def join(segments: Sequence[Segment]) -> Segment:
    """Return one segment for several neighbours."""
    streams = []
    for parts in zip(*(s.streams for s in segments), strict=True):
        keys = np.concatenate([np.repeat(p.keys, np.diff(p.offsets)) for p in parts])
        docs = np.concatenate([p.docs for p in parts])
        streams.append(_sorted(keys, docs, np.concatenate([p.tfs for p in parts])))
    return Segment(segments[0].start, sum(s.size for s in segments), tuple(streams))


def _sorted(keys: Numbers, docs: NDArray[np.int32], tfs: NDArray[np.uint16]) -> Postings:
    order = np.argsort(keys, kind="stable")
    keys = keys[order]
    first = (
        np.flatnonzero(np.diff(keys, prepend=keys[:1] - 1)) if len(keys) else np.zeros(0, np.int64)
    )
    return Postings(
        keys[first],
        np.append(first, len(keys)).astype(np.int64),
        docs[order],
        tfs[order].astype(np.uint16),
    )
