"""The ads' entries in compressed blocks: written once, read one ad at a time.

Neighbours belong to one campaign, so a block of them says most things once. What the arrays hold already (ids,
tags, places, schedule…) is not in the blocks. Deflate with a dictionary cut from the ads themselves.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import accumulate
from typing import Any, Final

import msgspec

from domain.catalogue import AdEntry, AdText, Cap, Pacing

#: Ads per block: larger ones are smaller on disk and slower to read for the first time.
PER_BLOCK: Final = 32
_DICTIONARY: Final = 16_384
_SAMPLES: Final = 128
_LEVEL: Final = 6
_RAW: Final = -15
_MOST_BLOCKS: Final = 1_024
_THREADS: Final = 2
_PAGE: Final = 4_096


class Stored(msgspec.Struct, frozen=True, array_like=True):
    """What of an `AdEntry` stands in no array."""

    creative_id: str
    advertiser_name: str
    payer: str
    texts: dict[str, AdText]
    landing_url: str
    image_url: str | None
    languages: tuple[str, ...]
    weekdays: tuple[int, ...]
    devices: tuple[str, ...]
    apps: tuple[str, ...]
    blocked_apps: tuple[str, ...]
    topics: tuple[str, ...]
    blocked_topics: tuple[str, ...]
    caps: tuple[Cap, ...]
    pacing: Pacing
    budget_total_micros: int | None
    budget_daily_micros: int | None


_ENCODE: Final = msgspec.msgpack.Encoder().encode
_DECODE: Final = msgspec.msgpack.Decoder(Stored).decode
_LENGTHS: Final = msgspec.msgpack.Decoder(tuple[int, ...])


def stored(ad: AdEntry) -> bytes:
    """Return the bytes of one ad."""
    return _ENCODE(
        Stored(
            ad.creative_id, ad.advertiser_name, ad.payer, ad.texts, ad.landing_url, ad.image_url,
            ad.languages, ad.weekdays, ad.devices, ad.apps, ad.blocked_apps, ad.topics,
            ad.blocked_topics, ad.caps, ad.pacing, ad.budget_total_micros, ad.budget_daily_micros,
        )
    )  # fmt: skip


def write_blocks(entries: Sequence[bytes]) -> tuple[bytes, list[int], bytes]:
    """Return the compressed blocks, where each begins (one more than there are), and the dictionary."""
    dictionary = _sample(entries)

    def deflate(start: int) -> bytes:
        part = entries[start : start + PER_BLOCK]
        coder = zlib.compressobj(_LEVEL, zlib.DEFLATED, _RAW, 9, zdict=dictionary)
        return coder.compress(_join(part)) + coder.flush()

    # The compressor runs outside the interpreter lock.
    with ThreadPoolExecutor(_THREADS) as pool:
        blocks = list(pool.map(deflate, range(0, len(entries), PER_BLOCK), chunksize=64))
    return b"".join(blocks), list(accumulate(map(len, blocks), initial=0)), dictionary


def _sample(entries: Sequence[bytes]) -> bytes:
    """Return what ads spread over the catalogue have to say."""
    step = max(1, len(entries) // _SAMPLES)
    return b"".join(entries[::step])[-_DICTIONARY:] or b"\0"


def _join(entries: Iterable[bytes]) -> bytes:
    """Return one block: the ends of its ads, 4 bytes each after their count, then the ads."""
    part = list(entries)
    ends = accumulate(map(len, part))
    head = b"".join(number.to_bytes(4, "little") for number in (len(part), *ends))
    return head + b"".join(part)


class Blocks:
    """Reads ads from the blocks; the ones unpacked of late are kept.

    Args:
        data: Bytes of all blocks. offsets, dictionary: As `write_blocks` returned them.
    """

    def __init__(self, data: Any, offsets: Any, dictionary: Any) -> None:
        self._data = memoryview(data)
        self._offsets = offsets
        self._dictionary = bytes(dictionary)
        self._kept: dict[int, bytes] = {}

    def read(self, number: int) -> Stored:
        """Return what is stored of an ad.

        Raises:
            ValueError: The bytes are damaged.
        """
        block = self._block(number // PER_BLOCK)
        at = 4 * (number % PER_BLOCK)
        base = 4 + 4 * int.from_bytes(block[:4], "little")
        start = int.from_bytes(block[at : at + 4], "little") if at else 0
        end = int.from_bytes(block[at + 4 : at + 8], "little")
        try:
            return _DECODE(block[base + start : base + end])
        except msgspec.MsgspecError as error:
            raise ValueError("an ad cannot be read") from error

    def touch(self) -> int:
        """Read every page once; returns bytes."""
        sum(self._data[::_PAGE])
        return len(self._data)

    def _block(self, number: int) -> bytes:
        block = self._kept.get(number)
        if block is None:
            raw = self._data[self._offsets[number] : self._offsets[number + 1]]
            try:
                block = zlib.decompressobj(_RAW, zdict=self._dictionary).decompress(raw)
            except zlib.error as error:
                raise ValueError("a block of ads cannot be unpacked") from error
            if len(self._kept) >= _MOST_BLOCKS:
                self._kept.clear()
            self._kept[number] = block
        return block
