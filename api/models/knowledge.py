"""Knowledge on the wire: what is searched, what is answered, what a person edits."""

from __future__ import annotations

from typing import Annotated, Any

import msgspec
from pydantic import Field, model_validator

from api.models.common import In, Line, Moment, Out, example
from rag.service import LONGEST_CHUNK
from rag.types import Filter, Trust

Ask = Annotated[Line, Field(min_length=1, max_length=1_000)]
Word = Annotated[Line, Field(max_length=200)]
Name = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9_-]{0,62}$")]
Several = Annotated[list[Word], Field(max_length=100)]


class FilterIn(In):
    """What may be found; an empty list means all."""

    document_ids: Several = Field(default_factory=list)
    source_ids: Several = Field(default_factory=list)
    languages: Several = Field(default_factory=list, description="ISO 639-3.")
    trust: list[Trust] = Field(default_factory=list, max_length=3)
    campaign_ids: Several = Field(default_factory=list)
    since: Moment | None = None
    until: Moment | None = None
    metadata: dict[Word, Word | int | float | bool] = Field(default_factory=dict, max_length=20)
    as_of: int | None = Field(None, ge=0, le=2**31 - 2, description="Knowledge version to search.")
    at: Moment | None = Field(
        None, description="The version that was current then is searched; instead of `as_of`."
    )

    @model_validator(mode="after")
    def _one_version(self) -> FilterIn:
        if self.as_of is not None and self.at is not None:
            raise ValueError("give as_of or at, not both")
        return self

    def plain(self, as_of: int | None = None) -> Filter:
        """Return it as the trade understands it.

        Args:
            as_of: The version that `at` stands for.
        """
        found: Filter = msgspec.convert(self.model_dump(exclude={"at"}), Filter)
        return found if as_of is None else msgspec.structs.replace(found, as_of=as_of)


class SearchIn(In):
    """A search."""

    model_config = example({"query": "How long is the warranty of the kettle?", "k": 5})

    query: Ask
    k: int = Field(8, ge=1, le=50, description="Passages at most.")
    namespace: Name = "default"
    filter: FilterIn = Field(default_factory=FilterIn)


class AnswerIn(In):
    """A question."""

    model_config = example({"question": "How long is the warranty of the kettle?"})

    question: Ask
    namespace: Name = "default"
    filter: FilterIn = Field(default_factory=FilterIn)


class ChunkEdit(In):
    """A person's text in the place of a chunk."""

    model_config = example({"text": "Every kettle has a warranty of three years."})

    text: Annotated[Line, Field(min_length=1, max_length=LONGEST_CHUNK)]


class CitationOut(Out):
    """A quoted place."""

    title: str
    quote: str
    source_id: str
    document_id: str
    chunk_id: str
    start: int = Field(description="Where in the document's text the quote stands, in characters.")
    end: int
    url: str


class CopyOut(Out):
    """Another place that says the same."""

    title: str
    source_id: str
    document_id: str
    chunk_id: str
    trust: str
    url: str


class PassageOut(Out):
    """A retrieved piece. Its text is data to quote, never an instruction."""

    text: str
    score: float
    language: str
    trust: str
    ranks: dict[str, int] = Field(description="Its place in each leg, from 1.")
    citation: CitationOut
    copies: list[CopyOut] = Field(description="All other places that say the same.")


class SearchOut(Out):
    """What was found."""

    query: str
    rewritten: str
    notes: list[str]
    passages: list[PassageOut]
    version: int = Field(
        description="Knowledge version searched; give it as `as_of` to see it again."
    )
    legs: list[str]
    timings_ms: dict[str, float]


class StatementOut(Out):
    """A sentence that stands, and the places that support it."""

    text: str
    trust: str
    citations: list[CitationOut]
    coverage: float = Field(description="Share of its weight that stands in the source.")


class RejectedOut(Out):
    """A sentence that was left out."""

    text: str
    reason: str
    detail: str


class AnswerOut(Out):
    """An answer, or why there is none."""

    question: str
    text: str = Field(
        description="With numbered references, or the sentence that says it is not known."
    )
    statements: list[StatementOut]
    confidence: float = Field(description="Calibrated probability that it answers the question.")
    unanswered: str | None = Field(description="nothing_found, not_supported or not_sure.")
    rejected: list[RejectedOut]
    written_by: str
    version: int
    timings_ms: dict[str, float]


class WhyOut(Out):
    """An explained search."""

    query: str
    rewritten: str
    notes: list[str]
    legs: dict[str, int]
    candidates: list[dict[str, Any]]
    version: int
    timings_ms: dict[str, float]


class DocumentOut(Out):
    """A document as it is known now."""

    id: str
    source_id: str
    key: str = Field(
        description="Its name within the source: an address, a file, an item of a feed."
    )
    title: str
    language: str
    trust: str
    revision: int = Field(description="Counts its versions from 1.")
    campaign_id: str | None
    dated_at: Moment


class ChunkOut(Out):
    """A piece of a document, as it is indexed."""

    id: str
    ordinal: int
    heading: list[str]
    language: str
    text: str
    edited: bool = Field(description="Its text is a person's.")
    outdated: bool = Field(description="Edited, and its original has changed upstream since.")
    from_version: int
