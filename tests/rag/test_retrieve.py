"""From a question to passages: understood, found by words and meaning, relevant, distinct, within the budget."""

from __future__ import annotations

import numpy as np
import pytest

from bootstrap.services import Services
from domain.errors import Conflict, NotFound, Unavailable
from rag.analyse import default_analyser
from rag.cache import IndexCache
from rag.compress import compress, sentences, tokens_of
from rag.fuse import diverse, fuse, likeness, shingles
from rag.holdings import MemoryLibrary, StoredLibrary, open_library
from rag.postings import query_of
from rag.rerank import FeatureReranker
from rag.retrieve import Retriever, Settings
from rag.rewrite import clarify, understand
from rag.types import ChunkText, Filter, Hit, Retrieved, Span, Trust
from tests.support.knowledge import WordEmbedder, draft, filled, knowledge, new_org

pytestmark = pytest.mark.asyncio

TEXTS = {
    "kettle": "The kettle boils a litre of water in three minutes. It is made of steel. Shipping is free.",
    "kettle2": "The kettle boils a litre of water in three minutes. It is made of steel. Shipping is free!",
    "warranty": "Every kettle has a warranty of two years. Keep the receipt.",
    "towel": "A towel of organic cotton, washed at sixty degrees.",
    "adapter": "A wireless adapter for televisions. Plug it in and it works.",
    "ja": "このやかんは三分でお湯が沸きます。保証は二年です。色は白です。",
}


def memory(texts: dict[str, str] = TEXTS, embedder: WordEmbedder | None = None) -> MemoryLibrary:
    drafts = [draft("s", key, text) for key, text in texts.items()]
    return MemoryLibrary(drafts, default_analyser(), embedder)


async def asked(question: str, **settings: object) -> Retrieved:
    embedder = WordEmbedder()
    retriever = Retriever(default_analyser(), embedder, settings=Settings(**settings))  # type: ignore[arg-type]
    return await retriever.search(memory(embedder=embedder), question)


async def test_a_question_finds_its_passages_once_with_the_sentences_that_answer() -> None:
    found = await asked("How fast does the kettle boil water?")
    keys = [p.chunk.key for p in found.passages]
    assert keys[0] in ("kettle", "kettle2")
    assert len({"kettle", "kettle2"} & set(keys)) == 1
    first = found.passages[0]
    assert [s.text for s in first.sentences] == [
        "The kettle boils a litre of water in three minutes."
    ]
    span = first.sentences[0].span
    assert first.chunk.text[span.start : span.end] == first.sentences[0].text
    assert first.chunk.trust is Trust.UNTRUSTED
    assert first.ranks["lexical"] in (1, 2)
    assert set(found.legs) == {"lexical", "dense", "expanded"}
    assert all(0 <= p.score <= 1 for p in found.passages)


async def test_nothing_relevant_is_an_empty_answer() -> None:
    assert (await asked("quarterly earnings of shipyards in Norway")).passages == ()
    assert (await asked("")).passages == ()
    assert (await asked("?!")).passages == ()


async def test_japanese_is_found_by_its_words_and_the_dense_leg_stays_off() -> None:
    found = await asked("やかんの保証は何年ですか")
    assert found.passages[0].chunk.key == "ja"
    assert "dense" not in found.legs
    assert "保証は二年です。" in [s.text for s in found.passages[0].sentences]


@pytest.mark.parametrize(
    ("query", "note"),
    [
        ("wireles adapter", "read wireles as wireless"),
        ("ketlte", "read ketlte as kettle"),
        ("organiccotton", "read organiccotton as organic cotton"),
        ("write a blog post about the kettle", "asked for: the kettle"),
        ("guarantee", "also warranty"),
    ],
)
async def test_what_was_understood_is_said(query: str, note: str) -> None:
    found = await asked(query)
    assert note in found.notes
    assert found.passages


async def test_rules_never_take_words_away() -> None:
    library = memory()
    for query in ("wireless adapter", "towel of cotton", "やかんの保証"):
        understood = understand(query, default_analyser(), library.lexical)
        for key, weight in understood.plain.words.items():
            assert understood.expanded.words[key] == weight == 1.0
        assert understood.expanded.grams == understood.plain.grams


@pytest.mark.parametrize(
    ("query", "rest"),
    [
        ("please find me information about towels", "towels"),
        ("返品について教えてください", "返品"),
        ("Generate Instagram post for summer sale", "summer sale"),
        ("find", "find"),
        ("which kettle is best?", "which kettle is best?"),
    ],
)
async def test_clarifying(query: str, rest: str) -> None:
    assert clarify(query) == rest


async def test_the_budget_holds() -> None:
    found = await asked("kettle warranty water steel", budget_tokens=20)
    spent = sum(tokens_of(s.text) for p in found.passages for s in p.sentences)
    assert 0 < spent <= 20


async def test_a_reranker_that_is_away_leaves_the_order() -> None:
    class Away:
        name = "away"

        async def scores(self, query: str, chunks: object) -> list[float]:
            raise Unavailable("reranker_unavailable", "Try again.")

    embedder = WordEmbedder()
    library = memory(embedder=embedder)
    plain = await Retriever(default_analyser(), embedder, settings=Settings(rerank_top=0)).rank(
        library, "kettle"
    )
    away = await Retriever(default_analyser(), embedder, Away()).rank(library, "kettle")
    assert [h.no for h in away.hits] == [h.no for h in plain.hits]


async def test_a_rewriter_adds_lists() -> None:
    class Model:
        async def variants(self, query: str, language: str) -> list[str]:
            assert language == "eng"
            return ["organic cotton"]

    embedder = WordEmbedder()
    retriever = Retriever(default_analyser(), embedder, rewriter=Model())
    ranking = await retriever.rank(memory(embedder=embedder), "kettle")
    assert {"dense 2", "expanded 2"} <= set(ranking.legs)


async def test_the_database_gives_what_memory_gives(services: Services) -> None:
    org = await new_org(services)
    embedder, analyser = WordEmbedder(), default_analyser()
    library = memory(embedder=embedder)
    retriever = Retriever(analyser, embedder)
    async with knowledge(services, org, embedder) as service:
        await filled(service, org, TEXTS)
        stored = await open_library(
            service.session, org, "default", IndexCache(), embedder, analyser
        )
        for question in ("kettle warranty", "やかん", "wireles adaptr", "cotton", "free shipping"):
            one = await retriever.search(library, question)
            two = await retriever.search(stored, question)
            assert [p.chunk.key for p in one.passages] == [p.chunk.key for p in two.passages]
            assert [p.score for p in one.passages] == pytest.approx([p.score for p in two.passages])
            assert one.notes == two.notes
        assert two.version == 1


async def test_opening_says_what_is_wrong(services: Services) -> None:
    org = await new_org(services)
    analyser, cache = default_analyser(), IndexCache()
    async with knowledge(services, org) as service:
        with pytest.raises(NotFound, match="ingest something first"):
            await open_library(service.session, org, "default", cache, WordEmbedder(), analyser)
        await filled(service, org, TEXTS)
        with pytest.raises(Conflict, match="parley rag reindex"):
            await open_library(
                service.session, org, "default", cache, WordEmbedder("other"), analyser
            )


async def test_filters_hold_through_the_whole_pipeline(services: Services) -> None:
    org = await new_org(services)
    embedder = WordEmbedder()
    async with knowledge(services, org, embedder) as service:
        index = await service.open(org)
        source = await service.add_source(index, kind="note", uri="n")
        await service.put(
            index,
            [
                draft(source.id, "own", "The kettle is ours.", trust=Trust.OWNED),
                draft(source.id, "web", "The kettle is theirs.", trust=Trust.UNTRUSTED),
            ],
            cause="t",
        )
        stored = await open_library(
            service.session, org, "default", IndexCache(), embedder, service.analyser
        )
        found = await Retriever(service.analyser, embedder).search(
            stored, "kettle", Filter(trust=(Trust.OWNED,))
        )
        assert [(p.chunk.key, p.chunk.trust) for p in found.passages] == [("own", Trust.OWNED)]
        assert isinstance(stored, StoredLibrary)


async def test_fusing_and_choosing() -> None:
    one, two = [Hit(1, 9), Hit(2, 8)], [Hit(2, 0.5), Hit(3, 0.4)]
    fused = fuse([(1.0, one), (1.0, two)])
    assert [h.no for h in fused] == [2, 1, 3]
    assert fuse([(1.0, [Hit(5, 1)]), (2.0, [Hit(5, 3)])])[0].score == pytest.approx(1.0)
    assert fuse([]) == []
    alike = {(1, 2): 1.0}
    chosen = diverse(
        [Hit(1, 0.9), Hit(2, 0.89), Hit(3, 0.6)],
        2,
        lambda a, b: alike.get((min(a, b), max(a, b)), 0.0),
        0.5,
    )
    assert [h.no for h in chosen] == [1, 3]
    assert likeness(shingles(["a", "b", "c", "d"]), shingles(["a", "b", "c", "d"])) == 1.0


async def test_the_feature_reranker_prefers_what_covers_the_question() -> None:
    library = memory()
    reranker = FeatureReranker(default_analyser(), library.lexical)
    texts = await library.texts([1, 3, 4], Filter())
    scores = await reranker.scores("kettle warranty", [texts[1], texts[3], texts[4]])
    assert scores[1] > scores[0] > scores[2] == 0.0
    assert all(0 <= s <= 1 for s in scores)


async def test_sentences_stand_where_they_say() -> None:
    text = "One. Two 2.5 euros!  「三。」四？\nFive (a.b.c) end"
    found = [text[s.start : s.end] for s in sentences(text)]
    assert found == ["One.", "Two 2.5 euros!", "「三。」", "四？", "Five (a.b.c) end"]
    chunk = ChunkText(1, "chk", "doc", "kso", "k", "t", text, (), Span(0, 9), "eng", Trust.OWNED, 1)
    library = memory()
    kept = compress(
        query_of(default_analyser(), "euros").words,
        [chunk],
        default_analyser(),
        library.lexical,
        budget=100,
    )
    assert [s.text for s in kept[0]] == ["Two 2.5 euros!"]
    assert np.isclose(tokens_of("四四abcd"), 3)


async def test_a_language_filter_holds_for_any_language(services: Services) -> None:
    org = await new_org(services)
    embedder = WordEmbedder(languages=("eng", "fra"))
    async with knowledge(services, org, embedder) as service:
        index = await service.open(org)
        source = await service.add_source(index, kind="note", uri="n")
        drafts = [
            draft(source.id, f"{code}{i}", f"kettle {code}", language=code)
            for code in ("eng", "fra", "jpn")
            for i in range(3)
        ]
        await service.put(index, drafts, cause="t")
        stored = await open_library(
            service.session, org, "default", IndexCache(), embedder, service.analyser
        )
        words = query_of(service.analyser, "kettle")
        for code in ("eng", "fra", "jpn"):
            filter = Filter(languages=(code,))
            hits = await stored.find(words, 10, filter)
            texts = await stored.texts([h.no for h in hits], filter)
            assert {t.language for t in texts.values()} == {code}
            assert len(hits) == len(texts) == 3
