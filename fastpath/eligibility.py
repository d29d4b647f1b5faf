"""What an app always asks and what few requests ask, turned into the numbers that the compiled loop compares."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Collection, Iterable, Mapping, Sequence
from functools import partial
from typing import Any, Final

from domain.catalogue import AppEntry
from domain.formats import AdFormat
from fastpath import layout
from fastpath._columns import REASONS, Desk
from fastpath.idlist import IdList
from fastpath.snapshot import Snapshot
from fastpath.text import canonical_tag
from fastpath.types import Context, Reason

_BUDGET: Final = REASONS.index(Reason.BUDGET)
_FREQUENCY: Final = REASONS.index(Reason.FREQUENCY)
#: Expected click rate of an average ad of each format, parts per million. A prior, replaced by learned rates.
BASE_CTR_PPM: Final[dict[AdFormat, int]] = {
    AdFormat.ACTION_CARD: 20_000,
    AdFormat.LEAD_GEN: 15_000,
    AdFormat.STATIC: 8_000,
    AdFormat.FOLLOWUP: 25_000,
}
#: 1 − fatigue after a campaign was shown 0, 1, 2… times: 0.85 for each earlier showing, at least 0.3.
KEEP_PPM: Final = (
    1_000_000, 850_000, 722_500, 614_125, 522_006, 443_705, 377_149, 320_577, 300_000,
)  # fmt: skip
#: How much a topic says that the host declares for a conversation, before the weight of its tag.
DECLARED_PPM: Final = 600_000
_MOST_KEPT: Final = 1_024
_RATES: Final = tuple(BASE_CTR_PPM[one] for one in layout.FORMATS)
_BITS: Final = {one: 1 << i for i, one in enumerate(layout.FORMATS)}


def desk_kept(snapshot: Snapshot, market: Any, app: AppEntry, own: bool) -> Desk:
    """Return what an app always asks, and keep it with the columns of the snapshot.

    Args:
        snapshot: What the candidates come from.
        market: Its columns.
        app: The asking app.
        own: Whether the snapshot itself gives this entry for its id.
    """
    if len(market.desks) >= _MOST_KEPT:
        market.desks.clear()
    desk = market.desks[app.app_id] = desk_of(snapshot, app, own=own)
    return desk


def desk_of(snapshot: Snapshot, app: AppEntry, *, own: bool = False) -> Desk:
    """Return what an app always asks of a snapshot."""
    names = snapshot.names
    blocked = frozenset(map(canonical_tag, app.blocked_topics))
    contents = {n for one in app.blocked_topics if (n := snapshot.topic_number(one)) >= 0}
    barred = numbers_of(names.advertisers, app.blocked_advertisers)
    welcome = numbers_of(names.advertisers, app.allowed_advertisers)
    return Desk(
        entry=app,
        own=own,
        safe=snapshot.market.safe(app.reserve_micros),
        formats=bits_of(app.formats),
        currency=number_of(names.currencies, app.currency),
        app=number_of(names.app_ids, app.app_id),
        reserve=app.reserve_micros,
        floor=app.relevance_floor_ppm,
        barred=barred or None,
        welcome=welcome if app.allowed_advertisers else None,
        hosts=snapshot.host_notes(blocked) if blocked else None,
        judge=partial(_unwanted, snapshot, blocked, contents),
        rates=_RATES,
    )


def declared_of(snapshot: Snapshot, context: Context) -> dict[int, int] | None:
    """Return tag → relevance of the IAB topics the host declared, or None: they bring candidates."""
    if not context.topics:
        return None
    numbers = (snapshot.topic_number(one) for one in context.topics)
    tags = [int(snapshot.topic_tag[number]) for number in numbers if number >= 0]
    return {tag: DECLARED_PPM * int(snapshot.tag_weight[tag]) // 1_000_000 for tag in tags} or None


def declared_tags(snapshot: Snapshot, topics: Collection[str]) -> list[int]:
    """Return the tags of declared topics, free words and IAB ids, that ads may keep away from."""
    tags = [snapshot.tag_number(canonical_tag(topic)) for topic in topics]
    numbers = (snapshot.topic_number(topic) for topic in topics)
    tags += [int(snapshot.topic_tag[number]) for number in numbers if number >= 0]
    return tags


def _unwanted(snapshot: Snapshot, blocked: frozenset[str], contents: set[int], ad: int) -> bool:
    """Return whether an ad has one of some tags or IAB topics."""
    if not blocked.isdisjoint(snapshot.ad_tag_names(ad)):
        return True
    return not contents.isdisjoint(snapshot.ad_contents(ad))


def mutes_of(snapshot: Snapshot, topics: Collection[str]) -> tuple[set[int], set[int]]:
    """Return the IAB topics and the tags among some topics."""
    contents = {number for one in topics if (number := snapshot.topic_number(one)) >= 0}
    return contents, set(map(snapshot.tag_number, map(canonical_tag, topics)))


def shares_of(
    snapshot: Snapshot, paces: Mapping[str, int] | Iterable[tuple[str, int]]
) -> dict[int, int]:
    """Return campaign → share of auctions, for the campaigns that the snapshot knows."""
    campaigns = snapshot.names.campaigns
    shares = {number_of(campaigns, one): share for one, share in dict(paces).items()}
    shares.pop(-1, None)
    return shares


def closed_of(snapshot: Snapshot, context: Context) -> dict[int, int]:
    """Return campaign → reason number for those without budget or at a cap."""
    names = snapshot.names.campaigns
    closed = {number_of(names, one): _FREQUENCY for one in context.capped_campaigns}
    closed.update((number_of(names, one), _BUDGET) for one in context.spent_campaigns)
    return closed


def fatigue_of(snapshot: Snapshot, shown: Collection[tuple[str, int]]) -> dict[int, int]:
    """Return campaign → 1 − fatigue, parts per million."""
    return {number_of(snapshot.names.campaigns, name): keep_ppm(count) for name, count in shown}


def keep_ppm(shown: int) -> int:
    """Return 1 − fatigue of a campaign that was shown so often, parts per million."""
    return KEEP_PPM[min(max(shown, 0), len(KEEP_PPM) - 1)]


def bits_of(formats: Iterable[AdFormat]) -> int:
    """Return a bit for each format."""
    return sum(_BITS[one] for one in set(formats))


def numbers_of(names: Sequence[str], wanted: Collection[str]) -> set[int]:
    """Return the numbers of those names that the snapshot knows."""
    return {number for one in wanted if (number := number_of(names, one)) >= 0}


def number_of(names: Sequence[str], name: str) -> int:
    """Return the number of a name (they are sorted), or -1 if the snapshot does not know it."""
    if isinstance(names, IdList):
        return names.number(name)
    at = bisect_left(names, name)
    return at if at < len(names) and names[at] == name else -1
