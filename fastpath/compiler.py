"""Catalogue → snapshot: the same export gives byte-identical files, whatever machine compiles it."""

from __future__ import annotations

import hashlib
import os
import shutil
from collections.abc import Iterable, Sequence
from io import BytesIO
from pathlib import Path
from typing import Any, Final

import msgspec
import numpy as np

from domain.catalogue import AdEntry, AppEntry, CatalogueExport
from domain.ids import stable_id
from fastpath import layout, topics
from fastpath._core import fill
from fastpath.compile_targets import ad_columns, rows
from fastpath.compile_topics import Topics, words_of_tags
from fastpath.compile_vectors import Embedder, compile_vectors, vectors_identity
from fastpath.expand import Expander, Expansion, dictionary_path, read_table
from fastpath.japanese import is_japanese
from fastpath.model import MODEL_FILE
from fastpath.text import canonical_tag, is_plain, key_of, words_of
from fastpath.weight import tag_weights

MAX_TAG_WORDS: Final = 4
MAX_POSTINGS: Final = 2_048
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
) -> SnapshotInfo:
    """Write `out_dir/<snapshot id>/` and return what is in it.

    Args:
        export: Everything that may be served.
        out_dir: Folder of snapshots; created if missing. An equal snapshot there is left alone.
        previous: An earlier snapshot folder whose Japanese expansions and vectors are reused where still
            valid.
        expander: Where Japanese forms come from; by default the shipped table and JMdict.
        embedder: What ads are embedded with (`encoder.load()`); None: the snapshot matches by words alone.
    """
    warnings: list[str] = []
    maker = expander or default_expander(warnings)
    ads = sorted(export.ads, key=lambda ad: ad.ad_id)
    tags = _Tags(ads, topics.shipped(), warnings)
    known = load_expansion(previous) if previous is not None else None
    expansion = maker.expand(tags.spoken, known)
    reused = known.forms if known is not None and known.source == maker.source else {}
    encoded = [msgspec.msgpack.encode(ad) for ad in ads]
    apps = tuple(
        msgspec.msgpack.encode(app) for app in sorted(export.apps, key=lambda app: app.app_id)
    )
    gate = MODEL_FILE.read_bytes()
    meanings = compile_vectors(ads, embedder, previous=previous)
    identity = _identity(encoded, apps, expansion, tags.words, gate, vectors_identity(meanings))
    arrays, names, starts, longest = _build(
        ads, encoded, apps, tags, expansion, identity, warnings, meanings
    )
    files = {f"{name}.npy": _npy(array) for name, array in arrays.items()}
    files[layout.TEXTS] = b"".join(encoded)
    files[layout.NAMES] = msgspec.msgpack.encode(names)
    files[layout.EXPANSION] = msgspec.msgpack.encode(expansion)
    files[layout.GATE_MODEL] = gate
    manifest = layout.Manifest(
        version=layout.VERSION,
        snapshot_id=stable_id("snp", identity),
        seed=_seed(identity),
        longest_words=longest,
        longest_chars=max(starts.values(), default=0),
        starts=starts,
        ads=len(ads),
        tags=len(tags.names),
        forms=len(arrays["form_plain"]),
        postings=len(arrays["post_ads"]),
        warnings=tuple(warnings[:_MAX_WARNINGS]),
        files={n: layout.FileInfo(len(d), layout.checksum(d)) for n, d in sorted(files.items())},
    )
    path = _write(out_dir, manifest, files)
    return SnapshotInfo(
        snapshot_id=manifest.snapshot_id,
        version=manifest.version,
        path=path,
        ads=manifest.ads,
        tags=manifest.tags,
        postings=manifest.postings,
        warnings=manifest.warnings,
        expanded=sum(name not in reused for name in tags.spoken),
    )


def default_expander(warnings: list[str] | None = None) -> Expander:
    """Return the expander over the shipped table and the installed JMdict."""
    dictionary = dictionary_path()
    if dictionary is None and warnings is not None:
        warnings.append(
            "JMdict (package jamdict-data) is missing: Japanese forms come from the table only."
        )
    return Expander(dictionary, read_table())


def load_expansion(snapshot: Path) -> Expansion | None:
    """Return the expansion cache of a snapshot folder, or None if it cannot be read."""
    try:
        data = (snapshot / layout.EXPANSION).read_bytes()
        return msgspec.msgpack.decode(data, type=Expansion)
    except (OSError, msgspec.DecodeError):
        return None


class _Tags:
    """All tags of the catalogue, numbered in order; what cannot be matched is left out with a warning.

    Positive, negative and topic tags share the numbers: one scan of the text finds them all.
    """

    def __init__(
        self, ads: Sequence[AdEntry], taxonomy: topics.Taxonomy, warnings: list[str]
    ) -> None:
        self._taxonomy = taxonomy
        self._seen: dict[str, str | None] = {}
        self.positive = [self._clean(ad.ad_id, ad.tags, warnings) for ad in ads]
        self.negative = [self._clean(ad.ad_id, ad.negative_tags, warnings) for ad in ads]
        self.topics = [self._blocked(ad, warnings) for ad in ads]
        self.bought = Topics(ads, taxonomy, warnings)
        every = {
            tag
            for group in (self.positive, self.negative, self.topics)
            for row in group
            for tag in row
        }
        self.names = sorted(every.union(self.bought.tags))
        #: What the topics among the tags are called in a conversation, and all that can be said.
        self.words = words_of_tags(self.names, taxonomy)
        said = {word for words in self.words.values() for word in words}
        self.spoken = sorted(said.union(self.names).difference(self.words))
        self.number = {name: i for i, name in enumerate(self.names)}
        for ad, row, bought in zip(ads, self.positive, self.bought.contents, strict=True):
            if not row and not bought:
                warnings.append(f"Ad {ad.ad_id} has no usable tag and can never be matched.")

    def _blocked(self, ad: AdEntry, warnings: list[str]) -> list[str]:
        """Return the tags of the topics an ad keeps away from; an IAB id means all below it as well."""
        listed = [name for name in ad.blocked_topics if not name.startswith(topics.PREFIX)]
        found = set(self._clean(ad.ad_id, listed, warnings))
        for name in set(ad.blocked_topics).difference(listed):
            topic = self._taxonomy.known(name)
            if topic is None:
                warnings.append(f"Topic {name[:40]!r} of ad {ad.ad_id} is not in the taxonomy.")
            else:
                found.update(map(topics.tag_of, self._taxonomy.below(topic)))
        return sorted(found)

    def _clean(self, ad_id: str, raw: Iterable[str], warnings: list[str]) -> list[str]:
        out: list[str] = []
        for tag in raw:
            if tag not in self._seen:
                name = canonical_tag(tag)
                usable = 0 < len(name.split(" ")) <= MAX_TAG_WORDS and len(name) <= 80
                usable = usable and not name.startswith(topics.PREFIX)
                matchable = bool(words_of(name).base) or any(map(is_japanese, name))
                self._seen[tag] = name if usable and matchable else None
            clean = self._seen[tag]
            if clean is None:
                warnings.append(
                    f"Tag {tag[:40]!r} of ad {ad_id} was left out: a tag is 1 to 4 words."
                )
            else:
                out.append(clean)
        return sorted(set(out))


def _identity(
    encoded: list[bytes],
    apps: tuple[bytes, ...],
    expansion: Expansion,
    words: dict[str, tuple[str, ...]],
    gate: bytes,
    vectors: bytes,
) -> str:
    """Return the content hash of everything the files are made from."""
    digest = hashlib.blake2b(f"layout-{layout.VERSION}".encode(), digest_size=32)
    forms = msgspec.msgpack.encode(sorted(expansion.forms.items()))
    shown = msgspec.msgpack.encode(sorted(words.items()))
    parts = (*encoded, b"|apps|", *apps, b"|forms|", forms, b"|words|", shown, b"|gate|", gate)
    for part in (*parts, b"|vectors|", vectors):
        digest.update(len(part).to_bytes(8, "big") + part)
    return digest.hexdigest()


def _seed(identity: str) -> int:
    return int.from_bytes(
        hashlib.blake2b(identity.encode(), digest_size=8, person=b"parley-seed").digest(), "big"
    )


def _build(
    ads: Sequence[AdEntry],
    encoded: list[bytes],
    apps: tuple[bytes, ...],
    tags: _Tags,
    expansion: Expansion,
    identity: str,
    warnings: list[str],
    meanings: dict[str, np.ndarray[Any, Any]],
) -> tuple[dict[str, np.ndarray[Any, Any]], layout.Names, dict[str, int], int]:
    """Return all arrays, the names, the first characters of Japanese keys and the longest phrase."""
    forms: dict[str, set[int]] = {}
    for name, number in tags.number.items():
        for said in tags.words.get(name, (name,)):
            for form in (said, *expansion.forms.get(said, ())):
                forms.setdefault(form, set()).add(number)
    form_names = sorted(forms)
    keys: dict[str, list[int]] = {}
    starts: dict[str, int] = {}
    longest = 0
    for i, form in enumerate(form_names):
        if any(map(is_japanese, form)):
            key = form.replace(" ", "")
            starts[key[0]] = max(starts.get(key[0], 0), len(key))
        else:
            words = words_of(form)
            key = key_of(words)
            longest = max(longest, len(words.base))
        keys.setdefault(key, []).append(i)
    key_names = sorted(keys)
    slots, slot_keys = _table(key_names, _seed(identity))
    postings, counts = _postings(ads, tags, warnings)
    names = layout.Names(
        campaigns=tuple(sorted({ad.campaign_id for ad in ads})),
        advertisers=tuple(sorted({ad.advertiser_id for ad in ads})),
        currencies=tuple(sorted({ad.currency for ad in ads})),
        geos=tuple(sorted({geo.upper() for ad in ads for geo in ad.geos})),
        apps=apps,
        app_ids=tuple(msgspec.msgpack.decode(app, type=AppEntry).app_id for app in apps),
        topics=tuple(tags.bought.names),
    )
    raw: dict[str, Any] = {"slots": slots, "slot_keys": slot_keys, **meanings}
    raw["key_offsets"], raw["key_blob"] = _strings(key_names)
    raw["key_form_offsets"], raw["key_forms"] = rows([keys[key] for key in key_names])
    raw["form_offsets"], raw["form_blob"] = _strings(form_names)
    raw["form_plain"] = [is_plain(form) for form in form_names]
    raw["form_tag_offsets"], raw["form_tags"] = rows([sorted(forms[form]) for form in form_names])
    raw["tag_offsets"], raw["tag_blob"] = _strings(tags.names)
    raw["tag_words"] = [len(name.split(" ")) for name in tags.names]
    raw["tag_weight"] = tag_weights(counts, len(ads), [name in tags.words for name in tags.names])
    raw["post_offsets"], raw["post_ads"] = rows(postings)
    raw["topic_tag"] = [tags.number[tag] for tag in tags.bought.tags]
    raw["topic_post_offsets"], raw["topic_posts"] = rows(
        [postings[tags.number[tag]] for tag in tags.bought.tags]
    )
    raw["ad_content_offsets"], raw["ad_contents"] = rows(tags.bought.contents)
    raw["ad_negative_offsets"], raw["ad_negatives"] = rows(
        [[tags.number[tag] for tag in row] for row in tags.negative]
    )
    raw["ad_topic_offsets"], raw["ad_topics"] = rows(
        [[tags.number[tag] for tag in row] for row in tags.topics]
    )
    raw["ad_offsets"] = np.concatenate([[0], np.cumsum([len(e) for e in encoded], dtype=np.int64)])
    raw["id_offsets"], raw["id_blob"] = _strings([ad.ad_id for ad in ads])
    raw.update(ad_columns(ads, names, warnings))
    arrays = {name: np.asarray(raw[name], dtype=dtype) for name, dtype in layout.ARRAYS.items()}
    return arrays, names, dict(sorted(starts.items())), longest


def _postings(
    ads: Sequence[AdEntry], tags: _Tags, warnings: list[str]
) -> tuple[list[list[int]], list[int]]:
    """Return the best ads of each tag, and how many it had."""
    every: list[list[int]] = [[] for _ in tags.names]
    for i, row in enumerate(tags.positive):
        for tag in row:
            every[tags.number[tag]].append(i)
    for i, shown in enumerate(tags.bought.shown):
        for topic in shown:
            every[tags.number[tags.bought.tags[topic]]].append(i)
    counts = [len(row) for row in every]
    for number, found in enumerate(every):
        found.sort(key=lambda i: (ads[i].house, -ads[i].bid_micros * ads[i].quality_ppm, i))
        if len(found) > MAX_POSTINGS:
            warnings.append(
                f"Tag {tags.names[number]!r} has {len(found)} ads; the best {MAX_POSTINGS} were kept."
            )
            del found[MAX_POSTINGS:]
    return every, counts


def _table(keys: Sequence[str], seed: int) -> tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]]:
    """Return the open-addressing table, at most half full."""
    size = 8
    while size < 2 * len(keys) + 1:
        size *= 2
    slots = np.zeros(size, dtype="<u8")
    numbers = np.full(size, -1, dtype="<i4")
    fill(slots, numbers, seed, list(keys))
    return slots, numbers


def _strings(strings: Sequence[str]) -> tuple[Any, Any]:
    parts = [text.encode("utf-8", "replace") for text in strings]
    offsets = np.concatenate([[0], np.cumsum([len(part) for part in parts], dtype=np.int64)])
    return offsets, np.frombuffer(b"".join(parts), dtype=np.uint8)


def _npy(array: np.ndarray[Any, Any]) -> bytes:
    buffer = BytesIO()
    np.lib.format.write_array(
        buffer, np.ascontiguousarray(array), version=(1, 0), allow_pickle=False
    )
    return buffer.getvalue()


def _write(out_dir: Path, manifest: layout.Manifest, files: dict[str, bytes]) -> Path:
    """Write beside the target and rename, so that nobody ever sees half a snapshot."""
    out_dir.mkdir(parents=True, exist_ok=True)
    target = out_dir / manifest.snapshot_id
    wanted = msgspec.json.format(msgspec.json.encode(manifest, order="sorted"))
    if target.exists():
        if (target / layout.MANIFEST).is_file() and (
            target / layout.MANIFEST
        ).read_bytes() == wanted:
            return target
        shutil.rmtree(target)
    work = out_dir / f".{manifest.snapshot_id}.{os.getpid()}"
    shutil.rmtree(work, ignore_errors=True)
    work.mkdir()
    for name, data in files.items():
        (work / name).write_bytes(data)
    (work / layout.MANIFEST).write_bytes(wanted)
    work.rename(target)
    return target
