"""Personal words in an ad: slots such as `{segment.city}`, filled per segment, never left open."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

from agents.content_creator.limits import Limit
from domain.errors import BadInput
from domain.invisible import INVISIBLE

#: What may be personal. Nothing here tells what a person is, believes, earns or suffers from.
SLOTS = ("city", "region", "country", "season", "weekday")
#: What stands in a slot for which a segment has no usable value, by language and slot.
FALLBACKS: Mapping[str, Mapping[str, str]] = MappingProxyType(
    {
        "eng": MappingProxyType(
            {"city": "your area", "region": "your region", "country": "your country",
             "season": "this season", "weekday": "today"}
        ),
        "jpn": MappingProxyType(
            {"city": "お近く", "region": "お近く", "country": "国内", "season": "この季節", "weekday": "今日"}
        ),
    }
)  # fmt: skip
#: How an ad opens for a segment, unless the order says otherwise; claims nothing about the product.
OPENERS: Mapping[str, str] = MappingProxyType(
    {"eng": "Looking in {segment.city}?", "jpn": "{segment.city}でお探しですか？"}
)

_SLOT = re.compile(r"\{segment\.([a-z_]+)\}")
_VALUE = re.compile(r"[^\W\d_](?:[\w '’.・ー-]{0,38}[\w.ー])?")
_BRACES = re.compile(r"[{}]")


@dataclass(frozen=True, kw_only=True)
class Segment:
    """People who see their own form of an ad.

    Attributes:
        name: What a person calls them.
        values: By slot; anything that is not a plain short word is not used.
    """

    name: str
    values: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Filled:
    """A text for one segment.

    Attributes:
        text: Without slots; empty if it does not fit even with the fallbacks.
        fallbacks: Slots that were filled with a fallback.
    """

    text: str
    fallbacks: tuple[str, ...] = ()


def slots_of(template: str) -> tuple[str, ...]:
    """Return the slots of a text, in order.

    Raises:
        BadInput: `bad_slot` if it has braces that are no slot, or one that is not allowed.
    """
    names = tuple(_SLOT.findall(template))
    unknown = [name for name in names if name not in SLOTS]
    if unknown or _BRACES.search(_SLOT.sub("", template)):
        raise BadInput(
            "bad_slot",
            "A text may have the slots "
            + ", ".join(f"{{segment.{name}}}" for name in SLOTS)
            + " and no other braces.",
        )
    return names


def fill(
    template: str, segment: Segment, language: str, limit: Limit | None = None, after: str = ""
) -> Filled:
    """Return the text for a segment; a value that is unfit or makes it too long gives way to its fallback.

    Args:
        template: Text with slots.
        segment: Whose values.
        language: Of the text; ISO 639-3.
        limit: What the field may hold; None = anything.
        after: What follows the filled text; slots in it are not filled, since it may be a stranger's.

    Raises:
        BadInput: `bad_slot`.
    """
    names = tuple(dict.fromkeys(slots_of(template)))
    plain = FALLBACKS.get(language, FALLBACKS["eng"])
    values = {name: _clean(segment.values.get(name, "")) for name in names}
    missing = tuple(name for name in names if not values[name])
    for fallbacks in dict.fromkeys((missing, names)):
        words = {name: plain[name] if name in fallbacks else values[name] for name in names}
        text = _filled(template, words) + after
        if limit is None or limit.size(text) <= limit.aim(text):
            return Filled(text=text, fallbacks=fallbacks)
    return Filled(text="", fallbacks=names)


def _filled(template: str, words: Mapping[str, str]) -> str:
    text = _SLOT.sub(lambda slot: words[slot[1]], template)
    return text[:1].upper() + text[1:]


def bare(template: str) -> str:
    """Return the text without its slots: what it says to everybody, for the guard against claims."""
    return " ".join(_SLOT.sub(" ", template).split())


def _clean(value: str) -> str:
    text = " ".join(INVISIBLE.sub("", unicodedata.normalize("NFC", value)).split())
    return text if _VALUE.fullmatch(text) else ""
