"""The ads' entries in compressed blocks: written once, read one ad at a time.

Neighbours belong to one campaign, so a block of them says most things once; an ad's own tags, which its texts keep
repeating, are left out of them. What the arrays hold already (ids, tags, places, schedule…) is not in the blocks.
Deflate with a dictionary cut from the ads themselves.
"""

from __future__ import annotations

import zlib
from bisect import bisect_right
from collections.abc import Sequence
from typing import Any, Final

import msgspec

from domain.catalogue import AdEntry, AdText, Cap, Pacing
from fastpath._entries import FIELD, NONE, SAME, entry_of, forms_of, rest_key

_RAW: Final = -15
_MOST_BLOCKS: Final = 1_024
_PAGE: Final = 4_096
#: Between ads.
END: Final = b"\x1d"
#: In front of an entry that is written out in full.
_WHOLE: Final = b"\x1a"
_HEAD: Final = 5
_PER_TEXT: Final = 7


class Rest(msgspec.Struct, frozen=True, omit_defaults=True):
    """What few ads have and no array holds."""

    languages: tuple[str, ...] = ()
    weekdays: tuple[int, ...] = ()
    devices: tuple[str, ...] = ()
    apps: tuple[str, ...] = ()
    blocked_apps: tuple[str, ...] = ()
    topics: tuple[str, ...] = ()
    blocked_topics: tuple[str, ...] = ()
    caps: tuple[Cap, ...] = ()
    pacing: Pacing = Pacing.ASAP
    budget_total_micros: int | None = None
    budget_daily_micros: int | None = None


class Stored(msgspec.Struct, frozen=True):
    """What of an `AdEntry` stands in no array."""

    advertiser_name: str
    payer: str
    texts: dict[str, AdText]
    landing_url: str
    image_url: str | None
    rest: Rest


_REST: Final = msgspec.json.Decoder(Rest)
_STORED: Final = msgspec.json.Decoder(Stored)
_NOTHING: Final = Rest()


class Writer:
    """Writes entries; keeps what many ads have in common."""

    def __init__(self) -> None:
        self._rest: dict[tuple[Any, ...], str] = {}

    def entry(self, ad: AdEntry, tags: Sequence[str]) -> bytes:
        """Return the bytes of one ad.

        Args:
            ad: The ad.
            tags: Its canonical tags, in order.
        """
        data = entry_of(ad, [tag.encode() for tag in tags], self.rest_of(ad))
        return whole(ad) if data is None else data

    def rest_of(self, ad: AdEntry) -> str:
        """Return what few ads have, as text."""
        key = rest_key(ad)
        known = self._rest.get(key)
        if known is None:
            rest = Rest(*key)
            known = "" if rest == _NOTHING else msgspec.json.encode(rest).decode()
            self._rest[key] = known
        return known


def whole(ad: AdEntry) -> bytes:
    """Return an entry that may hold any character."""
    # JSON escapes every control character.
    rest = Rest(*rest_key(ad))
    stored = Stored(ad.advertiser_name, ad.payer, ad.texts, ad.landing_url, ad.image_url, rest)
    return _WHOLE + msgspec.json.encode(stored)


def read_entry(data: bytes, tags: Sequence[str]) -> Stored:
    """Return what `Writer.entry` wrote.

    Raises:
        ValueError: The bytes are damaged.
    """
    if data.startswith(_WHOLE):
        return _STORED.decode(data[1:])
    for mark, form in reversed(forms_of([tag.encode() for tag in tags])):
        data = data.replace(mark, form)
    parts: list[str | None] = [None if p == NONE else p for p in str(data, "utf-8").split(FIELD)]
    if len(parts) < _HEAD or (len(parts) - _HEAD) % _PER_TEXT:
        raise ValueError("an ad lacks fields")
    name, payer, url, image, rest = parts[:_HEAD]
    texts = {
        str(parts[at]): AdText(
            title=str(parts[at + 1]), description=str(parts[at + 2]), cta_text=str(parts[at + 3]),
            question=parts[at + 4], success_message=parts[at + 5], placeholder=parts[at + 6],
        )
        for at in range(_HEAD, len(parts), _PER_TEXT)
    }  # fmt: skip
    return Stored(
        advertiser_name=str(name),
        payer=str(name if payer == SAME else payer),
        texts=texts,
        landing_url=str(url),
        image_url=image,
        rest=_REST.decode(rest) if rest else _NOTHING,
    )


class Blocks:
    """Reads ads from the blocks; the ones unpacked of late are kept.

    Args:
        data: Bytes of all blocks. offsets: where each begins, and the end. ads: number of its first ad.
        dictionary: What all of them were packed with.
    """

    def __init__(self, data: Any, offsets: Any, ads: Any, dictionary: Any) -> None:
        self._data = memoryview(data)
        self._offsets = memoryview(offsets)
        self._ads = memoryview(ads)
        self._dictionary = bytes(dictionary)
        self._kept: dict[int, list[bytes]] = {}

    def read(self, number: int, tags: Sequence[str]) -> Stored:
        """Return what is stored of an ad.

        Args:
            number: Of the ad.
            tags: Its canonical tags, in order.

        Raises:
            ValueError: The bytes are damaged.
        """
        block = bisect_right(self._ads, number) - 1
        entries = self._block(block)
        try:
            return read_entry(entries[number - self._ads[block]], tags)
        except (msgspec.MsgspecError, IndexError) as error:
            raise ValueError("an ad cannot be read") from error

    def raw(self, block: int) -> bytes:
        """Return the bytes of a block as they lie in the file."""
        return bytes(self._data[self._offsets[block] : self._offsets[block + 1]])

    def touch(self) -> int:
        """Read every page once; returns bytes."""
        sum(self._data[::_PAGE])
        return len(self._data)

    def _block(self, number: int) -> list[bytes]:
        block = self._kept.get(number)
        if block is None:
            try:
                unpacker = zlib.decompressobj(_RAW, zdict=self._dictionary)
                block = unpacker.decompress(self.raw(number)).split(END)
            except zlib.error as error:
                raise ValueError("a block of ads cannot be unpacked") from error
            if len(self._kept) >= _MOST_BLOCKS:
                self._kept.clear()
            self._kept[number] = block
        return block
