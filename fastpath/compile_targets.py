"""Compile time: where and when each ad may be shown, as columns."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from domain.catalogue import AdEntry
from domain.language import Language
from fastpath import layout
from fastpath.compile_rows import Rows

_EVERY_DEVICE = (1 << len(layout.DEVICES)) - 1


def ad_columns(ads: Sequence[AdEntry], names: layout.Names, warnings: list[str]) -> dict[str, Any]:
    """Return the columns of the ads that stand on nothing but the entry and the names.

    Args:
        ads: In number order.
        names: Numbers of campaigns, advertisers, currencies, places and apps.
        warnings: Takes what was left out.
    """
    campaign = {name: i for i, name in enumerate(names.campaigns)}
    advertiser = {name: i for i, name in enumerate(names.advertisers)}
    currency = {name: i for i, name in enumerate(names.currencies)}
    geo = {name: i for i, name in enumerate(names.geos)}
    app = {name: i for i, name in enumerate(names.app_ids)}
    model = {one: i for i, one in enumerate(layout.MODELS)}
    format_ = {one: i for i, one in enumerate(layout.FORMATS)}
    geos = Rows.of(ads, lambda ad: ad.geos and {geo[g.upper()] for g in ad.geos}).sorted()
    apps = Rows.of(
        ads, lambda ad: ad.apps and {app.get(a, layout.NO_APP) for a in ad.apps}
    ).sorted()
    blocks = Rows.of(
        ads, lambda ad: ad.blocked_apps and {app[a] for a in ad.blocked_apps if a in app}
    ).sorted()
    return {
        "ad_bid": [ad.bid_micros for ad in ads],
        "ad_quality": [ad.quality_ppm for ad in ads],
        "ad_model": [model[ad.bid_model] for ad in ads],
        "ad_format": [format_[ad.format] for ad in ads],
        "ad_house": [int(ad.house) for ad in ads],
        "ad_currency": [currency[ad.currency] for ad in ads],
        "ad_campaign": [campaign[ad.campaign_id] for ad in ads],
        "ad_advertiser": [advertiser[ad.advertiser_id] for ad in ads],
        "ad_starts": [layout.LONG_AGO if ad.starts_ms is None else ad.starts_ms for ad in ads],
        "ad_ends": [layout.FAR_AHEAD if ad.ends_ms is None else ad.ends_ms for ad in ads],
        "ad_languages": _all_languages(ads),
        "ad_geo_offsets": geos.offsets,
        "ad_geos": geos.values,
        "ad_devices": [_devices(ad, warnings) if ad.devices else _EVERY_DEVICE for ad in ads],
        "ad_weekdays": [_weekdays(ad, warnings) if ad.weekdays else layout.EVERY_DAY for ad in ads],
        "ad_app_offsets": apps.offsets,
        "ad_apps": apps.values,
        "ad_app_block_offsets": blocks.offsets,
        "ad_app_blocks": blocks.values,
        "ad_pace": [min(max(ad.pace_ppm, 0), 1_000_000) for ad in ads],
    }


def _all_languages(ads: Sequence[AdEntry]) -> list[int]:
    """Return the bits of every ad; those of ads with the same languages are judged once."""
    known: dict[tuple[tuple[str, ...], tuple[str, ...]], int] = {}
    out = []
    for ad in ads:
        key = (ad.languages, tuple(ad.texts))
        if key not in known:
            known[key] = _languages(ad)
        out.append(known[key])
    return out


def _languages(ad: AdEntry) -> int:
    """Return the bits of the languages an ad may be shown in.

    A restricted ad needs a text in that very language; an unrestricted one falls back to English.
    """
    bits = 0
    for i, language in enumerate(layout.LANGUAGES):
        if ad.languages:
            shown = language in ad.languages and language in ad.texts
        else:
            shown = language in ad.texts or Language.ENG in ad.texts
        bits |= int(shown) << i
    return bits


def _devices(ad: AdEntry, warnings: list[str]) -> int:
    """Return the bits of the devices an ad is for; one nobody knows fits none."""
    unknown = sorted(set(ad.devices).difference(layout.DEVICES))
    if unknown:
        warnings.append(f"Ad {ad.ad_id} names the unknown device {unknown[0][:40]!r}: left out.")
    return sum(1 << i for i, device in enumerate(layout.DEVICES) if device in ad.devices)


def _weekdays(ad: AdEntry, warnings: list[str]) -> int:
    """Return the bits of the days an ad runs on."""
    if not set(ad.weekdays) <= set(range(1, 8)):
        warnings.append(f"Ad {ad.ad_id} names a day of the week outside 1 to 7: left out.")
    return sum(1 << (day - 1) for day in range(1, 8) if day in ad.weekdays)
