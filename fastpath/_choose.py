# cython: boundscheck=True, wraparound=False, initializedcheck=False, nonecheck=True, cdivision=True
"""The inner loop of the choice: gather candidates, judge, score, keep the best and price one, over flat arrays.

One source, compiled or not (types: `_choose.pxd`). All sums are integers; `Market.safe` says whether they
fit 64 bits for every ad of the snapshot, so that both forms give the same result.
"""

from __future__ import annotations

from array import array
from typing import Any

from fastpath._columns import Columns

try:
    import cython
except ImportError:  # Cython is a build tool; plain Python needs only its names
    from fastpath import _nocython as cython

_PPM = 1_000_000
_RPM = (
    1_000_000  # weight of a CPM ad of average quality: a thousandth of an impression, per billion
)
_SCALE = 1_000
#: Most an ad's tags and meaning together can say, parts per million.
_MOST_RELEVANCE = 3_000_000
#: What the first, second… tag of an ad adds of what it says, per mille; the last stands for all further ones.
_SHARES = (1_000, 700, 500, 350, 250, 175, 125, 100)
_LAST_SHARE = 7
#: Reason numbers, in the order of `eligibility.REASONS`.
_TOO_WEAK = 14
_PACED = 15
_BELOW_RESERVE = 16
_HOUSE = 17
_REASON_COUNT = 18


def _sums(count: int) -> Any:
    """Return a row of zeros: 64-bit where compiled, without limit in plain Python."""
    return array("q", bytes(8 * count)) if cython.compiled else [0] * count


class Scratch:
    """Rows that one selection works on; no two selections ever share one."""

    def __init__(self, cap: int, size: int) -> None:
        self.cap = cap
        self.size = size
        self.epoch = 0
        self.table = array("q", bytes(8 * size))
        self.index = array("i", bytes(4 * size))
        self.ads = array("i", bytes(4 * cap))
        self.places = array("i", bytes(4 * cap))
        self.reasons = array("i", bytes(4 * cap))
        self.hits = array("i", bytes(4 * cap))
        self.lowest = array("i", bytes(4 * cap + 4))
        self.relevance = _sums(cap)
        self.rates = _sums(cap)
        self.weights = _sums(cap)
        self.floors = _sums(cap)
        self.scores = _sums(cap + 1)


class Selection:
    """What came out.

    Attributes:
        best: (score, ad, position of its tag, click rate, bid, weight, reserve, relevance, advertiser), in
            no order: at least the wanted number of best ones, with all that tie. Position -1: found by
            meaning alone.
        dropped: The same with the reason number for the score, lowest ads first.
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


class Market(Columns):
    """The columns of one snapshot, and the selection among its ads.

    Args:
        tables: The snapshot, see `Columns`.
    """

    def __init__(self, tables: Any) -> None:
        Columns.__init__(self, tables)
        self.pool: list[Any] = []

    def select(self, sources: Any, similar: Any, asked: Any, cap: Any, kept: Any) -> Any:
        """Return the `Selection` among the ads of some tags and those found by meaning.

        Args:
            sources: (−relevance in parts per million, tag, form), most relevant first.
            similar: (ad, relevance in parts per million).
            asked: See `Asked`.
            cap: Most candidates to look at.
            kept: How many of the best and of the dropped are wanted.
        """
        total = len(similar)
        for _, tag, _ in sources:
            total += self.post_offsets[tag + 1] - self.post_offsets[tag]
        cap = min(cap, total)
        # A call back into Python may let another thread in: it must find these rows gone.
        work = self.pool.pop() if self.pool else None
        if work is None or work.cap < cap or work.size < 2 * total:
            size = 1_024
            while size < 2 * total:
                size *= 2
            work = Scratch(max(cap, 256), size)
        found = self._select(work, sources, similar, asked, cap, min(kept, cap))
        self.pool.append(work)
        return found

    def first(self, asked: Any) -> int:
        """Return the first ad of the snapshot that may be shown, or -1."""
        for ad in range(len(self.bid)):
            if self.why_not(ad, asked) == 0:
                return ad
        return -1

    def gather(self, work: Any, sources: Any, similar: Any, cap: Any) -> Any:  # noqa: C901
        """Write each ad once, in order of its best tag, with what all its tags say; returns (count, cut).

        The table holds the ad of a slot beside the number of the selection that wrote it, so that it need not
        be cleared.
        """
        table = work.table
        index = work.index
        ads = work.ads
        hits = work.hits
        relevance = work.relevance
        mask = work.size - 1
        work.epoch += 1
        stamp = work.epoch << 32
        count = 0
        cut = 0
        place = 0
        for value, tag, _ in sources:
            said = -value
            for k in range(self.post_offsets[tag], self.post_offsets[tag + 1]):
                ad = self.post_ads[k]
                at = (ad * 40_503) & mask
                while table[at] >= stamp and table[at] != stamp + ad:
                    at = (at + 1) & mask
                if table[at] < stamp:
                    table[at] = stamp + ad
                    index[at] = count if count < cap else -1
                    if count >= cap:
                        cut += 1
                        continue
                    ads[count] = ad
                    work.places[count] = place
                    hits[count] = 1
                    relevance[count] = said
                    count += 1
                elif index[at] >= 0:
                    i = index[at]
                    share = _SHARES[hits[i] if hits[i] < _LAST_SHARE else _LAST_SHARE]
                    relevance[i] += said * share // 1_000
                    hits[i] += 1
            place += 1
        for ad, said in similar:
            if ad < 0 or ad >= len(self.bid):
                continue
            at = (ad * 40_503) & mask
            while table[at] >= stamp and table[at] != stamp + ad:
                at = (at + 1) & mask
            if table[at] < stamp:
                table[at] = stamp + ad
                index[at] = count if count < cap else -1
                if count >= cap:
                    cut += 1
                    continue
                ads[count] = ad
                work.places[count] = -1
                relevance[count] = said
                count += 1
            elif index[at] >= 0 and said > relevance[index[at]]:
                # What an ad's text says of the turn already counts the words of its tags.
                relevance[index[at]] = said
        return count, cut

    def judge(self, work: Any, count: Any, asked: Any) -> Any:
        """Write reason, rate, weight and reserve of each candidate; returns (paid, house) that may be shown."""
        desk = asked.desk
        test = asked.test
        ads = work.ads
        paid = 0
        free = 0
        for i in range(count):
            ad = ads[i]
            said = work.relevance[i]
            said = min(max(said, 1), _MOST_RELEVANCE)
            work.relevance[i] = said
            work.rates[i] = work.weights[i] = work.floors[i] = 0
            reason = self.why_not(ad, asked)
            if reason == 0 and not test:
                if said < desk.floor:
                    reason = _TOO_WEAK
                elif (self.pace[ad] < _PPM or asked.paces is not None) and not self.takes_part(
                    ad, asked
                ):
                    reason = _PACED
            if reason == 0:
                rate = desk.rates[self.format[ad]] * said // _PPM
                rate = rate * (500 + asked.opportunity) // 1_000
                rate = max(rate, 1)
                clicks = self.model[ad] == 0
                weight = (rate * _SCALE if clicks else _RPM) * self.quality[ad] // _PPM
                if asked.keep is not None:
                    kept = asked.keep.get(self.campaign[ad])
                    if kept is not None:
                        weight = weight * kept // _PPM
                work.rates[i] = rate
                work.weights[i] = max(weight, 1)
                if not self.house[ad] and not test:
                    floor = desk.reserve if clicks else (desk.reserve * rate + 999) // 1_000
                    work.floors[i] = floor
                if self.bid[ad] < work.floors[i]:
                    reason = _BELOW_RESERVE
                elif self.house[ad]:
                    free += 1
                else:
                    paid += 1
            work.reasons[i] = reason
        return paid, free

    def _select(  # noqa: C901 - one pass over rows that only live here
        self, work: Any, sources: Any, similar: Any, asked: Any, cap: Any, kept: Any
    ) -> Any:
        count, cut = self.gather(work, sources, similar, cap)
        paid, free = self.judge(work, count, asked)
        ads = work.ads
        reasons = work.reasons
        weights = work.weights
        scores = work.scores
        lowest = work.lowest
        if paid and free:
            for i in range(count):
                if reasons[i] == 0 and self.house[ads[i]]:
                    reasons[i] = _HOUSE
        counts = [0] * _REASON_COUNT
        top = 0
        low = 0
        for i in range(count):
            reason = reasons[i]
            if reason == 0:
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
                counts[reason] += 1
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
                best.append((
                    score, ad, work.places[i], work.rates[i], self.bid[ad], weights[i], work.floors[i],
                    work.relevance[i], self.advertiser[ad],
                ))  # fmt: skip
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
            bid = self.bid[ad] if reasons[i] >= _BELOW_RESERVE else 0
            dropped.append((
                reasons[i], ad, work.places[i], work.rates[i], bid, weights[i], work.floors[i],
                work.relevance[i], self.advertiser[ad],
            ))  # fmt: skip
        return Selection(best, dropped, counts, paid if paid else free, cut, (first, owner, other))

    def named(self, rows: Any, most: Any, sources: Any, reasons: Any, kind: Any) -> Any:
        """Return the first rows of a selection as `kind`: (ad, its id, reason, …, form, relevance).

        Args:
            rows: Of `Selection`.
            most: How many.
            sources: As for `select`.
            reasons: Reason by its number, for dropped rows; None for ranked ones.
            kind: `types.Scored`.
        """
        out: list[Any] = []
        for row in rows:
            if len(out) >= most:
                break
            place = row[2]
            form = sources[place][2] if place >= 0 else -1
            reason = None if reasons is None else reasons[row[0]]
            out.append(
                kind(
                    row[1], self.ad_id(row[1]), reason, row[3], row[4], row[5], row[6], form, row[7]
                )
            )
        return tuple(out)

    def price(self, ranked: Any, rank: Any, rest: Any) -> Any:
        """Return what GSP and VCG charge the ad at a rank for a single slot.

        The same as `auction.position.price_at`, whose formulas these are with one slot: there the multiplier
        cancels.

        Args:
            ranked: Rows of `Selection.best`, best first.
            rank: Whose price.
            rest: `Selection.rest`.
        """
        _, _, _, _, bid, weight, floor, _, advertiser = ranked[rank]
        following = -1
        for place in range(rank + 1, len(ranked)):
            row = ranked[place]
            if row[8] != advertiser:
                following = row[0]
                break
        if following < 0:
            following = rest[0] if rest[1] != advertiser else rest[2]
        following = max(following, 0)
        gsp = min(bid, max(floor, (following + weight - 1) // weight))
        least = max(following, floor * weight)
        vcg = least // weight
        twice = 2 * (least - vcg * weight)
        if twice > weight or (twice == weight and vcg % 2):
            vcg += 1
        return gsp, min(bid, vcg)
