"""Knowledge put together for an installation: one analyser, model and cache a process, a reader a tenant."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import encoder
from bootstrap.knowledge_models import answering_models
from bootstrap.services import Services
from bootstrap.suppliers import Suppliers, open_suppliers
from domain.evidence import Passage
from rag.cache import IndexCache
from rag.reading import KnowledgeReader
from rag.repository import Indexes
from rag.retrieve import Retriever
from rag.service import KnowledgeService
from rag.traces import close_tracing
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
    _suppliers: Suppliers | None = None
    _opening: asyncio.Lock = field(default_factory=asyncio.Lock)

    async def reader(
        self, org_id: str, namespace: str = "default", filter: Filter | None = None
    ) -> KnowledgeReader:
        """Return a reader of one organisation's knowledge."""
        analyser, embedder, by = await self._parts()
        writer, judge = answering_models(self.services, org_id)
        return KnowledgeReader(
            self.services.db,
            org_id,
            Retriever(analyser, by.asker or embedder, by.reranker),
            self.cache,
            namespace=namespace,
            filter=filter,
            writer=writer,
            judge=judge,
            store_of=by.store_of,
        )

    async def writer(self, session: AsyncSession) -> KnowledgeService:
        """Return the writing side within a unit of work of the organisation."""
        analyser, embedder, by = await self._parts()
        return KnowledgeService(
            session, self.services.ids, self.services.clock, analyser, embedder, by.store_of
        )

    async def retrieve(self, org_id: str, question: str, k: int) -> tuple[Passage, ...]:
        """Return up to k passages of an organisation; none, at once, where it has no knowledge yet."""
        async with self.services.db.tenant(org_id) as session:
            index = await Indexes(session).named(org_id, "default")
        if index is None:
            return ()
        return await (await self.reader(org_id)).retrieve(question, k)

    async def _parts(self) -> tuple[Analyser, Embedder, Suppliers]:
        async with self._opening:
            if self._suppliers is None:
                opened = self.services.opened
                by = await opened.enter_async_context(open_suppliers(self.services.settings))
                # Traces are sent from threads of their own; what waits at the end gets a few seconds.
                opened.push_async_callback(asyncio.to_thread, close_tracing)
                self._suppliers = by
            # Model and dictionary take seconds and 300 MB: only where knowledge is used, off the loop.
            if self._loaded is None:
                given = self.embedder or self._suppliers.embedder
                self._loaded = await asyncio.to_thread(_load, given)
            return *self._loaded, self._suppliers


def _load(embedder: Embedder | None) -> tuple[Analyser, Embedder]:
    from rag.analyse import default_analyser  # noqa: PLC0415 - see above

    return default_analyser(), embedder or encoder.load()
