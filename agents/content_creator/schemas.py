"""What the content creator takes and gives.

The types of the request and of its result are those of the offline copywriter, which may not know this
room; what a live model is asked to fill in is defined here.
"""

from __future__ import annotations

from typing import Protocol

from pydantic import BaseModel, Field

from llm.offline.copywriter_types import (
    LIMITS,
    BrandKit,
    Claim,
    ContentRequest,
    Copy,
    CreativeDraft,
    CreativeSet,
    Formality,
    SkippedProduct,
)

__all__ = [
    "LIMITS",
    "BrandKit",
    "Claim",
    "ContentRequest",
    "Copy",
    "CreativeDraft",
    "CreativeSet",
    "Finding",
    "Formality",
    "SkippedProduct",
    "WrittenCopy",
    "WrittenSet",
]


class WrittenCopy(BaseModel):
    """One text by a live model."""

    product_key: str
    format: str
    language: str
    title: str = Field(max_length=LIMITS["title"])
    description: str = Field(max_length=LIMITS["description"])
    cta_text: str = Field(max_length=LIMITS["cta_text"])
    question: str | None = Field(default=None, max_length=LIMITS["question"])
    success_message: str | None = Field(default=None, max_length=LIMITS["success_message"])
    placeholder: str | None = Field(default=None, max_length=LIMITS["placeholder"])


class WrittenSet(BaseModel):
    """All texts of one call."""

    creatives: list[WrittenCopy]


class Finding(Protocol):
    """What a revision needs to know of a compliance finding."""

    @property
    def draft_key(self) -> str:
        """The draft it is about."""
        ...

    @property
    def severity(self) -> str:
        """`block`, `revise` or `warn`."""
        ...

    @property
    def excerpt(self) -> str:
        """The offending words as they stand in the copy."""
        ...
