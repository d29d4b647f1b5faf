"""Answers stand on what they cite or are not given: by rules, with a model that errs, with a judge."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from bootstrap.services import Services
from domain.errors import NotFound, Unavailable
from rag.analyse import default_analyser
from rag.answer import Answerer, ExtractiveWriter
from rag.answer_types import UNKNOWN, Answer, Draft, Unanswered
from rag.cache import IndexCache
from rag.cite import Reason
from rag.holdings import MemoryLibrary
from rag.postings import term_key
from rag.reading import KnowledgeReader
from rag.retrieve import Retriever
from rag.types import Passage, Retrieved, Trust
from tests.support.knowledge import WordEmbedder, draft, filled, knowledge, new_org

pytestmark = pytest.mark.asyncio

TEXTS = {
    "kettle": "The kettle boils a litre of water in three minutes. It is made of steel. Shipping is free.",
    "warranty": "Every kettle has a warranty of two years. Keep the receipt.",
    "towel": "A towel of organic cotton, washed at sixty degrees.",
    "ja": "このやかんは三分でお湯が沸きます。保証は二年です。色は白です。",
}
QUESTION = "How many years of warranty does the kettle have?"


class Says:
    """A model that says what it is told to."""

    name = "model"

    def __init__(self, *texts: str) -> None:
        self.texts = texts

    async def write(self, question: str, passages: Sequence[Passage]) -> list[Draft]:
        numbers = tuple(p.chunk.no for p in passages)
        return [Draft(text, numbers) for text in self.texts]


class Away:
    """A model that cannot be asked, to write or to judge."""

    name = "away"

    async def write(self, question: str, passages: Sequence[Passage]) -> list[Draft]:
        raise Unavailable("model_away", "The model does not answer.")

    async def supports(self, sentence: str, quote: str) -> bool:
        raise Unavailable("model_away", "The model does not answer.")


class Judge:
    """A judge of one opinion."""

    def __init__(self, opinion: bool) -> None:
        self.opinion = opinion

    async def supports(self, sentence: str, quote: str) -> bool:
        return self.opinion


async def asked(question: str = QUESTION, *, trust: Trust = Trust.UNTRUSTED, **more) -> Answer:
    drafts = [draft("s", key, text, trust=trust) for key, text in TEXTS.items()]
    library = MemoryLibrary(drafts, default_analyser(), None)
    retriever = Retriever(default_analyser(), None)

    async def search(text: str) -> Retrieved:
        return await retriever.search(library, text)

    answerer = Answerer(
        search, default_analyser(), idf=lambda t: library.lexical.idf(term_key(t)), **more
    )
    return await answerer.ask(question)


async def test_an_answer_quotes_its_source_to_the_character() -> None:
    said = await asked()
    assert said.statements[0].text == "Every kettle has a warranty of two years."
    assert said.text.startswith("Every kettle has a warranty of two years. [1]")
    place = said.citations[0]
    assert (place.document_id, place.quote) == ("warranty", said.statements[0].text)
    assert said.statements[0].trust is Trust.UNTRUSTED
    assert 0.5 <= said.confidence <= 1
    assert said.written_by == ExtractiveWriter.name
    assert set(said.timings_ms) == {"retrieve", "compress", "answer", "verify"}


async def test_japanese_is_answered_in_japanese() -> None:
    said = await asked("やかんの保証は何年ですか")
    assert said.statements[0].text == "保証は二年です。"


async def test_what_is_not_there_is_not_known() -> None:
    said = await asked("What did shipyards in Norway earn?")
    assert said.unanswered is Unanswered.NOTHING_FOUND
    assert (said.statements, said.text, said.confidence) == ((), UNKNOWN, 0.0)
    assert (await asked("")).unanswered is Unanswered.NOTHING_FOUND


async def test_what_a_model_makes_up_is_left_out_with_its_reason() -> None:
    said = await asked(
        writer=Says(
            "The kettle's warranty is 2 years.",
            "Every kettle has a warranty of three years.",
            "The kettle has won a design prize.",
        )
    )
    assert [one.text for one in said.statements] == ["The kettle's warranty is 2 years."]
    assert said.citations[0].document_id == "warranty"
    assert said.rejected[0].support.reason in (Reason.NUMBER, Reason.WORDS)
    assert len(said.rejected) == 2
    assert said.written_by == "model"


async def test_nothing_that_holds_is_an_answer_that_is_not_known() -> None:
    said = await asked(writer=Says("Every kettle has a warranty of nine years."))
    assert said.unanswered is Unanswered.NOT_SUPPORTED
    assert said.text == UNKNOWN
    nothing = await asked(writer=Says())
    assert nothing.unanswered is Unanswered.NOTHING_FOUND


async def test_a_doubtful_answer_is_not_given() -> None:
    said = await asked(least_confidence=1.0)
    assert said.unanswered is Unanswered.NOT_SURE
    assert said.statements == ()
    assert said.confidence > 0


async def test_a_judge_can_only_reject() -> None:
    made_up = "Every kettle has a warranty of nine years."
    assert (await asked(writer=Says(made_up), judge=Judge(True))).statements == ()
    refused = await asked(judge=Judge(False))
    assert refused.statements == ()
    assert {one.support.reason for one in refused.rejected} == {Reason.MODEL}
    assert (await asked(judge=Judge(True))).statements


async def test_without_its_models_the_rules_answer() -> None:
    away = Away()
    said = await asked(writer=away, judge=away)
    assert said.written_by == ExtractiveWriter.name
    assert said.statements


async def test_a_statement_is_as_trusted_as_its_least_trusted_source() -> None:
    assert (await asked(trust=Trust.OWNED)).statements[0].trust is Trust.OWNED
    assert (await asked(trust=Trust.PARTNER)).statements[0].trust is Trust.PARTNER


def reader_of(services: Services, org: str, cache: IndexCache | None = None) -> KnowledgeReader:
    retriever = Retriever(default_analyser(), WordEmbedder())
    return KnowledgeReader(services.db, org, retriever, cache or IndexCache())


async def test_a_reader_answers_its_own_organisation_only(services: Services) -> None:
    one, two = await new_org(services, "One"), await new_org(services, "Two")
    cache = IndexCache()
    async with knowledge(services, one) as service:
        await filled(service, one, TEXTS)
    said = await reader_of(services, one, cache).answer(QUESTION)
    assert said.statements[0].text == "Every kettle has a warranty of two years."
    assert said.version == 1
    theirs = reader_of(services, two, cache)
    with pytest.raises(NotFound, match="ingest something first"):
        await theirs.answer(QUESTION)
    assert await theirs.retrieve(QUESTION) == ()
    async with knowledge(services, two) as service:
        await filled(service, two, {"x": "Nothing about that."})
    assert (await theirs.answer(QUESTION)).unanswered is Unanswered.NOTHING_FOUND


async def test_a_brief_gets_passages_for_each_of_its_parts(services: Services) -> None:
    org = await new_org(services)
    async with knowledge(services, org) as service:
        await filled(service, org, TEXTS)
    reader = reader_of(services, org)
    found = await reader.retrieve_for(
        ["kettle warranty", "organic cotton towel", " ", "kettle warranty"]
    )
    texts = [passage.text for passage in found]
    assert texts[0] == TEXTS["warranty"]
    assert texts[1] == TEXTS["towel"]
    assert len(set(texts)) == len(texts)
    place = found[0].citation
    assert place.quote in TEXTS["warranty"]
    assert len(await reader.retrieve_for(["kettle warranty", "towel"], k=1)) == 1


async def test_why_tells_what_became_of_every_candidate(services: Services) -> None:
    org = await new_org(services)
    async with knowledge(services, org) as service:
        await filled(service, org, {**TEXTS, "again": TEXTS["warranty"] + " Thank you."})
    told = await reader_of(services, org).why("kettle warranty years", k=2)
    kept = [c for c in told.candidates if c.kept]
    assert [c.kept for c in kept] == sorted(c.kept for c in kept)
    assert all(c.why.startswith("kept as passage") for c in kept)
    assert all(c.legs["lexical"].place >= 1 for c in kept if "lexical" in c.legs)
    left = [c for c in told.candidates if not c.kept]
    assert left
    assert all(c.why.startswith("left out: ") for c in left)
    assert any("of the question, less than" in c.why for c in left if c.title == "towel")
