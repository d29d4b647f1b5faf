"""Compile time: what each ad means, as whole numbers, and the table that turns a turn into such numbers.

An ad's vector is the mean of what the encoder says of its English title, of title and description together, and of
its tags: a telling title alone finds best, a fanciful one needs the rest. Ads whose text has not changed since the
previous snapshot are not embedded again.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from math import isqrt
from pathlib import Path
from typing import Any, Final, Protocol

import numpy as np

from domain.catalogue import AdEntry
from domain.errors import Unprocessable
from domain.language import Language
from encoder.table import QueryTable, query_table
from fastpath import layout
from fastpath._vectors import DIM, PPM, open_table
from fastpath.compile_words import compile_words
from fastpath.snapshot import Snapshot

Array = np.ndarray[Any, Any]

#: Everything `fastpath.semantic` reads; all of them empty where a snapshot has no vectors.
NAMES: Final = tuple(layout.VECTORS)
_BATCH: Final = 2_048


class Embedder(Protocol):
    """What turns texts into unit vectors: `encoder.Encoder`, or anything that answers the same for tests."""

    @property
    def model_id(self) -> str:
        """Name and version of the model."""
        ...

    def embed(self, texts: Sequence[str]) -> Array:
        """Return float32 (texts, 384)."""
        ...


def compile_vectors(
    ads: Sequence[AdEntry],
    embedder: Embedder | None,
    *,
    previous: Path | None = None,
    table: QueryTable | None = None,
) -> dict[str, Array]:
    """Return the arrays named in `NAMES`.

    Args:
        ads: In number order; those without English text get no vector and are never similar to anything.
        embedder: None leaves every array empty: the snapshot then matches by words alone.
        previous: An earlier snapshot folder whose vectors are taken over where the text is the same.
        table: By default the shipped one.
    """
    if embedder is None or not ads:
        return {name: np.zeros(0, dtype=layout.VECTORS[name]) for name in NAMES}
    words = table or query_table()
    keys = [_key(ad, embedder.model_id, words.table_id) for ad in ads]
    known = _known(previous)
    rows = np.zeros((len(ads), DIM), dtype=np.int8)
    fresh = []
    for i, key in enumerate(keys):
        if key in known:
            rows[i] = known[key]
        elif key:
            fresh.append(i)
    for at in range(0, len(fresh), _BATCH):
        part = fresh[at : at + _BATCH]
        rows[part] = _embedded([ads[i] for i in part], embedder, words)
    squares = np.square(rows.astype(np.int64)).sum(axis=1)
    slots, numbers = open_table(words.pieces)
    return {
        "piece_slots": slots,
        "piece_rows": numbers,
        "piece_vectors": words.vectors.reshape(-1),
        "piece_weights": words.weights,
        "ad_vectors": rows.reshape(-1),
        "ad_vector_norms": np.array([isqrt(int(s) * PPM) for s in squares], dtype="<i4"),
        "ad_vector_bits": np.packbits(rows > 0, axis=1, bitorder="little").view("<u8").reshape(-1),
        "ad_vector_keys": np.array(keys, dtype="<u8"),
        **compile_words(ads),
    }


def vectors_identity(arrays: dict[str, Array]) -> bytes:
    """Return a digest of the vectors, for the snapshot's content hash."""
    digest = hashlib.blake2b(digest_size=32)
    for name in NAMES:
        digest.update(np.ascontiguousarray(arrays[name]).tobytes())
    return digest.digest()


def _key(ad: AdEntry, model_id: str, table_id: str) -> int:
    """Return what names the vector of an ad's text; 0 where it has no English one."""
    text = ad.texts.get(Language.ENG)
    if text is None:
        return 0
    said = "\0".join((model_id, table_id, text.title, text.description, *ad.tags))
    digest = hashlib.blake2b(said.encode("utf-8", "replace"), digest_size=8).digest()
    return int.from_bytes(digest, "little") or 1


def _known(previous: Path | None) -> dict[int, Array]:
    """Return the vectors of an earlier snapshot by key; one that cannot be read has none."""
    if previous is None:
        return {}
    try:
        snapshot = Snapshot.open(previous, verify=False)
    except Unprocessable:
        return {}
    keys, rows = snapshot.ad_vector_keys, snapshot.ad_vectors.reshape(-1, DIM)
    return {int(key): row for key, row in zip(keys, rows, strict=True) if key}


def _embedded(ads: Sequence[AdEntry], embedder: Embedder, table: QueryTable) -> Array:
    texts = [ad.texts[Language.ENG] for ad in ads]
    titles = embedder.embed([text.title for text in texts])
    whole = embedder.embed([f"{text.title}. {text.description}" for text in texts])
    tags = embedder.embed([", ".join(ad.tags) for ad in ads])
    found = (titles + whole + tags) @ table.projection
    most = np.maximum(np.abs(found).max(axis=1, keepdims=True), 1e-9)
    return np.asarray(np.rint(found / most * 127), dtype=np.int8)
