# cython: boundscheck=True, wraparound=False, initializedcheck=False, nonecheck=True, cdivision=True
"""The inner loop of the choice: gather candidates, judge, score and keep the best, over flat arrays.

One source, compiled or not (types: `_choose.pxd`). All sums are integers; `Market.safe` says whether they
fit 64 bits for every ad of the snapshot, so that both forms give the same result. What divides stands in
the loops as a number: the compiler then multiplies.
"""

from __future__ import annotations

from array import array
from typing import Any

from fastpath._columns import Columns

try:
    import cython
except ImportError:  # Cython is a build tool; plain Python needs only its names
    from fastpath import _nocython as cython

#: Weight of a CPM ad of average quality: a thousandth of an impression, per billion.
_RPM = 1_000_000
#: Most an ad's tags and meaning together can say, parts per million.
_MOST_RELEVANCE = 3_000_000
#: What the first, second… tag of an ad adds of what it says, per mille; the last stands for all further ones.
_SHARES = array("q", (1_000, 700, 500, 350, 250, 175, 125, 100))
_LAST_SHARE = 7
#: Reason numbers, in the order of `_columns.REASONS`.
_TOO_WEAK = 14
_PACED = 15
_BELOW_RESERVE = 16
_HOUSE = 17
_REASON_COUNT = 18


def _sums(count: int) -> Any:
    """Return a row of zeros: 64-bit where compiled, without limit in plain Python."""
    return array("q", bytes(8 * count)) if cython.compiled else [0] * count


def _row(count: int) -> Any:
    return array("i", bytes(4 * count))


class Scratch:
    """Rows that one selection works on; no two selections ever share one.

    Attributes:
        values, tags, forms: Tags that bring candidates, the most telling first, with what each says (parts per
            million) and its form; heard: how many.
        ads, places, …, totals: Of each candidate: its number, which tag brought it in (-1: its meaning), …, score.
        order: Rows of the best candidates, best first; top: how many.
        lowest: Rows of the dropped with the lowest ad numbers; low: how many.
        counts: Dropped candidates by reason number. eligible, cut: who may be shown; who was not looked at.
        first, owner, other: Best score outside `order`, its advertiser, the best of any other one; -1 = none.
    """

    def __init__(self) -> None:
        self.epoch = self.heard = self.top = self.low = self.eligible = self.cut = 0
        self.first = self.owner = self.other = -1
        self.counts = _row(_REASON_COUNT)
        self.hear(64)
        self.hold(256, 1_024)

    def hear(self, room: int) -> None:
        """Make room for so many tags."""
        self.room = room
        self.values = _sums(room)
        self.tags = _row(room)
        self.forms = _row(room)

    def hold(self, cap: int, size: int) -> None:
        """Make room for so many candidates, and slots to find them in."""
        self.cap = cap
        self.size = size
        self.table = array("q", bytes(8 * size))
        self.index = _row(size)
        self.ads = _row(cap)
        self.places = _row(cap)
        self.reasons = _row(cap)
        self.hits = _row(cap)
        self.order = _row(cap + 1)
        self.lowest = _row(cap + 1)
        self.bids = _sums(cap)
        self.relevance = _sums(cap)
        self.rates = _sums(cap)
        self.weights = _sums(cap)
        self.floors = _sums(cap)
        self.totals = _sums(cap)


class Market(Columns):
    """The columns of one snapshot, and the selection among its ads.

    Args:
        tables: The snapshot, see `Columns`.
    """

    def __init__(self, tables: Any) -> None:
        Columns.__init__(self, tables)
        self.pool: list[Any] = []

    def take(self) -> Any:
        """Return rows to work on; `give` them back.

        A call back into Python may let another thread in: it must find these rows gone.
        """
        return self.pool.pop() if self.pool else Scratch()

    def give(self, work: Any) -> Any:
        """Take rows back."""
        self.pool.append(work)
        return None

    def first(self, asked: Any) -> int:
        """Return the first ad of the snapshot that may be shown, or -1."""
        for ad in range(len(self.bid)):
            if self.why_not(ad, asked) == 0:
                return ad
        return -1

    def listen(self, work: Any, matches: Any, declared: Any, asked: Any) -> Any:
        """Write down every tag that brings candidates, the most telling first, then by tag and form.

        Args:
            work: Where to.
            matches: Of the conversation.
            declared: Tag → relevance of topics the host declared, or None; form −1.
            asked: Learns which tags stand in the conversation.
        """
        most = len(matches) + (0 if declared is None else len(declared))
        if most > work.room:
            work.hear(most)
        work.heard = 0
        near = far = 0
        bit = 1
        for match in matches:
            tag = match.tag
            near |= bit << (tag & 63)
            far |= bit << ((tag >> 6) & 63)
            if match.asked:
                words = self.tag_words[tag]
                age = match.age
                # Per mille: what a tag of so many words says, and what is left of it after so many user turns.
                value = 700 if words < 2 else 900 if words == 2 else 1_000
                value = value * (
                    1_000 if age < 1 else 600 if age == 1 else 400 if age == 2 else 300
                )
                value = value * self.tag_weight[tag] // 1_000_000
                if declared is not None:
                    value = max(value, declared.pop(tag, 0))
                self.put(work, value, tag, match.form)
        asked.matches = matches
        asked.near = near
        asked.far = far
        if declared is not None:
            for tag, value in declared.items():
                self.put(work, value, tag, -1)
        return None

    def put(self, work: Any, value: Any, tag: Any, form: Any) -> Any:
        """Write one tag down where it belongs."""
        values = work.values
        tags = work.tags
        forms = work.forms
        j = work.heard
        work.heard += 1
        while j > 0:
            k = j - 1
            if values[k] > value:
                break
            if values[k] == value and (tags[k] < tag or (tags[k] == tag and forms[k] <= form)):
                break
            values[j] = values[k]
            tags[j] = tags[k]
            forms[j] = forms[k]
            j = k
        values[j] = value
        tags[j] = tag
        forms[j] = form
        return 0

    def gather(self, work: Any, similar: Any, cap: Any) -> Any:  # noqa: C901 - one probe, two kinds of source
        """Write each ad once, in order of its best tag, with what all its tags say; returns how many.

        The table holds the ad of a slot beside the number of the selection that wrote it, so that it need not
        be cleared.
        """
        table = work.table
        index = work.index
        relevance = work.relevance
        hits = work.hits
        mask = work.size - 1
        work.epoch += 1
        work.cut = 0
        stamp = work.epoch << 32
        count = 0
        for place in range(work.heard):
            tag = work.tags[place]
            said = work.values[place]
            for k in range(self.post_offsets[tag], self.post_offsets[tag + 1]):
                ad = self.post_ads[k]
                at = (ad * 40_503) & mask
                while table[at] >= stamp and table[at] != stamp + ad:
                    at = (at + 1) & mask
                if table[at] < stamp:
                    table[at] = stamp + ad
                    index[at] = self.enter(work, count, ad, place, said, cap)
                    if index[at] >= 0:
                        count += 1
                elif index[at] >= 0:
                    i = index[at]
                    share = _SHARES[hits[i] if hits[i] < _LAST_SHARE else _LAST_SHARE]
                    relevance[i] += said * share // 1_000
                    hits[i] += 1
        for ad, said in similar:
            if ad < 0 or ad >= len(self.bid):
                continue
            at = (ad * 40_503) & mask
            while table[at] >= stamp and table[at] != stamp + ad:
                at = (at + 1) & mask
            if table[at] < stamp:
                table[at] = stamp + ad
                index[at] = self.enter(work, count, ad, -1, said, cap)
                if index[at] >= 0:
                    count += 1
            elif index[at] >= 0 and said > relevance[index[at]]:
                # What an ad's text says of the turn already counts the words of its tags.
                relevance[index[at]] = said
        return count

    def enter(self, work: Any, count: Any, ad: Any, place: Any, said: Any, cap: Any) -> Any:
        """Write a candidate down in row `count` and return it, or count it as cut and return -1."""
        if count >= cap:
            work.cut += 1
            return -1
        work.ads[count] = ad
        work.places[count] = place
        work.hits[count] = 1
        work.relevance[count] = said
        # Reading it here, with nothing waiting for it, brings the ad's whole row near.
        work.bids[count] = self.bid[ad]
        return count

    def judge(self, work: Any, count: Any, asked: Any) -> Any:  # noqa: C901 - one rule after the other
        """Write reason, rate, weight, reserve and score of each candidate; returns whether any paid ad is left."""
        desk = asked.desk
        test = asked.test
        reasons = work.reasons
        paid = 0
        free = 0
        moment = 500 + asked.opportunity
        for i in range(count):
            ad = work.ads[i]
            said = min(max(work.relevance[i], 1), _MOST_RELEVANCE)
            work.relevance[i] = said
            rate = weight = floor = 0
            reason = self.why_not(ad, asked)
            if reason == 0 and not test:
                if said < desk.floor:
                    reason = _TOO_WEAK
                elif (self.pace[ad] < 1_000_000 or asked.paces is not None) and not self.takes_part(
                    ad, asked
                ):
                    reason = _PACED
            if reason == 0:
                rate = desk.rates[self.format[ad]] * said // 1_000_000
                rate = max(rate * moment // 1_000, 1)
                clicks = self.model[ad] == 0
                weight = (rate * 1_000 if clicks else _RPM) * self.quality[ad] // 1_000_000
                if asked.keep is not None:
                    kept = asked.keep.get(self.campaign[ad])
                    if kept is not None:
                        weight = weight * kept // 1_000_000
                weight = max(weight, 1)
                if not self.house[ad] and not test:
                    floor = desk.reserve if clicks else (desk.reserve * rate + 999) // 1_000
                work.totals[i] = work.bids[i] * weight
                if work.bids[i] < floor:
                    reason = _BELOW_RESERVE
                elif self.house[ad]:
                    free += 1
                else:
                    paid += 1
            work.rates[i] = rate
            work.weights[i] = weight
            work.floors[i] = floor
            reasons[i] = reason
        work.eligible = paid if paid else free
        if paid and free:
            for i in range(count):
                if reasons[i] == 0 and self.house[work.ads[i]]:
                    reasons[i] = _HOUSE
        return 0

    def select(self, work: Any, similar: Any, asked: Any, cap: Any, kept: Any) -> Any:
        """Fill `work` with the candidates: at least `kept` of the best, with all that tie, and of the dropped."""
        total = len(similar)
        for j in range(work.heard):
            tag = work.tags[j]
            total += self.post_offsets[tag + 1] - self.post_offsets[tag]
        cap = min(cap, total)
        if work.cap < cap or work.size < 2 * total:
            size = 1_024
            while size < 2 * total:
                size *= 2
            work.hold(max(cap, 256), size)
        count = self.gather(work, similar, cap)
        self.judge(work, count, asked)
        self.sift(work, count, min(kept, cap))
        return None

    def sift(self, work: Any, count: Any, kept: Any) -> Any:  # noqa: C901 - one pass over rows in work
        """Order the best by score, the dropped by ad; ties stay together and are broken later."""
        totals = work.totals
        order = work.order
        reasons = work.reasons
        ads = work.ads
        lowest = work.lowest
        hits = work.hits
        top = low = 0
        for i in range(_REASON_COUNT):
            work.counts[i] = 0
        for i in range(count):
            reason = reasons[i]
            if reason == 0:
                if top < kept:
                    top += 1
                elif totals[i] <= totals[order[top - 1]]:
                    continue
                else:
                    hits[order[top - 1]] = 1
                hits[i] = -1
                j = top - 1
                while j > 0 and totals[order[j - 1]] < totals[i]:
                    order[j] = order[j - 1]
                    j -= 1
                order[j] = i
            else:
                work.counts[reason] += 1
                if low < kept:
                    low += 1
                elif ads[i] >= ads[lowest[low - 1]]:
                    continue
                j = low - 1
                while j > 0 and ads[lowest[j - 1]] > ads[i]:
                    lowest[j] = lowest[j - 1]
                    j -= 1
                lowest[j] = i
        work.low = low
        work.first = work.owner = work.other = -1
        least = totals[order[top - 1]] if top else 0
        for i in range(count):
            if reasons[i] != 0 or hits[i] < 0:
                continue
            if totals[i] == least:
                order[top] = i
                top += 1
            else:
                self.leave(work, totals[i], self.advertiser[ads[i]])
        work.top = top
        return 0

    def leave(self, work: Any, total: Any, owner: Any) -> Any:
        """Remember what a candidate outside the best may mean for their price."""
        if total > work.first:
            if owner != work.owner:
                work.other = work.first
            work.first = total
            work.owner = owner
        elif total > work.other and owner != work.owner:
            work.other = total
        return 0
