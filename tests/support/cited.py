"""The labelled answers and their citations, and what is measured on them."""

from __future__ import annotations

import math
from collections.abc import Iterable
from functools import lru_cache
from pathlib import Path
from typing import Any

import msgspec

from rag.analyse import default_analyser
from rag.answer import Answerer
from rag.answer_types import Answer, Question
from rag.cite import CitationChecker
from rag.confidence import features_of
from rag.holdings import MemoryLibrary
from rag.postings import term_key
from rag.retrieve import Retriever
from rag.types import ChunkDraft, DocumentDraft, Retrieved

FIXTURES = Path(__file__).parents[1] / "rag" / "fixtures"


class Labelled(msgspec.Struct, frozen=True):
    """A sentence, the text it cites, and whether that supports it; `half` says what it may be used for."""

    case: str
    half: str
    language: str
    title: str
    question: str
    text: str
    sentence: str
    kind: str
    supported: bool


@lru_cache(maxsize=1)
def labelled() -> tuple[Labelled, ...]:
    """Return all labelled answers."""
    lines = (FIXTURES / "citations.jsonl").read_bytes().splitlines()
    return tuple(msgspec.json.decode(line, type=Labelled) for line in lines)


@lru_cache(maxsize=1)
def fresh() -> tuple[Labelled, ...]:
    """Return the batches that were each written before the checker was run on it, to see what it is worth."""
    lines = (FIXTURES / "citations_fresh.jsonl").read_bytes().splitlines()
    return tuple(msgspec.json.decode(line, type=Labelled) for line in lines)


def wilson(right: int, all_: int, z: float = 1.96) -> tuple[float, float, float]:
    """Return a share with its 95 % Wilson interval."""
    p = right / all_
    middle = (p + z * z / (2 * all_)) / (1 + z * z / all_)
    half = z * math.sqrt(p * (1 - p) / all_ + z * z / (4 * all_ * all_)) / (1 + z * z / all_)
    return p, middle - half, middle + half


def figures(rows: Iterable[Labelled]) -> dict[str, tuple[float, float, float]]:
    """Return citation precision, share of unsupported sentences caught, and of supported ones kept."""
    checker = CitationChecker(default_analyser())
    counts = {(want, got): 0 for want in (True, False) for got in (True, False)}
    for row in rows:
        got = checker.check(row.sentence, row.text, title=row.title).supported
        counts[row.supported, got] += 1
    kept, let, lost, caught = (
        counts[key] for key in ((True, True), (False, True), (True, False), (False, False))
    )
    return {
        "precision": wilson(kept, kept + let),
        "caught": wilson(caught, caught + let),
        "kept": wilson(kept, kept + lost),
    }


async def answers(parity: int) -> list[tuple[tuple[float, ...], bool, Answer]]:
    """Ask the questions of odd (1) or even (0) cases, each with its document in the store and without.

    Returns:
        Features, whether the answer cites the right document, and the answer, of all that were given.
    """
    found = []
    cases = {row.case: row for row in labelled() if int(row.case[-2:]) % 2 == parity}
    analyser = default_analyser()
    for present in (True, False):
        for case, row in cases.items():
            drafts = [
                DocumentDraft("s", other.case, other.title, (ChunkDraft(other.text),))
                for other in cases.values()
                if present or other.case != case
            ]
            library = MemoryLibrary(drafts, analyser, None)
            retriever = Retriever(analyser, None)
            kept: list[Retrieved] = []

            async def search(question: str) -> Retrieved:
                kept.append(await retriever.search(library, question, k=5))  # noqa: B023
                return kept[-1]  # noqa: B023

            def idf(term: str) -> float:
                return library.lexical.idf(term_key(term))  # noqa: B023

            answerer = Answerer(search, analyser, idf=idf, least_confidence=0.0)
            asked = await answerer.retrieve(_question(row.question))
            asked = await answerer.verify(await answerer.answer(await answerer.compress(asked)))
            said = asked.answer
            if said is not None and said.statements:
                features = features_of(asked, said.statements, analyser, idf)
                right = present and any(c.document_id == case for c in said.citations)
                found.append((features, right, said))
    return found


def _question(text: str) -> Any:

    return Question(text)
