"""One immutable, memory-mapped snapshot: everything a decision reads."""

from __future__ import annotations

import mmap
import os
from bisect import bisect_left
from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec
import numpy as np

from domain.catalogue import AdEntry, AppEntry
from domain.errors import Unprocessable
from fastpath import layout
from fastpath._choose import Market
from fastpath._core import Matcher, hash_text
from fastpath._vectors import Vectors
from fastpath.blocks import Blocks
from fastpath.form_keys import is_silent, key_and_plain
from fastpath.idlist import IdList
from fastpath.model import GateModel, GateModelError, load
from fastpath.openings import openings
from fastpath.tables import Tables
from fastpath.text import CONTRACTED, Words, words_of
from fastpath.topics import PREFIX

if TYPE_CHECKING:
    from fastpath._turns import Ear

_APP = msgspec.msgpack.Decoder(AppEntry)
_PAGE = 4_096
_ARRAYS = set(layout.ARRAYS) | set(layout.VECTORS)
_FILES = {
    layout.ARRAYS_FILE, layout.VECTORS_FILE, layout.TEXTS, layout.NAMES, layout.EXPANSION, layout.GATE_MODEL,
}  # fmt: skip
_MOST_NOTES = 64
_MOST_ADS = 4_096


class Apps(Mapping[str, AppEntry]):
    """Publisher apps by id, each decoded when first asked for.

    Args:
        ids: Their ids, sorted. entries: msgpack of each, beside them.
    """

    def __init__(self, ids: Sequence[str], entries: Sequence[bytes]) -> None:
        self._raw = dict(zip(ids, entries, strict=True))
        self._known: dict[str, AppEntry] = {}

    def __getitem__(self, app_id: str) -> AppEntry:
        found = self._known.get(app_id)
        if found is None:
            found = self._known[app_id] = _APP.decode(self._raw[app_id])
        return found

    def __iter__(self) -> Iterator[str]:
        return iter(self._raw)

    def __len__(self) -> int:
        return len(self._raw)


class Snapshot(Tables):
    """Arrays by name as attributes, plus the strings behind the numbers. Open it with `open`.

    Attributes:
        snapshot_id: Content hash. path: Its folder. manifest: What it claims.
        names: Campaigns, advertisers, currencies, places, apps and IAB topics in number order.
        apps: Publisher apps by id.
        seed, bucket_bits: Of the form table. buckets, prints, …: See `layout.ARRAYS`.
        matcher: The key table, ready for scanning. market: The columns of the ads, for the choice.
    """

    def __init__(
        self,
        path: Path,
        manifest: layout.Manifest,
        arrays: dict[str, Any],
        texts: Any,
        small: bytes,
    ) -> None:
        self.path = path
        self.manifest = manifest
        self.snapshot_id = manifest.snapshot_id
        self.seed = manifest.seed
        self.bucket_bits = manifest.bucket_bits
        self.__dict__.update(arrays)
        few = msgspec.msgpack.decode(small, type=layout.SmallNames)
        self._ids = IdList(few.ad_prefix, self.id_offsets, self.id_blob)
        self.id_prefix = few.ad_prefix
        self.names = layout.Names(
            campaigns=IdList(few.campaign_prefix, self.campaign_id_offsets, self.campaign_id_blob),
            advertisers=IdList(
                few.advertiser_prefix, self.advertiser_id_offsets, self.advertiser_id_blob
            ),
            currencies=few.currencies,
            geos=few.geos,
            app_ids=few.app_ids,
            topics=few.topics,
        )
        self.apps: Mapping[str, AppEntry] = Apps(few.app_ids, few.apps)
        self._creatives = IdList(
            few.creative_prefix, self.creative_id_offsets, self.creative_id_blob
        )
        self._blocks = Blocks(texts, self.block_offsets, self.block_ads, self.block_dictionary)
        self._forms: dict[int, Words] = {}
        self._notes: dict[frozenset[str], bytearray] = {}
        self._ads: dict[int, AdEntry] = {}
        self.matcher = Matcher(self, manifest.longest_words, CONTRACTED)
        #: What reads turns for it, once one was read (`reading.ear_of`).
        self.ear: Ear | None = None

    @classmethod
    def open(cls, path: Path, *, verify: bool = True) -> Snapshot:
        """Map a snapshot folder read-only.

        Args:
            path: Folder written by the compiler.
            verify: Read every file once and compare checksums; this also touches every page.

        Raises:
            Unprocessable: `snapshot_version_unsupported` or `snapshot_corrupt`.
        """
        manifest = _manifest(path)
        try:
            _verify(path, manifest, read=verify)
            arrays = _arrays(path / layout.ARRAYS_FILE, layout.ARRAYS, manifest)
            arrays |= _arrays(path / layout.VECTORS_FILE, layout.VECTORS, manifest)
            texts = _map_bytes(path / layout.TEXTS)
            return cls(path, manifest, arrays, texts, (path / layout.NAMES).read_bytes())
        except (OSError, ValueError, KeyError, EOFError, msgspec.MsgspecError) as error:
            raise _corrupt(path, "a file is missing or unreadable") from error

    def pre_touch(self) -> int:
        """Read every mapped page and make what is made once, so that the first request after a swap does not.

        Returns:
            Bytes mapped.
        """
        total = 0
        for name in _ARRAYS:
            array = getattr(self, name)
            if array.size:
                # No step is longer than a page, also where columns stand side by side.
                np.add.reduce(array[:: max(1, _PAGE // array.strides[0])], dtype=np.int64)
            total += int(array.nbytes)
        total += self._blocks.touch()
        self.matcher.opening = openings(self)
        for made in ("topics", "market", "vectors", "gate_model", "_topic_numbers"):
            getattr(self, made)
        return total

    def app(self, app_id: str) -> AppEntry | None:
        """Return a publisher app, or None."""
        try:
            return self.apps[app_id]
        except KeyError:
            return None

    @cached_property
    def topics(self) -> frozenset[str]:
        """Return the topics that some ad keeps away from, canonical."""
        return frozenset(self.tag(number) for number in self.kept_away.tolist())

    @cached_property
    def market(self) -> Market:
        """Return the columns of the ads, ready for the choice."""
        return Market(self)

    @cached_property
    def vectors(self) -> Vectors | None:
        """Return what matching by meaning reads, or None if the snapshot was compiled without."""
        return Vectors(self) if self.piece_slots.size and self.ad_vector_norms.size else None

    def host_notes(self, blocked: frozenset[str]) -> bytearray:
        """Return what is known of each ad beside a host's blocked topics: see `_choose.Asked.hosts`."""
        notes = self._notes.get(blocked)
        if notes is None:
            if len(self._notes) >= _MOST_NOTES:
                self._notes.clear()
            notes = self._notes[blocked] = bytearray(self.manifest.ads)
        return notes

    def ad(self, number: int) -> AdEntry:
        """Return what the catalogue said about an ad; the ads shown of late are kept decoded.

        Tags and negative tags come back canonical and in order, without those that were left out.
        """
        ad = self._ads.get(number)
        if ad is None:
            if len(self._ads) >= _MOST_ADS:
                self._ads.clear()
            ad = self._ads[number] = self._read_ad(number)
        return ad

    def forget_ads(self) -> None:
        """Drop the decoded ads, for measuring."""
        self._ads.clear()

    def _read_ad(self, number: int) -> AdEntry:
        tags = self.ad_tag_names(number)
        more = self._blocks.read(number, tags)
        rest = more.rest
        rule = int(self.ad_rule[number])
        starts, ends = int(self.rule_starts[rule]), int(self.rule_ends[rule])
        geos = self.row(self.rule_geo_offsets, self.rule_geos, rule)
        return AdEntry(
            ad_id=self.ad_id(number),
            campaign_id=self.names.campaigns[int(self.ad_campaign[number])],
            advertiser_id=self.names.advertisers[int(self.ad_advertiser[number])],
            format=layout.FORMATS[self.ad_format[number]],
            creative_id=self._creatives[number],
            advertiser_name=more.advertiser_name,
            payer=more.payer,
            texts=more.texts,
            landing_url=more.landing_url,
            image_url=more.image_url,
            tags=tags,
            negative_tags=self._tag_row(self.rule_negative_offsets, self.rule_negatives, rule),
            bid_model=layout.MODELS[self.ad_model[number]],
            bid_micros=int(self.ad_bid[number]),
            currency=self.names.currencies[self.ad_currency[number]],
            quality_ppm=int(self.ad_quality[number]),
            geos=tuple(self.names.geos[geo] for geo in geos),
            starts_ms=None if starts == layout.LONG_AGO else starts,
            ends_ms=None if ends == layout.FAR_AHEAD else ends,
            house=bool(self.ad_house[number]),
            pace_ppm=int(self.ad_pace[number]),
            **{name: getattr(rest, name) for name in rest.__struct_fields__},
        )

    def ad_tag_names(self, number: int) -> tuple[str, ...]:
        """Return the canonical tags of an ad, without reading its texts."""
        return self._tag_row(self.ad_tag_offsets, self.ad_tags, number)

    def ad_contents(self, number: int) -> list[int]:
        """Return the numbers of the IAB topics an ad is bought on, and of all above them."""
        rule = int(self.ad_rule[number])
        return self.row(self.rule_content_offsets, self.rule_contents, rule)

    def _tag_row(self, offsets: Any, values: Any, number: int) -> tuple[str, ...]:
        return tuple(sorted(map(self.tag, self.row(offsets, values, number))))

    def raw_block(self, number: int) -> bytes:
        """Return a block of ads as it lies in the file."""
        return self._blocks.raw(number)

    def tags(self) -> list[str]:
        """Return the text of every tag, in number order."""
        blob, starts = self.form_blob.tobytes(), self.form_offsets.tolist()
        return [
            str(blob[starts[form] : starts[form + 1]], "utf-8") for form in self.tag_form.tolist()
        ]

    def tag_number(self, name: str) -> int:
        """Return the number of a canonical tag, or -1.

        Tags are numbered as their forms stand in the table: by the hash of their key, those without one last,
        by their text.
        """
        form = self._own_form(name)
        if form < 0:
            return -1
        tag = int(np.searchsorted(self.tag_form, form))
        return tag if tag < self.manifest.tags and self.tag_form[tag] == form else -1

    def _own_form(self, name: str) -> int:
        keyed, total = int(self.buckets[-1]), self.manifest.forms
        if is_silent(name, PREFIX):
            at = bisect_left(range(keyed, total), name, key=self.form) + keyed
            return at if at < total and self.form(at) == name else -1
        key, _ = key_and_plain(name)
        bucket = hash_text(self.seed, key) >> (64 - self.bucket_bits)
        forms = range(int(self.buckets[bucket]), int(self.buckets[bucket + 1]))
        return next((form for form in forms if self.form(form) == name), -1)

    @cached_property
    def gate_model(self) -> GateModel:
        """Return the gate's model this snapshot was compiled with: the one that decides, also on replay.

        Raises:
            GateModelError: It is missing or damaged.
        """
        model = load(self.path / layout.GATE_MODEL)
        if model.digest != self.manifest.gate:
            raise GateModelError(
                "gate_model_unusable",
                f"The gate's model of snapshot {self.path.name} is not the one its manifest names:"
                " compile the catalogue again.",
            )
        return model

    def topic_number(self, name: str) -> int:
        """Return the number of an IAB topic (`2` or `iab:2`, in any case), or -1 if no ad knows it."""
        return self._topic_numbers.get(name.strip().lower().removeprefix(PREFIX), -1)

    @cached_property
    def _topic_numbers(self) -> dict[str, int]:
        return {topic.lower(): i for i, topic in enumerate(self.names.topics)}

    def ad_id(self, number: int) -> str:
        """Return the id of an ad."""
        return self._ids[number]

    def tag(self, number: int) -> str:
        """Return the canonical text of a tag."""
        return self.form(int(self.tag_form[number]))

    def form(self, number: int) -> str:
        """Return the text of a surface form."""
        return _string(self.form_offsets, self.form_blob, number)

    def form_words(self, number: int) -> Words:
        """Return a surface form cut into words (kept: forms with symbols are few)."""
        words = self._forms.get(number)
        if words is None:
            words = self._forms[number] = words_of(self.form(number))
        return words

    def row(self, offsets: Any, values: Any, number: int) -> list[int]:
        """Return one row of a ragged array."""
        found: list[int] = values[int(offsets[number]) : int(offsets[number + 1])].tolist()
        return found


def _string(offsets: Any, blob: Any, number: int) -> str:
    return str(memoryview(blob)[offsets[number] : offsets[number + 1]], "utf-8")


def _manifest(path: Path) -> layout.Manifest:
    try:
        data = (path / layout.MANIFEST).read_bytes()
        version = msgspec.json.decode(data, type=dict[str, Any]).get("version")
    except (OSError, msgspec.MsgspecError, ValueError) as error:
        raise _corrupt(path, "its manifest is missing or unreadable") from error
    if version != layout.VERSION:
        newer = isinstance(version, int) and version > layout.VERSION
        remedy = "serve it with the newer build, or " if newer else ""
        raise Unprocessable(
            "snapshot_version_unsupported",
            f"Snapshot {path.name} has layout version {version!r}; this build reads"
            f" {layout.VERSION}: {remedy}compile the catalogue again with this build.",
        )
    try:
        return msgspec.json.decode(data, type=layout.Manifest)
    except msgspec.MsgspecError as error:
        raise _corrupt(path, "its manifest lacks fields") from error


def _verify(path: Path, manifest: layout.Manifest, *, read: bool) -> None:
    """Refuse a folder whose files are not those of its manifest; `read` compares the checksums, too."""
    if set(manifest.files) != _FILES or set(manifest.arrays) != _ARRAYS:
        raise _corrupt(path, "its manifest does not list the right files")
    for name, info in manifest.files.items():
        same = (
            layout.intact(path / name, info) if read else (path / name).stat().st_size == info.size
        )
        if not same:
            raise _corrupt(path, f"{name} does not have the size and checksum of its manifest")


def _arrays(path: Path, kinds: Mapping[str, str], manifest: layout.Manifest) -> dict[str, Any]:
    whole = _map_bytes(path)
    return {
        name: layout.view(whole, name, dtype, manifest.arrays[name])
        for name, dtype in kinds.items()
    }


def _map_bytes(path: Path) -> Any:
    """Return the bytes of a file, mapped read-only."""
    with path.open("rb") as file:
        if os.fstat(file.fileno()).st_size == 0:
            return b""
        return mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)


def _corrupt(path: Path, why: str) -> Unprocessable:
    return Unprocessable(
        "snapshot_corrupt",
        f"Snapshot {path.name} cannot be used because {why}: keep the present one and compile again.",
    )
