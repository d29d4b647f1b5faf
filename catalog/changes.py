"""Changes of a campaign that exists: what may become different, and what the audit says of it."""

from __future__ import annotations

from typing import Any

import msgspec
from msgspec import UNSET, UnsetType

from catalog.specs import CampaignSpec
from domain.catalogue import Cap, Pacing
from domain.errors import Conflict
from domain.money import Money


class CampaignChange(msgspec.Struct, frozen=True, kw_only=True):
    """What becomes different; fields left unset stay. Name, currency and bid model stay for good.

    Attributes:
        The fields of `CampaignSpec`; None takes a budget or a date away.
    """

    bid_micros: int | UnsetType = UNSET
    budget_total_micros: int | UnsetType | None = UNSET
    budget_daily_micros: int | UnsetType | None = UNSET
    starts_ms: int | UnsetType | None = UNSET
    ends_ms: int | UnsetType | None = UNSET
    geos: tuple[str, ...] | UnsetType = UNSET
    languages: tuple[str, ...] | UnsetType = UNSET
    blocked_topics: tuple[str, ...] | UnsetType = UNSET
    devices: tuple[str, ...] | UnsetType = UNSET
    weekdays: tuple[int, ...] | UnsetType = UNSET
    apps: tuple[str, ...] | UnsetType = UNSET
    blocked_apps: tuple[str, ...] | UnsetType = UNSET
    topics: tuple[str, ...] | UnsetType = UNSET
    caps: tuple[Cap, ...] | UnsetType = UNSET
    pacing: Pacing | UnsetType = UNSET


class Committed(msgspec.Struct, frozen=True):
    """What a campaign's budget bears already, in micros: spent, and held for offers still open."""

    total_micros: int
    today_micros: int


def changed_spec(spec: CampaignSpec, change: CampaignChange) -> CampaignSpec:
    """Return a campaign as it will be."""
    fields = {name: getattr(change, name) for name in change.__struct_fields__}
    return msgspec.structs.replace(
        spec, **{name: value for name, value in fields.items() if value is not UNSET}
    )


def check_budgets(before: CampaignSpec, after: CampaignSpec, committed: Committed) -> None:
    """Raise `Conflict` if a budget that changes would be less than what it bears already."""
    for name, field, borne in (
        ("total", "budget_total_micros", committed.total_micros),
        ("daily", "budget_daily_micros", committed.today_micros),
    ):
        cap = getattr(after, field)
        if cap is not None and cap != getattr(before, field) and cap < borne:
            least = Money(borne, after.currency)
            raise Conflict(
                "budget_below_spent",
                f"The {name} budget cannot be less than what is spent or promised already, {least}; "
                "pause the campaign to stop it.",
            )


def described(before: CampaignSpec, after: CampaignSpec, why: str) -> str:
    """Return what changed and why, for the audit."""
    parts = [
        f"{name}: {_plain(getattr(before, name))} → {_plain(getattr(after, name))}"
        for name in after.__struct_fields__
        if getattr(after, name) != getattr(before, name)
    ]
    return "; ".join(filter(None, [why.strip()[:200], *parts]))


def _plain(value: Any) -> str:
    if isinstance(value, tuple):
        listed = [_plain(one) for one in value[:8]] + ["…"] * (len(value) > 8)
        return "[" + ", ".join(listed) + "]"
    if isinstance(value, Cap):
        return f"{value.limit} per {value.window_ms / 1000:g} s and {value.scope}"
    return "none" if value is None else str(value)
