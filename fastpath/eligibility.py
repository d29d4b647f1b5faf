"""What one request allows, turned into the numbers that the compiled loop compares."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from typing import Final

from domain.catalogue import AppEntry
from domain.formats import AdFormat, formats_for
from fastpath import layout
from fastpath._choose import Asked
from fastpath.snapshot import Snapshot
from fastpath.text import canonical_tag
from fastpath.types import Context, Features, Reason

#: Reason behind each number of `_choose.Market.why_not` and `_choose.Selection`.
REASONS: Final[tuple[Reason | None, ...]] = (
    None, Reason.FORMAT_NOT_ALLOWED, Reason.LANGUAGE, Reason.CURRENCY, Reason.SCHEDULE, Reason.GEO,
    Reason.BUDGET, Reason.BLOCKED, Reason.NEGATIVE_TAG, Reason.BELOW_RESERVE, Reason.HOUSE,
)  # fmt: skip
#: Expected click rate of an average ad of each format, parts per million. A prior, replaced by learned rates.
BASE_CTR_PPM: Final[dict[AdFormat, int]] = {
    AdFormat.ACTION_CARD: 20_000,
    AdFormat.LEAD_GEN: 15_000,
    AdFormat.STATIC: 8_000,
    AdFormat.FOLLOWUP: 25_000,
}
_RATES: Final = tuple(BASE_CTR_PPM[one] for one in layout.FORMATS)
_BITS: Final = {one: 1 << i for i, one in enumerate(layout.FORMATS)}
_LANGUAGES: Final = {str(one): 1 << i for i, one in enumerate(layout.LANGUAGES)}


def asked_of(snapshot: Snapshot, features: Features, context: Context, app: AppEntry) -> Asked:
    """Return the rules of one request.

    Args:
        snapshot: What the candidates come from.
        features: Language, opportunity and tags of the conversation.
        context: Formats, place, time, mutes and used-up campaigns.
        app: The asking app.
    """
    names = snapshot.names
    muted = (*app.blocked_advertisers, *context.blocked_advertisers)
    said = {match.tag for match in features.matches}
    topics = said
    if context.topics:
        declared = (snapshot.tag_number(canonical_tag(topic)) for topic in context.topics)
        topics = said.union(declared)
    blocked = {canonical_tag(topic) for topic in app.blocked_topics}
    return Asked(
        formats=_formats(features, context, app),
        language=_LANGUAGES[features.language],
        currency=number_of(names.currencies, app.currency),
        geo=number_of(names.geos, context.geo) if context.geo else -1,
        now=context.now_ms,
        reserve=app.reserve_micros,
        opportunity=features.opportunity_milli,
        muted={number_of(names.advertisers, one) for one in muted},
        spent={number_of(names.campaigns, one) for one in context.spent_campaigns},
        said=said,
        topics=topics,
        hosts=snapshot.host_notes(frozenset(blocked)) if blocked else None,
        judge=lambda ad: not blocked.isdisjoint(map(canonical_tag, snapshot.ad(ad).tags)),
        rates=_RATES,
    )


def _formats(features: Features, context: Context, app: AppEntry) -> int:
    """Return a bit for every format that opportunity, host and app allow."""
    allowed = formats_for(features.opportunity_milli / 1000).intersection(app.formats)
    if context.formats is not None:
        allowed = allowed.intersection(context.formats)
    return sum(_BITS[one] for one in allowed)


def number_of(names: Sequence[str], name: str) -> int:
    """Return the number of a name (they are sorted), or -1 if the snapshot does not know it."""
    at = bisect_left(names, name)
    return at if at < len(names) and names[at] == name else -1
