"""The in-process indexes of a process: built from the database, brought up to date by version, bounded.

The database stays the truth. An index is asked for inside a unit of work, so a tenant can only ever name its
own; it is refreshed by what came and went since the version it is of.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict

from sqlalchemy.ext.asyncio import AsyncSession

from domain.errors import Unprocessable
from rag.lexical import LexicalIndex
from rag.repository import Chunks
from rag.tables import KnowledgeIndex


class IndexCache:
    """Lexical indexes by knowledge index, the longest unused dropped first. One per event loop.

    Args:
        limit_bytes: About how much memory all of them may take.
    """

    def __init__(self, limit_bytes: int = 1_000_000_000) -> None:
        self.limit_bytes = limit_bytes
        self._kept: OrderedDict[str, LexicalIndex] = OrderedDict()
        self._locks: dict[str, asyncio.Lock] = {}

    @property
    def nbytes(self) -> int:
        """Return about how many bytes the kept indexes take."""
        return sum(index.nbytes for index in self._kept.values())

    async def get(self, session: AsyncSession, index: KnowledgeIndex) -> LexicalIndex:
        """Return the lexical index at the version of `index` or a later one.

        Raises:
            Unprocessable: if it alone takes more memory than all may.
        """
        async with self._locks.setdefault(index.id, asyncio.Lock()):
            kept = self._kept.get(index.id)
            if kept is not None and kept.version > index.version:
                await session.refresh(index)
            if kept is None or not index.rebuilt_version <= kept.version <= index.version:
                kept = LexicalIndex()
            if kept.version < index.version:
                kept = await self._refreshed(session, index, kept)
            self._kept[index.id] = kept
            self._kept.move_to_end(index.id)
            self._trim()
            return kept

    async def forget(self, index_id: str) -> None:
        """Drop an index."""
        self._kept.pop(index_id, None)
        self._locks.pop(index_id, None)

    async def _refreshed(
        self, session: AsyncSession, index: KnowledgeIndex, kept: LexicalIndex
    ) -> LexicalIndex:
        chunks = Chunks(session)
        since, after = kept.version, 0
        # Ends before rows: a chunk that ends between the two queries is read with its end.
        retired = await chunks.retired_since(index.no, since) if len(kept) else {}
        while (rows := await chunks.rows_since(index.no, since, after)) is not None:
            after = int(rows.no[-1])
            # Building takes tens of milliseconds per slab: others go on meanwhile.
            kept = await asyncio.to_thread(kept.updated, since, rows)
            if kept.nbytes > self.limit_bytes:
                raise Unprocessable(
                    "index_too_large",
                    f"The knowledge index {index.namespace!r} needs more than "
                    f"{self.limit_bytes // 1_000_000} MB; allow more or split it.",
                )
        return kept.with_ends(index.version, retired)

    def _trim(self) -> None:
        while len(self._kept) > 1 and self.nbytes > self.limit_bytes:
            index_id, _ = self._kept.popitem(last=False)
            self._locks.pop(index_id, None)
