"""What a campaign may ask for in targeting, frequency caps and pacing; what cannot be kept is refused.

A refusal is one sentence with a stable code. The rule behind all of them: a promise that the serving plane
could not hold, or a wish that could never come true, is said when the campaign is written, not found out later.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import permutations
from typing import Final

import msgspec

from domain.catalogue import Cap, CapScope, Pacing
from domain.errors import Unprocessable
from domain.time import day_of
from fastpath.caps import MAX_LIMIT, MAX_WINDOW_MS, MIN_WINDOW_MS
from fastpath.layout import DEVICES
from fastpath.topics import shipped

MAX_CAPS: Final = 8
MAX_LISTED: Final = 200
_DAY_MS: Final = 86_400_000
_WEEK: Final = frozenset(range(1, 8))
#: How much a scope takes in: the showings of a narrower one are among those of a wider one.
_WIDTH: Final = {
    CapScope.USER: 0,
    CapScope.CONVERSATION: 0,
    CapScope.CAMPAIGN: 1,
    CapScope.ACCOUNT: 2,
}


class Targeting(msgspec.Struct, frozen=True, kw_only=True):
    """The part of a campaign that no goal needs to state; see `domain.catalogue.AdEntry`."""

    devices: tuple[str, ...] = ()
    weekdays: tuple[int, ...] = ()
    apps: tuple[str, ...] = ()
    blocked_apps: tuple[str, ...] = ()
    topics: tuple[str, ...] = ()
    blocked_topics: tuple[str, ...] = ()
    caps: tuple[Cap, ...] = ()
    pacing: Pacing = Pacing.ASAP


class AppFacts(msgspec.Struct, frozen=True):
    """What every advertiser may know of an app it buys on.

    Attributes:
        app_id: Its id. currency: what it settles in.
        passes_user_ids: Whether it sends opaque user ids (with consent), so that users can be counted.
    """

    app_id: str
    currency: str
    passes_user_ids: bool


def require(holds: bool, code: str, detail: str) -> None:
    """Raise `Unprocessable` with a code and one sentence unless something holds."""
    if not holds:
        raise Unprocessable(code, detail)


def check_targeting(targeting: Targeting) -> None:
    """Raise `Unprocessable` for what no schedule or budget could make right."""
    check_devices(targeting.devices)
    check_days(targeting.weekdays, None, None, 0)
    check_apps(targeting.apps, targeting.blocked_apps)
    check_topics(targeting.topics)
    check_caps(targeting.caps)


def check_devices(devices: Sequence[str]) -> None:
    """Raise `Unprocessable` for a device that no request can name."""
    for device in devices:
        require(
            device in DEVICES,
            "unknown_device",
            f"{device[:40]!r} is not a kind of device; possible: {', '.join(DEVICES)}.",
        )


def check_days(
    weekdays: Sequence[int], starts_ms: int | None, ends_ms: int | None, now_ms: int
) -> None:
    """Raise `Unprocessable` for days that do not exist, or never come while the campaign runs (UTC)."""
    require(
        _WEEK.issuperset(weekdays),
        "bad_weekday",
        "A weekday is a number from 1 (Monday) to 7 (Sunday).",
    )
    if not weekdays or ends_ms is None:
        return
    first = max(starts_ms or 0, now_ms) // _DAY_MS
    last = min((ends_ms - 1) // _DAY_MS, first + 6)
    running = {day_of(day * _DAY_MS).isoweekday() for day in range(first, last + 1)}
    require(
        bool(running.intersection(weekdays)),
        "weekdays_never_come",
        "None of its weekdays falls between start and end (UTC); add a weekday or move the dates.",
    )


def check_apps(apps: Sequence[str], blocked: Sequence[str]) -> None:
    """Raise `Unprocessable` for app lists that are too long, malformed or contradict each other."""
    for app in (*apps, *blocked):
        require(
            app.startswith("app_") and app.isascii() and app.isprintable() and len(app) <= 80,
            "bad_app",
            f"{app[:40]!r} is not an app id; it begins with app_.",
        )
    both = sorted(set(apps).intersection(blocked))
    require(
        not both,
        "app_allowed_and_blocked",
        f"{', '.join(both[:3])} is both allowed and blocked; take it off one of the lists.",
    )
    for listed in (apps, blocked):
        require(
            len(listed) <= MAX_LISTED,
            "list_too_long",
            f"A list of apps may hold {MAX_LISTED}; leave some out.",
        )


def check_app_facts(
    apps: Sequence[str],
    known: Mapping[str, AppFacts],
    *,
    caps: Sequence[Cap],
    currency: str,
    house: bool,
) -> None:
    """Raise `Unprocessable` if the apps a campaign is limited to cannot serve it as stated.

    Args:
        apps: Its allow list.
        known: Facts of active apps by id; those missing do not exist.
        caps: Its frequency caps.
        currency: What it bids in.
        house: Whether it is a house campaign.
    """
    unknown = [app for app in apps if app not in known]
    require(
        not unknown,
        "unknown_app",
        f"There is no active app {', '.join(unknown[:3])}; check the list of allowed apps.",
    )
    facts = [known[app] for app in apps]
    require(
        not facts or house or any(one.currency == currency for one in facts),
        "app_currency",
        f"None of the allowed apps settles in {currency}, so no ad could be shown; "
        "allow another app or bid in its currency.",
    )
    by_user = any(cap.scope is CapScope.USER for cap in caps)
    require(
        not facts or not by_user or any(one.passes_user_ids for one in facts),
        "cap_without_users",
        "None of the allowed apps passes user ids, so users cannot be counted; "
        "cap the conversation instead, or allow an app that passes them.",
    )


def check_topics(topics: Sequence[str]) -> None:
    """Raise `Unprocessable` for ids that are not in the IAB Content Taxonomy."""
    require(
        len(topics) <= MAX_LISTED,
        "list_too_long",
        f"A campaign may buy {MAX_LISTED} topics; leave some out.",
    )
    for topic in topics:
        require(
            shipped().known(topic) is not None,
            "unknown_topic",
            f"{topic[:40]!r} is not an id of the IAB Content Taxonomy 3.1.",
        )


def check_caps(caps: Sequence[Cap]) -> None:
    """Raise `Unprocessable` for frequency caps that cannot be kept, or that could never take effect."""
    require(
        len(caps) <= MAX_CAPS, "too_many_caps", f"A campaign may have {MAX_CAPS} frequency caps."
    )
    for cap in caps:
        require(
            cap.limit >= 1,
            "cap_below_one",
            f"A {cap.scope} cap must allow at least one ad; pause the campaign to show none.",
        )
        require(
            cap.limit <= MAX_LIMIT,
            "cap_too_large",
            f"A {cap.scope} cap counts at most {MAX_LIMIT:,} ads; limit the budget instead.",
        )
        require(
            cap.window_ms >= MIN_WINDOW_MS,
            "cap_window_too_short",
            f"The window of a {cap.scope} cap must be at least one second.",
        )
        require(
            cap.window_ms <= MAX_WINDOW_MS,
            "cap_window_too_long",
            f"Showings are remembered for {MAX_WINDOW_MS // _DAY_MS} days; "
            f"the window of a {cap.scope} cap cannot be longer.",
        )
    for one, other in permutations(caps, 2):
        require(
            (one.scope, one.window_ms) != (other.scope, other.window_ms),
            "cap_twice",
            f"There are two {one.scope} caps over the same window; keep one.",
        )
        within = one.scope is other.scope or _WIDTH[one.scope] < _WIDTH[other.scope]
        require(
            not (within and one.window_ms <= other.window_ms and one.limit >= other.limit),
            "cap_never_reached",
            f"The {one.scope} cap of {one.limit} can never be reached, since the {other.scope} cap allows "
            f"{other.limit} in no less time; lower it or drop it.",
        )


def check_pacing(
    pacing: Pacing, *, total: int | None, daily: int | None, ends_ms: int | None, house: bool
) -> None:
    """Raise `Unprocessable` where there is nothing to spread evenly, or no time to spread it over."""
    if pacing is Pacing.ASAP:
        return
    require(
        not house,
        "pacing_house",
        "A house campaign spends nothing, so there is nothing to pace; choose asap.",
    )
    require(
        daily is not None or (total is not None and ends_ms is not None),
        "pacing_needs_budget",
        "Even pacing needs a daily budget, or a total budget and an end; add one or choose asap.",
    )
