# cython: boundscheck=True, wraparound=False, initializedcheck=False, nonecheck=True, cdivision=True
"""Compile time: loops over the bytes and numbers of a million rows, compiled or not (types: `_bulk.pxd`).

All arguments are memoryviews of contiguous arrays, so that plain Python meets plain numbers as well.
"""

from __future__ import annotations

from typing import Any

_MASK = 0xFFFFFFFFFFFFFFFF
#: Constants of `_core.hash_text`.
_PRIME = 0x9E3779B97F4A7C15
_MIX = 0xBF58476D1CE4E5B9


def hash_rows(seed: Any, blob: Any, starts: Any, lengths: Any, out: Any) -> None:
    """Write the keyed hash of each string: what `_core.hash_text` says of its bytes.

    Args:
        seed: Of the hashes.
        blob: uint8.
        starts: int64, where each string begins.
        lengths: int64, as many.
        out: uint64, as many.
    """
    for i in range(len(starts)):
        h = (seed ^ _PRIME) & _MASK
        for at in range(starts[i], starts[i] + lengths[i]):
            h = ((h ^ blob[at]) * _PRIME) & _MASK
            h ^= h >> 29
        h = ((h ^ (h >> 32)) * _MIX) & _MASK
        h ^= h >> 31
        out[i] = h if h else 1


def copy_rows(blob: Any, starts: Any, lengths: Any, out: Any) -> None:
    """Write some strings one behind the other.

    Args:
        blob: uint8.
        starts: int64, where each string begins.
        lengths: int64, as many.
        out: uint8, as long as all of them.
    """
    to = 0
    for i in range(len(starts)):
        for at in range(starts[i], starts[i] + lengths[i]):
            out[to] = blob[at]
            to += 1


def take_rows(values: Any, starts: Any, lengths: Any, out: Any) -> None:
    """Write some rows of numbers one behind the other; all int64."""
    to = 0
    for i in range(len(starts)):
        for at in range(starts[i], starts[i] + lengths[i]):
            out[to] = values[at]
            to += 1


def group(keys: Any, places: Any, out: Any) -> None:
    """Write the order that brings equal keys together, smaller ones first; within a key the order stays.

    Args:
        keys: int64, each a number of `places`.
        places: int64: where each key's run begins in `out`; used up.
        out: int64, as many as keys.
    """
    for i in range(len(keys)):
        key = keys[i]
        to = places[key]
        places[key] = to + 1
        out[to] = i
