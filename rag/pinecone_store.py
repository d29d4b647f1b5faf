"""Vectors in Pinecone, by its data plane. Contract-tested against its wire, not verified on Pinecone.

An index of ours is a namespace there. What the filter knows is stored as metadata with each vector, so that
filtering happens before the nearest are chosen; the database filters once more when texts are read.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

from domain.errors import Unavailable
from domain.time import to_ms
from rag.ports import VectorItem
from rag.types import OPEN, Filter, Hit

if TYPE_CHECKING:
    from pinecone import AsyncIndex

#: Vectors per upsert: 384 dimensions and metadata stay below the limit of 2 MB per request.
_BATCH = 100
#: Updates under way at once.
_PARALLEL = 8


class PineconeStore:
    """The vectors of one index in a namespace of a Pinecone index.

    Args:
        client: Of the data plane, see `pinecone_client`.
        namespace: The id of our index.
    """

    def __init__(self, client: AsyncIndex, namespace: str) -> None:
        self._client = client
        self._namespace = namespace

    async def put(self, items: Sequence[VectorItem]) -> None:
        """Store vectors, replacing those of the same chunks."""
        for start in range(0, len(items), _BATCH):
            vectors = [
                {"id": str(item.no), "values": list(item.vector), "metadata": _metadata(item)}
                for item in items[start : start + _BATCH]
            ]
            async with _reached():
                await self._client.upsert(vectors=vectors, namespace=self._namespace)

    async def retire(self, nos: Sequence[int], version: int) -> None:
        """End the validity of chunks at a knowledge version."""
        gate = asyncio.Semaphore(_PARALLEL)

        async def end(no: int) -> None:
            async with gate:
                await self._client.update(
                    id=str(no), set_metadata={"to_version": version}, namespace=self._namespace
                )

        async with _reached():
            await asyncio.gather(*(end(no) for no in nos))

    async def nearest(
        self, vector: Sequence[float], k: int, filter: Filter, among: int | None = None
    ) -> list[Hit]:
        """Return the k nearest chunks that pass the filter, nearest first; score is the cosine."""
        async with _reached():
            answer = await self._client.query(
                vector=list(vector), top_k=k, namespace=self._namespace, filter=_condition(filter)
            )
        return [Hit(int(match.id), float(match.score)) for match in answer.matches]

    async def clear(self) -> None:
        """Remove every vector of the index."""
        from pinecone import NotFoundError  # noqa: PLC0415 - see `pinecone_client`

        async with _reached():
            try:
                await self._client.delete(delete_all=True, namespace=self._namespace)
            except NotFoundError:
                # Nothing was ever stored there.
                return


def pinecone_client(host: str, api_key: str) -> AsyncIndex:
    """Return a client of an index's data plane; one per process, closed with `await client.close()`.

    Args:
        host: Address of the index, given by setting so that the control plane is not needed.
        api_key: Key.
    """
    # Takes a third of a second to import: only where it is set.
    from pinecone import AsyncIndex  # noqa: PLC0415

    return AsyncIndex(host=host, api_key=api_key, timeout=10.0)


@asynccontextmanager
async def _reached() -> AsyncIterator[None]:
    """Turn Pinecone's errors into ours; the cause stays attached."""
    from pinecone import NotFoundError, PineconeError  # noqa: PLC0415 - see `pinecone_client`

    try:
        yield
    except NotFoundError:
        raise
    except PineconeError as error:
        raise Unavailable(
            "vector_store_unavailable",
            "Pinecone did not answer as expected; check PINECONE_HOST and the key, or try again.",
        ) from error


def _metadata(item: VectorItem) -> dict[str, Any]:
    metadata: dict[str, Any] = {f"m_{name}": value for name, value in item.metadata.items()}
    metadata |= {
        "document_id": item.document_id,
        "source_id": item.source_id,
        "language": item.language,
        "trust": item.trust,
        "dated_ms": item.dated_ms,
        "from_version": item.from_version,
        "to_version": item.to_version,
    }
    if item.campaign_id is not None:
        metadata["campaign_id"] = item.campaign_id
    return metadata


def _condition(filter: Filter) -> dict[str, Any]:
    """Return a filter in Pinecone's language."""
    parts: list[dict[str, Any]] = [{"to_version": {"$eq": OPEN}}]
    if filter.as_of is not None:
        parts = [
            {"from_version": {"$lte": filter.as_of}},
            {"to_version": {"$gt": filter.as_of}},
        ]
    for name, values in (
        ("document_id", filter.document_ids),
        ("source_id", filter.source_ids),
        ("language", filter.languages),
        ("trust", [str(label) for label in filter.trust]),
        ("campaign_id", filter.campaign_ids),
    ):
        if values:
            parts.append({name: {"$in": list(values)}})
    if filter.since is not None:
        parts.append({"dated_ms": {"$gte": to_ms(filter.since)}})
    if filter.until is not None:
        parts.append({"dated_ms": {"$lt": to_ms(filter.until)}})
    parts.extend({f"m_{name}": {"$eq": value}} for name, value in filter.metadata.items())
    return {"$and": parts} if len(parts) > 1 else parts[0]
