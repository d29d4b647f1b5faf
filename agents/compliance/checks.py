"""Rules that no pattern can state."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from urllib.parse import urlsplit

from agents.compliance.policy import CompiledRule
from agents.content_creator.voice import measure
from domain.brief import Brief
from domain.formats import LABELS
from llm.offline.copywriter_types import LIMITS, BrandKit, CreativeDraft


@dataclass(frozen=True)
class Hit:
    """Where a check objects; see `ComplianceFinding` for the fields."""

    excerpt: str = ""
    language: str = ""
    field: str = ""


@dataclass(frozen=True)
class Subject:
    """What a check may look at."""

    draft: CreativeDraft
    brand_kit: BrandKit
    brief: Brief
    compiled: CompiledRule

    def texts(self) -> Iterator[tuple[str, str, str]]:
        """Yield (language, field, text)."""
        for language, copy in self.draft.texts.items():
            for field, text in copy.fields().items():
                yield language, field, text


Check = Callable[[Subject], Iterator[Hit]]

_CAPS = re.compile(r"\b[A-Z]{4,}(?:[\s,!&-]+[A-Z]{4,}){2,}\b|\b[A-Z]{4,}!")
_MARKS = re.compile(r"[!?！？]{2,}|[.。]{4,}|…{2,}|[$¥€]{2,}|([★☆♪◆●■♥])(?:.*?\1){2}")
_EMOJI = re.compile("[\U0001f1e6-\U0001faff\u2600-\u26ff\u2700-\u27bf]")
#: Words that tie "free" to a condition.
_CONDITION = re.compile(
    r"\b(?:on orders|over|above|with|when|if|for (?:members|orders|new)|until|first|up to|minimum|plus|"
    r"excluding|except|only|within|after|per)\b|以上|超え|以内|場合|初回|限り|まで|ご注文|対象|会員",
    re.I,
)


def shouting(subject: Subject) -> Iterator[Hit]:
    """Object to runs of three words in capitals and to shouted words."""
    for language, field, text in subject.texts():
        found = _CAPS.search(text)
        if found:
            yield Hit(found.group(), language, field)


def punctuation(subject: Subject) -> Iterator[Hit]:
    """Object to repeated marks and to more than one emoji."""
    for language, field, text in subject.texts():
        found = _MARKS.search(text)
        emoji = _EMOJI.findall(text)
        if found or len(emoji) > 1:
            yield Hit(found.group() if found else emoji[0], language, field)


def free_without_condition(subject: Subject) -> Iterator[Hit]:
    """Object to "free" where no fact says so, or where the fact names a condition the copy leaves out."""
    for language, field, text in subject.texts():
        found = subject.compiled.find(text, language)
        if found is None:
            continue
        stated = [
            claim
            for claim in subject.draft.claims
            if claim.language == language and subject.compiled.find(claim.support, language)
        ]
        kept = any(
            not _CONDITION.search(claim.support) or _CONDITION.search(text) for claim in stated
        )
        if not kept:
            yield Hit(found.group(), language, field)


def landing_not_http(subject: Subject) -> Iterator[Hit]:
    """Object to landing pages that are no web page."""
    if not _host(subject.draft.landing_url):
        yield Hit(subject.draft.landing_url[:100], field="landing_url")


def landing_other_host(subject: Subject) -> Iterator[Hit]:
    """Object to landing pages outside the advertiser's hosts, if those are known."""
    host = _host(subject.draft.landing_url)
    own = [h.lower().removeprefix("www.") for h in subject.brand_kit.site_hosts]
    if host and own and not any(host == h or host.endswith(f".{h}") for h in own):
        yield Hit(host, field="landing_url")


def text_limits(subject: Subject) -> Iterator[Hit]:
    """Object to empty and overlong texts."""
    for language, field, text in subject.texts():
        if not text.strip() or len(text) > LIMITS[field]:
            yield Hit("", language, field)


def payer_missing(subject: Subject) -> Iterator[Hit]:
    """Object to an ad nobody is named to pay for."""
    if not subject.brand_kit.payer.strip():
        yield Hit(field="payer")


def label_missing(subject: Subject) -> Iterator[Hit]:
    """Object to languages in which no label says that this is an ad."""
    for language in subject.draft.texts:
        if language not in LABELS:
            yield Hit(language=language, field="label")


def banned_word(subject: Subject) -> Iterator[Hit]:
    """Object to the words that the advertiser bans."""
    for language, field, text in subject.texts():
        for word in subject.brand_kit.banned_words:
            bounds = r"\b{}\b" if word.isascii() and word.replace(" ", "").isalnum() else "{}"
            found = re.search(bounds.format(re.escape(word)), text, re.I) if word.strip() else None
            if found:
                yield Hit(found.group(), language, field)


def brand_voice(subject: Subject) -> Iterator[Hit]:
    """Object to sentences that are not in the voice the advertiser has stated; names nothing else."""
    kit = subject.brand_kit
    if not kit.strict_voice:
        return
    for language, field, text in subject.texts():
        for finding in measure((text,), language, kit).findings:
            if finding.rule in ("formality", "contraction"):
                yield Hit(finding.excerpt, language, field)


def targets_minors(subject: Subject) -> Iterator[Hit]:
    """Object to minors as the audience; goods for children may be advertised to adults."""
    for phrase in subject.brief.audience_keywords:
        language = "eng" if phrase.isascii() else "jpn"
        adults = re.search(
            r"\b(?:parents?|mothers?|fathers?|moms?|dads?|famil\w+|teachers?)\b|親|保護者|家族",
            phrase,
            re.I,
        )
        if not adults and subject.compiled.find(phrase, language):
            yield Hit(phrase[:100], field="audience")


CHECKS: dict[str, Check] = {
    check.__name__: check
    for check in (
        shouting,
        punctuation,
        free_without_condition,
        landing_not_http,
        landing_other_host,
        text_limits,
        payer_missing,
        label_missing,
        banned_word,
        brand_voice,
        targets_minors,
    )
}


def _host(address: str) -> str | None:
    try:
        parts = urlsplit(address)
        host = parts.hostname
    except ValueError:
        return None
    if parts.scheme not in ("http", "https") or not host or "@" in parts.netloc:
        return None
    return host.lower().removeprefix("www.")
