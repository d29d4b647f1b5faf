"""What the trade needs from outside, and may get from more than one supplier."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import msgspec

from rag.types import ChunkText, Filter, Hit, Vectors


class Embedder(Protocol):
    """Turns texts into vectors."""

    @property
    def model_id(self) -> str:
        """Name and revision; vectors of two models do not mix."""
        ...

    @property
    def languages(self) -> Sequence[str]:
        """ISO 639-3 codes of the languages it was made for; the dense leg is off for all others."""
        ...

    def embed(self, texts: list[str]) -> Vectors:
        """Return vectors of shape (n, dimensions), float32, each of length one."""
        ...


class VectorItem(msgspec.Struct, frozen=True):
    """A vector to store.

    Attributes:
        no: Number of its chunk. document_no: number of its document.
        vector: Components; length one.
        language, source_id, document_id, trust, campaign_id, dated_ms: What can be filtered by.
        from_version, to_version: Knowledge versions it is valid in, end exclusive.
    """

    no: int
    document_no: int
    vector: tuple[float, ...]
    language: str
    source_id: str
    document_id: str
    trust: str
    from_version: int
    to_version: int
    dated_ms: int
    campaign_id: str | None = None
    metadata: dict[str, str | int | float | bool] = msgspec.field(default_factory=dict)


class VectorStore(Protocol):
    """Keeps vectors of one index and finds the nearest."""

    async def put(self, items: Sequence[VectorItem]) -> None:
        """Store vectors, replacing those of the same chunks."""
        ...

    async def retire(self, nos: Sequence[int], version: int) -> None:
        """End the validity of chunks at a knowledge version."""
        ...

    async def nearest(
        self, vector: Sequence[float], k: int, filter: Filter, among: int | None = None
    ) -> list[Hit]:
        """Return the k nearest chunks that pass the filter, nearest first; score is the cosine.

        Returns k of them whenever at least k pass: a filter never makes it return fewer.

        Args:
            vector: Of length one.
            k: How many.
            filter: What may be found.
            among: At most how many chunks pass, if that is known; spares counting them.
        """
        ...

    async def clear(self) -> None:
        """Remove every vector of the index."""
        ...


class Reranker(Protocol):
    """Orders candidates anew by reading them."""

    name: str

    async def scores(self, query: str, chunks: Sequence[ChunkText]) -> list[float]:
        """Return a relevance in [0, 1] for every chunk, in the order given.

        Raises:
            Unavailable: if the supplier cannot be reached; the order before is kept then.
        """
        ...


class Rewriter(Protocol):
    """Other ways to put a question; a model's, beside the rules."""

    async def variants(self, query: str, language: str) -> list[str]:
        """Return up to four other wordings of a question, without the question itself."""
        ...
