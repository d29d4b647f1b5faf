"""Cohere and Pinecone are switched on by settings alone, and speak their wires from ingest to search."""

from __future__ import annotations

from collections.abc import Iterator

import msgspec
import pytest

from bootstrap.knowledge import Knowledge
from bootstrap.services import Services, open_services
from bootstrap.settings import Settings
from bootstrap.suppliers import open_suppliers
from domain.errors import Unprocessable
from rag.cohere_models import CohereReranker
from rag.service import pgvector_store
from tests.support.knowledge import draft, new_org
from tests.support.vector_wire import KEY, CohereWire, PineconeWire, serve

pytestmark = pytest.mark.asyncio


@pytest.fixture
def wires() -> Iterator[tuple[CohereWire, PineconeWire, dict[str, str]]]:
    """Both suppliers on the loopback, and the settings that name them."""
    cohere, pinecone = CohereWire(), PineconeWire(1024)
    with serve(cohere) as one, serve(pinecone) as other:
        keys = {"cohere_api_key": KEY, "cohere_url": one}
        yield cohere, pinecone, {**keys, "pinecone_api_key": KEY, "pinecone_host": other}


def settings(services: Services, **more: str) -> Settings:
    """Return the installation's settings with some more."""
    return Settings.model_validate({**services.settings.model_dump(), **more})


async def test_by_default_nothing_leaves_the_installation(services: Services) -> None:
    async with open_suppliers(services.settings) as by:
        assert (by.embedder, by.asker, by.reranker) == (None, None, None)
        assert by.store_of is pgvector_store


async def test_everything_goes_through_the_suppliers_that_are_chosen(
    services: Services, wires: tuple[CohereWire, PineconeWire, dict[str, str]]
) -> None:
    cohere, pinecone, keys = wires
    chosen = {"parley_embedder": "cohere", "parley_reranker": "cohere"}
    theirs = settings(services, **keys, **chosen, parley_vectors="pinecone")
    org = await new_org(services)
    async with open_services(theirs) as opened:
        known = Knowledge(opened)
        async with opened.db.tenant(org) as session:
            writer = await known.writer(session)
            index = await writer.open(org)
            assert index.embedding_model == "cohere/embed-v4.0/1024"
            source = await writer.add_source(index, kind="note", uri="note:x")
            texts = ("A red bicycle bell rings.", "Green tea from Uji.")
            drafts = [draft(source.id, str(i), text) for i, text in enumerate(texts)]
            await writer.put(index, drafts, cause="tests")
        assert len(pinecone.namespaces[index.id]) == 2
        found = await (await known.reader(org)).search("red bicycle bell")
        assert found.passages[0].chunk.text == texts[0]
        assert "dense" in found.legs
    assert cohere.purposes == ["search_document", "search_query"]


async def test_a_reranker_alone_leaves_vectors_where_they_are(
    services: Services, wires: tuple[CohereWire, PineconeWire, dict[str, str]]
) -> None:
    alone = settings(services, **wires[2], parley_reranker="cohere")
    async with open_suppliers(alone) as by:
        assert isinstance(by.reranker, CohereReranker)
        assert (by.embedder, by.store_of) == (None, pgvector_store)


@pytest.mark.parametrize(
    ("chosen", "named"),
    [
        ({"parley_reranker": "cohere"}, "COHERE_API_KEY"),
        ({"parley_vectors": "pinecone"}, "PINECONE_HOST"),
        ({"parley_vectors": "pinecone", "pinecone_host": "http://x.test"}, "PINECONE_API_KEY"),
        ({"parley_embedder": "cohere", "cohere_api_key": "k"}, "PARLEY_VECTORS=pinecone"),
    ],
)
async def test_what_a_chosen_supplier_lacks_is_named(
    services: Services, chosen: dict[str, str], named: str
) -> None:
    with pytest.raises(Unprocessable, match=named):
        async with open_suppliers(settings(services, **chosen)):
            raise AssertionError("it must not open")


async def test_keys_are_not_shown(services: Services) -> None:
    shown = settings(services, cohere_api_key=KEY, pinecone_api_key=KEY)
    assert KEY not in repr(shown)
    assert KEY not in msgspec.json.encode(shown.model_dump(mode="json")).decode()
