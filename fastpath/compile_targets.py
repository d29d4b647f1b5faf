"""Compile time: what is offered for each ad, and in which languages it may be shown, as columns."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from domain.catalogue import AdEntry
from domain.language import Language
from fastpath import layout


def ad_columns(ads: Sequence[AdEntry], names: layout.Names) -> dict[str, Any]:
    """Return the columns of the ads that stand on nothing but the entry and the names.

    Args:
        ads: In number order.
        names: Numbers of campaigns, advertisers and currencies.
    """
    campaign = {name: i for i, name in enumerate(names.campaigns)}
    advertiser = {name: i for i, name in enumerate(names.advertisers)}
    currency = {name: i for i, name in enumerate(names.currencies)}
    model = {one: i for i, one in enumerate(layout.MODELS)}
    format_ = {one: i for i, one in enumerate(layout.FORMATS)}
    return {
        "ad_bid": [ad.bid_micros for ad in ads],
        "ad_quality": [ad.quality_ppm for ad in ads],
        "ad_model": [model[ad.bid_model] for ad in ads],
        "ad_format": [format_[ad.format] for ad in ads],
        "ad_house": [int(ad.house) for ad in ads],
        "ad_currency": [currency[ad.currency] for ad in ads],
        "ad_campaign": [campaign[ad.campaign_id] for ad in ads],
        "ad_advertiser": [advertiser[ad.advertiser_id] for ad in ads],
        "ad_languages": _all_languages(ads),
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
