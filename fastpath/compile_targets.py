"""Compile time: what is offered for each ad, and in which languages it may be shown, as columns."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from domain.language import Language
from fastpath import layout
from fastpath.compile_gather import Gathered


def ad_columns(ads: Gathered, names: layout.SmallNames) -> dict[str, Any]:
    """Return the columns of the ads that stand on nothing but the entry and the names.

    Args:
        ads: In number order.
        names: Numbers of currencies.
    """
    columns = ads.columns
    return {
        "ad_bid": columns["bid_micros"],
        "ad_quality": columns["quality_ppm"],
        "ad_model": _numbers(columns["bid_model"], layout.MODELS),
        "ad_format": _numbers(columns["format"], layout.FORMATS),
        "ad_house": np.asarray(columns["house"], dtype=np.uint8),
        "ad_currency": _numbers(columns["currency"], names.currencies),
        "ad_languages": _all_languages(columns["languages"], columns["texts"]),
        "ad_pace": np.clip(np.asarray(columns["pace_ppm"], dtype=np.int64), 0, 1_000_000),
    }


def _numbers(values: Sequence[Any], known: Sequence[Any]) -> list[int]:
    number = {one: i for i, one in enumerate(known)}
    return list(map(number.__getitem__, values))


def _all_languages(
    languages: Sequence[tuple[str, ...]], texts: Sequence[Mapping[str, Any]]
) -> list[int]:
    """Return the bits of every ad; those of ads with the same languages are judged once."""
    known: dict[tuple[tuple[str, ...], tuple[str, ...]], int] = {}
    out = []
    for key in zip(languages, map(tuple, texts), strict=True):
        bits = known.get(key)
        if bits is None:
            bits = known[key] = _bits(*key)
        out.append(bits)
    return out


def _bits(languages: tuple[str, ...], texts: tuple[str, ...]) -> int:
    """Return the bits of the languages an ad may be shown in.

    A restricted ad needs a text in that very language; an unrestricted one falls back to English.
    """
    bits = 0
    for i, language in enumerate(layout.LANGUAGES):
        if languages:
            shown = language in languages and language in texts
        else:
            shown = language in texts or Language.ENG in texts
        bits |= int(shown) << i
    return bits
