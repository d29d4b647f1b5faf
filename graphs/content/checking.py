"""Every check of a text, in one place: lengths, platform rules, compliance, voice, facts."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import date

from agents.compliance.agent import review
from agents.compliance.platforms import PlatformAd, check_platform
from agents.content_creator import limits
from agents.content_creator.policy import supporting_facts, unsupported
from agents.content_creator.schemas import ContentRequest, Copy, CreativeDraft
from agents.content_creator.variants import Variant, voice_of
from domain.formats import LABELS, AdFormat
from domain.trust import Trust
from graphs.content.shelf import Checked, Finding
from tools.policy import Argument, Call, Guard, built_in
from tools.policy.links import host_of

_HEADS = ("headline", "title", "tagline")
_RANK = {"block": 2, "revise": 1, "warn": 0}
#: Rules that only an in-chat card can break; others have limits of their own.
_CARD_ONLY = frozenset({"text_limits"})


def check(variants: Sequence[Variant], request: ContentRequest, day: date) -> tuple[Checked, ...]:
    """Return a verdict on every variant.

    Args:
        variants: Of one channel.
        request: What they were written from: facts, brand kit, brief.
        day: Platform rules that are not valid yet on it are left out.
    """
    by_key: dict[str, list[Finding]] = {v.key: [] for v in variants}
    for variant in variants:
        by_key[variant.key] += _own(variant, request, day)
    drafts = [draft for variant in variants for draft in _drafts(variant)]
    for found in review(drafts, request.brand_kit, request.brief).findings:
        if found.rule not in _CARD_ONLY:
            by_key[found.draft_key.rpartition("#")[0]].append(
                Finding(
                    check="compliance", rule=found.rule, severity=found.severity,
                    message=found.message, field=found.field, excerpt=found.excerpt,
                )
            )  # fmt: skip
    return tuple(
        Checked(variant=v, outcome=outcome_of(by_key[v.key]), findings=_once(by_key[v.key]))
        for v in variants
    )


def outcome_of(findings: Iterable[Finding]) -> str:
    """Return `block`, `revise` or `pass`; warnings never change a verdict."""
    worst = max((_RANK[f.severity] for f in findings), default=0)
    return ("pass", "revise", "block")[worst]


def objected(checked: Iterable[Checked]) -> dict[str, tuple[str, ...]]:
    """Return by product which words may not come back, from texts that are to be written again."""
    words: dict[str, dict[str, None]] = {}
    for one in checked:
        if one.outcome == "revise":
            own = words.setdefault(one.variant.product_key, {})
            own.update(
                {f.excerpt: None for f in one.findings if f.severity == "revise" and f.excerpt}
            )
    return {key: tuple(own) for key, own in words.items() if own}


def _own(variant: Variant, request: ContentRequest, day: date) -> Iterator[Finding]:
    for breach in limits.check_set(variant.channel, variant.texts, variant.format):
        severity = "revise" if breach.weight == "hard" else "warn"
        yield Finding(
            check="limits", rule=f"{variant.channel}.{variant.format}.{breach.field}",
            severity=severity, message=breach.message, field=breach.field, excerpt=breach.text,
        )  # fmt: skip
    for found in check_platform(_ad(variant, request), day):
        yield Finding(
            check="platform", rule=found.rule, severity=found.severity, message=found.message,
            field=found.field, excerpt=found.excerpt,
        )  # fmt: skip
    for voice in voice_of(variant, request).findings:
        severity = "revise" if voice.rule == "banned_word" else "warn"
        yield Finding(
            check="voice", rule=voice.rule, severity=severity, message=voice.message,
            excerpt=voice.excerpt,
        )  # fmt: skip
    yield from _policy(variant, request)
    # Words for a segment are not about the product; they were held against the facts without them.
    if not variant.segment:
        yield from _claims(variant, request)


def _policy(variant: Variant, request: ContentRequest) -> Iterator[Finding]:
    """Ask the policy of tools, as for an ad that is published: no strange hosts, no orders to machines."""
    named = (request.landing_url, *(product.url for product in request.products))
    hosts = [
        *request.brand_kit.site_hosts,
        *(host for url in named if url and (host := host_of(url))),
    ]
    words = "\n".join(text for texts in variant.texts.values() for text in texts)
    said = Argument(words, Trust.UNTRUSTED, ("facts",))
    guard = Guard(built_in(), hosts=hosts, trusted=request.brief.goal)
    asked = guard.decide(Call("content/check", "store_creative", {"texts": said}))
    if not asked.allowed:
        yield Finding(
            check="policy", rule=asked.code, severity="block", message=asked.sentence, field="texts"
        )


def _claims(variant: Variant, request: ContentRequest) -> Iterator[Finding]:
    product = next(p for p in request.products if p.key == variant.product_key)
    facts = supporting_facts(product, request)
    for field, texts in variant.texts.items():
        for text in texts:
            for piece in unsupported(text, facts):
                yield Finding(
                    check="claims", rule="unsupported", severity="block", field=field, excerpt=piece,
                    message="No fact of the source supports it.",
                )  # fmt: skip


def _ad(variant: Variant, request: ContentRequest) -> PlatformAd:
    kit = request.brand_kit
    return PlatformAd(
        key=variant.key,
        platform=variant.channel,
        texts=variant.texts,
        payer=kit.payer,
        beneficiary=kit.payer,
        label=LABELS.get(variant.language, ""),
        landing_url=variant.landing_url,
        geos=request.brief.geos,
        language=variant.language,
    )


def _drafts(variant: Variant) -> Iterator[CreativeDraft]:
    """Yield the texts as cards, so that the rules for all copy read each of them."""
    heads = [t for name in _HEADS for t in variant.texts.get(name, ())]
    bodies = [t for name, ts in variant.texts.items() if name not in _HEADS for t in ts]
    for number in range(max(len(heads), len(bodies), 1)):
        head = heads[min(number, len(heads) - 1)] if heads else bodies[0]
        body = bodies[min(number, len(bodies) - 1)] if bodies else head
        yield CreativeDraft(
            key=f"{variant.key}#{number}",
            product_key=variant.product_key,
            format=AdFormat.ACTION_CARD,
            texts={
                variant.language: Copy(title=head, description=body, cta_text=variant.cta or head)
            },
            tags=("content",),
            landing_url=variant.landing_url,
            claims=variant.claims,
        )


def _once(findings: Iterable[Finding]) -> tuple[Finding, ...]:
    return tuple(dict.fromkeys(findings))
