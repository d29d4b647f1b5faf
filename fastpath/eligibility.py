"""Why a candidate may not be shown: every rule in one place, cheapest first."""

from __future__ import annotations

from domain.catalogue import AppEntry
from domain.formats import formats_for
from fastpath import layout
from fastpath.snapshot import Snapshot
from fastpath.text import canonical_tag
from fastpath.types import Context, Features, Reason


class Rules:
    """The rules of one request, with all names already turned into numbers.

    Args:
        snapshot: What the candidates come from.
        features: Language, opportunity and tags of the conversation.
        context: Formats, place, time, mutes and used-up campaigns.
        app: The asking app.
    """

    def __init__(
        self, snapshot: Snapshot, features: Features, context: Context, app: AppEntry
    ) -> None:
        self._snapshot = snapshot
        names = snapshot.names
        asked = app.formats if context.formats is None else context.formats
        allowed = formats_for(features.opportunity_milli / 1000) & set(app.formats) & set(asked)
        self._formats = {layout.FORMATS.index(one) for one in allowed}
        self._language = 1 << [str(one) for one in layout.LANGUAGES].index(features.language)
        self._currency = _number(names.currencies, app.currency)
        self._geo = _number(names.geos, context.geo) if context.geo else None
        self._now = context.now_ms
        muted = {*app.blocked_advertisers, *context.blocked_advertisers}
        self._muted = {_number(names.advertisers, one) for one in muted}
        self._spent = {_number(names.campaigns, one) for one in context.spent_campaigns}
        self._said = {match.tag for match in features.matches}
        self._topics = {canonical_tag(topic) for topic in context.topics}
        self._blocked_topics = {canonical_tag(topic) for topic in app.blocked_topics}

    def why_not(self, ad: int) -> Reason | None:
        """Return the first rule that forbids an ad, or None."""
        snap = self._snapshot
        if int(snap.ad_format[ad]) not in self._formats:
            return Reason.FORMAT_NOT_ALLOWED
        if not int(snap.ad_languages[ad]) & self._language:
            return Reason.LANGUAGE
        if int(snap.ad_currency[ad]) != self._currency:
            return Reason.CURRENCY
        if not int(snap.ad_starts[ad]) <= self._now < int(snap.ad_ends[ad]):
            return Reason.SCHEDULE
        if not self._place_fits(ad):
            return Reason.GEO
        if int(snap.ad_campaign[ad]) in self._spent:
            return Reason.BUDGET
        return self._content_problem(ad)

    def _place_fits(self, ad: int) -> bool:
        """An ad bound to places is not shown where the place is unknown."""
        geos = self._snapshot.row(self._snapshot.ad_geo_offsets, self._snapshot.ad_geos, ad)
        return not geos or (self._geo is not None and self._geo in geos)

    def _content_problem(self, ad: int) -> Reason | None:
        snap = self._snapshot
        if int(snap.ad_advertiser[ad]) in self._muted:
            return Reason.BLOCKED
        topics = snap.row(snap.ad_topic_offsets, snap.ad_topics, ad)
        if any(tag in self._said or snap.tag(tag) in self._topics for tag in topics):
            return Reason.BLOCKED
        if self._blocked_topics and self._blocked_topics & set(
            map(canonical_tag, snap.ad(ad).tags)
        ):
            return Reason.BLOCKED
        negative = snap.row(snap.ad_negative_offsets, snap.ad_negatives, ad)
        return Reason.NEGATIVE_TAG if any(tag in self._said for tag in negative) else None


def _number(names: tuple[str, ...], name: str) -> int:
    """Return the number of a name, or -1 if the snapshot does not know it."""
    return names.index(name) if name in names else -1
