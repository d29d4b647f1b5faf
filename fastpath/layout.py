"""How a snapshot lies on disk: a folder of few files, each with size and checksum in the manifest.

All flat arrays stand one behind the other in `arrays.bin`, those of `ROW` side by side, so that opening a
snapshot maps one file; the manifest says where each begins. The ads' texts lie in compressed blocks
(`fastpath.blocks`), ids as 16 bytes (`fastpath.idlist`).
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from enum import StrEnum
from functools import lru_cache
from itertools import accumulate
from pathlib import Path
from typing import Any, Final

import msgspec
import numpy as np

from domain.formats import AdFormat, BidModel
from domain.language import Language

#: Raised whenever an older reader would misread the files.
VERSION: Final = 6
MANIFEST: Final = "manifest.json"

#: Array name → numpy dtype. Offsets have one entry more than what they count.
ARRAYS: Final[dict[str, str]] = {
    # Surface forms in the order of their key's hash; those without a key of their own stand last.
    "buckets": "<i4",  # leading bits of a hash → first form
    "prints": "<u2",  # low bits of each keyed form's hash
    "form_offsets": "<i4",
    "form_blob": "|u1",
    "form_plain": "|u1",
    "form_tag_offsets": "<i4",  # surface form → tags
    "form_tags": "<i4",
    "tag_form": "<i4",  # tag → the form that is its text
    "tag_words": "|u1",
    "tag_weight": "<i4",  # how telling a tag is, parts per million; that of a topic is lower
    "post_offsets": "<i4",  # tag → ads, best bid first
    "post_ads": "<i4",
    # Ads in order of advertiser, campaign and id.
    "block_offsets": "<i8",  # block of ads → its compressed bytes in texts.bin
    "block_ads": "<i4",  # its first ad
    "block_keys": "|u1",  # 8 bytes that name its content, for the next compile
    "block_dictionary": "|u1",
    "id_offsets": "<i8",  # one entry where ids are packed
    "id_blob": "|u1",
    "creative_id_offsets": "<i8",  # creatives of the ads
    "creative_id_blob": "|u1",
    "campaign_id_offsets": "<i8",
    "campaign_id_blob": "|u1",
    "advertiser_id_offsets": "<i8",
    "advertiser_id_blob": "|u1",
    "ad_bid": "<i8",
    "ad_quality": "<i4",
    "ad_model": "|u1",
    "ad_format": "|u1",
    "ad_house": "|u1",
    "ad_currency": "<i2",
    "ad_campaign": "<i4",
    "ad_advertiser": "<i4",
    "ad_languages": "|u1",  # bit per language in which it may be shown, texts included
    "ad_tag_offsets": "<i4",  # ad → its tags
    "ad_tags": "<i4",
    "ad_pace": "<i4",  # share of auctions it takes part in, parts per million
    "ad_rule": "<i4",  # ad → its conditions; rule 0 forbids nothing
    "rule_starts": "<i8",
    "rule_ends": "<i8",
    "rule_devices": "|u1",  # bit per `DEVICES`
    "rule_weekdays": "|u1",  # bit i-1 per ISO day
    "rule_geo_offsets": "<i4",
    "rule_geos": "<i2",
    "rule_app_offsets": "<i4",  # apps it may be shown in; an empty row: all
    "rule_apps": "<i4",
    "rule_app_block_offsets": "<i4",
    "rule_app_blocks": "<i4",
    "rule_negative_offsets": "<i4",  # tags that exclude the ad
    "rule_negatives": "<i4",
    "rule_topic_offsets": "<i4",  # tags of topics it does not want to stand beside
    "rule_topics": "<i4",
    "rule_content_offsets": "<i4",  # IAB topics it is bought on, and all above them
    "rule_contents": "<i4",
    "topic_post_offsets": "<i4",  # IAB topic → ads bought on it or on one above it, best bid first
    "topic_posts": "<i4",
    "topic_tag": "<i4",  # IAB topic → the tag its words show
    "kept_away": "<i4",  # tags of the topics that some ad keeps away from
}

#: What the choice reads of every candidate, widest first: these columns stand side by side, one row of 32 bytes an
#: ad, so that a candidate costs one wait for memory.
ROW: Final = (
    "ad_bid", "ad_quality", "ad_campaign", "ad_advertiser", "ad_pace", "ad_rule", "ad_currency",
    "ad_languages", "ad_format",
)  # fmt: skip
ROW_BYTES: Final = sum(np.dtype(ARRAYS[name]).itemsize for name in ROW)

#: The arrays of `vectors.bin`, all of them empty where a snapshot has no vectors.
VECTORS: Final[dict[str, str]] = {
    "piece_slots": "<u8",  # hashes of word pieces, 0 = empty
    "piece_rows": "<i4",  # slot → row of the query table
    "piece_vectors": "|i1",  # rows of 256
    "piece_weights": "<u2",
    "ad_vectors": "|i1",  # ad → 256 numbers
    "ad_vector_norms": "<i4",  # their length in thousandths; 0: the ad has no vector
    "ad_vector_bits": "<u8",  # ad → 4 words: which numbers are positive
    "ad_vector_keys": "<u8",  # names the text a vector was made from, for the next compile
    "word_slots": "<u8",  # hashes of the words of the ads' own texts, 0 = empty
    "word_rows": "<i4",
    "word_weights": "<i4",  # how telling a word is, parts per million
    "word_offsets": "<i8",  # word → ads, in order, and what it counts in each
    "word_ads": "<i4",
    "word_shares": "|u1",
}

ARRAYS_FILE: Final = "arrays.bin"
VECTORS_FILE: Final = "vectors.bin"
TEXTS: Final = "texts.bin"
NAMES: Final = "names.msgpack"
EXPANSION: Final = "expansion.msgpack"
GATE_MODEL: Final = "gate_model.bin"

FORMATS: Final = tuple(AdFormat)
MODELS: Final = tuple(BidModel)
LANGUAGES: Final = tuple(Language)
DEVICES: Final = ("desktop", "mobile", "tablet", "tv", "watch", "speaker", "car")
EVERY_DAY: Final = 0b111_1111
#: Number of an app the snapshot does not know; equal to no app's number, nor to -1.
NO_APP: Final = -2
_ALIGN: Final = 64
#: Arrays shorter than this are written plainly.
_WORTH: Final = 1_024
_CODES: Final = 256
_CHUNK: Final = 1 << 15
#: Longer arrays are written plainly: a damaged manifest must not ask for all memory.
_MOST: Final = 1 << 26
LONG_AGO: Final = -(2**62)
FAR_AHEAD: Final = 2**62


class Way(StrEnum):
    """How an array is written.

    `plain`: as it is; read where it lies. The others are made when the snapshot is opened, in the memory of each
    process. `same`: all entries are the one in the file. `count`: 0, 1, 2…. `coded`: a table of 256 entries, then
    one byte each.
    """

    PLAIN = "plain"
    SAME = "same"
    COUNT = "count"
    CODED = "coded"


#: Of an array: where it begins in its file, how many entries it has, how they are written.
Place = tuple[int, int, Way]


class SmallNames(msgspec.Struct, frozen=True):
    """The few strings behind the numbers, as they lie in `names.msgpack`.

    Attributes:
        currencies, geos: In number order.
        apps: msgpack of every `AppEntry`, in id order. app_ids: their ids, in the same order.
        topics: IAB Content Taxonomy ids of the topics ads are bought on, of all above and below them.
        ad_prefix, campaign_prefix, advertiser_prefix, creative_prefix: Of packed ids, see `idlist`; "" where
            not packed.
    """

    currencies: tuple[str, ...]
    geos: tuple[str, ...]
    apps: tuple[bytes, ...]
    app_ids: tuple[str, ...]
    topics: tuple[str, ...]
    ad_prefix: str
    campaign_prefix: str
    advertiser_prefix: str
    creative_prefix: str


class Names(msgspec.Struct, frozen=True):
    """The strings behind the numbers, in number order, which is theirs: see `SmallNames`.

    Attributes:
        campaigns, advertisers: Ids, read from the arrays when asked for.
    """

    campaigns: Sequence[str]
    advertisers: Sequence[str]
    currencies: tuple[str, ...]
    geos: tuple[str, ...]
    app_ids: tuple[str, ...]
    topics: tuple[str, ...]


class FileInfo(msgspec.Struct, frozen=True):
    """Size and BLAKE2b-256 of one file."""

    size: int
    checksum: str


class Manifest(msgspec.Struct, frozen=True):
    """What the folder claims to be.

    Attributes:
        version: Layout version.
        snapshot_id: Content hash.
        seed: Secret of the hash table, from the content, so that a compile can be repeated.
        bucket_bits: Leading bits of a hash that choose its bucket.
        longest_words, longest_chars: Most words (characters) of an English (Japanese) key.
        starts: First characters of Japanese keys, with the longest key that has it.
        ads, tags, forms, postings: Counts.
        warnings: What the compiler left out or cut, one sentence each.
        expansion: Fingerprint of what the Japanese forms came from.
        gate: Digest of the gate's model in the folder: the one that decides.
        arrays: Where each array begins in its file, how many entries it has, and how they are written.
        files: Checksums.
    """

    version: int
    snapshot_id: str
    seed: int
    bucket_bits: int
    longest_words: int
    longest_chars: int
    starts: dict[str, int]
    ads: int
    tags: int
    forms: int
    postings: int
    warnings: tuple[str, ...]
    expansion: str
    gate: str
    arrays: dict[str, Place]
    files: dict[str, FileInfo]


def checksum(data: bytes) -> str:
    """Return the BLAKE2b-256 of a file's bytes, in hex."""
    return hashlib.blake2b(data, digest_size=32).hexdigest()


def pack(arrays: Mapping[str, Any], kinds: Mapping[str, str]) -> tuple[bytearray, dict[str, Place]]:
    """Return the arrays of one file as its bytes, and where and how each is written.

    Raises:
        OverflowError: A number does not fit its column.
    """
    out = bytearray()
    places: dict[str, Place] = {}
    cast = {name: _cast(name, np.asarray(arrays[name]), dtype) for name, dtype in kinds.items()}
    for name, array in cast.items():
        if name in places:
            continue
        out += bytes(-len(out) % _ALIGN)
        if name in ROW:
            places |= _place(len(out), cast)
            out += _rows(cast).tobytes()
        else:
            way, data = _written(array)
            places[name] = (len(out), len(array), way)
            out += data
    return out, places


def _written(array: Any) -> tuple[Way, bytes]:
    """Return the shortest way to write an array that is quickly read, and its bytes."""
    if not _WORTH <= len(array) <= _MOST:
        return Way.PLAIN, array.tobytes()
    first = array[:1]
    if (array == first).all():
        return Way.SAME, first.tobytes()
    if array.dtype == np.int32 and first[0] == 0 and (np.diff(array) == 1).all():
        return Way.COUNT, b""
    if array.itemsize > 1:
        # A look at some of them spares most arrays the sorting.
        values = np.unique(array[:: len(array) // _WORTH])
        if len(values) <= _CODES and len(values := np.unique(array)) <= _CODES:
            table = np.resize(values, _CODES)
            return Way.CODED, table.tobytes() + np.searchsorted(values, array).astype(
                "u1"
            ).tobytes()
    return Way.PLAIN, array.tobytes()


def _place(start: int, arrays: Mapping[str, Any]) -> dict[str, Place]:
    """Return where each column of the rows begins, in a file whose rows begin at `start`."""
    widths = accumulate((arrays[name].itemsize for name in ROW), initial=start)
    return {name: (at, len(arrays[name]), Way.PLAIN) for name, at in zip(ROW, widths, strict=False)}


def _rows(arrays: Mapping[str, Any]) -> Any:
    """Return the columns of `ROW` side by side."""
    rows = np.empty(len(arrays[ROW[0]]), dtype=[(name, ARRAYS[name]) for name in ROW])
    for name in ROW:
        rows[name] = arrays[name]
    return rows


def view(whole: Any, name: str, dtype: str, place: Place) -> Any:
    """Return one array of a mapped file, without a copy where it is written plainly.

    Raises:
        ValueError: It does not lie within the file.
    """
    start, count, way = place
    if start < 0 or count < 0 or (way is not Way.PLAIN and count > _MOST):
        raise ValueError(f"{name} lies outside its file")
    if count == 0:
        return np.empty(0, dtype)
    if way is not Way.PLAIN:
        made = _made(whole, dtype, start, count, way)
        made.flags.writeable = False
        return made
    if name not in ROW:
        return np.frombuffer(whole, dtype, count, start)
    width = np.dtype(dtype).itemsize
    if start + (count - 1) * ROW_BYTES + width > len(whole):
        raise ValueError(f"{name} lies outside its file")
    return np.ndarray((count,), dtype, whole, start, (ROW_BYTES,))


def _made(whole: Any, dtype: str, start: int, count: int, way: Way) -> Any:
    """Return an array that is written in few bytes."""
    if way is Way.COUNT:
        return _counted(-(-count // _CHUNK) * _CHUNK)[:count].astype(dtype, copy=False).view()
    if way is Way.SAME:
        return np.full(count, np.frombuffer(whole, dtype, 1, start)[0], dtype=dtype)
    table = np.frombuffer(whole, dtype, _CODES, start)
    codes = np.frombuffer(whole, np.uint8, count, start + _CODES * np.dtype(dtype).itemsize)
    out = np.empty(count, dtype=dtype)
    # Piece by piece, so that the numbers in between stay near.
    for at in range(0, count, _CHUNK):
        np.take(table, codes[at : at + _CHUNK], out=out[at : at + _CHUNK], mode="clip")
    return out


@lru_cache(maxsize=1)
def _counted(count: int) -> Any:
    """Return 0, 1, 2…, one array for all that need it."""
    return np.arange(count, dtype="<i4")


def _cast(name: str, array: Any, dtype: str) -> Any:
    limits = np.iinfo(np.dtype(dtype))
    if len(array) and not (limits.min <= array.min() and array.max() <= limits.max):
        raise OverflowError(f"{name} has a number outside {dtype}")
    return np.ascontiguousarray(array, dtype=dtype)


def intact(path: Path, info: FileInfo) -> bool:
    """Return whether a file has the size and checksum of its manifest."""
    data = path.read_bytes()
    return len(data) == info.size and checksum(data) == info.checksum
