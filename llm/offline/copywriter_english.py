"""English copy for a chat, composed of the product's own words and a few fixed phrases."""

from __future__ import annotations

import re
from collections.abc import Sequence

from domain.formats import AdFormat
from domain.product import Fact, Product
from llm.offline.copywriter_facts import price_english
from llm.offline.copywriter_types import LIMITS, Copy

#: A piece of copy with the fact behind it.
Quoted = tuple[str, Fact]

_SEPARATORS = re.compile(r",\s|\s[-–—|]\s|[|;(\[]|:\s")
_HANGING = re.compile(
    r"[\s,;:&+/–—-]+(?:with|for|and|in|of|the|a|an|by|to|or|from|w|sizes?|colou?rs?)?[\s,;:&+/–—-]*$",
    re.I,
)
_USE = re.compile(
    r"\b(?:(?:muddy|wet|stony|rocky|steep|long|cold|warm|hot|winter|summer|rainy|snowy|icy|dark|daily|"
    r"short|mountain|forest|busy|early|late|small|large|outdoor|indoor)\s)+"
    r"(?:paths|trails|runs|roads|grass|mornings|nights|days|evenings|weather|races|hikes|walks|commutes|"
    r"trips|climbs|rooms|spaces|gardens|kitchens|apartments|offices)\b",
    re.I,
)
_SINGULAR_ENDINGS = ("ss", "us", "is", "ics", "gps", "lens")


def title(product: Product, avoid: Sequence[str]) -> str:
    """Return the product's name in at most 60 characters, cut where a part of it ends."""
    text = _without(product.title, avoid).replace('""', '"').strip("\"' ,;-")
    if text.count('"') % 2:
        text = text.replace('"', "")
    text = re.sub(r"\s*(?:\.{2,}|…)$", "", re.sub(r"!{2,}|[*_~^®™©]+", " ", text))
    text = " ".join(_calm(word) for word in text.split())
    limit = LIMITS["title"]
    if len(text) <= limit:
        return _HANGING.sub("", text).strip() or text
    cuts = [m.start() for m in _SEPARATORS.finditer(text) if m.start() <= limit]
    long_enough = [at for at in cuts if len(text[:at].split()) >= 3]
    end = long_enough[-1] if long_enough else text.rfind(" ", 0, limit + 1)
    short = text[: end if end > 0 else limit]
    if short.count("(") != short.count(")"):
        short = short.partition("(")[0]
    previous = ""
    while short != previous:
        previous, short = short, _HANGING.sub("", short)
    return short.strip() or text[:limit].strip()


def compose(
    product: Product, ad_format: AdFormat, name: str, quotes: Sequence[Quoted], *, seller: str | None,
    cta: str, noun: str | None, variant: int,
) -> tuple[Copy, list[Quoted]]:  # fmt: skip
    """Return the copy of one format and the sentences in it that rest on a fact.

    Args:
        product: What is advertised.
        ad_format: Which card it is for.
        name: Title from `title`.
        quotes: Sentences to draw from, best first.
        seller: Brand or shop.
        cta: Button text.
        noun: What somebody would call such a product, lower case.
        variant: Chooses between phrasings; any number.
    """
    unpriced = ad_format in (AdFormat.FOLLOWUP, AdFormat.LEAD_GEN)
    price = None if unpriced else price_english(product)
    tail = f"Price: {price}." if price else ""
    long = ad_format in (AdFormat.ACTION_CARD, AdFormat.LEAD_GEN)
    limit = LIMITS["description"] if long else 110
    if ad_format is AdFormat.STATIC and len(quotes) > 1:
        quotes = [*quotes[1:], quotes[0]]
    most = 2 if long else 1
    used: list[Quoted] = []
    for sentence, fact in quotes:
        joined = " ".join((*(s for s, _ in used), sentence, tail)).strip()
        if len(used) < most and len(joined) <= limit:
            used.append((sentence, fact))
    description = " ".join((*(s for s, _ in used), tail)).strip()
    if not used:
        opening = f"From {seller}." if seller else "See the product page for details."
        description = f"{opening} {tail}".strip()
    lead = ad_format is AdFormat.LEAD_GEN
    return Copy(
        title=name,
        description=description,
        cta_text=cta,
        question=question(product, name, noun, variant) if ad_format is AdFormat.FOLLOWUP else None,
        success_message=f"Thank you. Your details were sent to {seller or 'the shop'}."
        if lead
        else None,
        placeholder="Your e-mail address" if lead else None,
    ), used


def question(product: Product, name: str, noun: str | None, variant: int) -> str:
    """Return a question somebody might ask who needs this product."""
    plural = (
        bool(noun)
        and noun is not None
        and noun.endswith("s")
        and not noun.endswith(_SINGULAR_ENDINGS)
    )
    asked = f"Curious about {name}?"
    if noun:
        use = next(
            (m for f in product.facts if f.language == "eng" and (m := _USE.search(f.text))), None
        )
        if use:
            asked = f"Which {noun} {'suit' if plural else 'suits'} {use.group().lower()}?"
        elif plural and variant % 2:
            asked = f"Looking for {noun}?"
        else:
            asked = f"Which {noun} would suit you?"
    return asked if len(asked) <= LIMITS["question"] else "Would this suit you?"


def call_to_action(goal: str, ad_format: AdFormat, *, priced: bool, friendly: bool) -> str:
    """Return the button text; `goal` is the KPI type or `signups`."""
    if ad_format is AdFormat.LEAD_GEN or goal == "signups":
        return "Sign up"
    if ad_format is AdFormat.FOLLOWUP:
        return "Tell me more"
    if goal == "installs":
        return "Get the app"
    if friendly:
        return "Take a look"
    return "Shop now" if priced else "See details"


def _calm(word: str) -> str:
    """Return a shouted word in ordinary letters; names of up to four letters may be initials."""
    letters = [c for c in word if c.isalpha()]
    return word.capitalize() if len(letters) >= 5 and word.isupper() and word.isalpha() else word


def _without(text: str, avoid: Sequence[str]) -> str:
    for part in avoid:
        text = re.sub(re.escape(part), " ", text, flags=re.I)
    return " ".join(text.split())
