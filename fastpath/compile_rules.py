"""Compile time: where, when and beside what an ad may not stand. Ads with the same conditions share one rule.

Rule 0 forbids nothing; most ads have it.
"""

from __future__ import annotations

from typing import Any, Final, NamedTuple

import numpy as np

from domain.catalogue import AdEntry
from fastpath import layout
from fastpath.compile_gather import Gathered
from fastpath.compile_rows import Rows
from fastpath.compile_tags import Tags

EVERY_DEVICE: Final = (1 << len(layout.DEVICES)) - 1

Numbers = tuple[int, ...]


class Rule(NamedTuple):
    """One set of conditions, as numbers of a snapshot."""

    starts: int = layout.LONG_AGO
    ends: int = layout.FAR_AHEAD
    devices: int = EVERY_DEVICE
    weekdays: int = layout.EVERY_DAY
    geos: Numbers = ()
    apps: Numbers = ()
    app_blocks: Numbers = ()
    negatives: Numbers = ()
    topics: Numbers = ()
    contents: Numbers = ()


def rule_arrays(
    ads: Gathered, tags: Tags, names: layout.SmallNames, warnings: list[str]
) -> dict[str, Any]:
    """Return the rules and which ad has which.

    Args:
        ads: In number order.
        tags: Their negative tags, the topics they keep away from and those they are bought on.
        names: Numbers of places and apps.
        warnings: Takes what was left out.
    """
    geo = {name: i for i, name in enumerate(names.geos)}
    app = {name: i for i, name in enumerate(names.app_ids)}
    known: dict[Rule, int] = {Rule(): 0}
    numbers = np.zeros(len(ads), dtype=np.int64)
    for i in _bound(ads, tags):
        ad = ads.ads[i]
        rule = Rule(
            starts=layout.LONG_AGO if ad.starts_ms is None else ad.starts_ms,
            ends=layout.FAR_AHEAD if ad.ends_ms is None else ad.ends_ms,
            devices=_devices(ad, warnings) if ad.devices else EVERY_DEVICE,
            weekdays=_weekdays(ad, warnings) if ad.weekdays else layout.EVERY_DAY,
            geos=tuple(sorted({geo[g.upper()] for g in ad.geos})) if ad.geos else (),
            apps=tuple(sorted({app.get(a, layout.NO_APP) for a in ad.apps})) if ad.apps else (),
            app_blocks=tuple(sorted({app[a] for a in ad.blocked_apps if a in app})),
            negatives=_row(tags.negative, i),
            topics=_row(tags.away, i),
            contents=tuple(tags.bought.contents.get(i, ())),
        )
        numbers[i] = known.setdefault(rule, len(known))
    arrays: dict[str, Any] = {"ad_rule": numbers}
    rules = list(known)
    for name in ("starts", "ends", "devices", "weekdays"):
        arrays[f"rule_{name}"] = [getattr(rule, name) for rule in rules]
    for name in ("geo", "app", "app_block", "negative", "topic", "content"):
        rows = Rows.of(rules, lambda rule, name=name: getattr(rule, f"{name}s"))  # type: ignore[misc]
        arrays[f"rule_{name}_offsets"], arrays[f"rule_{name}s"] = rows.offsets, rows.values
    return arrays


def _bound(ads: Gathered, tags: Tags) -> list[int]:
    """Return the ads that have any condition of their own."""
    bound = (np.diff(tags.negative.offsets) > 0) | (np.diff(tags.away.offsets) > 0)
    bound[list(tags.bought.contents)] = True
    for name in ("geos", "devices", "weekdays", "apps", "blocked_apps"):
        bound |= np.fromiter(map(bool, ads.columns[name]), bool, len(ads))
    for name in ("starts_ms", "ends_ms"):
        bound |= np.fromiter((one is not None for one in ads.columns[name]), bool, len(ads))
    return np.flatnonzero(bound).tolist()


def _row(rows: Rows, number: int) -> Numbers:
    return tuple(rows.values[rows.offsets[number] : rows.offsets[number + 1]].tolist())


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
