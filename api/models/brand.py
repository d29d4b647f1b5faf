"""Brand kits on the wire."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from api.models.common import In, Line, Out, example

Colour = Annotated[str, Field(pattern="^#[0-9a-fA-F]{6}$")]
Word = Annotated[Line, Field(min_length=1, max_length=60)]


class BrandKitIn(In):
    """How an advertiser wants to look and sound."""

    model_config = example(
        {
            "name": "Kaze Trail",
            "payer": "Kaze Trail K.K.",
            "tone": "friendly",
            "colours": ["#1f5f5b"],
            "banned_words": ["cheap"],
            "tone_words": ["trail"],
            "formality": "polite",
        }
    )

    name: Word
    payer: Annotated[Line, Field(min_length=1, max_length=120)] = Field(
        description="Who pays; shown beside every ad."
    )
    tone: Literal["plain", "friendly"] = "plain"
    colours: list[Colour] = Field(default_factory=list, max_length=12)
    banned_words: list[Word] = Field(default_factory=list, max_length=200)
    tone_words: list[Word] = Field(
        default_factory=list, max_length=50, description="Facts with these words are quoted first."
    )
    formality: Literal["polite", "plain", "any"] | None = Field(
        None,
        description="How Japanese sentences end (です・ます or だ・である), and whether English may be "
        "shortened; ads that do not keep to it are shown to the approver. null = not held to it.",
    )


class BrandKitOut(Out):
    """The kit that creatives are written and checked with."""

    name: str
    payer: str
    tone: str
    colours: list[str]
    banned_words: list[str]
    tone_words: list[str]
    formality: str | None
