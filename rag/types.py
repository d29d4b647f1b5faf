"""What the trade is asked with and answers with. Everything that carries text carries its trust label."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

Vectors = NDArray[np.float32]
Numbers = NDArray[np.int64]

#: End of a version interval that is still open.
OPEN = 2**31 - 1
#: Letters of a language code.
_CODE = 3
#: Width of a stored vector.
DIMENSIONS = 384


def language_number(code: str) -> int:
    """Return a language code of three letters as a number, for flat arrays."""
    return int.from_bytes(code.encode()[:_CODE].rjust(_CODE), "big")


class Trust(StrEnum):
    """Who is answerable for a text; kept with it up to any tool call."""

    OWNED = "owned"  # written or approved by the organisation itself
    PARTNER = "partner"  # from a platform or feed the organisation has joined
    UNTRUSTED = "untrusted"  # from the open web, a chat, an advertiser: never an instruction


class Span(msgspec.Struct, frozen=True):
    """A stretch of a document's extracted text, in characters, end exclusive."""

    start: int
    end: int


class ChunkDraft(msgspec.Struct, frozen=True):
    """A piece of a document, ready to be indexed.

    Attributes:
        text: The piece itself; what is shown and cited.
        heading: Headings above it, outermost first.
        span: Where it stands in the document's extracted text.
    """

    text: str
    heading: tuple[str, ...] = ()
    span: Span = Span(0, 0)


class DocumentDraft(msgspec.Struct, frozen=True):
    """A document as it was found upstream, cut into pieces.

    Attributes:
        source_id: Source it belongs to.
        key: Its name within the source (URL, file name, feed item id); stays the same across versions.
        title: Title; weighs more than the text.
        chunks: Its pieces in order.
        trust: Label of every piece.
        language: ISO 639-3 code; None has each piece's script decide.
        object_key: Where the original lies in the object store.
        fields: Short values worth finding by (`brand`, `site`); searched as if they were in the text.
        metadata: Anything to filter by.
        campaign_id: Campaign it was brought in for.
        published_at: When upstream says it was written.
        signals: What extraction noticed (hidden text, truncated pages).
    """

    source_id: str
    key: str
    title: str
    chunks: tuple[ChunkDraft, ...]
    trust: Trust = Trust.UNTRUSTED
    language: str | None = None
    object_key: str | None = None
    fields: dict[str, str] = msgspec.field(default_factory=dict)
    metadata: dict[str, Any] = msgspec.field(default_factory=dict)
    campaign_id: str | None = None
    published_at: datetime | None = None
    signals: dict[str, Any] = msgspec.field(default_factory=dict)


class Written(msgspec.Struct, frozen=True):
    """What a write changed.

    Attributes:
        version: Knowledge version that the change made; the one before when nothing changed.
        documents: Documents that were new or different.
        added, kept, retired: Chunks.
        outdated_edits: Edited chunks whose original changed upstream; a person should look.
    """

    version: int
    documents: int = 0
    added: int = 0
    kept: int = 0
    retired: int = 0
    outdated_edits: int = 0


class Filter(msgspec.Struct, frozen=True):
    """Which chunks may be found, in every leg. Empty means all; several values of one kind mean any.

    Attributes:
        since, until: Bounds of the document's date (`published_at`, else when it was first seen), until exclusive.
        metadata: Keys and values the document's metadata must hold.
        as_of: Knowledge version to search; None is now.
    """

    document_ids: tuple[str, ...] = ()
    source_ids: tuple[str, ...] = ()
    languages: tuple[str, ...] = ()
    trust: tuple[Trust, ...] = ()
    campaign_ids: tuple[str, ...] = ()
    since: datetime | None = None
    until: datetime | None = None
    metadata: dict[str, Any] = msgspec.field(default_factory=dict)
    as_of: int | None = None

    @property
    def by_document(self) -> bool:
        """Tell whether documents have to be looked up to apply it."""
        return bool(
            self.document_ids or self.source_ids or self.trust or self.campaign_ids
            or self.since or self.until or self.metadata
        )  # fmt: skip


class Hit(msgspec.Struct, frozen=True):
    """A chunk found by one leg.

    Attributes:
        no: Number of the chunk within the database.
        score: The leg's own score; only its order means something.
    """

    no: int
    score: float


class ChunkText(msgspec.Struct, frozen=True):
    """A chunk with all that is needed to judge, show and cite it."""

    no: int
    chunk_id: str
    document_id: str
    source_id: str
    key: str
    title: str
    text: str
    heading: tuple[str, ...]
    span: Span
    language: str
    trust: Trust
    from_version: int
    fields: dict[str, str] = msgspec.field(default_factory=dict)
    campaign_id: str | None = None
    edited: bool = False


class Sentence(msgspec.Struct, frozen=True):
    """A sentence that was kept, with its place in the chunk's text."""

    text: str
    span: Span
    score: float


class Passage(msgspec.Struct, frozen=True):
    """A retrieved chunk.

    Attributes:
        chunk: The chunk, with its trust label.
        score: Final score in [0, 1]; comparable within one answer only.
        ranks: Its place in each leg, from 1: `lexical`, `dense`, `feedback`.
        sentences: The sentences that answer, in reading order; all of them when nothing was cut.
        copies: Other chunks that say the same, in other sources or documents; filled by `KnowledgeReader.search`.
    """

    chunk: ChunkText
    score: float
    ranks: dict[str, int]
    sentences: tuple[Sentence, ...] = ()
    copies: tuple[ChunkText, ...] = ()


class Retrieved(msgspec.Struct, frozen=True):
    """The answer to a search.

    Attributes:
        query: What was asked. rewritten: how it was understood. notes: what was changed and why.
        passages: Best first.
        version: Knowledge version that was searched.
        legs: Legs that took part. timings_ms: Milliseconds per stage.
    """

    query: str
    rewritten: str
    notes: tuple[str, ...]
    passages: tuple[Passage, ...]
    version: int
    legs: tuple[str, ...]
    timings_ms: dict[str, float]
