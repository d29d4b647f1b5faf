"""Index terms of a chunk, packed: what the database keeps and the in-process index is built from.

A term is known by 64 bits of its hash: no dictionary has to be kept, locked or grown. Among a million terms
two share a key with a chance of 3 in 100,000.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache

import msgspec
import numpy as np
from numpy.typing import NDArray

from rag.analyse import Analyser
from rag.types import Numbers

#: One posting: the term's key and how often it occurs (capped).
RECORD = np.dtype([("key", "<i8"), ("tf", "<u2")])
#: What is counted apart: all words, words of title and headings, Japanese bigrams.
STREAMS = ("body", "title", "grams")
#: Share of each stream in a lexical score.
WEIGHTS = (1.0, 0.6, 0.4)


class Packed(msgspec.Struct, frozen=True):
    """Terms of one stream of a chunk: `RECORD`s as bytes, sorted by key, and the number of tokens."""

    length: int
    records: bytes


class Query(msgspec.Struct, frozen=True):
    """What to look for: weights by term key, for the words and for the bigrams."""

    words: dict[int, float]
    grams: dict[int, float] = {}

    def of(self, stream: int) -> dict[int, float]:
        """Return the weights that apply to a stream of `STREAMS`."""
        return self.grams if STREAMS[stream] == "grams" else self.words


@lru_cache(maxsize=200_000)
def term_key(term: str) -> int:
    """Return the key of a term: 64 bits of its hash, signed."""
    digest = hashlib.blake2b(term.encode(), digest_size=8).digest()
    return int.from_bytes(digest, "little", signed=True)


def pack(terms: Sequence[str]) -> Packed:
    """Count terms and pack them."""
    counts = Counter(terms)
    out = np.empty(len(counts), RECORD)
    out["key"] = [term_key(term) for term in counts]
    out["tf"] = np.minimum(list(counts.values()), 65_535)
    out.sort(order="key")
    return Packed(len(terms), out.tobytes())


def unpack(records: bytes) -> tuple[Numbers, NDArray[np.uint16]]:
    """Return keys and frequencies."""
    array = np.frombuffer(records, RECORD)
    return array["key"].astype(np.int64), array["tf"].astype(np.uint16)


def pack_chunk(
    analyser: Analyser, title: str, heading: Iterable[str], text: str, fields: Mapping[str, str]
) -> tuple[Packed, Packed, Packed]:
    """Return the three streams of a chunk. Title, headings and fields count as part of the body too."""
    head = " \n ".join((title, *heading))
    values = " \n ".join(fields.values())
    whole = f"{head} \n {text} \n {values}"
    return (
        pack(analyser.words(whole)),
        pack(analyser.words(f"{head} \n {fields.get('brand', '')}")),
        pack(analyser.grams(whole)),
    )


def query_of(analyser: Analyser, text: str) -> Query:
    """Return the plain query of a text: every term once, with weight one."""
    return Query(
        {term_key(t): 1.0 for t in analyser.words(text)},
        {term_key(t): 1.0 for t in analyser.grams(text)},
    )
