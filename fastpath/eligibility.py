"""What one request allows, turned into the numbers that the compiled loop compares."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Collection, Iterable, Mapping, Sequence
from functools import lru_cache, partial
from typing import Final

from domain.catalogue import AppEntry
from domain.formats import AdFormat, formats_for
from fastpath import layout
from fastpath._columns import REASONS, Asked, Columns, Desk
from fastpath.idlist import IdList
from fastpath.snapshot import Snapshot
from fastpath.text import canonical_tag
from fastpath.types import Context, Features, Reason

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
_DAY_MS: Final = 86_400_000
#: 1970-01-01 was a Thursday.
_FIRST_DAY: Final = 3
_MOST_KEPT: Final = 1_024
_RATES: Final = tuple(BASE_CTR_PPM[one] for one in layout.FORMATS)
_BITS: Final = {one: 1 << i for i, one in enumerate(layout.FORMATS)}
_LANGUAGES: Final = {str(one): 1 << i for i, one in enumerate(layout.LANGUAGES)}
_DEVICES: Final = {one: 1 << i for i, one in enumerate(layout.DEVICES)}


def asked_of(
    snapshot: Snapshot,
    features: Features,
    context: Context,
    app: AppEntry,
    market: Columns,
    *,
    paces: Mapping[str, int] | None = None,
    test: bool = False,
) -> Asked:
    """Return the rules of one request.

    Args:
        snapshot: What the candidates come from.
        features: Language, opportunity and tags of the conversation.
        context: Formats, place, device, time, mutes, used-up and capped campaigns.
        app: The asking app.
        market: The columns of the snapshot; they keep what an app always asks.
        paces: Share of auctions by campaign id as known now, by default those of the context.
        test: Ask for a test ad: opportunity, budgets, caps and pace do not count.
    """
    known = market.desks.get(app.app_id)
    if known is None or known[0] is not app:
        known = app, desk_of(snapshot, app), bits_of(app.formats)
        if len(market.desks) >= _MOST_KEPT:
            market.desks.clear()
        market.desks[app.app_id] = known
    opportunity = 1_000 if test else features.opportunity_milli
    formats = known[2] & _allowed(opportunity)
    if context.formats is not None:
        formats &= bits_of(context.formats)
    closed = None
    if (context.spent_campaigns or context.capped_campaigns) and not test:
        closed = _closed(snapshot, context)
    mutes = muted = topics = keep = shares = None
    if context.blocked_topics:
        mutes = _mutes(snapshot, context.blocked_topics)
    if context.blocked_advertisers:
        muted = numbers_of(snapshot.names.advertisers, context.blocked_advertisers)
    if context.topics:
        topics = set(_declared_tags(snapshot, context.topics))
    if context.shown and not test:
        keep = _kept(snapshot, context.shown)
    if paces and not test:
        shares = _live(snapshot, market, paces)
    elif context.paces and not test:
        shares = _live(snapshot, market, dict(context.paces))
    return Asked(
        known[1],
        formats,
        _LANGUAGES.get(features.language, 0),
        market.places.get(context.geo, -1) if context.geo else -1,
        _DEVICES.get(context.device, 0) if context.device else 0,
        1 << (context.now_ms // _DAY_MS + _FIRST_DAY) % 7,
        context.now_ms,
        opportunity,
        topics,
        muted,
        mutes,
        closed,
        keep,
        shares,
        context.request_id,
        test,
    )


@lru_cache(maxsize=1_001)
def _allowed(opportunity_milli: int) -> int:
    """Return the bits of the formats that an opportunity allows."""
    return bits_of(formats_for(opportunity_milli / 1000))


def desk_of(snapshot: Snapshot, app: AppEntry) -> Desk:
    """Return what an app always asks of a snapshot."""
    names = snapshot.names
    blocked = frozenset(map(canonical_tag, app.blocked_topics))
    contents = {n for one in app.blocked_topics if (n := snapshot.topic_number(one)) >= 0}
    barred = numbers_of(names.advertisers, app.blocked_advertisers)
    welcome = numbers_of(names.advertisers, app.allowed_advertisers)
    return Desk(
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


def _declared_tags(snapshot: Snapshot, topics: Collection[str]) -> list[int]:
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


def _mutes(snapshot: Snapshot, topics: Collection[str]) -> tuple[set[int], set[int]]:
    """Return the IAB topics and the tags among some topics."""
    contents = {number for one in topics if (number := snapshot.topic_number(one)) >= 0}
    return contents, set(map(snapshot.tag_number, map(canonical_tag, topics)))


def _live(snapshot: Snapshot, market: Columns, paces: Mapping[str, int]) -> dict[int, int] | None:
    """Return campaign → share; shares come by the thousand and change every second, so they are kept."""
    known = market.live
    if known is None or known[0] is not paces:
        campaigns = snapshot.names.campaigns
        shares = {number_of(campaigns, one): share for one, share in paces.items()}
        shares.pop(-1, None)
        known = market.live = paces, shares
    shares = known[1]
    return shares or None


def _closed(snapshot: Snapshot, context: Context) -> dict[int, int]:
    """Return campaign → reason number for those without budget or at a cap."""
    names = snapshot.names.campaigns
    closed = {number_of(names, one): _FREQUENCY for one in context.capped_campaigns}
    closed.update((number_of(names, one), _BUDGET) for one in context.spent_campaigns)
    return closed


def _kept(snapshot: Snapshot, shown: Collection[tuple[str, int]]) -> dict[int, int]:
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
