"""Who embeds, keeps vectors and reranks: the installation itself, or Cohere and Pinecone where settings say so."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass

from pydantic import SecretStr
from sqlalchemy.ext.asyncio import AsyncSession

from bootstrap.settings import Settings
from domain.errors import Unprocessable
from rag.cohere_models import CohereEmbedder, CohereReranker, open_cohere
from rag.pinecone_store import PineconeStore, pinecone_client
from rag.ports import Embedder, Reranker, VectorStore
from rag.service import StoreOf, pgvector_store
from rag.tables import KnowledgeIndex


@dataclass(frozen=True)
class Suppliers:
    """What stands behind the ports of `rag`; None is the installation's own.

    Attributes:
        embedder: Makes vectors of documents. asker: of questions.
        reranker: Orders candidates anew.
        store_of: Keeps vectors.
    """

    embedder: Embedder | None = None
    asker: Embedder | None = None
    reranker: Reranker | None = None
    store_of: StoreOf = pgvector_store


@asynccontextmanager
async def open_suppliers(settings: Settings) -> AsyncIterator[Suppliers]:
    """Open what the settings name; its connections end with the block.

    Raises:
        Unprocessable: `settings` naming the variable that a chosen supplier lacks.
    """
    embedder: CohereEmbedder | None = None
    reranker: CohereReranker | None = None
    store_of: StoreOf = pgvector_store
    async with AsyncExitStack() as stack:
        if "cohere" in (settings.parley_embedder, settings.parley_reranker):
            key = _needed(settings.cohere_api_key, "COHERE_API_KEY")
            waiting, blocking = await stack.enter_async_context(
                open_cohere(key, settings.cohere_url)
            )
            if settings.parley_reranker == "cohere":
                reranker = CohereReranker(waiting, settings.cohere_rerank_model)
            if settings.parley_embedder == "cohere":
                embedder = CohereEmbedder(blocking, settings.cohere_embed_model)
        if settings.parley_vectors == "pinecone":
            host = _needed(settings.pinecone_host, "PINECONE_HOST")
            client = pinecone_client(host, _needed(settings.pinecone_api_key, "PINECONE_API_KEY"))
            stack.push_async_callback(client.close)

            def pinecone(session: AsyncSession, index: KnowledgeIndex) -> VectorStore:
                return PineconeStore(client, index.id)

            store_of = pinecone
        elif embedder is not None:
            raise Unprocessable(
                "settings",
                "Set PARLEY_VECTORS=pinecone too: PostgreSQL keeps vectors of the shipped model only.",
            )
        asker = embedder.for_queries() if embedder is not None else None
        yield Suppliers(embedder, asker, reranker, store_of)


def _needed(value: SecretStr | str | None, name: str) -> str:
    if value is None:
        raise Unprocessable("settings", f"Set {name}, or choose no supplier that needs it.")
    return value.get_secret_value() if isinstance(value, SecretStr) else value
