# cython: boundscheck=True, wraparound=False, initializedcheck=False, nonecheck=False, cdivision=True
"""What the choice reads of a snapshot and of a request, as numbers, and the rules that forbid an ad.

One source, compiled or not (types: `_columns.pxd`); `_choose.Market` builds on it.
"""

from __future__ import annotations

from array import array
from typing import Any

import numpy as np

from auction.pacing import key_of, seed_of
from fastpath import layout
from fastpath._ids import Packed
from fastpath.types import Reason

#: Reason behind each number of `Columns.why_not` and of a selection.
REASONS: tuple[Reason | None, ...] = (
    None, Reason.FORMAT_NOT_ALLOWED, Reason.LANGUAGE, Reason.CURRENCY, Reason.SCHEDULE, Reason.WEEKDAY,
    Reason.GEO, Reason.DEVICE, Reason.APP_NOT_ALLOWED, Reason.BLOCKED, Reason.MUTED, Reason.NEGATIVE_TAG,
    Reason.BUDGET, Reason.FREQUENCY, Reason.RELEVANCE, Reason.PACED, Reason.BELOW_RESERVE, Reason.HOUSE,
)  # fmt: skip
_PPM = 1_000_000
_MASK = (1 << 64) - 1
#: Multipliers of splitmix64's finaliser, as in `auction.pacing`.
_FIRST = 0xBF58476D1CE4E5B9
_SECOND = 0x94D049BB133111EB
_MOST_KEYS = 16_384
_MOST_RESERVE = 1 << 40
_MOST_SCORE = 1 << 62
#: Highest click rate the priors can give (2.5 %, a relevance of 3, the best opportunity), times 1,000.
_MOST_UNITS = 112_500_000
_EVERY_DEVICE = (1 << len(layout.DEVICES)) - 1


#: Kinds of conditions that a rule may have, a bit each.
_TIMES, _DAYS, _GEOS, _DEVICES, _APPS, _TOPICS, _NEGATIVES = 1, 2, 4, 8, 16, 32, 64


def kinds_of(tables: Any) -> Any:
    """Return which kinds of conditions each rule has, uint8: most have one, and the rest need not be read."""
    found = (tables.rule_starts > layout.LONG_AGO) | (tables.rule_ends < layout.FAR_AHEAD)
    kinds = _TIMES * found.astype(np.uint8)
    kinds |= _DAYS * (tables.rule_weekdays != layout.EVERY_DAY).astype(np.uint8)
    kinds |= _DEVICES * (tables.rule_devices != _EVERY_DEVICE).astype(np.uint8)
    for bit, name in (
        (_GEOS, "geo"), (_APPS, "app"), (_APPS, "app_block"), (_TOPICS, "topic"), (_NEGATIVES, "negative"),
    ):  # fmt: skip
        lengths = np.diff(getattr(tables, f"rule_{name}_offsets"))
        kinds |= bit * (lengths > 0).astype(np.uint8)
    return kinds


def bits_of(column: Any) -> Any:
    """Return a bit for each entry of a column, the first lowest, uint8."""
    return np.packbits(column, bitorder="little")


class Desk:
    """What one app always asks, as numbers.

    Attributes:
        entry: Of the app. own: whether it is the snapshot's. safe: no sum can leave 64 bits.
        formats: A bit each.
        currency, app: Numbers, -1 = none. reserve: price per click. floor: least relevance.
        barred: Advertisers it blocks. welcome: the only ones it takes, or None.
        hosts: One byte per ad, 0 = not known, 1 = fits the host's blocked topics, 2 = does not; or None.
        judge: Looks an unknown one up.
        rates: Base click rate per format, parts per million.
    """

    def __init__(
        self, *, entry: Any, own: bool, safe: bool, formats: int, currency: int, app: int, reserve: int,
        floor: int, barred: Any, welcome: Any, hosts: Any, judge: Any, rates: tuple[int, ...],
    ) -> None:  # fmt: skip
        self.entry = entry
        self.own = own
        self.safe = safe
        self.formats = formats
        self.currency = currency
        self.app = app
        self.reserve = reserve
        self.floor = floor
        self.barred = barred
        self.welcome = welcome
        self.hosts = hosts
        self.judge = judge
        self.rates = array("q", rates)


class Asked:
    """What one request allows, as numbers. Sets and lookups that would be empty are None.

    Attributes:
        desk: Of the asking app. formats: bit per format. language: bit of the language.
        geo: Number of the place, -1 = unknown. device, day: a bit each; device 0 = unknown.
        now: UTC milliseconds. opportunity: thousandths.
        topics: Tags of topics the host declared. muted: advertisers the user muted.
        mutes: (IAB topics, tags) the user muted.
        closed: Campaign → reason number why it stands back. keep: campaign → 1 − fatigue.
        matches: Tags that stand in the conversation; near, far: bits of their numbers, so that most other tags
            are told at a glance. `Market.listen` fills them. said: the same tags as a set, made when needed.
        paces: Campaign → share of auctions as known now, where it differs from the snapshot's.
        used: Those of them that played a part.
        seed: Request's part of the pacing draw, made from `request_id` when first needed.
        test: Ask for a test ad: nothing about money or pace counts.
    """

    def __init__(self) -> None:
        self.desk: Any = None
        self.formats = self.language = self.device = self.day = self.now = self.opportunity = 0
        self.geo = -1
        self.topics: set[int] | None = None
        self.muted: set[int] | None = None
        self.mutes: tuple[set[int], set[int]] | None = None
        self.closed: dict[int, int] | None = None
        self.keep: dict[int, int] | None = None
        self.paces: dict[int, int] | None = None
        self.used: dict[int, int] | None = None
        self.request_id = ""
        self.seed: int | None = None
        self.test = False
        self.matches: tuple[Any, ...] = ()
        self.near = self.far = 0
        self.said: set[int] | None = None

    def heard(self, tag: Any) -> Any:
        """Return whether a tag stands in the conversation."""
        if not (self.near >> (tag & 63)) & (self.far >> ((tag >> 6) & 63)) & 1:
            return False
        if self.said is None:
            self.said = {match.tag for match in self.matches}
        return tag in self.said


class Columns:
    """The columns of one snapshot, and what is kept from request to request.

    Args:
        tables: The snapshot: the arrays of `layout.ARRAYS` and the names as attributes.

    Attributes:
        desks: App id → what it always asks; live: (shares by campaign id, the same by
            number). Both are kept by `_decide`. places: number of each place.
    """

    def __init__(self, tables: Any) -> None:
        self.tag_words = memoryview(tables.tag_words)
        self.tag_weight = memoryview(tables.tag_weight)
        self.post_offsets = memoryview(tables.post_offsets)
        self.post_ads = memoryview(tables.post_ads)
        self.bid = memoryview(tables.ad_bid)
        self.quality = memoryview(tables.ad_quality)
        self.format = memoryview(tables.ad_format)
        self.currency = memoryview(tables.ad_currency)
        self.campaign = memoryview(tables.ad_campaign)
        self.advertiser = memoryview(tables.ad_advertiser)
        self.starts = memoryview(tables.rule_starts)
        self.ends = memoryview(tables.rule_ends)
        self.languages = memoryview(tables.ad_languages)
        self.devices = memoryview(tables.rule_devices)
        self.weekdays = memoryview(tables.rule_weekdays)
        self.pace = memoryview(tables.ad_pace)
        self.geo_offsets = memoryview(tables.rule_geo_offsets)
        self.geos = memoryview(tables.rule_geos)
        self.app_offsets = memoryview(tables.rule_app_offsets)
        self.apps = memoryview(tables.rule_apps)
        self.app_block_offsets = memoryview(tables.rule_app_block_offsets)
        self.app_blocks = memoryview(tables.rule_app_blocks)
        self.content_offsets = memoryview(tables.rule_content_offsets)
        self.contents = memoryview(tables.rule_contents)
        self.tag_offsets = memoryview(tables.ad_tag_offsets)
        self.tags = memoryview(tables.ad_tags)
        self.negative_offsets = memoryview(tables.rule_negative_offsets)
        self.negatives = memoryview(tables.rule_negatives)
        self.topic_offsets = memoryview(tables.rule_topic_offsets)
        self.topics = memoryview(tables.rule_topics)
        self.rule = memoryview(tables.ad_rule)
        # A bit an ad, so that those of a hundred thousand stay in the nearest cache.
        self.house_bits = memoryview(bits_of(tables.ad_house))
        self.view_bits = memoryview(bits_of(tables.ad_model))
        self.kinds = memoryview(kinds_of(tables))
        self.id_offsets = memoryview(tables.id_offsets)
        self.id_blob = memoryview(tables.id_blob)
        self.packed = Packed(tables.id_prefix, tables.id_blob) if tables.id_prefix else None
        bid = int(tables.ad_bid.max()) if len(tables.ad_bid) else 0
        quality = int(tables.ad_quality.max()) if len(tables.ad_quality) else 0
        self.most = bid * max(1, _MOST_UNITS * quality // _PPM)
        self.names = tables.names
        self.keys: dict[int, int] = {}
        self.desks: dict[str, Any] = {}
        self.live: Any = None
        self.places = {name: i for i, name in enumerate(tables.names.geos)}

    def safe(self, reserve: int) -> bool:
        """Return whether no sum can leave 64 bits."""
        return bool(self.most < _MOST_SCORE and 0 <= reserve < _MOST_RESERVE)

    def ad_id(self, ad: Any) -> str:
        """Return the id of an ad."""
        if self.packed is None:
            return str(self.id_blob[self.id_offsets[ad] : self.id_offsets[ad + 1]], "utf-8")
        return self.packed.text(ad)

    def why_not(self, ad: Any, asked: Any) -> Any:  # noqa: C901 - one rule after the other
        """Return the number of the first rule that forbids an ad, 0 if none does.

        1 format, 2 language, 3 currency; by `out_of_place` 4 schedule, 5 weekday, 6 place, 7 device, 8 app,
        9 blocked, 11 negative tag; then 9 blocked, 10 muted; by `asked.closed` 12 budget, 13 frequency.
        """
        desk = asked.desk
        if not (asked.formats >> self.format[ad]) & 1:
            return 1
        if not self.languages[ad] & asked.language:
            return 2
        if self.currency[ad] != desk.currency:
            return 3
        rule = self.rule[ad]
        if rule:
            reason = self.out_of_place(rule, asked)
            if reason:
                return reason
        if desk.barred is not None and self.advertiser[ad] in desk.barred:
            return 9
        if desk.welcome is not None and self.advertiser[ad] not in desk.welcome:
            return 9
        if desk.hosts is not None:
            if desk.hosts[ad] == 0:
                desk.hosts[ad] = 2 if desk.judge(ad) else 1
            if desk.hosts[ad] == 2:
                return 9
        if asked.muted is not None and self.advertiser[ad] in asked.muted:
            return 10
        if asked.mutes is not None and self.is_muted(ad, asked):
            return 10
        if asked.closed is not None:
            return asked.closed.get(self.campaign[ad], 0)
        return 0

    def out_of_place(self, rule: Any, asked: Any) -> Any:  # noqa: C901 - one rule after the other
        """Return the number of the first condition of a rule that forbids an ad here and now."""
        kinds = self.kinds[rule]
        if kinds & _TIMES and (asked.now < self.starts[rule] or asked.now >= self.ends[rule]):
            return 4
        if kinds & _DAYS and not self.weekdays[rule] & asked.day:
            return 5
        if kinds & _GEOS:
            fits = False
            for k in range(self.geo_offsets[rule], self.geo_offsets[rule + 1]):
                if self.geos[k] == asked.geo:
                    fits = True
            if not fits:
                return 6
        if kinds & _DEVICES and not self.devices[rule] & asked.device:
            return 7
        if kinds & _APPS and self.is_closed(rule, asked.desk.app):
            return 8
        if kinds & _TOPICS:
            for k in range(self.topic_offsets[rule], self.topic_offsets[rule + 1]):
                if asked.heard(self.topics[k]):
                    return 9
                if asked.topics is not None and self.topics[k] in asked.topics:
                    return 9
        if kinds & _NEGATIVES:
            for k in range(self.negative_offsets[rule], self.negative_offsets[rule + 1]):
                if asked.heard(self.negatives[k]):
                    return 11
        return 0

    def fetch(self, ads: Any, count: Any) -> Any:
        """Read ahead what most rules of some ads hold: nothing waits for it, so one wait does for all.

        Args:
            ads: Their numbers, int32.
            count: How many of them.

        Returns:
            What the compiler must not leave out.
        """
        seen = 0
        last = len(self.negatives) - 1
        for i in range(count):
            rule = self.rule[ads[i]]
            seen ^= self.kinds[rule] ^ self.negative_offsets[rule]
        if last >= 0:
            for i in range(count):
                k = self.negative_offsets[self.rule[ads[i]]]
                seen ^= self.negatives[min(k, last)]
        return seen

    def is_closed(self, rule: Any, app: Any) -> Any:
        """Return whether a rule keeps an ad out of an app: it names others, or this one as blocked."""
        fits = self.app_offsets[rule] == self.app_offsets[rule + 1]
        for k in range(self.app_offsets[rule], self.app_offsets[rule + 1]):
            if self.apps[k] == app:
                fits = True
        for k in range(self.app_block_offsets[rule], self.app_block_offsets[rule + 1]):
            if self.app_blocks[k] == app:
                fits = False
        return not fits

    def is_house(self, ad: Any) -> Any:
        """Return whether an ad is the house's own."""
        return self.house_bits[ad >> 3] >> (ad & 7) & 1

    def is_per_view(self, ad: Any) -> Any:
        """Return whether an ad bids per thousand impressions, not per click."""
        return self.view_bits[ad >> 3] >> (ad & 7) & 1

    def is_muted(self, ad: Any, asked: Any) -> Any:
        """Return whether an ad has a tag or topic that the user muted."""
        contents, tags = asked.mutes
        rule = self.rule[ad]
        for k in range(self.content_offsets[rule], self.content_offsets[rule + 1]):
            if self.contents[k] in contents:
                return True
        for k in range(self.tag_offsets[ad], self.tag_offsets[ad + 1]):  # noqa: SIM110 - compiled
            if self.tags[k] in tags:
                return True
        return False

    def takes_part(self, ad: Any, asked: Any) -> Any:
        """Return what `auction.pacing.takes_part` says of the ad's campaign at its share."""
        campaign = self.campaign[ad]
        share = self.pace[ad]
        if asked.paces is not None:
            known = asked.paces.get(campaign)
            if known is not None:
                if share < _PPM or known < _PPM:
                    if asked.used is None:
                        asked.used = {}
                    asked.used[campaign] = known
                share = known
        if share >= _PPM:
            return True
        key = self.keys.get(campaign)
        if key is None:
            if len(self.keys) >= _MOST_KEYS:
                self.keys.clear()
            key = self.keys[campaign] = key_of(self.names.campaigns[campaign])
        if asked.seed is None:
            asked.seed = seed_of(asked.request_id)
        z = asked.seed
        k = key
        z = z ^ k
        z = ((z ^ (z >> 30)) * _FIRST) & _MASK
        z = ((z ^ (z >> 27)) * _SECOND) & _MASK
        z = z ^ (z >> 31)
        drawn = (z >> 32) * _PPM >> 32
        return drawn < share
