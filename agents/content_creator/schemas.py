"""What the content creator takes and gives.

The types of the request and of its result are those of the offline copywriter, which may not know this
room; what a live model is asked to fill in is defined here.
"""

from __future__ import annotations

from typing import Protocol, TypeVar

from pydantic import BaseModel, Field

from llm.offline.copywriter_types import (
    LIMITS,
    BrandKit,
    Claim,
    ContentRequest,
    Copy,
    CreativeDraft,
    CreativeSet,
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
    "Router",
    "SkippedProduct",
    "WrittenCopy",
    "WrittenSet",
]

T_co = TypeVar("T_co", covariant=True)
ModelT = TypeVar("ModelT", bound=BaseModel)


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


class Structured(Protocol[T_co]):
    """A checked answer of the router."""

    @property
    def value(self) -> T_co:
        """The answer as the schema asked for."""
        ...


class Router(Protocol):
    """The part of `llm.router.ModelRouter` that is used here."""

    @property
    def spec(self) -> str:
        """Which model is asked, e.g. `offline` or `openai:gpt-5`."""
        ...

    async def structured(
        self, task: str, schema: type[ModelT], messages: list[dict[str, str]]
    ) -> Structured[ModelT]:
        """Ask for one typed answer."""
        ...


class Finding(Protocol):
    """What a revision needs to know of a compliance finding."""

    @property
    def draft_key(self) -> str:
        """The draft it is about."""
        ...

    @property
    def excerpt(self) -> str:
        """The offending words as they stand in the copy."""
        ...
