"""How a snapshot lies on disk: one folder of flat arrays, each file with its checksum in the manifest."""

from __future__ import annotations

import hashlib
from typing import Final

import msgspec

from domain.formats import AdFormat, BidModel
from domain.language import Language

#: Raised whenever an older reader would misread the files.
VERSION: Final = 2
MANIFEST: Final = "manifest.json"

#: Array name → numpy dtype. Offsets have one entry more than what they count.
ARRAYS: Final[dict[str, str]] = {
    "slots": "<u8",  # keyed hashes of all keys, 0 = empty
    "slot_keys": "<i4",
    "key_offsets": "<i8",
    "key_blob": "|u1",
    "key_form_offsets": "<i4",  # key → surface forms
    "key_forms": "<i4",
    "form_offsets": "<i8",
    "form_blob": "|u1",
    "form_plain": "|u1",
    "form_tag_offsets": "<i4",  # surface form → tags
    "form_tags": "<i4",
    "tag_offsets": "<i8",
    "tag_blob": "|u1",
    "tag_words": "|u1",
    "tag_weight": "<i4",  # how telling a tag is, parts per million; that of a topic is lower
    "post_offsets": "<i8",  # tag → ads, best bid first
    "post_ads": "<i4",
    "ad_offsets": "<i8",  # ad → its msgpack entry in texts.bin
    "id_offsets": "<i8",  # ad → its id
    "id_blob": "|u1",
    "ad_bid": "<i8",
    "ad_quality": "<i4",
    "ad_model": "|u1",
    "ad_format": "|u1",
    "ad_house": "|u1",
    "ad_currency": "<i2",
    "ad_campaign": "<i4",
    "ad_advertiser": "<i4",
    "ad_starts": "<i8",
    "ad_ends": "<i8",
    "ad_languages": "|u1",  # bit per language in which it may be shown, texts included
    "ad_geo_offsets": "<i4",
    "ad_geos": "<i2",
    "ad_negative_offsets": "<i4",  # ad → tags that exclude it
    "ad_negatives": "<i4",
    "ad_topic_offsets": "<i4",  # ad → tags of topics it does not want to stand beside
    "ad_topics": "<i4",
    "ad_devices": "|u1",  # bit per `DEVICES`
    "ad_weekdays": "|u1",  # bit i-1 per ISO day
    "ad_app_offsets": "<i4",  # ad → apps it may be shown in; an empty row: all
    "ad_apps": "<i4",
    "ad_app_block_offsets": "<i4",
    "ad_app_blocks": "<i4",
    "ad_content_offsets": "<i4",  # ad → IAB topics it is bought on, and all above them
    "ad_contents": "<i4",
    "ad_pace": "<i4",  # share of auctions it takes part in, parts per million
    "topic_post_offsets": "<i4",  # IAB topic → ads bought on it or on one above it, best bid first
    "topic_posts": "<i4",
    "topic_tag": "<i4",  # IAB topic → the tag its words show
    "piece_slots": "<u8",  # hashes of word pieces, 0 = empty; this and the rest empty without vectors
    "piece_rows": "<i4",  # slot → row of the query table
    "piece_vectors": "|i1",  # rows of 256
    "piece_weights": "<u2",
    "ad_vectors": "|i1",  # ad → 256 numbers
    "ad_vector_norms": "<i4",  # their length in thousandths; 0: the ad has no vector
    "ad_vector_bits": "<u8",  # ad → 4 words: which numbers are positive
    "ad_vector_keys": "<u8",  # names the text a vector was made from, for the next compile
}

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
LONG_AGO: Final = -(2**62)
FAR_AHEAD: Final = 2**62


class Names(msgspec.Struct, frozen=True):
    """The strings behind the numbers.

    Attributes:
        campaigns, advertisers, currencies, geos: In number order.
        apps: msgpack of every `AppEntry`, in id order. app_ids: their ids, in the same order.
        topics: IAB Content Taxonomy ids of the topics ads are bought on, of all above and below them.
    """

    campaigns: tuple[str, ...]
    advertisers: tuple[str, ...]
    currencies: tuple[str, ...]
    geos: tuple[str, ...]
    apps: tuple[bytes, ...]
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
        longest_words, longest_chars: Most words (characters) of an English (Japanese) key.
        starts: First characters of Japanese keys, with the longest key that has it.
        ads, tags, forms, postings: Counts.
        warnings: What the compiler left out or cut, one sentence each.
        files: Checksums.
    """

    version: int
    snapshot_id: str
    seed: int
    longest_words: int
    longest_chars: int
    starts: dict[str, int]
    ads: int
    tags: int
    forms: int
    postings: int
    warnings: tuple[str, ...]
    files: dict[str, FileInfo]


def checksum(data: bytes) -> str:
    """Return the BLAKE2b-256 of a file's bytes, in hex."""
    return hashlib.blake2b(data, digest_size=32).hexdigest()
