"""One immutable, memory-mapped snapshot: everything a decision reads."""

from __future__ import annotations

from functools import cached_property
from pathlib import Path
from types import MappingProxyType
from typing import Any

import msgspec
import numpy as np

from domain.catalogue import AdEntry, AppEntry
from domain.errors import Unprocessable
from fastpath import layout
from fastpath._choose import Market
from fastpath._core import Matcher
from fastpath._vectors import Vectors
from fastpath.model import GateModel, load
from fastpath.text import CONTRACTED, Words, words_of
from fastpath.topics import PREFIX

_AD = msgspec.msgpack.Decoder(AdEntry)
_APP = msgspec.msgpack.Decoder(AppEntry)
_MOST_NOTES = 64
_MOST_ADS = 4_096


class Snapshot:
    """Arrays by name as attributes, plus the strings behind the numbers. Open it with `open`.

    Attributes:
        snapshot_id: Content hash. path: Its folder. manifest: What it claims.
        names: Campaigns, advertisers, currencies, places, apps and IAB topics in number order.
        apps: Publisher apps by id.
        seed, slots, slot_keys, …: See `layout.ARRAYS`.
        matcher: The key table, ready for scanning. market: The columns of the ads, for the choice.
    """

    seed: int
    slots: Any
    slot_keys: Any
    key_offsets: Any
    key_blob: Any
    key_form_offsets: Any
    key_forms: Any
    form_offsets: Any
    form_blob: Any
    form_plain: Any
    form_tag_offsets: Any
    form_tags: Any
    tag_offsets: Any
    tag_blob: Any
    tag_words: Any
    tag_weight: Any
    post_offsets: Any
    post_ads: Any
    ad_offsets: Any
    id_offsets: Any
    id_blob: Any
    ad_bid: Any
    ad_quality: Any
    ad_model: Any
    ad_format: Any
    ad_house: Any
    ad_currency: Any
    ad_campaign: Any
    ad_advertiser: Any
    ad_starts: Any
    ad_ends: Any
    ad_languages: Any
    ad_geo_offsets: Any
    ad_geos: Any
    ad_negative_offsets: Any
    ad_negatives: Any
    ad_topic_offsets: Any
    ad_topics: Any
    ad_devices: Any
    ad_weekdays: Any
    ad_app_offsets: Any
    ad_apps: Any
    ad_app_block_offsets: Any
    ad_app_blocks: Any
    ad_content_offsets: Any
    ad_contents: Any
    ad_pace: Any
    topic_post_offsets: Any
    topic_posts: Any
    topic_tag: Any
    piece_slots: Any
    piece_rows: Any
    piece_vectors: Any
    piece_weights: Any
    ad_vectors: Any
    ad_vector_norms: Any
    ad_vector_bits: Any
    ad_vector_keys: Any

    def __init__(
        self,
        path: Path,
        manifest: layout.Manifest,
        arrays: dict[str, Any],
        names: layout.Names,
        texts: Any,
    ) -> None:
        self.path = path
        self.manifest = manifest
        self.snapshot_id = manifest.snapshot_id
        self.seed = manifest.seed
        self.names = names
        self.apps = MappingProxyType({app.app_id: app for app in map(_APP.decode, names.apps)})
        self._texts = texts
        self._forms: dict[int, Words] = {}
        self._notes: dict[frozenset[str], bytearray] = {}
        self._ads: dict[int, AdEntry] = {}
        for name, array in arrays.items():
            setattr(self, name, array)
        self.matcher = Matcher(self, manifest.longest_words, CONTRACTED)
        #: Topics that some ad keeps away from, canonical.
        self.topics = frozenset(self.tag(int(number)) for number in np.unique(self.ad_topics))

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
            if verify:
                _verify(path, manifest)
            arrays = {name: _map(path, name, dtype) for name, dtype in layout.ARRAYS.items()}
            names = msgspec.msgpack.decode((path / layout.NAMES).read_bytes(), type=layout.Names)
            texts = _map_bytes(path / layout.TEXTS)
            return cls(path, manifest, arrays, names, texts)
        except (OSError, ValueError, EOFError, msgspec.MsgspecError) as error:
            raise _corrupt(path, "a file is missing or unreadable") from error

    def pre_touch(self) -> int:
        """Read every mapped page, so that the first request after a swap does not; returns bytes."""
        total = 0
        for name in layout.ARRAYS:
            array = getattr(self, name)
            np.add.reduce(array.view(np.uint8)[::4096], dtype=np.uint64) if array.size else 0
            total += int(array.nbytes)
        return total

    def app(self, app_id: str) -> AppEntry | None:
        """Return a publisher app, or None."""
        return self.apps.get(app_id)

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
        """Return what the catalogue said about an ad; the ads shown of late are kept decoded."""
        ad = self._ads.get(number)
        if ad is None:
            if len(self._ads) >= _MOST_ADS:
                self._ads.clear()
            ad = _AD.decode(self._texts[self.ad_offsets[number] : self.ad_offsets[number + 1]])
            self._ads[number] = ad
        return ad

    def tag_number(self, name: str) -> int:
        """Return the number of a canonical tag, or -1: the tags are in order of their text."""
        low, high = 0, self.manifest.tags
        while low < high:
            middle = (low + high) // 2
            if self.tag(middle) < name:
                low = middle + 1
            else:
                high = middle
        return low if low < self.manifest.tags and self.tag(low) == name else -1

    @cached_property
    def gate_model(self) -> GateModel:
        """Return the gate's model this snapshot was compiled with: the one that decides, also on replay.

        Raises:
            GateModelError: It is missing or damaged.
        """
        return load(self.path / layout.GATE_MODEL)

    def topic_number(self, name: str) -> int:
        """Return the number of an IAB topic (`2` or `iab:2`, in any case), or -1 if no ad knows it."""
        return self._topic_numbers.get(name.strip().lower().removeprefix(PREFIX), -1)

    @cached_property
    def _topic_numbers(self) -> dict[str, int]:
        return {topic.lower(): i for i, topic in enumerate(self.names.topics)}

    def ad_id(self, number: int) -> str:
        """Return the id of an ad."""
        return _string(self.id_offsets, self.id_blob, number)

    def tag(self, number: int) -> str:
        """Return the canonical text of a tag."""
        return _string(self.tag_offsets, self.tag_blob, number)

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


def _verify(path: Path, manifest: layout.Manifest) -> None:
    expected = {f"{name}.npy" for name in layout.ARRAYS} | {
        layout.TEXTS,
        layout.NAMES,
        layout.EXPANSION,
        layout.GATE_MODEL,
    }
    if set(manifest.files) != expected:
        raise _corrupt(path, "its manifest does not list the right files")
    for name, info in manifest.files.items():
        data = (path / name).read_bytes()
        if len(data) != info.size or layout.checksum(data) != info.checksum:
            raise _corrupt(path, f"{name} does not have the size and checksum of its manifest")


def _map(path: Path, name: str, dtype: str) -> Any:
    array = np.load(path / f"{name}.npy", mmap_mode="r", allow_pickle=False)
    if array.dtype != np.dtype(dtype) or array.ndim != 1:
        raise ValueError(f"{name} has dtype {array.dtype}")
    return array


def _map_bytes(path: Path) -> Any:
    if path.stat().st_size == 0:
        return np.zeros(0, dtype=np.uint8)
    return np.memmap(path, dtype=np.uint8, mode="r")


def _corrupt(path: Path, why: str) -> Unprocessable:
    return Unprocessable(
        "snapshot_corrupt",
        f"Snapshot {path.name} cannot be used because {why}: keep the present one and compile again.",
    )
