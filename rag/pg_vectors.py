"""Vectors in PostgreSQL: pgvector, exact for few rows, HNSW for many."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Select, delete, func, select, text, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from domain.errors import Unprocessable
from rag.ports import VectorItem
from rag.repository import document_conditions, visible
from rag.tables import ChunkVector, Document
from rag.types import DIMENSIONS, OPEN, Filter, Hit

#: Up to this many candidate rows all are compared: no approximation, and quicker than one there.
EXACT_UP_TO = 20_000

#: Iterative scans go on until enough rows pass the filter; sorting instead would compare every row.
_HNSW = text(
    "SELECT set_config('hnsw.iterative_scan', 'relaxed_order', true), "
    "set_config('hnsw.ef_search', :ef, true), set_config('hnsw.max_scan_tuples', '1000000', true), "
    "set_config('enable_sort', 'off', true)"
)
_AFTER = text("SELECT set_config('enable_sort', 'on', true)")


class PgVectorStore:
    """The vectors of one index, inside one unit of work.

    Args:
        session: The open unit of work; row-level security holds.
        index_no: Number of the index.
        exact_up_to: How many rows are still compared one by one.
    """

    def __init__(
        self, session: AsyncSession, index_no: int, exact_up_to: int = EXACT_UP_TO
    ) -> None:
        self.session = session
        self.index_no = index_no
        self.exact_up_to = exact_up_to
        self._is_tuned = False

    async def put(self, items: Sequence[VectorItem]) -> None:
        """Store vectors, replacing those of the same chunks.

        Raises:
            Unprocessable: if a vector has another width than the column.
        """
        if not items:
            return
        width = next((len(i.vector) for i in items if len(i.vector) != DIMENSIONS), None)
        if width is not None:
            raise Unprocessable(
                "dimension_mismatch",
                f"pgvector holds {DIMENSIONS} dimensions here and the model gives {width}; "
                "choose another model or keep the vectors in Pinecone.",
            )
        rows = [
            {
                "chunk_no": item.no,
                "index_no": self.index_no,
                "document_no": item.document_no,
                "language": item.language,
                "from_version": item.from_version,
                "to_version": item.to_version,
                "embedding": list(item.vector),
            }
            for item in items
        ]
        new = insert(ChunkVector)
        columns = {c.name: c for c in new.excluded if c.name != "chunk_no"}
        await self.session.execute(
            new.on_conflict_do_update(index_elements=[ChunkVector.chunk_no], set_=columns), rows
        )

    async def retire(self, nos: Sequence[int], version: int) -> None:
        """End the validity of chunks at a knowledge version."""
        await self.session.execute(
            update(ChunkVector)
            .where(ChunkVector.index_no == self.index_no, ChunkVector.chunk_no.in_(nos))
            .values(to_version=version)
        )

    async def nearest(
        self, vector: Sequence[float], k: int, filter: Filter, among: int | None = None
    ) -> list[Hit]:
        """Return the k nearest chunks that pass the filter, nearest first; score is the cosine."""
        rows = among
        if rows is None:
            rows = await self._candidates(filter, self.exact_up_to + 1)
        if filter.as_of is not None or rows <= self.exact_up_to:
            return await self._exact(vector, k, filter)
        hits = await self._approximate(vector, k, filter)
        # A scan may give up before it has met enough rows that pass.
        return hits if len(hits) >= min(k, rows) else await self._exact(vector, k, filter)

    async def count(self) -> int:
        """Return how many vectors are valid now."""
        return await self._candidates(Filter(), OPEN)

    async def clear(self) -> None:
        """Remove every vector of the index."""
        await self.session.execute(delete(ChunkVector).where(ChunkVector.index_no == self.index_no))

    async def _candidates(self, filter: Filter, at_most: int) -> int:
        rows = self._passing(select(ChunkVector.chunk_no), filter).limit(at_most).subquery()
        return int(await self.session.scalar(select(func.count()).select_from(rows)) or 0)

    async def _exact(self, vector: Sequence[float], k: int, filter: Filter) -> list[Hit]:
        distance = ChunkVector.embedding.max_inner_product(list(vector))
        compared = self._passing(select(ChunkVector.chunk_no, distance.label("distance")), filter)
        # Materialised, so that the planner cannot answer from the approximate index.
        all_rows = compared.cte("compared").prefix_with("MATERIALIZED", dialect="postgresql")
        if self._is_tuned:
            await self.session.execute(_AFTER)
            self._is_tuned = False
        query = select(all_rows).order_by(all_rows.c.distance, all_rows.c.chunk_no).limit(k)
        return [Hit(no, -far) for no, far in await self.session.execute(query)]

    async def _approximate(self, vector: Sequence[float], k: int, filter: Filter) -> list[Hit]:
        distance = ChunkVector.embedding.max_inner_product(list(vector))
        query = self._passing(select(ChunkVector.chunk_no, distance.label("distance")), filter)
        if not self._is_tuned:
            # For the rest of the unit of work: a search asks nothing else that has to be sorted.
            await self.session.execute(_HNSW, {"ef": str(min(1000, max(200, 4 * k)))})
            self._is_tuned = True
        rows = (await self.session.execute(query.order_by(distance).limit(k))).all()
        # Relaxed order: nearly sorted only.
        return [Hit(no, -far) for no, far in sorted(rows, key=lambda row: (row[1], row[0]))]

    def _passing(self, query: Select[Any], filter: Filter) -> Select[Any]:
        query = query.where(
            ChunkVector.index_no == self.index_no,
            *visible(ChunkVector.from_version, ChunkVector.to_version, filter),
        )
        if filter.languages:
            query = query.where(ChunkVector.language.in_(filter.languages))
        if filter.by_document:
            query = query.join(Document, Document.no == ChunkVector.document_no)
            query = query.where(Document.index_no == self.index_no, *document_conditions(filter))
        return query
