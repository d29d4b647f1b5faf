"""What content is ordered, and how much one run makes at most."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Literal

import msgspec

from agents.content_creator import limits
from agents.content_creator.personal import Segment, slots_of
from agents.content_creator.schemas import BrandKit
from agents.content_creator.variants import HYPOTHESES
from domain.errors import BadInput, Unprocessable
from tools.render import slots_of as places_of

Kind = Literal["text", "image", "video"]

#: Products, variants and segments of one order at most.
MAX_PRODUCTS, MAX_VARIANTS, MAX_SEGMENTS = 20, len(HYPOTHESES) + 1, 10
#: Texts and pictures of one order at most.
MAX_TEXTS, MAX_PICTURES = 600, 120


class Voice(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How this content is to sound; beside the brand kit, for this order only.

    Attributes:
        tone_words: Words the brand likes to use.
        banned_words: Words it does not, beside those of the kit.
        formality: `polite`, `plain` or `any`.
    """

    tone_words: tuple[str, ...] = ()
    banned_words: tuple[str, ...] = ()
    formality: Literal["polite", "plain", "any"] = "polite"


class SegmentOrder(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """People who get their own form of every ad."""

    name: str
    values: dict[str, str] = {}

    def segment(self) -> Segment:
        """Return it as the content creator takes it."""
        return Segment(name=self.name, values=self.values)


class ContentOrder(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What is to be made.

    Attributes:
        kinds: Of `text`, `image`, `video`; texts are always written, since pictures are made from them.
        channels: Of `domain.brief.CHANNELS`.
        languages: ISO 639-3; empty = those of the goal.
        variants: Per product, channel and language, the control included.
        products: For how many products of the source.
        segments: Whom personal forms are made for.
        openers: How those begin, by language, with slots such as `{segment.city}`.
        voice: How it is to sound.
        colours: `#rrggbb`, instead of the brand kit's.
        logo: Id of an uploaded picture; empty = the name is written.
        pictures: Ids of uploaded pictures by product key; `*` = any other product.
    """

    kinds: tuple[Kind, ...] = ("text",)
    channels: tuple[str, ...] = ("in_chat",)
    languages: tuple[Literal["eng", "jpn"], ...] = ()
    variants: int = 3
    products: int = 3
    segments: tuple[SegmentOrder, ...] = ()
    openers: dict[str, str] = {}
    voice: Voice = Voice()
    colours: tuple[str, ...] = ()
    logo: str = ""
    pictures: dict[str, str] = {}

    def kit(self, kit: BrandKit) -> BrandKit:
        """Return the brand kit with what this order says beside it."""
        return replace(
            kit,
            banned_words=tuple(dict.fromkeys((*kit.banned_words, *self.voice.banned_words))),
            tone_words=self.voice.tone_words or kit.tone_words,
            formality=self.voice.formality,
            colours=self.colours or kit.colours,
        )


def read_order(text: str) -> ContentOrder:
    """Return the order of a JSON text, checked.

    Raises:
        BadInput: `bad_order` or `bad_slot`.
        Unprocessable: `order_too_large`.
    """
    try:
        order = msgspec.json.decode(text, type=ContentOrder)
    except msgspec.ValidationError as error:
        raise BadInput("bad_order", f"The order does not fit: {error}.") from error
    check_order(order)
    return order


def check_order(order: ContentOrder) -> None:
    """Check an order before anything is begun.

    Raises:
        BadInput: `bad_order` or `bad_slot`, with what to change.
        Unprocessable: `order_too_large`.
    """
    unknown = sorted(set(order.channels) - set(limits.DEFAULT_FORMATS))
    if unknown or not order.channels:
        known = ", ".join(limits.DEFAULT_FORMATS)
        raise BadInput("bad_order", f"Channels are some of {known}; not {', '.join(unknown)}.")
    _within("variants", order.variants, MAX_VARIANTS)
    _within("products", order.products, MAX_PRODUCTS)
    if len(order.segments) > MAX_SEGMENTS or len({s.name for s in order.segments}) < len(
        order.segments
    ):
        raise BadInput("bad_order", f"Name at most {MAX_SEGMENTS} segments, each once.")
    for template in order.openers.values():
        slots_of(template)
    texts = (
        len(set(order.channels)) * max(len(order.languages), 1) * order.products
        * (order.variants + len(order.segments))
    )  # fmt: skip
    if texts > MAX_TEXTS:
        raise Unprocessable(
            "order_too_large",
            f"This order is for {texts} ads; at most {MAX_TEXTS} are made at once.",
        )
    pictures = sum(len(places_of(channel, "image")) for channel in set(order.channels))
    pictures *= max(len(order.languages), 1) * order.products * order.variants
    if "image" in order.kinds and pictures > MAX_PICTURES:
        raise Unprocessable(
            "order_too_large",
            f"This order is for {pictures} pictures; at most {MAX_PICTURES} are made at once.",
        )


def _within(name: str, value: int, most: int) -> None:
    if not 1 <= value <= most:
        raise BadInput("bad_order", f"{name} is a number from 1 to {most}.")


def picture_of(order: ContentOrder, product_key: str) -> str:
    """Return the id of the picture for a product; empty if there is none."""
    pictures: Mapping[str, str] = order.pictures
    return pictures.get(product_key) or pictures.get("*", "")
