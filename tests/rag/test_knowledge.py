"""What is put in is found, versioned, kept apart by tenant, and survives what people did to it."""

from __future__ import annotations

import pytest

from bootstrap.services import Services
from domain.errors import BadInput, Conflict, NotFound
from rag.cache import IndexCache
from rag.lexical import Scope
from rag.postings import query_of
from rag.tables import KnowledgeIndex
from rag.types import Filter, Trust
from tests.support.knowledge import WordEmbedder, draft, filled, knowledge, new_org

pytestmark = pytest.mark.asyncio

TEXTS = {
    "kettle": "The kettle boils a litre of water in three minutes.",
    "towel": "A towel of organic cotton, washed at sixty degrees.",
    "bike": "The bicycle has eleven gears and a steel frame.",
}


async def found(
    service, index: KnowledgeIndex, query: str, filter: Filter | None = None
) -> list[str]:
    """Return the texts that the lexical leg finds."""
    cache = IndexCache()
    lexical = await cache.get(service.session, index)
    hits = lexical.search(query_of(service.analyser, query), 10)
    texts = await service.chunks.texts(index.no, [h.no for h in hits], filter or Filter())
    return sorted(text.text for text in texts)


async def test_what_is_put_in_is_found_by_its_stems(services: Services) -> None:
    org = await new_org(services)
    async with knowledge(services, org) as service:
        index = await filled(service, org, TEXTS)
        assert index.version == 1
        assert await found(service, index, "boiling kettles") == [TEXTS["kettle"]]
        assert await service._store_of(service.session, index).count() == 3


async def test_the_same_again_changes_nothing(services: Services) -> None:
    org = await new_org(services)
    embedder = WordEmbedder()
    async with knowledge(services, org, embedder) as service:
        await filled(service, org, TEXTS)
    async with knowledge(services, org, embedder) as service:
        index = await filled(service, org, TEXTS)
        assert index.version == 1
    assert embedder.calls == [3]


async def test_only_changed_pieces_are_embedded_again(services: Services) -> None:
    org = await new_org(services)
    embedder = WordEmbedder()
    async with knowledge(services, org, embedder) as service:
        index = await service.open(org)
        source = await service.add_source(index, kind="note", uri="n")
        pages = [f"Page {i} about towels." for i in range(20)]
        await service.put(index, [draft(source.id, "book", *pages)], cause="first")
        pages[7] = "Page 7 is about kettles now."
        written = await service.put(index, [draft(source.id, "book", *pages)], cause="second")
        assert (written.added, written.kept, written.retired) == (1, 19, 1)
        assert embedder.calls == [20, 1]
        preview = await service.preview((await service.documents.newest())[0].id)
        assert [chunk.text for chunk in preview] == pages


async def test_as_of_a_version_finds_what_was_known_then(services: Services) -> None:
    org = await new_org(services)
    cache = IndexCache()
    async with knowledge(services, org) as service:
        index = await filled(service, org, {"price": "The plan costs ten dollars."})
        source = await service.add_source(index, kind="note", uri="note:tests")
        await cache.get(service.session, index)
        await service.put(
            index, [draft(source.id, "price", "The plan costs twelve dollars.")], cause="x"
        )
        await service.remove(index, [(await service.documents.newest())[0].id], cause="y")
        assert index.version == 3
        lexical = await cache.get(service.session, index)
        query = query_of(service.analyser, "plan cost")
        seen = {}
        for version in (1, 2, 3):
            hits = lexical.search(query, 5, Scope(as_of=version))
            nos = [hit.no for hit in hits]
            texts = await service.chunks.texts(index.no, nos, Filter(as_of=version))
            near = await service._store_of(service.session, index).nearest(
                [1.0] + [0.0] * 383, 5, Filter(as_of=version)
            )
            assert sorted(h.no for h in near) == nos
            seen[version] = [text.text for text in texts]
        assert seen == {
            1: ["The plan costs ten dollars."],
            2: ["The plan costs twelve dollars."],
            3: [],
        }
        moment = (await service.documents.newest())[0].created_at
        assert await service.indexes.version_at(index.no, moment) == 1


async def test_an_edit_survives_re_indexing_and_says_when_it_is_outdated(
    services: Services,
) -> None:
    org = await new_org(services)
    async with knowledge(services, org) as service:
        index = await service.open(org)
        source = await service.add_source(index, kind="note", uri="n")
        await service.put(index, [draft(source.id, "d", "First piece.", "Secnd piece.")], cause="1")
        document = (await service.documents.newest())[0]
        wrong = (await service.preview(document.id))[1]
        edited = await service.edit_chunk(index, wrong.id, "Second piece.", cause="a person")
        assert await found(service, index, "second") == ["Second piece."]
        # The same document with one more piece: the edit stays.
        three = draft(source.id, "d", "First piece.", "Secnd piece.", "Third piece.")
        await service.put(index, [three], cause="2")
        preview = await service.preview(document.id)
        assert [c.text for c in preview] == ["First piece.", "Second piece.", "Third piece."]
        assert [c.edited for c in preview] == [False, True, False]
        # Its original changes upstream: it stays, marked, beside what came.
        other = draft(source.id, "d", "First piece.", "Another piece.", "Third piece.")
        written = await service.put(index, [other], cause="3")
        assert written.outdated_edits == 1
        preview = await service.preview(document.id)
        assert {c.text: c.outdated for c in preview}["Second piece."] is True
        with pytest.raises(Conflict, match="has been replaced"):
            await service.edit_chunk(index, wrong.id, "x", cause="y")
        with pytest.raises(BadInput, match="A chunk must have"):
            await service.edit_chunk(index, edited.id, "  ", cause="y")


async def test_what_vanished_upstream_is_swept_and_can_come_back(services: Services) -> None:
    org = await new_org(services)
    async with knowledge(services, org) as service:
        index = await filled(service, org, TEXTS)
        source = await service.add_source(index, kind="note", uri="note:tests")
        swept = await service.sweep(index, source.id, ["bike"], cause="crawl")
        assert (swept.documents, swept.retired) == (2, 2)
        assert await found(service, index, "towel kettle") == []
        again = await service.sweep(index, source.id, ["bike"], cause="crawl")
        assert again.version == swept.version
        await filled(service, org, TEXTS)
        assert len(await found(service, index, "towel kettle")) == 2


async def test_a_tenant_never_finds_anothers_text(services: Services) -> None:
    one, two = await new_org(services), await new_org(services, "Two")
    async with knowledge(services, one) as service:
        mine = await filled(service, one, TEXTS)
    async with knowledge(services, two) as service:
        theirs = await filled(service, two, {"x": "Nothing to boil here."})
        assert await found(service, theirs, "kettle boil litre") == ["Nothing to boil here."]
        with pytest.raises(NotFound):
            await service.indexes.get(mine.id)
        # Even with the other's index in hand, the database gives nothing.
        assert await service.chunks.rows_since(mine.no, 0) is None
        store = service._store_of(service.session, mine)
        assert await store.nearest([1.0] + [0.0] * 383, 5, Filter()) == []
        assert len(await service.documents.numbers(mine.no, Filter(trust=(Trust.OWNED,)))) == 0


async def test_another_model_is_refused_until_it_is_re_indexed(services: Services) -> None:
    org = await new_org(services)
    async with knowledge(services, org) as service:
        index = await filled(service, org, TEXTS)
    async with knowledge(services, org, WordEmbedder("words-2")) as service:
        with pytest.raises(Conflict, match="parley rag reindex --namespace default") as refused:
            await service.open(org)
        assert refused.value.extra == {"stored": "words-1", "present": "words-2"}
        index = await service.indexes.get(index.id)
        await service.reindex(index)
        assert (await service.open(org)).embedding_model == "words-2"
        assert await found(service, index, "kettle") == [TEXTS["kettle"]]
        assert await service._store_of(service.session, index).count() == 3


async def test_japanese_and_english_stand_in_one_index(services: Services) -> None:
    org = await new_org(services)
    embedder = WordEmbedder()
    async with knowledge(services, org, embedder) as service:
        texts = {"ja": "このやかんは三分でお湯が沸きます。", "en": TEXTS["kettle"]}
        index = await filled(service, org, texts)
        assert await found(service, index, "やかん") == [texts["ja"]]
        assert await found(service, index, "お湯を沸かす") == [texts["ja"]]
        assert await found(service, index, "kettle") == [texts["en"]]
        # The model knows English only: Japanese is not embedded.
        assert embedder.calls == [1]
