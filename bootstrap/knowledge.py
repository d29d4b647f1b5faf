"""Knowledge put together for an installation: one analyser, model and cache a process, a reader a tenant."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import encoder
from bootstrap.knowledge_models import answering_models
from bootstrap.services import Services
from domain.evidence import Passage
from rag.cache import IndexCache
from rag.reading import KnowledgeReader
from rag.repository import Indexes
from rag.retrieve import Retriever
from rag.service import KnowledgeService
from rag.types import Filter

if TYPE_CHECKING:
    from sqlalchemy.ext.asyncio import AsyncSession

    from rag.analyse import Analyser
    from rag.ports import Embedder


@dataclass
class Knowledge:
    """The knowledge store of a process.

    Args:
        services: The installation's parts.
        embedder: Makes vectors; the shipped model when it is first needed.
    """

    services: Services
    embedder: Embedder | None = None
    cache: IndexCache = field(default_factory=IndexCache)
    _loaded: tuple[Analyser, Embedder] | None = None

    async def reader(
        self, org_id: str, namespace: str = "default", filter: Filter | None = None
    ) -> KnowledgeReader:
        """Return a reader of one organisation's knowledge."""
        analyser, embedder = await self._parts()
        writer, judge = answering_models(self.services, org_id)
        return KnowledgeReader(
            self.services.db,
            org_id,
            Retriever(analyser, embedder),
            self.cache,
            namespace=namespace,
            filter=filter,
            writer=writer,
            judge=judge,
        )

    async def writer(self, session: AsyncSession) -> KnowledgeService:
        """Return the writing side within a unit of work of the organisation."""
        analyser, embedder = await self._parts()
        return KnowledgeService(session, self.services.ids, self.services.clock, analyser, embedder)

    async def retrieve(self, org_id: str, question: str, k: int) -> tuple[Passage, ...]:
        """Return up to k passages of an organisation; none, at once, where it has no knowledge yet."""
        async with self.services.db.tenant(org_id) as session:
            index = await Indexes(session).named(org_id, "default")
        if index is None:
            return ()
        return await (await self.reader(org_id)).retrieve(question, k)

    async def _parts(self) -> tuple[Analyser, Embedder]:
        # Model and dictionary take seconds and 300 MB: only where knowledge is used, and off the loop.
        if self._loaded is None:
            self._loaded = await asyncio.to_thread(_load, self.embedder)
        return self._loaded


def _load(embedder: Embedder | None) -> tuple[Analyser, Embedder]:
    from rag.analyse import default_analyser  # noqa: PLC0415 - see above

    return default_analyser(), embedder or encoder.load()
