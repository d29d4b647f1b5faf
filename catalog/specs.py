"""What may be written into the catalogue, checked before anything is stored."""

from __future__ import annotations

import re
from urllib.parse import urlsplit

import msgspec

from catalog.targeting import (
    check_apps,
    check_caps,
    check_days,
    check_devices,
    check_pacing,
    check_topics,
)
from catalog.targeting import require as _require
from domain.catalogue import AdText, Cap, Pacing
from domain.formats import AdFormat, BidModel
from domain.geo import COUNTRIES
from domain.language import Language
from domain.money import MAX_MICROS, check_currency

MAX_TAGS = 64
_MAX_NAME = 200
#: Neither a database nor a UTF-8 file takes NUL or half a surrogate pair.
_NOT_STORABLE = re.compile("[\x00\ud800-\udfff]")
#: The last millisecond of the year 9999, beyond which there are no dates.
_LAST_MS = 253_402_300_799_999
_LIMITS = {"title": 60, "description": 160, "cta_text": 25, "question": 100,
           "success_message": 160, "placeholder": 60}  # fmt: skip


class CampaignSpec(msgspec.Struct, frozen=True, kw_only=True):
    """A campaign to create. Money is micros of `currency`; times are UTC milliseconds, end exclusive.

    Attributes:
        devices, weekdays, apps, blocked_apps, topics, caps, pacing: As in `domain.catalogue.AdEntry`.
    """

    name: str
    currency: str
    bid_micros: int
    bid_model: BidModel = BidModel.CPC
    budget_total_micros: int | None = None
    budget_daily_micros: int | None = None
    starts_ms: int | None = None
    ends_ms: int | None = None
    geos: tuple[str, ...] = ()
    languages: tuple[str, ...] = ()
    blocked_topics: tuple[str, ...] = ()
    house: bool = False
    devices: tuple[str, ...] = ()
    weekdays: tuple[int, ...] = ()
    apps: tuple[str, ...] = ()
    blocked_apps: tuple[str, ...] = ()
    topics: tuple[str, ...] = ()
    caps: tuple[Cap, ...] = ()
    pacing: Pacing = Pacing.ASAP


class CreativeSpec(msgspec.Struct, frozen=True, kw_only=True):
    """A creative to add to a campaign.

    Attributes:
        key: Stable within the campaign: adding the same key twice adds one creative.
        claims: For each sentence, where the fact stands that supports it.
    """

    key: str
    format: AdFormat
    texts: dict[str, AdText]
    landing_url: str
    tags: tuple[str, ...]
    negative_tags: tuple[str, ...] = ()
    image_url: str | None = None
    claims: tuple[dict[str, str], ...] = ()


def check_campaign(spec: CampaignSpec, now_ms: int) -> None:
    """Raise `Unprocessable` or `BadInput` with one sentence if the campaign cannot run as stated."""
    check_currency(spec.currency)
    check_name("campaign", spec.name)
    for topic in spec.blocked_topics:
        _check_storable("A blocked topic", topic)
    _check_money(spec)
    _check_schedule(spec, now_ms)
    for geo in spec.geos:
        _require(
            geo in COUNTRIES,
            "unknown_geo",
            f"{geo!r} is not an ISO 3166 country code such as JP or US.",
        )
    for language in spec.languages:
        _require(
            language in Language._value2member_map_,
            "language_not_served",
            f"Ads in {language!r} cannot be served; possible: {', '.join(Language)}.",
        )
    check_devices(spec.devices)
    check_days(spec.weekdays, spec.starts_ms, spec.ends_ms, now_ms)
    check_apps(spec.apps, spec.blocked_apps)
    check_topics(spec.topics)
    check_caps(spec.caps)
    check_pacing(
        spec.pacing,
        total=spec.budget_total_micros,
        daily=spec.budget_daily_micros,
        ends_ms=spec.ends_ms,
        house=spec.house,
    )


def _check_money(spec: CampaignSpec) -> None:
    _require(
        spec.house or spec.bid_micros > 0, "bid_not_positive", "The bid must be more than zero."
    )
    _require(spec.bid_micros <= MAX_MICROS, "bid_too_large", "The bid is absurdly large; check it.")
    for name, cap in (("total", spec.budget_total_micros), ("daily", spec.budget_daily_micros)):
        _require(
            cap is None or cap > 0,
            "budget_not_positive",
            f"The {name} budget must be more than zero.",
        )
        _require(
            cap is None or cap <= MAX_MICROS,
            "budget_too_large",
            f"The {name} budget is absurdly large; check it.",
        )
        _require(
            cap is None or spec.house or cap >= price_of_one(spec),
            "budget_below_bid",
            f"The {name} budget does not pay for a single event at this bid; raise it or lower the bid.",
        )
    total, daily = spec.budget_total_micros, spec.budget_daily_micros
    _require(
        total is None or daily is None or daily <= total,
        "daily_above_total",
        "The daily budget is larger than the total budget, so it could never be spent; lower it.",
    )


def _check_schedule(spec: CampaignSpec, now_ms: int) -> None:
    for moment in (spec.starts_ms, spec.ends_ms):
        _require(
            moment is None or 0 <= moment <= _LAST_MS,
            "bad_time",
            "Start and end are milliseconds since 1970, before the year 10000.",
        )
    if spec.starts_ms is not None and spec.ends_ms is not None:
        _require(
            spec.starts_ms < spec.ends_ms, "dates_reversed", "The campaign ends before it starts."
        )
    _require(
        spec.ends_ms is None or spec.ends_ms > now_ms,
        "end_in_past",
        "The campaign's end is in the past.",
    )


def price_of_one(spec: CampaignSpec) -> int:
    """Return the most that one billable event can cost, in micros."""
    return spec.bid_micros if spec.bid_model is BidModel.CPC else -(-spec.bid_micros // 1000)


def check_creative(spec: CreativeSpec) -> None:
    """Raise `Unprocessable` with one sentence if the creative cannot be shown as stated."""
    _require(bool(spec.texts), "no_text", f"Creative {spec.key!r} has no text in any language.")
    for language, text in spec.texts.items():
        _require(
            language in Language._value2member_map_,
            "language_not_served",
            f"Ads in {language!r} cannot be served; possible: {', '.join(Language)}.",
        )
        _check_text(spec, language, text)
    _check_storable("The creative's key", spec.key)
    for url in filter(None, (spec.landing_url, spec.image_url)):
        _require(_is_address(url), "bad_url", f"{url[:80]!r} is not an http(s) address.")
    _require(0 < len(spec.tags) <= MAX_TAGS, "tag_count", f"A creative needs 1 to {MAX_TAGS} tags.")
    for tag in (*spec.tags, *spec.negative_tags):
        _check_storable("A tag", tag)
        _require(
            1 <= len(tag.split()) <= 4 and len(tag) <= 60,
            "bad_tag",
            f"The tag {tag[:60]!r} must have 1 to 4 words.",
        )


def _check_text(spec: CreativeSpec, language: str, text: AdText) -> None:
    for field, limit in _LIMITS.items():
        value = getattr(text, field)
        if value is None:
            continue
        _check_storable(f"{field} of creative {spec.key!r} ({language})", value)
        _require(
            bool(value.strip()) and len(value) <= limit,
            "text_length",
            f"{field} of creative {spec.key!r} ({language}) must have 1 to {limit} characters.",
        )
    needed = {AdFormat.FOLLOWUP: "question", AdFormat.LEAD_GEN: "success_message"}.get(spec.format)
    _require(
        needed is None or bool(getattr(text, needed)),
        "text_missing",
        f"A {spec.format} creative needs {needed} in every language.",
    )


def check_name(what: str, name: str) -> None:
    """Raise `Unprocessable` unless a campaign or advertiser may be called that."""
    _require(bool(name.strip()), "name_missing", f"Give the {what} a name.")
    _require(
        len(name) <= _MAX_NAME,
        "name_too_long",
        f"The name of the {what} must have at most {_MAX_NAME} characters.",
    )
    _check_storable(f"The name of the {what}", name)


def _is_address(url: str) -> bool:
    try:
        parts = urlsplit(url)
        # Reading the port checks it.
        well_formed = parts.scheme in ("http", "https") and parts.port != 0
    except ValueError:
        return False
    odd = _NOT_STORABLE.search(url) or any(sign.isspace() for sign in url)
    return well_formed and bool(parts.hostname) and not odd


def _check_storable(what: str, value: str) -> None:
    _require(
        _NOT_STORABLE.search(value) is None,
        "bad_text",
        f"{what} holds a character that cannot be stored (NUL or half a surrogate pair).",
    )
