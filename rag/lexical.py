"""The lexical leg: BM25 over flat arrays, a rebuildable cache of the postings in the database.

An index is an immutable snapshot of one knowledge version; `updated` returns the next one and shares what
has not changed. Searching it needs no lock, whoever refreshes meanwhile.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from rag.postings import STREAMS, WEIGHTS, Query
from rag.segments import SLAB, Rows, Segment, build, join
from rag.types import OPEN, Hit, Numbers

#: BM25 parameters (Robertson and Zaragoza 2009, the usual values).
K1, B = 1.2, 0.75
#: Small segments are joined when there are more of them than this.
_MOST_SEGMENTS = 8

Mask = NDArray[np.bool_]


@dataclass(frozen=True)
class Scope:
    """What may be found.

    Attributes:
        as_of: Knowledge version; None is the newest.
        document_nos: Numbers of the documents that pass the filter, sorted; None is all.
        languages: Numbers of languages, see `language_number`; empty is all.
    """

    as_of: int | None = None
    document_nos: Numbers | None = None
    languages: tuple[int, ...] = ()


@dataclass(frozen=True)
class _Seen:
    """Statistics of what is visible in a version."""

    mask: Mask
    everything: bool
    chunks: int
    norms: tuple[NDArray[np.float32], ...]


class LexicalIndex:
    """A searchable snapshot.

    Attributes:
        version: Knowledge version it is of.
    """

    def __init__(self, version: int = 0) -> None:
        none = np.zeros(0, np.int64)
        self.version = version
        self._no, self._document_no, self._from, self._to = none, none, none, none
        self._language = none
        self._lengths: tuple[NDArray[np.float32], ...] = tuple(
            np.zeros(0, np.float32) for _ in STREAMS
        )
        self._segments: tuple[Segment, ...] = ()

    def __len__(self) -> int:
        return len(self._no)

    @property
    def nbytes(self) -> int:
        """Return about how many bytes it takes."""
        return 80 * len(self) + sum(segment.nbytes for segment in self._segments)

    def updated(self, version: int, new: Rows) -> LexicalIndex:
        """Return the snapshot with further rows; those it has already are passed over.

        Args:
            version: The version it is brought to.
            new: Rows by rising number.
        """
        fresh = _without(new, self._no)
        after = LexicalIndex(version)
        after._no = np.concatenate([self._no, fresh.no])
        after._document_no = np.concatenate([self._document_no, fresh.document_no])
        after._from = np.concatenate([self._from, fresh.from_version])
        after._to = np.concatenate([self._to, fresh.to_version])
        after._language = np.concatenate([self._language, fresh.language])
        after._lengths = tuple(
            np.concatenate([old, add.astype(np.float32)])
            for old, add in zip(self._lengths, fresh.lengths, strict=True)
        )
        after._segments = _tiered(self._segments, fresh, len(self))
        return after

    def with_ends(self, version: int, ends: Mapping[int, int]) -> LexicalIndex:
        """Return the snapshot of a version at which the validity of some chunks has ended.

        Args:
            version: The version it is brought to.
            ends: Number of a chunk → version its validity ended at.
        """
        after = LexicalIndex(version)
        after.__dict__.update(
            {k: v for k, v in self.__dict__.items() if k not in ("_now", "_living")}
        )
        after.version = version
        if ends:
            at = np.flatnonzero(np.isin(self._no, np.array(list(ends), np.int64)))
            after._to = self._to.copy()
            after._to[at] = [ends[int(no)] for no in self._no[at]]
        return after

    def search(self, query: Query, k: int, scope: Scope | None = None) -> list[Hit]:
        """Return the k best chunks that share a term with the query and are in scope, best first."""
        scope = scope or Scope()
        scores = self._scores(query, self._seen(scope.as_of))
        scores[~self._allowed(scope)] = 0.0
        positive = np.flatnonzero(scores > 0)
        if len(positive) > k:
            edge = np.partition(scores[positive], len(positive) - k)[len(positive) - k]
            positive = positive[scores[positive] >= edge]
        best = positive[np.lexsort((self._no[positive], -scores[positive]))][:k]
        return [Hit(int(self._no[i]), float(scores[i])) for i in best]

    def frequency(self, key: int, as_of: int | None = None) -> int:
        """Return in how many visible chunks a word occurs."""
        return self._frequency(0, key, self._seen(as_of))

    def count(self, scope: Scope) -> int:
        """Return how many chunks are in scope."""
        return int(np.count_nonzero(self._allowed(scope)))

    def size(self, as_of: int | None = None) -> int:
        """Return how many chunks are visible."""
        return self._seen(as_of).chunks

    def idf(self, key: int, as_of: int | None = None) -> float:
        """Return the inverse document frequency of a word, 0 for one that no chunk has."""
        seen = self._seen(as_of)
        found = self._frequency(0, key, seen)
        return _idf(seen.chunks, found) if found else 0.0

    def idfs(self, keys: Numbers) -> NDArray[np.float64]:
        """Return the inverse document frequencies of many words in the newest version."""
        seen = self._seen(None)
        found = np.zeros(len(keys), np.int64)
        for segment, living in zip(self._segments, self._living, strict=True):
            found += segment.streams[0].counts(keys, living)
        idfs = np.log(1 + (seen.chunks - found + 0.5) / (found + 0.5))
        return np.where(found > 0, idfs, 0.0)

    def _scores(self, query: Query, seen: _Seen) -> NDArray[np.float32]:
        scores = np.zeros(len(self), np.float32)
        for stream, weight in enumerate(WEIGHTS):
            for key, share in query.of(stream).items():
                found = self._frequency(stream, key, seen)
                if not found:
                    continue
                factor = np.float32(weight * share * (K1 + 1) * _idf(seen.chunks, found))
                for segment in self._segments:
                    docs, tfs = segment.streams[stream].of(key)
                    if len(docs):
                        tf = tfs.astype(np.float32)
                        scores[docs] += factor * tf / (tf + seen.norms[stream][docs])
        return scores

    def _frequency(self, stream: int, key: int, seen: _Seen) -> int:
        found = 0
        for segment in self._segments:
            docs, _ = segment.streams[stream].of(key)
            found += len(docs) if seen.everything else int(np.count_nonzero(seen.mask[docs]))
        return found

    def _allowed(self, scope: Scope) -> Mask:
        mask = self._seen(scope.as_of).mask
        if scope.document_nos is not None:
            mask = mask & np.isin(self._document_no, scope.document_nos)
        if scope.languages:
            mask = mask & np.isin(self._language, scope.languages)
        return mask

    def _seen(self, as_of: int | None) -> _Seen:
        if as_of is None or as_of >= self.version:
            return self._now
        return self._visible((self._from <= as_of) & (self._to > as_of))

    @cached_property
    def _now(self) -> _Seen:
        return self._visible(self._to == OPEN)

    @cached_property
    def _living(self) -> tuple[Numbers | None, ...]:
        """Per segment in how many chunks that are still valid each word occurs; None where all are."""
        mask = self._now.mask
        return tuple(
            None
            if mask[segment.start : segment.start + segment.size].all()
            else segment.streams[0].counted(mask)
            for segment in self._segments
        )

    def _visible(self, mask: Mask) -> _Seen:
        chunks = int(np.count_nonzero(mask))
        norms = []
        for lengths in self._lengths:
            mean = float(lengths[mask].mean()) if chunks else 1.0
            norms.append((K1 * (1 - B + B * lengths / max(mean, 1e-9))).astype(np.float32))
        return _Seen(mask, chunks == len(mask), chunks, tuple(norms))


def _idf(chunks: int, found: int) -> float:
    return math.log(1 + (chunks - found + 0.5) / (found + 0.5))


def _without(rows: Rows, known: Numbers) -> Rows:
    """Return the rows whose numbers are not known yet."""
    keep = ~np.isin(rows.no, known)
    if keep.all():
        return rows
    records = []
    for stream in range(len(STREAMS)):
        ends = np.cumsum(rows.counts[stream]) * 10
        pieces = [
            rows.records[stream][int(ends[i] - rows.counts[stream][i] * 10) : int(ends[i])]
            for i in np.flatnonzero(keep)
        ]
        records.append(b"".join(pieces))
    return Rows(
        rows.no[keep], rows.document_no[keep], rows.from_version[keep], rows.to_version[keep],
        rows.language[keep], tuple(x[keep] for x in rows.lengths),
        tuple(x[keep] for x in rows.counts), tuple(records),
    )  # fmt: skip


def _tiered(segments: tuple[Segment, ...], fresh: Rows, start: int) -> tuple[Segment, ...]:
    if len(fresh):
        segments = (*segments, build(fresh, start))
    small = 0
    while small < len(segments) and segments[-1 - small].size < SLAB // 2:
        small += 1
    if small > _MOST_SEGMENTS:
        segments = (*segments[:-small], join(segments[-small:]))
    return segments
