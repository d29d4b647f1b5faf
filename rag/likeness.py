"""Which chunks read the same: minhash finds candidates, their words decide; every copy keeps its source.

Copies stay in both indexes, or a filter on one source would miss what another said first. They are joined where
they are shown: one passage, all its sources.
"""

from __future__ import annotations

import re
import zlib
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from itertools import pairwise
from typing import Any

import numpy as np
from sqlalchemy import ARRAY, Integer, cast, insert, select
from sqlalchemy.ext.asyncio import AsyncSession

from rag.ingest_tables import ChunkLikeness
from rag.postings import term_key
from rag.repository import Chunks
from rag.tables import Chunk, ChunkPostings
from rag.types import ChunkText, Filter

#: Bands of four hashes each: texts with 90 % of their words in common share one with a chance of 0.9998.
BANDS, PER_BAND = 8, 4
#: Share of neighbouring words that copies have in common; their figures must be the same throughout.
LEAST_COMMON = 0.9
#: Texts with fewer words say too little to be called copies.
FEWEST_WORDS = 8
#: Clusters that may share a band: rows of a feed that all begin alike must not be compared each with each.
MOST_ALIKE = 8
_MOST_COMPARED = 16

_WORD = re.compile(r"[^\W\d_]+|\d+(?:[.,]\d+)*")
_RANDOM = np.random.default_rng(20_261_121)
_FACTORS = _RANDOM.integers(1, 2**63, (BANDS * PER_BAND, 1), dtype=np.uint64) * np.uint64(
    2
) + np.uint64(1)


def words_of(text: str) -> list[str]:
    """Return the words of a text; where there are no blanks between them, pairs of letters."""
    out: list[str] = []
    for word in _WORD.findall(text.casefold()):
        if len(word) > 3 and word[0] > "\u2fff":
            out.extend(word[i : i + 2] for i in range(len(word) - 1))
        else:
            out.append(word)
    return out


def bands_of(index_no: int, words: Iterable[str]) -> list[int]:
    """Return the bands of a text's words, as numbers that no other index shares."""
    keys = np.array(sorted({term_key(word) for word in words}), np.int64).view(np.uint64)
    mixed = keys[None, :] * _FACTORS
    least = (mixed ^ (mixed >> np.uint64(29))).min(axis=1).reshape(BANDS, PER_BAND)
    return [
        zlib.crc32(b"%d:%d:" % (index_no, band) + row.tobytes()) - 2**31
        for band, row in enumerate(least)
    ]


def same_words(one: Sequence[str], other: Sequence[str]) -> bool:
    """Tell whether two texts are copies: nearly all words in common, and the same figures in the same order."""
    if [w for w in one if w[0].isdigit()] != [w for w in other if w[0].isdigit()]:
        return False
    first, second = set(pairwise(one)), set(pairwise(other))
    return len(first & second) >= LEAST_COMMON * len(first | second)


async def note_likeness(session: AsyncSession, index_no: int, version: int) -> int:
    """Find the copies among the chunks that a version brought; returns how many of them are.

    Args:
        session: The unit of work that wrote them.
        index_no: Number of the index, locked by that write.
        version: The version.
    """
    # By the narrow table, which has an index for it.
    brought = select(ChunkPostings.chunk_no).where(
        ChunkPostings.index_no == index_no, ChunkPostings.from_version == version
    )
    words = await _words(session, index_no, Chunk.no.in_(brought))
    fresh = {no: said for no, said in words.items() if len(said) >= FEWEST_WORDS}
    if not fresh:
        return 0
    bands = {no: bands_of(index_no, said) for no, said in fresh.items()}
    heads = await _heads(session, index_no, {b for of in bands.values() for b in of})
    known = {no for group in heads.values() for no in group}
    words |= await _words(session, index_no, Chunk.no.in_(known))
    rows = []
    for no in fresh:
        cluster = _cluster(no, bands[no], heads, words)
        open_bands = [b for b in bands[no] if len(heads[b]) < MOST_ALIKE] if cluster == no else []
        for band in open_bands:
            heads[band].append(no)
        rows.append(
            {"chunk_no": no, "index_no": index_no, "bands": open_bands, "cluster_no": cluster}
        )
    await session.execute(insert(ChunkLikeness), rows)
    return sum(row["cluster_no"] != row["chunk_no"] for row in rows)


async def copies_of(
    session: AsyncSession, index_no: int, nos: Sequence[int], filter: Filter | None = None
) -> dict[int, list[ChunkText]]:
    """Return the other chunks that say the same, by chunk number, for showing all sources of a passage.

    Args:
        session: The open unit of work.
        index_no: Number of the index.
        nos: Chunks that are shown.
        filter: What may be shown; what does not pass is left out.
    """
    own = select(ChunkLikeness.chunk_no, ChunkLikeness.cluster_no).where(
        ChunkLikeness.chunk_no.in_(nos)
    )
    cluster_of: dict[int, int] = {no: cluster for no, cluster in await session.execute(own)}
    others = select(ChunkLikeness.chunk_no, ChunkLikeness.cluster_no).where(
        ChunkLikeness.index_no == index_no, ChunkLikeness.cluster_no.in_(set(cluster_of.values()))
    )
    members: dict[int, list[int]] = defaultdict(list)
    for no, cluster in await session.execute(others.order_by("chunk_no")):
        members[cluster].append(no)
    wanted = {no for group in members.values() if len(group) > 1 for no in group}
    found = await Chunks(session).texts(index_no, sorted(wanted), filter or Filter())
    texts = {text.no: text for text in found}
    return {
        no: [texts[other] for other in members[cluster] if other != no and other in texts]
        for no, cluster in cluster_of.items()
    }


async def _words(session: AsyncSession, index_no: int, which: Any) -> dict[int, list[str]]:
    query = select(Chunk.no, Chunk.text).where(Chunk.index_no == index_no, which)
    found = await session.execute(query.order_by(Chunk.no))
    return {no: words_of(text) for no, text in found}


async def _heads(
    session: AsyncSession, index_no: int, bands: Iterable[int]
) -> dict[int, list[int]]:
    """Return the first chunks of clusters by band."""
    query = select(ChunkLikeness.chunk_no, ChunkLikeness.bands).where(
        ChunkLikeness.index_no == index_no,
        ChunkLikeness.bands.op("&&")(cast(sorted(bands), ARRAY(Integer))),
    )
    heads: dict[int, list[int]] = defaultdict(list)
    for no, of in await session.execute(query.order_by(ChunkLikeness.chunk_no)):
        for band in of:
            heads[band].append(no)
    return heads


def _cluster(
    no: int,
    bands: Sequence[int],
    heads: Mapping[int, list[int]],
    words: Mapping[int, Sequence[str]],
) -> int:
    """Return the first chunk that reads the same, itself if there is none."""
    alike = dict.fromkeys(head for band in bands for head in heads.get(band, ()))
    for head in list(alike)[:_MOST_COMPARED]:
        if same_words(words[no], words[head]):
            return head
    return no
