"""One contract for every store of vectors: pgvector itself, and Pinecone by its wire."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime

import numpy as np
import pytest
import pytest_asyncio
from sqlalchemy.ext.asyncio import AsyncSession

from bootstrap.services import Services
from domain.errors import Unavailable, Unprocessable
from rag.analyse import default_analyser
from rag.pinecone_store import PineconeStore, pinecone_client
from rag.ports import VectorStore
from rag.service import KnowledgeService, StoreOf, pgvector_store
from rag.tables import KnowledgeIndex
from rag.types import Filter, Trust
from tests.support.knowledge import WordEmbedder, draft, new_org
from tests.support.vector_wire import KEY, PineconeWire, serve

pytestmark = pytest.mark.asyncio


@pytest_asyncio.fixture(params=["pgvector", "pinecone"])
async def store_of(request: pytest.FixtureRequest) -> AsyncIterator[StoreOf]:
    """Both ways to keep vectors."""
    if request.param == "pgvector":
        yield pgvector_store
        return
    with serve(PineconeWire(384)) as address:
        client = pinecone_client(address, KEY)

        def pinecone(session: AsyncSession, index: KnowledgeIndex) -> VectorStore:
            return PineconeStore(client, index.id)

        yield pinecone
        await client.close()


@asynccontextmanager
async def writing(
    services: Services, org: str, store_of: StoreOf
) -> AsyncIterator[tuple[KnowledgeService, KnowledgeIndex, VectorStore]]:
    async with services.db.tenant(org) as session:
        service = KnowledgeService(
            session, services.ids, services.clock, default_analyser(), WordEmbedder(), store_of
        )
        index = await service.open(org)
        yield service, index, store_of(session, index)


def vector(text: str) -> list[float]:
    return WordEmbedder().embed([text])[0].tolist()


async def keys(
    service: KnowledgeService, index: KnowledgeIndex, hits, filter: Filter | None = None
):
    texts = {
        t.no: t.key
        for t in await service.chunks.texts(index.no, [h.no for h in hits], filter or Filter())
    }
    return [texts[hit.no] for hit in hits if hit.no in texts]


async def test_the_nearest_come_first_with_their_cosine(
    services: Services, store_of: StoreOf
) -> None:
    org = await new_org(services)
    async with writing(services, org, store_of) as (service, index, store):
        source = await service.add_source(index, kind="note", uri="n")
        texts = {"a": "red bicycle bell", "b": "red bicycle", "c": "green teapot"}
        await service.put(
            index, [draft(source.id, k, t, title="x") for k, t in texts.items()], cause="t"
        )
        hits = await store.nearest(vector("x. red bicycle"), 2, Filter())
        assert await keys(service, index, hits) == ["b", "a"]
        assert hits[0].score == pytest.approx(1.0, abs=1e-5)
        assert hits[0].score > hits[1].score > 0


async def test_every_filter_holds(services: Services, store_of: StoreOf) -> None:
    org = await new_org(services)
    async with writing(services, org, store_of) as (service, index, store):
        one = await service.add_source(index, kind="note", uri="one")
        two = await service.add_source(index, kind="feed", uri="two")
        day = datetime(2026, 3, 1, tzinfo=UTC)
        await service.put(
            index,
            [
                draft(
                    one.id,
                    "a",
                    "bell",
                    trust=Trust.OWNED,
                    published_at=day,
                    metadata={"kind": "faq"},
                ),
                draft(
                    two.id,
                    "b",
                    "bell",
                    trust=Trust.UNTRUSTED,
                    campaign_id="cmp_1",
                    published_at=day,
                ),
                draft(
                    two.id,
                    "c",
                    "bell",
                    trust=Trust.PARTNER,
                    published_at=day.replace(month=5),
                    metadata={"n": 3},
                ),
            ],
            cause="t",
        )
        ids = {d.key: d.id for d in await service.documents.newest()}

        async def found(**conditions: object) -> list[str]:
            filter = Filter(**conditions)  # type: ignore[arg-type]
            return sorted(
                await keys(service, index, await store.nearest(vector("bell"), 10, filter))
            )

        assert await found() == ["a", "b", "c"]
        assert await found(document_ids=(ids["a"], ids["c"])) == ["a", "c"]
        assert await found(source_ids=(two.id,)) == ["b", "c"]
        assert await found(languages=("eng",)) == ["a", "b", "c"]
        assert await found(languages=("jpn",)) == []
        assert await found(trust=(Trust.OWNED, Trust.PARTNER)) == ["a", "c"]
        assert await found(campaign_ids=("cmp_1",)) == ["b"]
        assert await found(since=day, until=day.replace(month=5)) == ["a", "b"]
        assert await found(since=day.replace(month=4)) == ["c"]
        assert await found(metadata={"kind": "faq"}) == ["a"]
        assert await found(metadata={"n": 3}) == ["c"]
        assert await found(trust=(Trust.PARTNER,), metadata={"n": 4}) == []


async def test_what_is_replaced_is_found_as_of_before_only(
    services: Services, store_of: StoreOf
) -> None:
    org = await new_org(services)
    async with writing(services, org, store_of) as (service, index, store):
        source = await service.add_source(index, kind="note", uri="n")
        first = await service.put(index, [draft(source.id, "a", "old bell")], cause="1")
        second = await service.put(index, [draft(source.id, "a", "new bell")], cause="2")
        old, new = [
            (await store.nearest(vector("bell"), 5, Filter(as_of=v)))
            for v in (first.version, second.version)
        ]
        now = await store.nearest(vector("bell"), 5, Filter())
        assert len(old) == len(new) == 1
        assert old[0].no != new[0].no
        assert [h.no for h in now] == [h.no for h in new]


async def test_re_indexing_leaves_one_vector_each(services: Services, store_of: StoreOf) -> None:
    org = await new_org(services)
    async with writing(services, org, store_of) as (service, index, store):
        source = await service.add_source(index, kind="note", uri="n")
        await service.put(
            index, [draft(source.id, str(i), f"bell {i}") for i in range(5)], cause="1"
        )
        await service.reindex(index)
        assert len(await store.nearest(vector("bell"), 50, Filter())) == 5
        assert len(await store.nearest(vector("bell"), 50, Filter(as_of=1))) == 0


async def test_pgvector_refuses_another_width(services: Services) -> None:
    org = await new_org(services)
    async with services.db.tenant(org) as session:
        wide = WordEmbedder("wide", dimensions=512)
        service = KnowledgeService(session, services.ids, services.clock, default_analyser(), wide)
        index = await service.open(org)
        source = await service.add_source(index, kind="note", uri="n")
        with pytest.raises(Unprocessable, match="384 dimensions"):
            await service.put(index, [draft(source.id, "a", "bell")], cause="1")


async def test_a_failing_pinecone_is_said_to_be_away() -> None:
    wire = PineconeWire(384)
    wire.failing = True
    with serve(wire) as address:
        client = pinecone_client(address, KEY)
        with pytest.raises(Unavailable, match="Pinecone did not answer"):
            await PineconeStore(client, "kix").nearest([0.1] * 384, 3, Filter())
        await client.close()
        wrong = pinecone_client(address, "another key")
        with pytest.raises(Unavailable):
            await PineconeStore(wrong, "kix").nearest([0.1] * 384, 3, Filter())
        await wrong.close()


async def test_vectors_survive_the_trip(services: Services, store_of: StoreOf) -> None:
    org = await new_org(services)
    async with writing(services, org, store_of) as (service, index, store):
        source = await service.add_source(index, kind="note", uri="n")
        texts = [f"word{i} word{i * 7 % 11}" for i in range(150)]
        await service.put(
            index, [draft(source.id, str(i), t, title="x") for i, t in enumerate(texts)], cause="t"
        )
        known = WordEmbedder().embed([f"x. {t}" for t in texts])
        asked = np.array(vector("x. word7 word5"), np.float32)
        best = np.sort(known @ asked)[::-1][:20]
        hits = await store.nearest(asked.tolist(), 20, Filter())
        assert [h.score for h in hits] == pytest.approx(best.tolist(), abs=1e-5)
