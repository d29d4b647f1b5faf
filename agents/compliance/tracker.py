"""What changed in the rules, and which ads a change touches."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from datetime import date
from typing import Literal

import msgspec

from agents.compliance.platform_rules import PlatformRule, PlatformRules
from agents.compliance.platforms import PlatformAd, check_platform
from agents.compliance.policy import Rules

Change = Literal["added", "removed", "changed", "comes_into_force", "expires"]


class RuleChange(msgspec.Struct, frozen=True, kw_only=True):
    """One difference between two versions of the rules, or one date that falls into a range.

    Attributes:
        rule: Id of the rule.
        platform: Which platform it is of; `all` for every one.
        what: What became of it.
        on: The day it counts from, ISO 8601; empty if it is not known.
        before, after: `field: value` of what differs.
        source, message: As in the rule.
    """

    rule: str
    platform: str
    what: Change
    on: str = ""
    before: tuple[str, ...] = ()
    after: tuple[str, ...] = ()
    source: str = ""
    message: str = ""


class Touched(msgspec.Struct, frozen=True):
    """An ad that breaks a changed rule, or did not before."""

    ad: str
    rule: str
    field: str
    excerpt: str
    severity: str


_COMPARED = ("platform", "field", "kind", "value", "severity", "valid_from", "message")


def compare(old: PlatformRules, new: PlatformRules) -> tuple[RuleChange, ...]:
    """Return what differs between two versions, by rule id; a new check date alone is no change."""
    before, after = {r.id: r for r in old.rows}, {r.id: r for r in new.rows}
    return tuple(
        change
        for rule in sorted(before | after)
        for change in _difference(before.get(rule), after.get(rule))
    )


def since(
    rules: PlatformRules, copy_rules: Rules, day: date, today: date
) -> tuple[RuleChange, ...]:
    """Return the rules whose dates fall after `day`: in force by today, or to be looked at again by today.

    Args:
        rules: The platforms' rules.
        copy_rules: The rules for all copy; they have no first day, the day they were checked stands for it.
        day: The last day on which somebody looked.
        today: Rules that come into force later are named too, with their day.
    """
    found = [_dated(r, "comes_into_force", r.valid_from) for r in rules.rows if r.valid_from > day]
    found += [
        _dated(r, "expires", r.expires_on) for r in rules.expired(today) if r.expires_on > day
    ]
    for rule in (compiled.rule for compiled in copy_rules.compiled):
        dates: tuple[tuple[Change, date, bool], ...] = (
            ("comes_into_force", rule.checked, True),
            ("expires", rule.expires, rule.expires < today),
        )
        found += [
            RuleChange(
                rule=rule.id,
                platform="all",
                what=what,
                on=on.isoformat(),
                source=rule.source,
                message=rule.message,
            )
            for what, on, counts in dates
            if counts and on > day
        ]
    return tuple(sorted(found, key=lambda change: (change.on, change.rule)))


def touched(
    changes: Sequence[RuleChange], new: PlatformRules, ads: Iterable[PlatformAd], day: date
) -> tuple[Touched, ...]:
    """Return which ads break a rule that was added, changed or came into force."""
    wanted = {c.rule for c in changes if c.what not in ("removed", "expires")}
    # As of any day: a rule that comes into force next week touches the ads that will still run then.
    rows = tuple(replace(r, valid_from=min(r.valid_from, day)) for r in new.rows if r.id in wanted)
    only = PlatformRules(rows, new.hash)
    return tuple(
        Touched(f.draft_key, f.rule, f.field, f.excerpt, f.severity)
        for ad in ads
        for f in check_platform(ad, day, only)
    )


def _difference(old: PlatformRule | None, new: PlatformRule | None) -> Iterator[RuleChange]:
    rule = new or old
    assert rule is not None
    if old is None:
        yield _dated(rule, "added", rule.valid_from)
    elif new is None:
        yield _dated(rule, "removed", None)
    else:
        names = [n for n in _COMPARED if getattr(old, n) != getattr(new, n)]
        if names:
            yield RuleChange(
                rule=rule.id, platform=rule.platform, what="changed", source=rule.source,
                on=rule.valid_from.isoformat(), message=rule.message,
                before=tuple(f"{n}: {getattr(old, n)}" for n in names),
                after=tuple(f"{n}: {getattr(new, n)}" for n in names),
            )  # fmt: skip


def _dated(rule: PlatformRule, what: Change, on: date | None) -> RuleChange:
    return RuleChange(
        rule=rule.id, platform=rule.platform, what=what, on=on.isoformat() if on else "",
        source=rule.source, message=rule.message,
    )  # fmt: skip
