"""What a statement rests on: a quote, and where it can be read again."""

from __future__ import annotations

import msgspec


class Citation(msgspec.Struct, frozen=True, kw_only=True):
    """One quoted place.

    Attributes:
        source_id, document_id, chunk_id: Where it is kept; empty for a place that is not in the knowledge
            store, such as the page a run has just read.
        title: What a person would call the document.
        start, end: Where in the document the quote stands, in characters.
        quote: The words themselves.
        url: Where the original is, if it has an address.
    """

    title: str
    quote: str
    source_id: str = ""
    document_id: str = ""
    chunk_id: str = ""
    start: int = 0
    end: int = 0
    url: str = ""


class Passage(msgspec.Struct, frozen=True, kw_only=True):
    """A retrieved piece of knowledge.

    Attributes:
        text: Its words; untrusted, whoever uploaded them.
        score: Relevance, higher is better; comparable within one retrieval only.
        language: ISO 639-3, or `und`.
        citation: Where it is from.
    """

    text: str
    score: float
    language: str
    citation: Citation
