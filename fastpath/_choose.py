# cython: boundscheck=True, wraparound=False, initializedcheck=False, nonecheck=True, cdivision=True
"""The inner loop of the choice: gather candidates, judge each, score, and keep the best, over flat arrays.

One source, compiled or not (types: `_choose.pxd`). All sums are integers; `Market.safe` says whether they
fit 64 bits for every ad of the snapshot, so that both forms give the same result.
"""

from __future__ import annotations

from array import array
from typing import Any

try:
    import cython
except ImportError:  # Cython is a build tool; plain Python needs only its names
    from fastpath import _nocython as cython

_PPM = 1_000_000
_RPM = (
    1_000_000  # weight of a CPM ad of average quality: a thousandth of an impression, per billion
)
_SCALE = 1_000
_MOST_RESERVE = 1 << 40
_MOST_SCORE = 1 << 62
#: Highest click rate the priors can give, times the thousand of the weight scale.
_MOST_UNITS = 37_500_000


def _sums(count: int) -> Any:
    """Return a row of zeros: 64-bit where compiled, without limit in plain Python."""
    return array("q", bytes(8 * count)) if cython.compiled else [0] * count


class Asked:
    """What one request allows, as numbers.

    Attributes:
        formats: Bit per format. language: bit of the language. currency, geo: numbers, -1 = none.
        now: UTC milliseconds. reserve: host's price per click. opportunity: thousandths.
        muted, spent, said: Advertisers, campaigns and tags. topics: tags of declared topics, and said.
        hosts: One byte per ad, 0 = not known, 1 = fits the host's blocked topics, 2 = does not; or None.
        judge: Looks an unknown one up.
        rates: Base click rate per format, parts per million.
    """

    def __init__(
        self, *, formats: int, language: int, currency: int, geo: int, now: int, reserve: int,
        opportunity: int, muted: set[int], spent: set[int], said: set[int], topics: set[int],
        hosts: bytearray | None, judge: Any, rates: tuple[int, ...],
    ) -> None:  # fmt: skip
        self.formats = formats
        self.language = language
        self.currency = currency
        self.geo = geo
        self.now = now
        self.reserve = reserve
        self.opportunity = opportunity
        self.muted = muted
        self.spent = spent
        self.said = said
        self.topics = topics
        self.hosts = hosts
        self.judge = judge
        self.rates = array("q", rates)


class Selection:
    """What came out.

    Attributes:
        best: (score, ad, position of its tag, click rate, bid, weight, reserve), in no order: at least
            the wanted number of best ones, with all that tie.
        dropped: (ad, reason number, position, click rate, bid, weight, reserve), lowest ads first.
        counts: How many were dropped, by reason number.
        eligible, cut: How many could be shown; how many were not looked at.
        rest: Best score outside `best`, its advertiser, and the best of any other advertiser; -1 = none.
    """

    def __init__(
        self, best: Any, dropped: Any, counts: Any, eligible: int, cut: int, rest: Any
    ) -> None:
        self.best: list[tuple[int, ...]] = best
        self.dropped: list[tuple[int, ...]] = dropped
        self.counts: list[int] = counts
        self.eligible: int = eligible
        self.cut: int = cut
        self.rest: tuple[int, int, int] = rest


class Market:
    """The columns of one snapshot that the choice reads.

    Args:
        tables: Object with the arrays of `layout.ARRAYS` as attributes.
    """

    def __init__(self, tables: Any) -> None:
        self.post_offsets = memoryview(tables.post_offsets)
        self.post_ads = memoryview(tables.post_ads)
        self.bid = memoryview(tables.ad_bid)
        self.quality = memoryview(tables.ad_quality)
        self.model = memoryview(tables.ad_model)
        self.format = memoryview(tables.ad_format)
        self.house = memoryview(tables.ad_house)
        self.currency = memoryview(tables.ad_currency)
        self.campaign = memoryview(tables.ad_campaign)
        self.advertiser = memoryview(tables.ad_advertiser)
        self.starts = memoryview(tables.ad_starts)
        self.ends = memoryview(tables.ad_ends)
        self.languages = memoryview(tables.ad_languages)
        self.geo_offsets = memoryview(tables.ad_geo_offsets)
        self.geos = memoryview(tables.ad_geos)
        self.negative_offsets = memoryview(tables.ad_negative_offsets)
        self.negatives = memoryview(tables.ad_negatives)
        self.topic_offsets = memoryview(tables.ad_topic_offsets)
        self.topics = memoryview(tables.ad_topics)
        bid = int(tables.ad_bid.max()) if len(tables.ad_bid) else 0
        quality = int(tables.ad_quality.max()) if len(tables.ad_quality) else 0
        self.most = bid * max(1, _MOST_UNITS * quality // _PPM)

    def safe(self, reserve: int) -> bool:
        """Return whether no sum can leave 64 bits."""
        return bool(self.most < _MOST_SCORE and 0 <= reserve < _MOST_RESERVE)

    def why_not(self, ad: Any, asked: Any) -> Any:  # noqa: C901 - one rule after the other
        """Return the number of the first rule that forbids an ad, 0 if none does.

        1 format, 2 language, 3 currency, 4 schedule, 5 place, 6 budget, 7 blocked, 8 negative tag.
        """
        if not (asked.formats >> self.format[ad]) & 1:
            return 1
        if not self.languages[ad] & asked.language:
            return 2
        if self.currency[ad] != asked.currency:
            return 3
        if asked.now < self.starts[ad] or asked.now >= self.ends[ad]:
            return 4
        if self.geo_offsets[ad] < self.geo_offsets[ad + 1]:
            fits = False
            for k in range(self.geo_offsets[ad], self.geo_offsets[ad + 1]):
                if self.geos[k] == asked.geo:
                    fits = True
            if not fits:
                return 5
        if asked.spent and self.campaign[ad] in asked.spent:
            return 6
        if asked.muted and self.advertiser[ad] in asked.muted:
            return 7
        for k in range(self.topic_offsets[ad], self.topic_offsets[ad + 1]):
            if self.topics[k] in asked.topics:
                return 7
        if asked.hosts is not None:
            if asked.hosts[ad] == 0:
                asked.hosts[ad] = 2 if asked.judge(ad) else 1
            if asked.hosts[ad] == 2:
                return 7
        for k in range(self.negative_offsets[ad], self.negative_offsets[ad + 1]):
            if self.negatives[k] in asked.said:
                return 8
        return 0

    def gather(self, tags: Any, total: Any, cap: Any, ads: Any, places: Any) -> Any:
        """Write each ad of the tags once, in order, with the place of its tag; returns (count, cut)."""
        size = 16
        while size < 2 * total:
            size *= 2
        seen = array("i", bytes(4 * size))
        count = 0
        cut = 0
        for place in range(len(tags)):
            tag = tags[place]
            for k in range(self.post_offsets[tag], self.post_offsets[tag + 1]):
                ad = self.post_ads[k]
                at = (ad * 40_503) & (size - 1)
                while seen[at] and seen[at] != ad + 1:
                    at = (at + 1) & (size - 1)
                if seen[at]:
                    continue
                seen[at] = ad + 1
                if count < cap:
                    ads[count] = ad
                    places[count] = place
                    count += 1
                else:
                    cut += 1
        return count, cut

    def select(self, tags: Any, relevance: Any, asked: Any, cap: int, kept: int) -> Any:
        """Return the `Selection` among the ads of some tags.

        Args:
            tags: Tag numbers, most relevant first.
            relevance: Parts per million, beside them.
            asked: See `Asked`.
            cap: Most candidates to look at.
            kept: How many of the best and of the dropped are wanted.
        """
        return self._select(tags, relevance, asked, cap, kept)

    def _select(  # noqa: C901 - one pass over rows that only live here
        self, tags: Any, relevance: Any, asked: Any, cap: Any, kept: Any
    ) -> Any:
        total = 0
        for tag in tags:
            total += self.post_offsets[tag + 1] - self.post_offsets[tag]
        cap = min(cap, total)
        kept = min(kept, cap)
        ads = array("i", bytes(4 * cap))
        places = array("i", bytes(4 * cap))
        reasons = array("i", bytes(4 * cap))
        rates = _sums(cap)
        weights = _sums(cap)
        floors = _sums(cap)
        count, cut = self.gather(tags, total, cap, ads, places)
        paid = 0
        free = 0
        for i in range(count):
            ad = ads[i]
            reason = self.why_not(ad, asked)
            if reason == 0:
                rate = asked.rates[self.format[ad]] * relevance[places[i]] // _PPM
                rate = rate * (500 + asked.opportunity) // 1_000
                rate = rate if rate > 1 else 1
                clicks = self.model[ad] == 0
                units = rate * _SCALE if clicks else _RPM
                weight = units * self.quality[ad] // _PPM
                rates[i] = rate
                weights[i] = weight if weight > 1 else 1
                if not self.house[ad]:
                    floors[i] = asked.reserve if clicks else (asked.reserve * rate + 999) // 1_000
                if self.bid[ad] < floors[i]:
                    reason = 9
                elif self.house[ad]:
                    free += 1
                else:
                    paid += 1
            reasons[i] = reason
        if paid and free:
            for i in range(count):
                if reasons[i] == 0 and self.house[ads[i]]:
                    reasons[i] = 10
        eligible = paid if paid else free
        scores = _sums(kept + 1)
        lowest = array("i", bytes(4 * (kept + 1)))
        counts = [0] * 11
        top = 0
        low = 0
        for i in range(count):
            if reasons[i] == 0:
                score = self.bid[ads[i]] * weights[i]
                if top < kept:
                    top += 1
                elif score <= scores[top - 1]:
                    continue
                j = top - 1
                while j > 0 and scores[j - 1] < score:
                    scores[j] = scores[j - 1]
                    j -= 1
                scores[j] = score
            else:
                counts[reasons[i]] += 1
                if low < kept:
                    low += 1
                elif ads[i] >= ads[lowest[low - 1]]:
                    continue
                j = low - 1
                while j > 0 and ads[lowest[j - 1]] > ads[i]:
                    lowest[j] = lowest[j - 1]
                    j -= 1
                lowest[j] = i
        threshold = scores[top - 1] if top else 0
        best = []
        first = other = -1
        owner = -1
        for i in range(count):
            if reasons[i] != 0:
                continue
            ad = ads[i]
            score = self.bid[ad] * weights[i]
            if score >= threshold:
                best.append((score, ad, places[i], rates[i], self.bid[ad], weights[i], floors[i]))
            elif score > first:
                if self.advertiser[ad] != owner:
                    other = first
                first = score
                owner = self.advertiser[ad]
            elif score > other and self.advertiser[ad] != owner:
                other = score
        dropped = []
        for j in range(low):
            i = lowest[j]
            ad = ads[i]
            bid = self.bid[ad] if reasons[i] > 8 else 0
            dropped.append((ad, reasons[i], places[i], rates[i], bid, weights[i], floors[i]))
        return Selection(best, dropped, counts, eligible, cut, (first, owner, other))
