"""Very many chunks at once: rows written straight into the tables, without the service."""

from __future__ import annotations

import numpy as np
from sqlalchemy import insert
from sqlalchemy.ext.asyncio import AsyncSession

from rag.postings import pack_chunk
from rag.service import KnowledgeService
from rag.tables import Chunk, ChunkPostings, ChunkVector, Document, KnowledgeIndex
from rag.types import OPEN, language_number

_BATCH = 500


async def fill(
    service: KnowledgeService, index: KnowledgeIndex, documents: int, per_document: int
) -> np.ndarray:
    """Write documents of equal size; every hundredth is owned, all others untrusted.

    Returns:
        The vectors, (documents * per_document, 384), chunk by chunk.
    """
    session: AsyncSession = service.session
    source = await service.add_source(index, kind="note", uri="many")
    now = source.created_at
    rows = [
        {
            "id": service.ids.new("doc"), "org_id": index.org_id, "created_at": now,
            "index_no": index.no, "source_id": source.id, "key": str(i), "title": f"Document {i}",
            "language": "eng", "trust": "owned" if i % 100 == 0 else "untrusted",
            "content_hash": "", "revision": 1, "fields": {}, "metadata_": {"part": i % 5},
            "dated_at": now, "gone_version": OPEN,
        }
        for i in range(documents)
    ]  # fmt: skip
    found = await session.execute(insert(Document).returning(Document.key, Document.no), rows)
    numbers = {int(key): no for key, no in found}
    chance = np.random.default_rng(7)
    centres = chance.standard_normal((50, 384))
    total = documents * per_document
    vectors = centres[np.arange(total) % 50] + chance.standard_normal((total, 384))
    vectors = (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)
    index.version = 1
    await session.flush()
    for start in range(0, total, _BATCH):
        places = range(start, min(total, start + _BATCH))
        chunks = [
            {
                "id": service.ids.new("chk"), "org_id": index.org_id, "created_at": now,
                "index_no": index.no, "document_no": numbers[at // per_document],
                "ordinal": at % per_document, "hash": str(at), "heading": [], "span_start": 0,
                "span_end": 9, "language": "eng", "text": f"common word{at % 37} number{at}",
                "edited": False, "outdated": False, "from_version": 1, "to_version": OPEN,
            }
            for at in places
        ]  # fmt: skip
        result = await session.execute(insert(Chunk).returning(Chunk.hash, Chunk.no), chunks)
        made = {int(hash_): no for hash_, no in result}
        shared = [
            {
                "chunk_no": made[at], "index_no": index.no, "document_no": numbers[at // per_document],
                "from_version": 1, "to_version": OPEN,
            }
            for at in places
        ]  # fmt: skip
        await session.execute(
            insert(ChunkVector),
            [
                row | {"language": "eng", "embedding": vectors[at].tolist()}
                for row, at in zip(shared, places, strict=True)
            ],
        )
        packed = [pack_chunk(service.analyser, "", (), chunk["text"], {}) for chunk in chunks]
        await session.execute(
            insert(ChunkPostings),
            [
                row | {
                    "language": language_number("eng"), "body_length": body.length, "title_length": title.length,
                    "grams_length": grams.length, "body": body.records, "title": title.records,
                    "grams": grams.records,
                }
                for row, (body, title, grams) in zip(shared, packed, strict=True)
            ],
        )  # fmt: skip
    return vectors
