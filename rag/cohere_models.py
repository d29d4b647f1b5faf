"""Cohere's reranker and embedder, by setting. Contract-tested against their wire, not verified on Cohere."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from typing import TYPE_CHECKING, Literal

import httpx
import numpy as np

from domain.errors import Unavailable
from rag.types import ChunkText, Vectors

if TYPE_CHECKING:
    from cohere import AsyncClientV2, ClientV2

#: Texts per call of the embedder (API limit 96).
_BATCH = 96
Purpose = Literal["search_document", "search_query"]


class CohereReranker:
    """Orders candidates by Cohere's model.

    Args:
        client: See `open_cohere`.
        model: Name of the model.
    """

    name = "cohere"

    def __init__(self, client: AsyncClientV2, model: str = "rerank-v3.5") -> None:
        self._client = client
        self._model = model

    async def scores(self, query: str, chunks: Sequence[ChunkText]) -> list[float]:
        """Return a relevance in [0, 1] for every chunk, in the order given.

        Raises:
            Unavailable: `reranker_unavailable` if Cohere does not answer as it should.
        """
        if not chunks:
            return []
        documents = [" \n".join((c.title, *c.heading, c.text)) for c in chunks]
        with _reached("reranker"):
            answer = await self._client.rerank(
                model=self._model, query=query, documents=documents, top_n=len(documents)
            )
        scores = [0.0] * len(chunks)
        for result in answer.results:
            scores[result.index] = float(result.relevance_score)
        return scores


class CohereEmbedder:
    """Embeds by Cohere's model.

    Args:
        client: See `open_cohere`.
        model: Name of the model.
        languages: ISO 639-3 codes of the served languages it knows.
        dimensions: Width of its vectors.
        purpose: What the texts are; questions are embedded otherwise than documents.
    """

    def __init__(
        self,
        client: ClientV2,
        model: str = "embed-v4.0",
        languages: Sequence[str] = ("eng", "jpn"),
        dimensions: int = 1024,
        purpose: Purpose = "search_document",
    ) -> None:
        self._client = client
        self._model = model
        self._purpose: Purpose = purpose
        self.languages = tuple(languages)
        self.dimensions = dimensions
        self.model_id = f"cohere/{model}/{dimensions}"

    def for_queries(self) -> CohereEmbedder:
        """Return the embedder for questions; its vectors compare with those of documents."""
        return CohereEmbedder(
            self._client, self._model, self.languages, self.dimensions, "search_query"
        )

    def embed(self, texts: list[str]) -> Vectors:
        """Return vectors of shape (n, dimensions), float32, each of length one.

        Raises:
            Unavailable: `embedder_unavailable` if Cohere does not answer as it should.
        """
        rows: list[list[float]] = []
        for start in range(0, len(texts), _BATCH):
            with _reached("embedder"):
                answer = self._client.embed(
                    model=self._model,
                    input_type=self._purpose,
                    texts=texts[start : start + _BATCH],
                    embedding_types=["float"],
                    output_dimension=self.dimensions,
                )
                rows.extend(answer.embeddings.float_ or [])
        if len(rows) != len(texts):
            raise Unavailable(
                "embedder_unavailable", "Cohere gave fewer vectors than texts; try again."
            )
        vectors = np.asarray(rows, np.float32).reshape(len(texts), -1)
        lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
        return np.asarray(vectors / np.maximum(lengths, 1e-9), np.float32)


@asynccontextmanager
async def open_cohere(
    api_key: str, base_url: str = "https://api.cohere.com"
) -> AsyncIterator[tuple[AsyncClientV2, ClientV2]]:
    """Open the clients for reranking and for embedding; their connections end with the block.

    Args:
        api_key: Key.
        base_url: Address; given here because the SDK reads its variable once, when it is imported.
    """
    # Takes a second to import: only where it is set.
    from cohere import AsyncClientV2, ClientV2  # noqa: PLC0415

    async with httpx.AsyncClient(timeout=10.0) as waiting:
        with httpx.Client(timeout=30.0) as blocking:
            yield (
                AsyncClientV2(api_key, base_url=base_url, httpx_client=waiting),
                ClientV2(api_key, base_url=base_url, httpx_client=blocking),
            )


@contextmanager
def _reached(part: str) -> Iterator[None]:
    """Turn Cohere's errors into ours; the cause stays attached."""
    from cohere.core import ApiError  # noqa: PLC0415 - see `open_cohere`

    try:
        yield
    except (ApiError, httpx.HTTPError) as error:
        raise Unavailable(
            f"{part}_unavailable",
            "Cohere did not answer as expected; check COHERE_API_KEY, or try again.",
        ) from error
