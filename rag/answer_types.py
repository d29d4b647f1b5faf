"""What an answer is made of: statements with the places they rest on, or the reason why there is none."""

from __future__ import annotations

from enum import StrEnum

import msgspec

from domain.evidence import Citation
from rag.cite import Support
from rag.types import ChunkText, Retrieved, Trust


class Unanswered(StrEnum):
    """Why a question was not answered."""

    NOTHING_FOUND = "nothing_found"
    NOT_SUPPORTED = "not_supported"
    NOT_SURE = "not_sure"


class Draft(msgspec.Struct, frozen=True):
    """A sentence that somebody wants to say, and the chunks it says it of, by number."""

    text: str
    chunk_nos: tuple[int, ...]


class Statement(msgspec.Struct, frozen=True):
    """A sentence that stands, with the places that support it.

    Attributes:
        text: The sentence.
        citations: At least one.
        trust: Label of the least trusted source it rests on; it may be quoted, never obeyed.
        support: What the check found.
    """

    text: str
    citations: tuple[Citation, ...]
    trust: Trust
    support: Support


class Rejected(msgspec.Struct, frozen=True):
    """A sentence that was left out because what it cites does not support it."""

    text: str
    support: Support


class Answer(msgspec.Struct, frozen=True):
    """The answer to a question.

    Attributes:
        question: What was asked.
        statements: Sentences that stand; empty when it is not known.
        confidence: Calibrated probability that the statements answer the question, in [0, 1].
        unanswered: Why not, if it was not.
        rejected: Sentences left out.
        written_by: Model that wrote, or `extractive rules`.
        version: Knowledge version that was searched.
        timings_ms: Milliseconds per stage.
    """

    question: str
    statements: tuple[Statement, ...] = ()
    confidence: float = 0.0
    unanswered: Unanswered | None = None
    rejected: tuple[Rejected, ...] = ()
    written_by: str = ""
    version: int = 0
    timings_ms: dict[str, float] = msgspec.field(default_factory=dict)

    @property
    def text(self) -> str:
        """The statements as running text with numbered references, or the sentence that says it is not known."""
        if not self.statements:
            return UNKNOWN
        numbers = {c: i + 1 for i, c in enumerate(self.citations)}
        return " ".join(
            f"{one.text} " + "".join(f"[{numbers[c]}]" for c in one.citations)
            for one in self.statements
        )

    @property
    def citations(self) -> tuple[Citation, ...]:
        """The places cited, each once, in the order of their numbers."""
        return tuple(dict.fromkeys(c for one in self.statements for c in one.citations))


UNKNOWN = "I don't know: nothing in the knowledge store supports an answer."


class Question(msgspec.Struct, frozen=True):
    """What goes through the chain, and what each stage adds to it.

    Attributes:
        text: The question.
        retrieved: Passages. drafts: sentences to check. answer: the result. times: milliseconds per stage.
    """

    text: str
    retrieved: Retrieved | None = None
    drafts: tuple[Draft, ...] = ()
    answer: Answer | None = None
    times: dict[str, float] = msgspec.field(default_factory=dict)

    def chunk(self, no: int) -> ChunkText | None:
        """Return a retrieved chunk by number."""
        passages = self.retrieved.passages if self.retrieved else ()
        return next((p.chunk for p in passages if p.chunk.no == no), None)
