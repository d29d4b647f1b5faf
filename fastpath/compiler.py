"""Catalogue → snapshot: the same export gives byte-identical files, whatever machine compiles it."""

from __future__ import annotations

import gc
import hashlib
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import msgspec
import numpy as np

from domain.catalogue import AdEntry, AppEntry, CatalogueExport
from domain.ids import stable_id
from fastpath import idlist, layout, topics
from fastpath.blocks import stored, write_blocks
from fastpath.compile_cache import load_expansion, pack_expansion
from fastpath.compile_posts import MAX_POSTINGS, Postings
from fastpath.compile_rules import rule_arrays
from fastpath.compile_tags import MAX_TAG_WORDS, Forms, Tags
from fastpath.compile_targets import ad_columns
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
_BATCH: Final = 4_096


class SnapshotInfo(msgspec.Struct, frozen=True):
    """What a compile produced.

    Attributes:
        snapshot_id: Content hash; also the name of the folder.
        version: Layout version.
        path: Folder of the snapshot.
        ads, tags, postings: Counts.
        warnings: What was left out or cut, one sentence each.
        expanded: Tags that had to be looked up, the others came from the previous snapshot.
    """

    snapshot_id: str
    version: int
    path: Path
    ads: int
    tags: int
    postings: int
    warnings: tuple[str, ...]
    expanded: int


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
        previous: An earlier snapshot folder whose Japanese expansions and vectors are reused where still
            valid.
        expander: Where Japanese forms come from; by default the shipped table and JMdict.
        embedder: What ads are embedded with (`encoder.load()`); None: the snapshot matches by words alone.
        gate_model: The gate's model that goes into the snapshot and decides from it.

    Raises:
        GateModelError: The model is missing or damaged.
    """
    with _no_collection():
        return _compile(export, out_dir, previous, expander, embedder, gate_model)


def default_expander(warnings: list[str] | None = None) -> Expander:
    """Return the expander over the shipped table and the installed JMdict."""
    dictionary = dictionary_path()
    if dictionary is None and warnings is not None:
        warnings.append(
            "JMdict (package jamdict-data) is missing: Japanese forms come from the table only."
        )
    return Expander(dictionary, read_table())


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
    ads = sorted(export.ads, key=lambda ad: (ad.advertiser_id, ad.campaign_id, ad.ad_id))
    apps = sorted(export.apps, key=lambda app: app.app_id)
    tags = Tags(ads, topics.shipped(), warnings)
    known = load_expansion(previous) if previous is not None else None
    expansion = maker.expand(tags.spoken, known)
    reused = known.forms if known is not None and known.source == maker.source else {}
    expanded = (
        len(tags.spoken) - len(reused.keys() & set(tags.spoken)) if reused else len(tags.spoken)
    )
    meanings = compile_vectors(ads, embedder, previous=previous)
    parts = (gate, vectors_identity(meanings))
    identity = _identity(ads, apps, expansion, tags.words, parts)
    name = stable_id("snp", identity)
    manifest = existing(out_dir / name)
    if manifest is None:
        manifest, files = _build(ads, apps, tags, expansion, identity, warnings)
        flat, places = layout.pack(meanings, layout.VECTORS)
        manifest.arrays.update(places)
        files |= {layout.GATE_MODEL: gate, layout.VECTORS_FILE: bytes(flat)}
        manifest = write(out_dir, manifest, files)
    return SnapshotInfo(
        snapshot_id=name,
        version=manifest.version,
        path=out_dir / name,
        ads=manifest.ads,
        tags=manifest.tags,
        postings=manifest.postings,
        warnings=manifest.warnings,
        expanded=expanded,
    )


def _identity(
    ads: Sequence[AdEntry],
    apps: Sequence[AppEntry],
    expansion: Expansion,
    words: dict[str, tuple[str, ...]],
    others: Sequence[bytes],
) -> str:
    """Return the content hash of everything the files are made from."""
    digest = hashlib.blake2b(f"layout-{layout.VERSION}".encode(), digest_size=32)
    encode = msgspec.msgpack.encode
    for start in range(0, len(ads), _BATCH):
        digest.update(encode(ads[start : start + _BATCH]))
    forms = sorted((tag, row) for tag, row in expansion.forms.items() if row)
    for part in (encode(apps), encode(forms), encode(sorted(words.items())), *others):
        digest.update(len(part).to_bytes(8, "big") + part)
    return digest.hexdigest()


def _seed(identity: str) -> int:
    return int.from_bytes(
        hashlib.blake2b(identity.encode(), digest_size=8, person=b"parley-seed").digest(), "big"
    )


def _build(
    ads: Sequence[AdEntry],
    apps: Sequence[AppEntry],
    tags: Tags,
    expansion: Expansion,
    identity: str,
    warnings: list[str],
) -> tuple[layout.Manifest, dict[str, bytes]]:
    """Return the manifest, without its checksums, and the files it speaks of."""
    seed = _seed(identity)
    with ThreadPoolExecutor(1) as pool:
        # The texts are compressed while the rest is counted and sorted.
        packed = pool.submit(write_blocks, [stored(ad) for ad in ads])
        forms = Forms(tags, expansion, seed)
        postings = Postings(ads, tags, warnings)
        names, small, arrays = _names(ads, apps, tags)
        arrays |= forms.arrays
        arrays |= ad_columns(ads, names)
        arrays |= rule_arrays(ads, tags, names, warnings)
        texts, blocks, dictionary = packed.result()
    arrays |= {
        "tag_words": [name.count(" ") + 1 for name in tags.names],
        "tag_weight": tag_weights(postings.counts, len(ads), [n in tags.words for n in tags.names]),
        "topic_tag": [tags.number[tag] for tag in tags.bought.tags],
        "kept_away": np.unique(tags.away.values),
        "block_offsets": blocks,
        "block_dictionary": np.frombuffer(dictionary, dtype=np.uint8),
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
        snapshot_id=stable_id("snp", identity),
        seed=seed,
        bucket_bits=forms.bits,
        longest_words=forms.longest,
        longest_chars=max(forms.starts.values(), default=0),
        starts=forms.starts,
        ads=len(ads),
        tags=len(tags.names),
        forms=forms.count,
        postings=len(postings.tags.values),
        warnings=tuple(warnings[:_MAX_WARNINGS]),
        expansion=expansion.source,
        gate="",
        arrays=places,
        files={},
    )
    files = {
        layout.ARRAYS_FILE: bytes(flat),
        layout.TEXTS: texts,
        layout.NAMES: msgspec.msgpack.encode(small),
        layout.EXPANSION: pack_expansion(expansion, tags.spoken, tags.names),
    }
    return manifest, files


def _names(
    ads: Sequence[AdEntry], apps: Sequence[AppEntry], tags: Tags
) -> tuple[layout.Names, layout.SmallNames, dict[str, Any]]:
    """Return the strings behind the numbers, and the ids among them as arrays."""
    arrays: dict[str, Any] = {}
    prefixes = {}
    campaigns = sorted({ad.campaign_id for ad in ads})
    advertisers = sorted({ad.advertiser_id for ad in ads})
    ids = {"": [ad.ad_id for ad in ads], "campaign_": campaigns, "advertiser_": advertisers}
    for kind, listed in ids.items():
        prefixes[kind], arrays[f"{kind}id_offsets"], arrays[f"{kind}id_blob"] = idlist.pack(listed)
    names = layout.Names(
        campaigns=campaigns,
        advertisers=advertisers,
        currencies=tuple(sorted({ad.currency for ad in ads})),
        geos=tuple(sorted({geo.upper() for ad in ads if ad.geos for geo in ad.geos})),
        app_ids=tuple(app.app_id for app in apps),
        topics=tuple(tags.bought.names),
    )
    small = layout.SmallNames(
        currencies=names.currencies,
        geos=names.geos,
        apps=tuple(msgspec.msgpack.encode(app) for app in apps),
        app_ids=names.app_ids,
        topics=names.topics,
        ad_prefix=prefixes[""],
        campaign_prefix=prefixes["campaign_"],
        advertiser_prefix=prefixes["advertiser_"],
    )
    return names, small, arrays
