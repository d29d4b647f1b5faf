"""Compile time: where, when and beside what an ad may not stand. Ads with the same conditions share one rule.

Rule 0 forbids nothing; most ads have it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, NamedTuple

import numpy as np

from fastpath import layout
from fastpath.compile_facts import Bound, Facts
from fastpath.compile_rows import Rows
from fastpath.compile_tags import Tags

EVERY_DEVICE: Final = (1 << len(layout.DEVICES)) - 1

Numbers = tuple[int, ...]


class Limits(NamedTuple):
    """Schedule and targets as numbers of a snapshot."""

    starts: int = layout.LONG_AGO
    ends: int = layout.FAR_AHEAD
    devices: int = EVERY_DEVICE
    weekdays: int = layout.EVERY_DAY
    geos: Numbers = ()
    apps: Numbers = ()
    app_blocks: Numbers = ()


def geos_of(facts: Facts) -> tuple[str, ...]:
    """Return the places that some ad is for, sorted."""
    used = np.unique(facts.column("bound")).tolist()
    return tuple(sorted({geo.upper() for i in used for geo in facts.bounds[i][4]}))


def rule_arrays(
    facts: Facts, tags: Tags, names: layout.SmallNames, warnings: list[str]
) -> dict[str, Any]:
    """Return the rules and which ad has which, numbered as the ads first have them.

    Args:
        facts: Of the ads, in number order.
        tags: Their negative tags, the topics they keep away from and those they are bought on.
        names: Numbers of places and apps.
        warnings: Takes what was left out.
    """
    limits, place = _limits(facts, names)
    bound = place[facts.column("bound")]
    _warn(facts, warnings)
    rows = (tags.negative, tags.away, tags.bought.contents)
    firsts, numbers = _numbered(bound, rows)
    listed = [limits[i] for i in bound[firsts].tolist()]
    arrays: dict[str, Any] = {"ad_rule": numbers}
    for name in ("starts", "ends", "devices", "weekdays"):
        whole: int = getattr(Limits(), name)
        arrays[f"rule_{name}"] = [whole, *(getattr(one, name) for one in listed)]
    ragged = {
        name: Rows.of(listed, lambda one, name=name: getattr(one, f"{name}s"))  # type: ignore[misc]
        for name in ("geo", "app", "app_block")
    }
    ragged |= dict(
        zip(("negative", "topic", "content"), (one.take(firsts) for one in rows), strict=True)
    )
    for name, one in ragged.items():
        arrays[f"rule_{name}_offsets"] = np.concatenate([[0], one.offsets])
        arrays[f"rule_{name}s"] = one.values
    return arrays


def _numbered(bound: Any, rows: tuple[Rows, ...]) -> tuple[Any, Any]:
    """Return the first ad of each rule but 0, in order, and the rule of each ad.

    Args:
        bound: Which limits each ad has; 0 is none.
        rows: What else makes rules differ.
    """
    keys = bound.copy()
    ragged = np.zeros(len(bound), dtype=bool)
    for one in rows:
        ragged |= np.diff(one.offsets) > 0
    known: dict[Any, int] = {}
    least = int(bound.max(initial=0)) + 1
    columns = [(one.offsets.tolist(), one.values.tolist()) for one in rows]
    for ad in np.flatnonzero(ragged).tolist():
        parts = [tuple(values[starts[ad] : starts[ad + 1]]) for starts, values in columns]
        keys[ad] = known.setdefault((int(bound[ad]), *parts), least + len(known))
    used, first, inverse = np.unique(keys, return_index=True, return_inverse=True)
    first = np.where(used == 0, -1, first)
    order = np.argsort(first)
    place = np.empty(len(used), dtype=np.int64)
    place[order] = np.arange(len(used))
    free = bool(len(used)) and bool(used[0] == 0)
    if not free:
        place += 1
    return first[order][int(free) :], place[inverse]


def _limits(facts: Facts, names: layout.SmallNames) -> tuple[list[Limits], Any]:
    """Return the distinct limits, none before the others, and which each of the ads' bounds is."""
    geo = {name: i for i, name in enumerate(names.geos)}
    app = {name: i for i, name in enumerate(names.app_ids)}
    known: dict[Limits, int] = {Limits(): 0}
    place = np.zeros(len(facts.bounds), dtype=np.int64)
    for i in np.unique(facts.column("bound")).tolist():
        place[i] = known.setdefault(_limit(facts.bounds[i], geo, app), len(known))
    return list(known), place


def _limit(bound: Bound, geo: Mapping[str, int], app: Mapping[str, int]) -> Limits:
    starts, ends, devices, weekdays, geos, apps, blocked = bound
    return Limits(
        starts=layout.LONG_AGO if starts is None else starts,
        ends=layout.FAR_AHEAD if ends is None else ends,
        devices=_bits(devices, layout.DEVICES) if devices else EVERY_DEVICE,
        weekdays=_bits(weekdays, tuple(range(1, 8))) if weekdays else layout.EVERY_DAY,
        geos=tuple(sorted({geo[one.upper()] for one in geos})),
        apps=tuple(sorted({app.get(one, layout.NO_APP) for one in apps})),
        app_blocks=tuple(sorted({app[one] for one in blocked if one in app})),
    )


def _bits(said: tuple[Any, ...], known: tuple[Any, ...]) -> int:
    """Return a bit for each of the known values that is said; an unknown one has none."""
    return sum(1 << i for i, one in enumerate(known) if one in said)


def _warn(facts: Facts, warnings: list[str]) -> None:
    """Note devices and days nobody knows: an ad that names nothing else fits none."""
    odd = {}
    for i, (_, _, devices, weekdays, *_) in enumerate(facts.bounds):
        unknown = sorted(set(devices).difference(layout.DEVICES))
        said = [f"names the unknown device {unknown[0][:40]!r}: left out."] if unknown else []
        if not set(weekdays) <= set(range(1, 8)):
            said.append("names a day of the week outside 1 to 7: left out.")
        if said:
            odd[i] = said
    if not odd:
        return
    names = facts.ids["ad_id"].texts()
    bound = facts.column("bound")
    for ad in np.flatnonzero(np.isin(bound, list(odd))).tolist():
        warnings.extend(f"Ad {names[ad]} {said}" for said in odd[int(bound[ad])])
