"""Ads for one channel in variants: each differs from the control in one named thing only."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from types import MappingProxyType

from agents.content_creator import limits
from agents.content_creator.limits import Limit
from agents.content_creator.personal import OPENERS, Segment, bare, fill
from agents.content_creator.phrases import Phrase, Role, claims_of, joined, of_role, pool
from agents.content_creator.policy import supporting_facts, unsupported
from agents.content_creator.schemas import Claim, ContentRequest
from agents.content_creator.voice import VoiceReport, measure
from domain.product import Product

CONTROL = "control"
#: Texts written for fields that take several; more would repeat themselves.
_ENOUGH: Mapping[str, int] = MappingProxyType({"headline": 5, "long_headline": 1, "description": 3})
#: Fields that name, as opposed to those that argue.
_HEADS = frozenset({"headline", "title", "tagline"})
_ARGUED = frozenset({"primary_text", "description", "intro", "ad_text", "long_headline"})
#: What an arm opens the headline with; if no headline has room for it, the text.
_LEADS: Mapping[str, Role] = MappingProxyType(
    {"price_first": "priced", "question": "question", "kind_first": "kind"}
)
_OPENERS: Mapping[str, Role] = MappingProxyType(
    {"price_first": "price", "question": "question", "social_proof": "proof"}
)


@dataclass(frozen=True, kw_only=True)
class Hypothesis:
    """What a variant is to find out.

    Attributes:
        name: Stable; the arm of the variant.
        statement: What would be true if the variant did better than the control.
        control, variant: What each of the two does.
    """

    name: str
    statement: str
    control: str
    variant: str


HYPOTHESES: tuple[Hypothesis, ...] = (
    Hypothesis(
        name="price_first",
        statement="Naming the price first brings more clicks than naming a benefit first.",
        control="A benefit stands first.",
        variant="The price stands first.",
    ),
    Hypothesis(
        name="question",
        statement="A question brings more clicks than a statement.",
        control="It opens with a statement.",
        variant="It opens with a question.",
    ),
    Hypothesis(
        name="long",
        statement="Two benefits convince more people than one.",
        control="One benefit.",
        variant="Two benefits.",
    ),
    Hypothesis(
        name="social_proof",
        statement="What others did or said, as the source states it, brings more clicks than a benefit.",
        control="A benefit stands first.",
        variant="The stated proof stands first.",
    ),
    Hypothesis(
        name="kind_first",
        statement="The kind of product says more to strangers than its name.",
        control="The name is the headline.",
        variant="The kind of product is the headline.",
    ),
)

PERSONAL = Hypothesis(
    name="personal",
    statement="Naming the reader's own place brings more clicks than naming none.",
    control="The same words for everybody.",
    variant="It opens with words for the segment.",
)


@dataclass(frozen=True, kw_only=True)
class Variant:
    """One ad for one channel, language and arm.

    Attributes:
        key: Stable: `<product>:<channel>:<language>:<arm>`.
        arm: `control` or the name of a hypothesis.
        hypothesis: Its statement; empty for the control.
        differs: Fields whose texts are not those of the control.
        texts: By the platform's field names, first ones first.
        claims: The supporting fact of each text.
        cta: Text of the button.
        written_by: `rules`, or the model that wrote at least one text.
        voice: How near it is to the brand's voice, 0 to 1.
        segment: Whom it is for; empty = everybody.
        fallbacks: Slots for which the segment had no usable value.
    """

    key: str
    product_key: str
    channel: str
    format: str
    language: str
    arm: str
    texts: dict[str, tuple[str, ...]]
    claims: tuple[Claim, ...] = ()
    hypothesis: str = ""
    differs: tuple[str, ...] = ()
    cta: str = ""
    landing_url: str = ""
    image_url: str | None = None
    written_by: str = "rules"
    voice: float = 1.0
    segment: str = ""
    fallbacks: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Left:
    """A variant that could not be written, and why."""

    key: str
    reason: str


@dataclass(frozen=True, kw_only=True)
class VariantSet:
    """All variants for one channel.

    Attributes:
        variants: By product, language and arm, the control first.
        left: What could not be written.
    """

    variants: tuple[Variant, ...] = ()
    left: tuple[Left, ...] = ()


@dataclass(frozen=True)
class _Words:
    """The phrases of one product in one language."""

    phrases: tuple[Phrase, ...]

    def best(self, limit: Limit, *roles: Role) -> list[Phrase]:
        """Return the phrases that fit a field, by role; those that are not cut off first."""
        found = [
            p for p in of_role(self.phrases, *roles) if limit.size(p.text) <= limit.room(p.text)
        ]
        return sorted(found, key=lambda p: limit.size(p.text) > limit.aim(p.text))


def write_variants(
    request: ContentRequest,
    channel: str,
    *,
    most: int = 3,
    written: Mapping[tuple[str, str], Sequence[Phrase]] | None = None,
) -> VariantSet:
    """Return the ads for a channel: for each product and language a control and its variants.

    A variant is written only if facts support it (no proof, no variant on proof) and if it differs from the
    control; deterministic for the same request.

    Args:
        request: Products, facts, languages, brand kit.
        channel: Of `limits.DEFAULT_FORMATS`.
        most: How many per product and language, the control included.
        written: Phrases of a model by product key and language.
    """
    variants: list[Variant] = []
    left: list[Left] = []
    for product in request.products:
        for language in request.languages:
            own = (written or {}).get((product.key, language), ())
            words = _Words(pool(product, request, language, own))
            made, missing = _arms(request, product, channel, language, words, most)
            variants += made
            left += missing
    return VariantSet(variants=tuple(variants), left=tuple(left))


def personalise(
    variant: Variant,
    segment: Segment,
    request: ContentRequest,
    openers: Mapping[str, str] | None = None,
) -> Variant | Left:
    """Return a control with an opening for one segment, or why there is none.

    Args:
        variant: A control.
        segment: Whom it is for.
        request: The request it was written for.
        openers: Opening by language, with slots; it must claim nothing that no fact supports.

    Raises:
        BadInput: `bad_slot`.
    """
    key = f"{variant.key.rpartition(':')[0]}:{PERSONAL.name}-{segment.name}"
    template = (openers or {}).get(variant.language) or OPENERS.get(variant.language, "")
    product = next(p for p in request.products if p.key == variant.product_key)
    if not template or unsupported(bare(template), supporting_facts(product, request)):
        return Left(key=key, reason="The opening says something that no fact supports.")
    for limit in limits.fields_of(variant.channel):
        texts = variant.texts.get(limit.field, ())
        if limit.field not in _ARGUED or not texts:
            continue
        gap = "" if variant.language == "jpn" else " "
        filled = fill(template, segment, variant.language, limit, f"{gap}{texts[0]}")
        if filled.text:
            return replace(
                variant,
                key=key,
                arm=f"{PERSONAL.name}-{segment.name}",
                hypothesis=PERSONAL.statement,
                differs=(limit.field,),
                texts={**variant.texts, limit.field: (filled.text, *texts[1:])},
                segment=segment.name,
                fallbacks=filled.fallbacks,
            )
    return Left(key=key, reason="The opening leaves no room for the text.")


def voice_of(variant: Variant, request: ContentRequest) -> VoiceReport:
    """Return how near a variant is to the brand's voice."""
    texts = [text for written in variant.texts.values() for text in written]
    return measure(texts, variant.language, request.brand_kit)


def _arms(
    request: ContentRequest, product: Product, channel: str, language: str, words: _Words, most: int
) -> tuple[list[Variant], list[Left]]:
    def key(arm: str) -> str:
        return f"{product.key}:{channel}:{language}:{arm}"

    control = _compose(channel, words, CONTROL)
    missing = _missing(channel, control)
    if missing:
        return [], [Left(key=key(CONTROL), reason=missing)]
    made = [_variant(request, product, channel, language, words, control, key(CONTROL))]
    left: list[Left] = []
    for hypothesis in HYPOTHESES:
        if len(made) >= most:
            break
        texts = _compose(channel, words, hypothesis.name)
        differs = tuple(name for name in texts if _plain(texts[name]) != _plain(control[name]))
        if not differs or _missing(channel, texts):
            reason = f"The facts do not allow it: {hypothesis.variant.lower()}"
            left.append(Left(key=key(hypothesis.name), reason=reason))
            continue
        made.append(
            _variant(
                request, product, channel, language, words, texts, key(hypothesis.name),
                hypothesis, differs,
            )
        )  # fmt: skip
    return made, left


def _variant(
    request: ContentRequest,
    product: Product,
    channel: str,
    language: str,
    words: _Words,
    texts: Mapping[str, Sequence[Phrase]],
    key: str,
    hypothesis: Hypothesis | None = None,
    differs: tuple[str, ...] = (),
) -> Variant:
    said = [phrase for phrases in texts.values() for phrase in phrases]
    plain = {name: _plain(phrases) for name, phrases in texts.items()}
    actions = of_role(words.phrases, "action")
    claims = dict.fromkeys(claim for phrase in said for claim in claims_of(phrase, request))
    report = measure([t for ts in plain.values() for t in ts], language, request.brand_kit)
    return Variant(
        key=key,
        product_key=product.key,
        channel=channel,
        format=limits.DEFAULT_FORMATS[channel],
        language=language,
        arm=hypothesis.name if hypothesis else CONTROL,
        hypothesis=hypothesis.statement if hypothesis else "",
        differs=differs,
        texts=plain,
        claims=tuple(claims),
        cta=actions[0].text if actions else "",
        landing_url=product.url or request.landing_url or "",
        image_url=product.image_url,
        written_by=next((p.author for p in said if p.author != "rules"), "rules"),
        voice=report.score,
    )


def _compose(channel: str, words: _Words, arm: str) -> dict[str, list[Phrase]]:
    composed: dict[str, list[Phrase]] = {}
    fields = limits.fields_of(channel)
    lead = _LEADS.get(arm)
    # One thing differs: what opens the headline does not open the text under it as well.
    in_head = lead and any(words.best(f, lead) for f in fields if f.field in _HEADS)
    for limit in fields:
        if limit.field in _HEADS:
            chosen = _heads(limit, words, lead)
        elif limit.field in _ARGUED:
            chosen = _bodies(limit, words, CONTROL if in_head else arm)
        elif limit.field == "business_name":
            chosen = words.best(limit, "brand", "name")[:1]
        elif limit.field == "cta_text":
            chosen = words.best(limit, "action")[:1]
        else:
            chosen = []
        if chosen:
            composed[limit.field] = chosen
    return composed


def _heads(limit: Limit, words: _Words, lead: Role | None) -> list[Phrase]:
    first = words.best(limit, lead)[:1] if lead else []
    rest = words.best(limit, "name", "kind", "benefit", "brand", "action")
    # The price is what one arm is about; the others name it only where nothing else is left to say.
    return _several(limit, [*first, *rest, *words.best(limit, "price")])


def _bodies(limit: Limit, words: _Words, arm: str) -> list[Phrase]:
    benefits = words.best(limit, "benefit")
    opener = _OPENERS.get(arm)
    openers = words.best(limit, opener)[:1] if opener else []
    first: list[Phrase] = []
    if openers:
        first = [_together(limit, [openers[0], *benefits[:1]]) or openers[0]]
    elif arm == "long" and len(benefits) > 1:
        both = (_together(limit, [benefits[0], other]) for other in benefits[1:])
        first = [pair for pair in both if pair is not None][:1]
    others = [*benefits, *_named(limit, words), *words.best(limit, "more")]
    return _several(limit, [*first, *others])


def _named(limit: Limit, words: _Words) -> list[Phrase]:
    """Return a sentence made of nothing but the name, for products without facts."""
    return [p for p in words.best(limit, "name", "kind") if limit.field == "long_headline"]


def _together(limit: Limit, parts: Sequence[Phrase]) -> Phrase | None:
    """Return sentences as one text if it fits and says nothing twice."""
    if len({part.text for part in parts}) < len(parts):
        return None
    both = joined(parts, parts[0].role)
    return both if limit.size(both.text) <= limit.aim(both.text) else None


def _several(limit: Limit, phrases: Iterable[Phrase]) -> list[Phrase]:
    """Return as many different texts as the field should have, one of them short where that is asked."""
    wanted = min(limit.most, max(limit.least, _ENOUGH.get(limit.field, 1)))
    by_text: dict[str, Phrase] = {}
    for phrase in phrases:
        by_text.setdefault(phrase.text.casefold(), phrase)
    different = list(by_text.values())
    chosen = different[:wanted]
    if limit.short and all(limit.size(p.text) > limit.short for p in chosen):
        short = [p for p in different if limit.size(p.text) <= limit.short]
        chosen = [*chosen[: wanted - 1], *short[:1]]
    return chosen


def _missing(channel: str, texts: Mapping[str, Sequence[Phrase]]) -> str:
    """Return why a set of texts cannot be sent; empty if it can."""
    plain = {name: _plain(phrases) for name, phrases in texts.items()}
    hard = [b for b in limits.check_set(channel, plain) if b.weight == "hard"]
    return f"{hard[0].field}: {hard[0].message}" if hard else ""


def _plain(phrases: Iterable[Phrase]) -> tuple[str, ...]:
    return tuple(phrase.text for phrase in phrases)
