"""Catalogue → snapshot: the same export gives byte-identical files, whatever machine compiles it."""

from __future__ import annotations

import gc
import hashlib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from typing import Any, Final

import msgspec
import numpy as np

from domain.catalogue import AppEntry, CatalogueExport
from domain.ids import stable_id
from fastpath import layout, topics
from fastpath.compile_blocks import block_arrays
from fastpath.compile_cache import load_expansion, pack_expansion
from fastpath.compile_forms import Forms
from fastpath.compile_gather import Gathered
from fastpath.compile_kept import load_kept, save_kept
from fastpath.compile_posts import MAX_POSTINGS, Postings
from fastpath.compile_read import MAX_TAG_WORDS
from fastpath.compile_rules import geos_of, rule_arrays
from fastpath.compile_tags import SameHash, Tags, warn
from fastpath.compile_targets import ad_columns, currencies
from fastpath.compile_vectors import Embedder, compile_vectors, vectors_identity
from fastpath.compile_write import existing, write
from fastpath.expand import Expander, Expansion, dictionary_path, read_table
from fastpath.model import MODEL_FILE, load
from fastpath.weight import tag_weights

__all__ = [
    "MAX_POSTINGS", "MAX_TAG_WORDS", "SnapshotInfo", "compile_catalogue", "default_expander",
    "load_expansion",
]  # fmt: skip

_MAX_WARNINGS: Final = 200


class SnapshotInfo(msgspec.Struct, frozen=True):
    """What a compile produced.

    Attributes:
        snapshot_id: Content hash; also the name of the folder.
        version: Layout version.
        path: Folder of the snapshot.
        ads, tags, postings: Counts.
        warnings: What was left out or cut, one sentence each.
        expanded: Tags that had to be looked up, the others came from the previous snapshot.
        reused: Blocks of ads that came from there as well; 0 where the snapshot was there already.
        read: Ads that had to be read; what is known of the others was kept beside that snapshot.
    """

    snapshot_id: str
    version: int
    path: Path
    ads: int
    tags: int
    postings: int
    warnings: tuple[str, ...]
    expanded: int
    reused: int
    read: int


def compile_catalogue(
    export: CatalogueExport,
    out_dir: Path,
    *,
    previous: Path | None = None,
    expander: Expander | None = None,
    embedder: Embedder | None = None,
    gate_model: Path = MODEL_FILE,
) -> SnapshotInfo:
    """Write `out_dir/<snapshot id>/` and return what is in it.

    Args:
        export: Everything that may be served.
        out_dir: Folder of snapshots; created if missing. An equal snapshot there is left alone.
        previous: An earlier snapshot folder whose Japanese expansions, vectors and blocks of ads are reused
            where still valid, as is what its compile kept beside it (`compile_kept`).
        expander: Where Japanese forms come from; by default the shipped table and JMdict.
        embedder: What ads are embedded with (`encoder.load()`); None: the snapshot matches by words alone.
        gate_model: The gate's model that goes into the snapshot and decides from it.

    Raises:
        GateModelError: The model is missing or damaged.
    """
    with _no_collection():
        return _compile(export, out_dir, previous, expander, embedder, gate_model)


def default_expander(
    warnings: list[str] | None = None, learnt: Mapping[str, tuple[str, ...]] | None = None
) -> Expander:
    """Return the expander over the shipped table, the installed JMdict, and what a model said of the rest."""
    dictionary = dictionary_path()
    if dictionary is None and warnings is not None:
        warnings.append(
            "JMdict (package jamdict-data) is missing: Japanese forms come from the table only."
        )
    return Expander(dictionary, read_table(), learnt)


@contextmanager
def _no_collection() -> Iterator[None]:
    """Keep the collector of cycles from walking millions of live objects again and again."""
    before = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if before:
            gc.enable()


def _compile(
    export: CatalogueExport,
    out_dir: Path,
    previous: Path | None,
    expander: Expander | None,
    embedder: Embedder | None,
    gate_model: Path,
) -> SnapshotInfo:
    warnings: list[str] = []
    maker = expander or default_expander(warnings)
    load(gate_model)
    gate = gate_model.read_bytes()
    kept = load_kept(previous.parent) if previous is not None else None
    ads = Gathered(export.ads, topics.shipped(), kept)
    del kept
    apps = sorted(export.apps, key=lambda app: app.app_id)
    seed, tags = _tags(ads, apps)
    warn(ads.facts, tags, warnings)
    reuse = previous is not None and maker.looks_up
    expansion = maker.expand(tags.spoken, load_expansion(previous) if previous and reuse else None)
    meanings = compile_vectors(ads.ads, embedder, previous=previous)
    identity = _identity(ads, apps, expansion, tags.words, (gate, vectors_identity(meanings)))
    name = stable_id("snp", identity)
    manifest = existing(out_dir / name)
    reused = 0
    if manifest is None:
        built = _Build(ads, apps, tags, expansion, seed, warnings)
        manifest, files, reused = built.files(name, previous)
        flat, places = layout.pack(meanings, layout.VECTORS)
        manifest.arrays.update(places)
        files |= {layout.GATE_MODEL: gate, layout.VECTORS_FILE: bytes(flat)}
        manifest = write(out_dir, manifest, files)
        save_kept(out_dir, ads.facts, tags, built.entries)
    return SnapshotInfo(
        snapshot_id=name,
        version=manifest.version,
        path=out_dir / name,
        ads=manifest.ads,
        tags=manifest.tags,
        postings=manifest.postings,
        warnings=manifest.warnings,
        expanded=expansion.fresh,
        reused=reused,
        read=len(ads.fresh),
    )


def _tags(ads: Gathered, apps: Sequence[AppEntry]) -> tuple[int, Tags]:
    """Return the secret of the hash table, from the content, and the tags in the order of their hashes."""
    content = ads.digests + msgspec.msgpack.encode(apps)
    for attempt in count():
        digest = hashlib.blake2b(
            content, digest_size=8, person=b"parley-seed", salt=attempt.to_bytes(8, "big")
        )
        seed = int.from_bytes(digest.digest(), "big")
        try:
            return seed, Tags(ads.facts, topics.shipped(), seed)
        except SameHash:
            continue
    raise AssertionError


def _identity(
    ads: Gathered,
    apps: Sequence[AppEntry],
    expansion: Expansion,
    words: dict[str, tuple[str, ...]],
    others: Sequence[bytes],
) -> str:
    """Return the content hash of everything the files are made from."""
    digest = hashlib.blake2b(f"layout-{layout.VERSION}".encode(), digest_size=32)
    encode = msgspec.msgpack.encode
    forms = sorted(expansion.forms.items())
    spoken = (encode(apps), encode(forms), encode(sorted(words.items())))
    for part in (ads.digests, *spoken, *others):
        digest.update(len(part).to_bytes(8, "big") + part)
    return digest.hexdigest()


class _Build:
    """One snapshot in the making."""

    def __init__(
        self, ads: Gathered, apps: Sequence[AppEntry], tags: Tags, expansion: Expansion, seed: int,
        warnings: list[str],
    ) -> None:  # fmt: skip
        self.ads = ads
        self.apps = apps
        self.tags = tags
        self.expansion = expansion
        self.seed = seed
        self.warnings = warnings
        self.entries: Any = None

    def files(
        self, name: str, previous: Path | None
    ) -> tuple[layout.Manifest, dict[str, bytes], int]:
        """Return the manifest without its checksums, the files, and how many blocks were taken over."""
        ads, tags, warnings = self.ads, self.tags, self.warnings
        facts = ads.facts
        packed = block_arrays(ads, tags, previous)
        self.entries = packed.entries
        arrays = packed.arrays
        forms = Forms(tags, self.expansion, self.seed)
        postings = Postings(facts, tags, warnings)
        topical = np.zeros(tags.count, dtype=bool)
        topical[tags.silent] = [one in tags.words for one in tags.strings.take(tags.silent).texts()]
        small, named = self._names()
        arrays |= forms.arrays | named | ad_columns(facts, small)
        arrays |= rule_arrays(facts, tags, small, warnings)
        arrays |= {
            "tag_words": tags.blanks + 1,
            "tag_weight": tag_weights(postings.counts, len(ads), topical),
            "topic_tag": tags.bought_tags,
            "kept_away": np.unique(tags.away.values),
        }
        for head, values, rows in (
            ("post_offsets", "post_ads", postings.tags),
            ("topic_post_offsets", "topic_posts", postings.topics),
            ("ad_tag_offsets", "ad_tags", tags.positive),
        ):
            arrays[head], arrays[values] = rows.offsets, rows.values
        flat, places = layout.pack(arrays, layout.ARRAYS)
        manifest = layout.Manifest(
            version=layout.VERSION,
            snapshot_id=name,
            seed=self.seed,
            bucket_bits=forms.bits,
            longest_words=forms.longest,
            longest_chars=max(forms.starts.values(), default=0),
            starts=forms.starts,
            ads=len(ads),
            tags=tags.count,
            forms=forms.count,
            postings=len(postings.tags.values),
            warnings=tuple(warnings[:_MAX_WARNINGS]),
            expansion=self.expansion.source,
            gate="",
            arrays=places,
            files={},
        )
        files = {
            layout.ARRAYS_FILE: bytes(flat),
            layout.TEXTS: packed.texts,
            layout.NAMES: msgspec.msgpack.encode(small),
            layout.EXPANSION: pack_expansion(self.expansion, tags.said),
        }
        return manifest, files, packed.reused

    def _names(self) -> tuple[layout.SmallNames, dict[str, Any]]:
        """Return the strings behind the numbers, and the ids and their numbers as arrays."""
        arrays: dict[str, Any] = {}
        facts = self.ads.facts
        ids = {"": facts.ids["ad_id"], "creative_": facts.ids["creative_id"]}
        for kind in ("campaign", "advertiser"):
            ids[f"{kind}_"], arrays[f"ad_{kind}"] = self.ads.numbered[f"{kind}_id"]
        for kind, column in ids.items():
            _, arrays[f"{kind}id_offsets"], arrays[f"{kind}id_blob"] = column.packed
        small = layout.SmallNames(
            currencies=currencies(facts),
            geos=geos_of(facts),
            apps=tuple(msgspec.msgpack.encode(app) for app in self.apps),
            app_ids=tuple(app.app_id for app in self.apps),
            topics=tuple(self.tags.bought.names),
            ad_prefix=ids[""].prefix,
            campaign_prefix=ids["campaign_"].prefix,
            advertiser_prefix=ids["advertiser_"].prefix,
            creative_prefix=ids["creative_"].prefix,
        )
        return small, arrays
