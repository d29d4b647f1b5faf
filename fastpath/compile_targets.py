"""Compile time: what is offered for each ad, and in which languages it may be shown, as columns."""

from __future__ import annotations

from typing import Any

import numpy as np

from fastpath import layout
from fastpath.compile_facts import Facts


def ad_columns(facts: Facts, names: layout.SmallNames) -> dict[str, Any]:
    """Return the columns of the ads that stand on nothing but the entry and the names.

    Args:
        facts: Of the ads, in number order.
        names: Numbers of currencies.
    """
    money = np.asarray([_number(names.currencies, one) for one in facts.currencies], dtype=np.int64)
    currency = facts.column("currency")
    return {
        **{
            f"ad_{name}": facts.column(name)
            for name in ("bid", "quality", "pace", "house", "format", "model", "languages")
        },
        "ad_currency": money[currency] if len(currency) else currency,
    }


def currencies(facts: Facts) -> tuple[str, ...]:
    """Return the currencies that some ad bids in, sorted."""
    return tuple(sorted(facts.currencies[i] for i in np.unique(facts.column("currency")).tolist()))


def _number(names: tuple[str, ...], name: str) -> int:
    return names.index(name) if name in names else -1
