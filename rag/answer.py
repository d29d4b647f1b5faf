"""Answers with citations: retrieve → compress → answer → verify, as a LangChain runnable.

Every sentence is checked against the place it cites before it is said; what does not hold is left out, and if
nothing holds the answer is "I don't know". Without a model, sentences are quoted, so they can only be wrong by
not answering; a model's sentences go through the same check, and a judging model may only reject more.
"""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from typing import Any, Protocol

import msgspec
from langchain_core.runnables import Runnable, RunnableLambda

from domain.errors import Unavailable
from domain.evidence import Citation
from rag.analyse import Analyser, fold
from rag.answer_types import Answer, Draft, Question, Rejected, Statement, Unanswered
from rag.cite import CitationChecker, Idf, Reason, Support
from rag.compress import sentences
from rag.confidence import Calibration, features_of
from rag.traces import stage_tracers
from rag.types import ChunkText, Passage, Retrieved, Sentence, Trust

#: Sentences an extractive answer quotes at most.
LONGEST = 3
#: Below this probability of being right, nothing is said.
LEAST_CONFIDENCE = 0.5
#: A quoted sentence must score this share of the best one's.
_LEAST_SHARE = 0.6
_ORDER = (Trust.UNTRUSTED, Trust.PARTNER, Trust.OWNED)

Search = Callable[[str], Awaitable[Retrieved]]


class Writer(Protocol):
    """Writes an answer from passages; what it writes is checked."""

    name: str

    async def write(self, question: str, passages: Sequence[Passage]) -> list[Draft]:
        """Return sentences, each with the chunks it rests on.

        Raises:
            Unavailable: if the model cannot be asked; the rules answer then.
        """
        ...


class Judge(Protocol):
    """A model's opinion on a citation; it can only reject."""

    async def supports(self, sentence: str, quote: str) -> bool:
        """Say whether a quote supports a sentence.

        Raises:
            Unavailable: if the model cannot be asked; the rules' word stands then.
        """
        ...


class ExtractiveWriter:
    """Quotes the sentences that answer best. Needs no model."""

    name = "extractive rules"

    async def write(self, question: str, passages: Sequence[Passage]) -> list[Draft]:
        """Return up to `LONGEST` sentences of the passages, the best first."""
        scored = [
            (sentence.score * passage.score, -place, passage.chunk.no, sentence)
            for place, passage in enumerate(passages)
            for sentence in passage.sentences
        ]
        scored.sort(key=lambda row: (-row[0], -row[1], row[3].span.start))
        least = _LEAST_SHARE * scored[0][0] if scored else 0.0
        found: dict[str, Draft] = {}
        for score, _, no, sentence in scored:
            if score >= least:
                found.setdefault(fold(sentence.text), Draft(sentence.text, (no,)))
        return list(found.values())[:LONGEST]


class Answerer:
    """Answers questions from retrieved passages.

    Args:
        search: Returns passages for a question.
        analyser: Makes terms.
        idf: Weight of a term, by the index searched; all the same by default.
        writer: Writes; quotes by default.
        judge: A model that may reject what the rules let pass.
        calibration: Turns features into a probability; the shipped one by default.
        least_confidence: Below it nothing is said.
    """

    def __init__(
        self,
        search: Search,
        analyser: Analyser,
        *,
        idf: Idf | None = None,
        writer: Writer | None = None,
        judge: Judge | None = None,
        calibration: Calibration | None = None,
        least_confidence: float = LEAST_CONFIDENCE,
    ) -> None:
        self._search = search
        self._analyser = analyser
        self._idf = idf or (lambda _term: 1.0)
        self._checker = CitationChecker(analyser)
        self._writer: Writer = writer or ExtractiveWriter()
        self._judge = judge
        self._calibration = calibration or Calibration.shipped()
        self._least_confidence = least_confidence

    def chain(self) -> Runnable[str, Answer]:
        """Return the stages as one LangChain runnable; each is traced under its name."""
        times: Callable[[Any], RunnableLambda[Any, Any]] = partial(_timed)
        ask: Runnable[str, Answer] = (
            RunnableLambda(_asked, name="understand")
            | times(self.retrieve)
            | times(self.compress)
            | times(self.answer)
            | times(self.verify)
            | RunnableLambda(_answered, name="say")
        )
        return ask.with_config(run_name="rag.answer")

    async def ask(self, question: str) -> Answer:
        """Answer one question; its stages are traced where tracing is on."""
        return await self.chain().ainvoke(question, {"callbacks": stage_tracers()})

    async def retrieve(self, asked: Question) -> Question:
        """Find passages."""
        return msgspec.structs.replace(asked, retrieved=await self._search(asked.text))

    async def compress(self, asked: Question) -> Question:
        """Keep passages that still say something, with their sentences."""
        found = asked.retrieved
        if found is None:
            return asked
        kept = tuple(p for p in found.passages if p.sentences)
        return msgspec.structs.replace(
            asked, retrieved=msgspec.structs.replace(found, passages=kept)
        )

    async def answer(self, asked: Question) -> Question:
        """Write sentences; with the rules if the model cannot be asked."""
        passages = asked.retrieved.passages if asked.retrieved else ()
        if not passages:
            return asked
        try:
            drafts = await self._writer.write(asked.text, passages)
            name = self._writer.name
        except Unavailable:
            fallback = ExtractiveWriter()
            drafts, name = await fallback.write(asked.text, passages), fallback.name
        return msgspec.structs.replace(
            asked, drafts=tuple(drafts), answer=Answer(asked.text, written_by=name)
        )

    async def verify(self, asked: Question) -> Question:
        """Keep the sentences that what they cite supports."""
        found = asked.retrieved
        begun = asked.answer or Answer(asked.text)
        begun = msgspec.structs.replace(begun, version=found.version if found else 0)
        if not asked.drafts:
            return _with(asked, begun, unanswered=Unanswered.NOTHING_FOUND)
        stand: list[Statement] = []
        rejected: list[Rejected] = []
        for draft in asked.drafts:
            checked = await self._checked(asked, draft)
            if isinstance(checked, Statement):
                stand.append(checked)
            else:
                rejected.append(checked)
        if not stand:
            return _with(
                asked, begun, unanswered=Unanswered.NOT_SUPPORTED, rejected=tuple(rejected)
            )
        sure = self._calibration.probability(features_of(asked, stand, self._analyser, self._idf))
        if sure < self._least_confidence:
            return _with(
                asked, begun, unanswered=Unanswered.NOT_SURE, rejected=tuple(rejected),
                confidence=sure,
            )  # fmt: skip
        return _with(
            asked, begun, statements=tuple(stand), rejected=tuple(rejected), confidence=sure
        )

    async def _checked(self, asked: Question, draft: Draft) -> Statement | Rejected:
        supports: list[tuple[ChunkText, Citation, Support]] = []
        worst = Support(False, 0.0, Reason.EMPTY)
        for no in draft.chunk_nos:
            chunk = asked.chunk(no)
            if chunk is None:
                continue
            title = " ".join((chunk.title, *chunk.heading))
            support = self._checker.check(draft.text, chunk.text, title=title)
            if support.supported:
                place = cited(chunk, draft.text, self._analyser)
                if await self._refused(draft.text, chunk.text):
                    worst = Support(False, support.coverage, Reason.MODEL)
                else:
                    supports.append((chunk, place, support))
            else:
                worst = support
        if not supports:
            return Rejected(draft.text, worst)
        return Statement(
            draft.text,
            tuple(place for _, place, _ in supports),
            min((chunk.trust for chunk, _, _ in supports), key=_ORDER.index),
            max((support for _, _, support in supports), key=lambda s: s.coverage),
        )

    async def _refused(self, sentence: str, quote: str) -> bool:
        if self._judge is None:
            return False
        try:
            return not await self._judge.supports(sentence, quote)
        except Unavailable:
            return False


def cited(chunk: ChunkText, sentence: str, analyser: Analyser) -> Citation:
    """Return the place of a chunk that supports a sentence: the one sentence nearest to it."""
    spans = sentences(chunk.text)
    wanted = set(analyser.content_terms(sentence))

    def near(at: int) -> tuple[float, int]:
        text = chunk.text[spans[at].start : spans[at].end]
        terms = set(analyser.content_terms(text))
        return (sentence == text) + len(terms & wanted) / max(1, len(terms | wanted)), -at

    span = spans[max(range(len(spans)), key=near)]
    return place_of(chunk, Sentence(chunk.text[span.start : span.end], span, 0.0))


def place_of(chunk: ChunkText, sentence: Sentence) -> Citation:
    """Return a sentence of a chunk as a citation, its offsets within the document's extracted text.

    An edited chunk is a person's text, which stands nowhere in the document: the place of the piece it
    replaced is given then.
    """
    exact = not chunk.edited and chunk.span.end - chunk.span.start == len(chunk.text)
    start = chunk.span.start + (sentence.span.start if exact else 0)
    end = chunk.span.start + sentence.span.end if exact else chunk.span.end
    return Citation(
        title=chunk.title, quote=sentence.text, source_id=chunk.source_id,
        document_id=chunk.document_id, chunk_id=chunk.chunk_id, start=start, end=end,
        url=chunk.key if chunk.key.startswith(("https://", "http://")) else "",
    )  # fmt: skip


def _asked(question: str) -> Question:
    return Question(question.strip())


def _answered(asked: Question) -> Answer:
    return asked.answer or Answer(asked.text, unanswered=Unanswered.NOTHING_FOUND)


def _with(asked: Question, begun: Answer, **changes: Any) -> Question:
    return msgspec.structs.replace(asked, answer=msgspec.structs.replace(begun, **changes))


def _timed(stage: Callable[[Question], Awaitable[Question]]) -> RunnableLambda[Question, Question]:
    name = getattr(stage, "__name__", "stage")

    async def run(asked: Question) -> Question:
        started = time.perf_counter()
        done = await stage(asked)
        spent = (time.perf_counter() - started) * 1000
        before = done.answer or Answer(done.text)
        times = {**asked.times, **before.timings_ms, name: spent}
        return msgspec.structs.replace(
            done,
            times=times,
            answer=msgspec.structs.replace(before, timings_ms=times) if done.answer else None,
        )

    return RunnableLambda(run, name=name)
