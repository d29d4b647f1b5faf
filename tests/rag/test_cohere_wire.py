"""Cohere by its wire: order kept, purposes told apart, failures said to be what they are."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest

from domain.errors import Unavailable
from rag.cohere_models import CohereEmbedder, CohereReranker, open_cohere
from rag.types import ChunkText, Span, Trust
from tests.support.vector_wire import KEY, CohereWire, serve

pytestmark = pytest.mark.asyncio


@pytest.fixture
def wire() -> Iterator[tuple[CohereWire, str]]:
    """A Cohere of our own."""
    cohere = CohereWire()
    with serve(cohere) as address:
        yield cohere, address


def chunk(no: int, text: str) -> ChunkText:
    return ChunkText(
        no, f"chk_{no}", "doc", "kso", "k", "", text, (), Span(0, 1), "eng", Trust.OWNED, 1
    )


async def test_scores_come_in_the_order_of_the_chunks(wire: tuple[CohereWire, str]) -> None:
    async with open_cohere(KEY, wire[1]) as (rerank, _):
        chunks = [chunk(1, "green tea"), chunk(2, "red bicycle bell"), chunk(3, "red tea")]
        assert await CohereReranker(rerank).scores("red bicycle", chunks) == [0.0, 1.0, 0.5]
        assert await CohereReranker(rerank).scores("red bicycle", []) == []


async def test_vectors_have_length_one_and_know_their_purpose(wire: tuple[CohereWire, str]) -> None:
    async with open_cohere(KEY, wire[1]) as (_, client):
        documents = CohereEmbedder(client, dimensions=256)
        vectors = documents.embed([f"text {i}" for i in range(100)])
        assert vectors.shape == (100, 256)
        assert np.linalg.norm(vectors, axis=1) == pytest.approx(np.ones(100), abs=1e-6)
        documents.for_queries().embed(["what?"])
        assert wire[0].purposes == ["search_document", "search_document", "search_query"]
        assert documents.for_queries().model_id == documents.model_id == "cohere/embed-v4.0/256"


async def test_a_cohere_that_fails_is_away(wire: tuple[CohereWire, str]) -> None:
    async with open_cohere("wrong", wire[1]) as (rerank, client):
        with pytest.raises(Unavailable, match="COHERE_API_KEY"):
            await CohereReranker(rerank).scores("q", [chunk(1, "x")])
        with pytest.raises(Unavailable):
            CohereEmbedder(client).embed(["x"])
