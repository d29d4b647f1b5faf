"""Compile time: where and when each ad may be shown, as columns."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from domain.catalogue import AdEntry
from domain.language import Language
from fastpath import layout


def rows(values: Sequence[Sequence[int]]) -> tuple[Any, Any]:
    """Return ragged rows as (offsets, flat values)."""
    offsets = np.concatenate([[0], np.cumsum([len(row) for row in values], dtype=np.int64)])
    return offsets, np.asarray([value for row in values for value in row], dtype=np.int64)


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
    geo_offsets, geos = rows([sorted({geo[g.upper()] for g in ad.geos}) for ad in ads])
    app_offsets, apps = rows([sorted({app.get(a, layout.NO_APP) for a in ad.apps}) for ad in ads])
    block_offsets, blocks = rows(
        [sorted({app[a] for a in ad.blocked_apps if a in app}) for ad in ads]
    )
    return {
        "ad_bid": [ad.bid_micros for ad in ads],
        "ad_quality": [ad.quality_ppm for ad in ads],
        "ad_model": [layout.MODELS.index(ad.bid_model) for ad in ads],
        "ad_format": [layout.FORMATS.index(ad.format) for ad in ads],
        "ad_house": [ad.house for ad in ads],
        "ad_currency": [currency[ad.currency] for ad in ads],
        "ad_campaign": [campaign[ad.campaign_id] for ad in ads],
        "ad_advertiser": [advertiser[ad.advertiser_id] for ad in ads],
        "ad_starts": [layout.LONG_AGO if ad.starts_ms is None else ad.starts_ms for ad in ads],
        "ad_ends": [layout.FAR_AHEAD if ad.ends_ms is None else ad.ends_ms for ad in ads],
        "ad_languages": [_languages(ad) for ad in ads],
        "ad_geo_offsets": geo_offsets,
        "ad_geos": geos,
        "ad_devices": [_devices(ad, warnings) for ad in ads],
        "ad_weekdays": [_weekdays(ad, warnings) for ad in ads],
        "ad_app_offsets": app_offsets,
        "ad_apps": apps,
        "ad_app_block_offsets": block_offsets,
        "ad_app_blocks": blocks,
        "ad_pace": [min(max(ad.pace_ppm, 0), 1_000_000) for ad in ads],
    }


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
    if not ad.devices:
        return (1 << len(layout.DEVICES)) - 1
    unknown = sorted(set(ad.devices).difference(layout.DEVICES))
    if unknown:
        warnings.append(f"Ad {ad.ad_id} names the unknown device {unknown[0][:40]!r}: left out.")
    return sum(1 << i for i, device in enumerate(layout.DEVICES) if device in ad.devices)


def _weekdays(ad: AdEntry, warnings: list[str]) -> int:
    """Return the bits of the days an ad runs on."""
    if not ad.weekdays:
        return layout.EVERY_DAY
    if not set(ad.weekdays) <= set(range(1, 8)):
        warnings.append(f"Ad {ad.ad_id} names a day of the week outside 1 to 7: left out.")
    return sum(1 << (day - 1) for day in range(1, 8) if day in ad.weekdays)
