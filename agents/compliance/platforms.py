"""Holds an ad for one platform against that platform's rules. Code knows the kinds, data knows the rules."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import date
from functools import lru_cache
from urllib.parse import urlsplit

import msgspec

from agents.compliance.platform_rules import PlatformRule, PlatformRules, load_platform_rules
from agents.compliance.schemas import ComplianceFinding

#: Member states of the European Union; ISO 3166-1.
EU = frozenset(
    ("AT", "BE", "BG", "HR", "CY", "CZ", "DK", "EE", "FI", "FR", "DE", "GR", "HU", "IE",
     "IT", "LV", "LT", "LU", "MT", "NL", "PL", "PT", "RO", "SK", "SI", "ES", "SE")
)  # fmt: skip
#: Ads on these are judged under the platforms' special categories.
SPECIAL = frozenset({"housing", "employment", "credit", "insurance"})
#: Traits by which nobody may be chosen (GDPR Art. 9).
SPECIAL_DATA = re.compile(
    r"\b(?:health condition|diabet\w*|cancer|depress\w*|hiv|pregnan\w*|disab\w*|relig\w*|christians?|"
    r"muslims?|jew(?:s|ish)|ethnic\w*|racial|race|black people|immigrants?|gay|lesbian|lgbt\w*|sexual|"
    r"trade union|union members?|political (?:views?|opinions?)|biometric)\b|"
    r"宗教|信仰|民族|人種|同性愛|性的指向|持病|病歴|障害者|労働組合|政治的",
    re.I,
)
_ALCOHOL = re.compile(
    r"\b(?:beers?|wines?|whisk(?:e)?ys?|vodka|gin|rum|sake|liquors?|spirits|cocktails?|champagne)\b|"
    r"ビール|ワイン|日本酒|焼酎|ウイスキー|清酒|酎ハイ",
    re.I,
)
_POLITICAL = re.compile(
    r"\b(?:vote (?:for|against)|re-?elect|political party|your ballot|referendum)\b|選挙|投票", re.I
)
#: Sensitive topics of the IAB Content Taxonomy 3.1, by id and by name.
IAB_SENSITIVE = frozenset(
    {"v9i3On", "adult content", "crime", "debated sensitive social topics", "gambling", "death",
     "politics", "religion & spirituality", "healthy living", "medical health", "war and conflicts"}
)  # fmt: skip


class Audience(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Whom an ad is aimed at.

    Attributes:
        min_age, max_age: Years; None = no limit.
        genders: Empty = all.
        postcodes: Areas smaller than a city.
        lookalike, device_price, expansion: Whether these are used.
        keywords: Words that describe the people.
    """

    min_age: int | None = None
    max_age: int | None = None
    genders: tuple[str, ...] = ()
    postcodes: tuple[str, ...] = ()
    lookalike: bool = False
    device_price: bool = False
    expansion: bool = False
    keywords: tuple[str, ...] = ()


class PlatformAd(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One ad as a platform would get it.

    Attributes:
        key: Names it in findings.
        platform: Of `domain.brief.CHANNELS`.
        texts: Texts by field, as the platform names them (`headline`, `primary_text` …).
        payer, beneficiary, label: What is shown beside it (DSA Art. 26).
        landing_url: Where it leads.
        geos: ISO 3166-1 alpha-2.
        category: `housing`, `employment`, `credit`, `insurance` or empty.
        topics: IAB Content Taxonomy ids or names.
        audience: Whom it is aimed at.
        language: ISO 639-3.
    """

    key: str
    platform: str
    texts: dict[str, tuple[str, ...]]
    payer: str = ""
    beneficiary: str = ""
    label: str = ""
    landing_url: str = ""
    geos: tuple[str, ...] = ()
    category: str = ""
    topics: tuple[str, ...] = ()
    audience: Audience = Audience()
    language: str = "eng"

    def of(self, field: str) -> Iterator[tuple[str, str]]:
        """Yield (field, text) of one field, or of all for `*`."""
        for name, texts in self.texts.items():
            if field in ("*", name):
                yield from ((name, text) for text in texts)


Hits = Iterator[tuple[str, str]]
Kind = Callable[[PlatformAd, PlatformRule], Hits]


def check_platform(
    ad: PlatformAd, day: date, rules: PlatformRules | None = None
) -> tuple[ComplianceFinding, ...]:
    """Return every breach of the rules of the ad's platform, and of those that hold everywhere.

    Args:
        ad: What would be sent.
        day: Rules that are not valid yet on it are left out.
        rules: Another version than the shipped one.
    """
    return tuple(
        ComplianceFinding(
            draft_key=ad.key,
            rule=rule.id,
            severity=rule.severity,
            message=rule.message,
            language=ad.language,
            field=field,
            excerpt=excerpt[:100],
        )
        for rule in (rules or load_platform_rules()).of(ad.platform, day)
        for field, excerpt in KINDS[rule.kind](ad, rule)
    )


def width(text: str) -> int:
    """Return columns: wide and full-width characters take two (Google's way of counting)."""
    return sum(2 if unicodedata.east_asian_width(c) in "WF" else 1 for c in text)


def _is_cjk(text: str) -> bool:
    return any(unicodedata.east_asian_width(c) in "WF" for c in text)


_EMOJI = re.compile("[\U0001f1e6-\U0001faff\u2600-\u26ff\u2700-\u27bf]")


@lru_cache(maxsize=256)
def _pattern(value: str, flags: int) -> re.Pattern[str]:
    return re.compile(value, flags)


def _longer(measure: Callable[[str], int], applies: Callable[[str], bool]) -> Kind:
    def check(ad: PlatformAd, rule: PlatformRule) -> Hits:
        for field, text in ad.of(rule.field):
            if applies(text) and measure(text) > int(rule.value):
                yield field, text

    return check


def _matches(flags: int) -> Kind:
    def check(ad: PlatformAd, rule: PlatformRule) -> Hits:
        for field, text in ad.of(rule.field):
            found = _pattern(rule.value, flags).search(text)
            if found:
                yield field, found.group()

    return check


def _count(too_many: bool) -> Kind:
    def check(ad: PlatformAd, rule: PlatformRule) -> Hits:
        number = sum(1 for _ in ad.of(rule.field))
        if number > int(rule.value) if too_many else number < int(rule.value):
            yield rule.field, str(number)

    return check


def _emoji(ad: PlatformAd, rule: PlatformRule) -> Hits:
    most = int(rule.value or 0)
    for field, text in ad.of(rule.field):
        found = _EMOJI.findall(text)
        if len(found) > most:
            yield field, found[0]


def _required(ad: PlatformAd, rule: PlatformRule) -> Hits:
    if not str(getattr(ad, rule.field)).strip():
        yield rule.field, ""


def _http(ad: PlatformAd, rule: PlatformRule) -> Hits:
    try:
        scheme = urlsplit(ad.landing_url).scheme
    except ValueError:
        scheme = ""
    if scheme not in ("http", "https") or len(ad.landing_url) > int(rule.value):
        yield "landing_url", ad.landing_url


def _political_eu(ad: PlatformAd, rule: PlatformRule) -> Hits:
    if EU.intersection(ad.geos):
        for field, text in ad.of("*"):
            found = _POLITICAL.search(text)
            if found:
                yield field, found.group()


def _special(broken: Callable[[Audience, str], bool]) -> Kind:
    def check(ad: PlatformAd, rule: PlatformRule) -> Hits:
        if ad.category in SPECIAL and broken(ad.audience, rule.value):
            yield "audience", ad.category

    return check


def _narrower(audience: Audience, allowed: str) -> bool:
    """Tell whether ages are narrower than allowed, or reach below: `18-65+`, `18+`."""
    least, _, most = allowed.rstrip("+").partition("-")
    narrow = bool(most) and audience.max_age is not None and audience.max_age < int(most)
    lower = audience.min_age is None or audience.min_age < int(least)
    higher = bool(most) and (audience.min_age or 0) > int(least)
    return narrow or lower or higher


def _special_data(ad: PlatformAd, rule: PlatformRule) -> Hits:
    for words in ad.audience.keywords:
        found = SPECIAL_DATA.search(words)
        if found:
            yield "audience", found.group()


def _age_gated(ad: PlatformAd, rule: PlatformRule) -> Hits:
    least = 20 if "JP" in ad.geos else 21 if "US" in ad.geos else 18
    if (ad.audience.min_age or 0) >= least:
        return
    for field, text in ad.of("*"):
        found = _ALCOHOL.search(text)
        if found:
            yield field, found.group()


def _iab(ad: PlatformAd, rule: PlatformRule) -> Hits:
    for topic in ad.topics:
        if topic in IAB_SENSITIVE or topic.casefold() in IAB_SENSITIVE:
            yield "topics", topic


KINDS: Mapping[str, Kind] = {
    "max_width": _longer(width, lambda _: True),
    "max_chars": _longer(len, lambda text: True),
    "max_chars_cjk": _longer(len, _is_cjk),
    "min_count": _count(too_many=False),
    "max_count": _count(too_many=True),
    "pattern": _matches(re.IGNORECASE),
    "pattern_case": _matches(0),
    "no_emoji": _emoji,
    "max_emoji": _emoji,
    "required": _required,
    "http_url": _http,
    "political_eu": _political_eu,
    "special_age": _special(_narrower),
    "special_gender": _special(lambda audience, _: bool(audience.genders)),
    "special_postcode": _special(lambda audience, _: bool(audience.postcodes)),
    "special_lookalike": _special(lambda audience, _: audience.lookalike),
    "special_device_price": _special(lambda audience, _: audience.device_price),
    "special_expansion": _special(lambda audience, _: audience.expansion),
    "special_data": _special_data,
    "age_gated": _age_gated,
    "iab_sensitive": _iab,
}


def worst(findings: Sequence[ComplianceFinding]) -> str:
    """Return `block`, `revise` or `pass`; warnings never change a verdict."""
    severities = {finding.severity for finding in findings}
    return "block" if "block" in severities else "revise" if "revise" in severities else "pass"
