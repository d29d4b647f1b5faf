"""Knowledge for tests: a deterministic embedder, and documents of invented or given text."""

from __future__ import annotations

import hashlib
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

import numpy as np

from bootstrap.services import Services
from catalog.access import AccessService
from domain.ids import CountingIds
from rag.analyse import Analyser, default_analyser
from rag.ports import Embedder
from rag.service import KnowledgeService
from rag.tables import KnowledgeIndex
from rag.types import ChunkDraft, DocumentDraft, Trust, Vectors


class WordEmbedder:
    """Texts that share words are near each other: a sum of one fixed random vector per word."""

    def __init__(
        self, model_id: str = "words-1", languages: Sequence[str] = ("eng",), dimensions: int = 384
    ) -> None:
        self.model_id = model_id
        self.languages = tuple(languages)
        self.dimensions = dimensions
        self.calls: list[int] = []

    def embed(self, texts: list[str]) -> Vectors:
        self.calls.append(len(texts))
        out = np.stack([self._one(text) for text in texts])
        return (out / np.linalg.norm(out, axis=1, keepdims=True)).astype(np.float32)

    def _one(self, text: str) -> Vectors:
        words = text.lower().split() or [""]
        return np.sum([self._word(word) for word in words], axis=0, dtype=np.float32)

    def _word(self, word: str) -> Vectors:
        seed = int.from_bytes(hashlib.blake2b(word.encode(), digest_size=8).digest(), "big")
        return np.random.default_rng(seed).standard_normal(self.dimensions).astype(np.float32)


def draft(source_id: str, key: str, *texts: str, title: str = "", **more: object) -> DocumentDraft:
    """Return a document of the texts given."""
    chunks = tuple(ChunkDraft(text) for text in texts)
    return DocumentDraft(source_id, key, title or key, chunks, **more)  # type: ignore[arg-type]


async def new_org(services: Services, name: str = "One") -> str:
    """Make an organisation."""
    async with services.db.system() as session:
        access = AccessService(session, services.ids, services.clock, services.new_secret)
        return (await access.create_organisation("advertiser", name)).id


@asynccontextmanager
async def knowledge(
    services: Services,
    org_id: str,
    embedder: Embedder | None = None,
    analyser: Analyser | None = None,
) -> AsyncIterator[KnowledgeService]:
    """Open a unit of work of a tenant with a knowledge service in it."""
    async with services.db.tenant(org_id) as session:
        yield KnowledgeService(
            session,
            services.ids,
            services.clock,
            analyser or default_analyser(),
            embedder or WordEmbedder(),
        )


async def filled(
    service: KnowledgeService, org_id: str, texts: dict[str, str], **more: object
) -> KnowledgeIndex:
    """Put one document per text into the organisation's index."""
    index = await service.open(org_id)
    source = await service.add_source(index, kind="note", uri="note:tests", trust=Trust.OWNED)
    await service.put(
        index, [draft(source.id, key, text, **more) for key, text in texts.items()], cause="test"
    )
    return index


__all__ = ["CountingIds", "WordEmbedder", "draft", "filled", "knowledge", "new_org"]
