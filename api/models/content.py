"""Content on the wire."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field

from api.models.common import In, Line, Out, WebAddress, example
from llm.offline.brief.text import MAX_GOAL_CHARS

Colour = Annotated[str, Field(pattern="^#[0-9a-fA-F]{6}$")]
Word = Annotated[Line, Field(min_length=1, max_length=60)]
Template = Annotated[Line, Field(min_length=1, max_length=120)]
Language = Literal["eng", "jpn"]
Channel = Literal["google", "meta", "linkedin", "tiktok", "producthunt", "in_chat"]
PictureId = Annotated[str, Field(pattern="^pic_[0-9A-HJKMNP-TV-Z]{26}$")]


class VoiceIn(In):
    """How this content is to sound, beside the brand kit."""

    tone_words: list[Word] = Field(
        default=[], max_length=50, description="Words the brand likes; facts with them come first."
    )
    banned_words: list[Word] = Field(default=[], max_length=200)
    formality: Literal["polite", "plain", "any"] = Field(
        "polite", description="Ends of Japanese sentences: です・ます, だ・である, or either."
    )


class SegmentIn(In):
    """People who get their own form of every ad."""

    name: Annotated[str, Field(pattern="^[a-z0-9_-]{1,40}$")]
    values: dict[
        Literal["city", "region", "country", "season", "weekday"],
        Annotated[Line, Field(max_length=80)],
    ] = Field(default={}, description="What stands in the slots; an unfit value gets a fallback.")


class GenerateContent(In):
    """What is to be made, and from what."""

    model_config = example(
        {
            "goal": "Sell our trail running shoes to runners in Japan and the US",
            "feed_source_id": "src_01JD3ZK5W8Q4V6X7Y9A2B3C4D5",
            "kinds": ["text", "image"],
            "channels": ["google", "meta", "in_chat"],
            "languages": ["eng", "jpn"],
            "variants": 3,
            "products": 2,
            "segments": [{"name": "kansai", "values": {"city": "Osaka"}}],
            "voice": {"tone_words": ["trail"], "formality": "polite"},
            "colours": ["#1f5f5b", "#f2b544"],
        }
    )

    goal: Line = Field(
        min_length=1,
        description=f"What it is for, at most {MAX_GOAL_CHARS:,} characters, English or Japanese.",
    )
    site_url: WebAddress | None = None
    page_source_id: str | None = Field(None, description="From POST /api/v1/sources?kind=page.")
    feed_source_id: str | None = Field(None, description="From POST /api/v1/sources?kind=feed.")
    kinds: list[Literal["text", "image", "video"]] = Field(
        default=["text"], min_length=1, max_length=3, description="Texts are always written."
    )
    channels: list[Channel] = Field(default=["in_chat"], min_length=1, max_length=6)
    languages: list[Language] = Field(
        default=[], max_length=2, description="Empty = those of the goal."
    )
    variants: int = Field(3, description="Per product, channel and language, the control included.")
    products: int = Field(3, description="For how many products of the source.")
    segments: list[SegmentIn] = Field(default=[], max_length=10)
    openers: dict[Language, Template] = Field(
        default={}, description="How personal forms begin, with slots such as {segment.city}."
    )
    voice: VoiceIn = VoiceIn()
    colours: list[Colour] = Field(default=[], max_length=12, description="Instead of the kit's.")
    logo: PictureId | None = Field(None, description="From POST /api/v1/content/pictures.")
    pictures: dict[Annotated[str, Field(max_length=200)], PictureId] = Field(
        default={}, max_length=50, description="By product key; * = any other product."
    )


class AssetFindingOut(Out):
    """What a check found; anything worse than a warning keeps an asset from being made."""

    check: str
    rule: str
    severity: str
    message: str
    field: str
    excerpt: str


class AssetOut(Out):
    """One thing that was made, with its checks and where it comes from."""

    id: str
    kind: str
    channel: str
    language: str
    arm: str = Field(description="control, or the hypothesis that the variant tests.")
    product_key: str
    variant: str
    slot: str = Field(description="Place of a picture on its platform; empty for texts.")
    hypothesis: str = Field(description="What would be true if it did better than the control.")
    differs: list[str] = Field(description="Fields in which it differs from the control.")
    segment: str
    media_type: str
    size_bytes: int
    sha256: str
    width: int
    height: int
    texts: dict[str, list[str]]
    cta: str
    claims: list[dict[str, Any]] = Field(
        description="Each with its fact, and document and span where it has one."
    )
    findings: list[AssetFindingOut]
    provenance: dict[str, Any]
    download: str = Field(description="Path of the file.")


class ContentOut(Out):
    """What a content run has made."""

    run_id: str
    status: str
    assets: list[AssetOut]
    left: dict[str, str] = Field(description="What could not be made, and why.")


class PictureOut(Out):
    """An uploaded picture: a logo or a product."""

    id: str
    width: int
    height: int
    size_bytes: int
