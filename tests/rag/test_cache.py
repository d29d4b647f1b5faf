"""Caches of several processes follow the database, within their memory; writers at once do no harm."""

from __future__ import annotations

import asyncio
import random

import pytest

from bootstrap.services import Services
from domain.errors import Unprocessable
from rag.cache import IndexCache
from rag.lexical import LexicalIndex
from rag.postings import query_of
from rag.service import KnowledgeService
from rag.types import DocumentDraft
from tests.support.knowledge import draft, filled, knowledge, new_org

pytestmark = pytest.mark.asyncio

WORDS = ["kettle", "towel", "bike", "lamp", "chair", "spoon", "clock", "radio"]


def answers(index: LexicalIndex, service: KnowledgeService) -> list[list[tuple[int, float]]]:
    return [
        [(h.no, round(h.score, 5)) for h in index.search(query_of(service.analyser, word), 50)]
        for word in WORDS
    ]


async def test_a_refreshed_cache_is_a_rebuilt_one(services: Services) -> None:
    org, chance = await new_org(services), random.Random(4)
    kept, seldom = IndexCache(), IndexCache()
    async with knowledge(services, org) as service:
        index = await service.open(org)
        source = await service.add_source(index, kind="note", uri="n")
    for step in range(12):
        async with knowledge(services, org) as service:
            index = await service.open(org)
            drafts = [
                draft(
                    source.id,
                    str(chance.randrange(6)),
                    *(" ".join(chance.choices(WORDS, k=5)) for _ in range(3)),
                )
                for _ in range(1)
            ]
            await service.put(index, drafts, cause="t")
            if step % 4 == 3:
                documents = await service.documents.present(source.id)
                await service.remove(index, [documents[0].id], cause="t")
        async with knowledge(services, org) as service:
            index = await service.open(org)
            mine = await kept.get(service.session, index)
            fresh = await IndexCache().get(service.session, index)
            assert answers(mine, service) == answers(fresh, service)
            if step % 5 == 4:
                assert answers(await seldom.get(service.session, index), service) == answers(
                    fresh, service
                )


async def test_a_rebuilt_index_is_read_anew(services: Services) -> None:
    org, cache = await new_org(services), IndexCache()
    async with knowledge(services, org) as service:
        index = await filled(service, org, {"a": "kettle", "b": "towel"})
        before = await cache.get(service.session, index)
        assert await cache.get(service.session, index) is before
        await service.reindex(index)
        after = await cache.get(service.session, index)
        found = after.search(query_of(service.analyser, "kettle"), 5)
        assert len(found) == 1
        assert found[0].no not in {
            h.no for h in before.search(query_of(service.analyser, "kettle"), 5)
        }


async def test_memory_is_bounded(services: Services) -> None:
    one, two = await new_org(services), await new_org(services, "Two")
    cache = IndexCache(limit_bytes=2_000)
    texts = {str(i): " ".join(WORDS) for i in range(8)}
    for org in (one, two):
        async with knowledge(services, org) as service:
            await cache.get(service.session, await filled(service, org, texts))
    assert 0 < cache.nbytes <= 2_000
    assert len(cache._kept) == 1
    async with knowledge(services, one) as service:
        with pytest.raises(Unprocessable, match="allow more or split it"):
            await IndexCache(limit_bytes=100).get(service.session, await service.open(one))


async def test_two_ingests_of_one_source_at_once_give_one_result(services: Services) -> None:
    org = await new_org(services)
    async with knowledge(services, org) as service:
        index = await service.open(org)
        source = await service.add_source(index, kind="note", uri="n")

    async def put(drafts: list[DocumentDraft]) -> int:
        async with knowledge(services, org) as service:
            index = await service.open(org)
            return (await service.put(index, drafts, cause="t")).added

    same = [draft(source.id, str(i), f"Document {i} about towels.") for i in range(20)]
    other = [draft(source.id, str(i), f"Document {i} about kettles.") for i in range(20)]
    added = await asyncio.gather(put(same), put(same), put(same))
    assert sorted(added) == [0, 0, 20]
    await asyncio.gather(put(same), put(other))
    async with knowledge(services, org) as service:
        index = await service.open(org)
        lexical = await IndexCache().get(service.session, index)
        assert lexical.size() == 20
        documents = await service.documents.present(source.id)
        assert len({d.content_hash for d in documents}) == 20
        assert len({d.revision for d in documents}) == 1
        chunks = [await service.preview(d.id) for d in documents]
        assert [len(c) for c in chunks] == [1] * 20


async def test_opening_at_once_makes_one_index(services: Services) -> None:
    org = await new_org(services)

    async def open_it() -> str:
        async with knowledge(services, org) as service:
            return (await service.open(org)).id

    assert len(set(await asyncio.gather(*(open_it() for _ in range(5))))) == 1
