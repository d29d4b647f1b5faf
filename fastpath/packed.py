"""Pieces of msgpack, for bytes that are joined instead of encoded."""

from __future__ import annotations

from typing import Final

import msgspec

pack: Final = msgspec.msgpack.Encoder().encode


def key(name: str) -> bytes:
    """Return the name of a field as it stands before its value."""
    return pack(name)


def map_head(count: int) -> bytes:
    """Return the beginning of a map of 16 to 65,535 fields."""
    return b"\xde" + count.to_bytes(2, "big")


def bin_head(length: int) -> bytes:
    """Return the beginning of at most 255 bytes."""
    return b"\xc4" + length.to_bytes(1, "big")


def str_head(length: int) -> bytes:
    """Return the beginning of a text of 32 to 255 bytes."""
    return b"\xd9" + length.to_bytes(1, "big")
