# cython: boundscheck=True, wraparound=False, initializedcheck=False, nonecheck=False, cdivision=True
"""The inner loop of the choice: gather candidates, judge, score and keep the best, over flat arrays.

One source, compiled or not (types: `_choose.pxd`). All sums are integers; `Market.safe` says whether they
fit 64 bits for every ad of the snapshot, so that both forms give the same result. What divides stands in
the loops as a number: the compiler then multiplies.
"""

from __future__ import annotations

from array import array
from typing import Any

from fastpath._columns import REASONS, Columns
from fastpath._fields import Field
from fastpath.types import Match

try:
    import cython
except ImportError:  # Cython is a build tool; plain Python needs only its names
    from fastpath import _nocython as cython

if not cython.compiled:
    from fastpath._nocython import ahead, ahead_bytes, ahead_wide

_TAG, _FORM = Field(Match, "tag"), Field(Match, "form")
_AGE, _ASKED = Field(Match, "age"), Field(Match, "asked")
#: Weight of a CPM ad of average quality: a thousandth of an impression, per billion.
_RPM = 1_000_000
#: Most an ad's tags and meaning together can say, parts per million.
_MOST_RELEVANCE = 3_000_000
#: What the first, second… tag of an ad adds of what it says, per mille; the last stands for all further ones.
_SHARES = array("q", (1_000, 700, 500, 350, 250, 175, 125, 100))
_LAST_SHARE = 7
#: Per mille: what a tag of so many words says (three: and more), what is left of it after so many user turns.
_SAID = array("q", (700, 700, 900, 1_000))
_LEFT = array("q", (1_000, 600, 400, 300))
#: Reason numbers, in the order of `_columns.REASONS`.
_TOO_WEAK = 14
_PACED = 15
_BELOW_RESERVE = 16
_HOUSE = 17


def _sums(count: int) -> Any:
    """Return a row of zeros: 64-bit where compiled, without limit in plain Python."""
    return array("q", bytes(8 * count)) if cython.compiled else [0] * count


def _row(count: int) -> Any:
    return array("i", bytes(4 * count))


class Scratch:
    """Rows that one selection works on; no two selections ever share one.

    Attributes:
        values, tags, forms: Tags that bring candidates, the most telling first, with what each says (parts per
            million), its form and where its postings start and end; heard: how many.
        ads, places, …, totals: Of each candidate: its number, which tag brought it in (-1: its meaning), …, score.
        order: Rows of the best candidates, best first; top: how many.
        lowest: Rows of the dropped with the lowest ad numbers; low: how many.
        counts: Dropped candidates by reason number. eligible, cut: who may be shown; who was not looked at.
        first, owner, other: Best score outside `order`, its advertiser, the best of any other one; -1 = none.
    """

    def __init__(self) -> None:
        self.epoch = self.heard = self.count = self.top = self.low = self.eligible = 0
        self.cut = self.total = self.seen = 0
        self.first = self.owner = self.other = -1
        self.counts = _row(len(REASONS))
        self.hear(64)
        self.hold(256, 1_024)

    def hear(self, room: int) -> None:
        """Make room for so many tags."""
        self.room = room
        self.values = _sums(room)
        self.tags = _row(room)
        self.forms = _row(room)
        self.starts = _row(room)
        self.ends = _row(room)

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
        near = far = 0
        bit = 1
        heard = 0
        for match in matches:
            tag = _TAG.of(match)
            near |= bit << (tag & 63)
            far |= bit << ((tag >> 6) & 63)
            if _ASKED.of(match):
                age = _AGE.of(match)
                work.tags[heard] = tag
                work.forms[heard] = _FORM.of(match)
                work.values[heard] = _LEFT[min(max(age, 0), 3)]
                ahead_bytes(self.tag_words, tag)
                ahead(self.tag_weight, tag)
                ahead(self.post_offsets, tag)
                heard += 1
        asked.matches = matches
        asked.near = near
        asked.far = far
        work.heard = heard
        self.weigh(work)
        if declared is not None:
            self.declare(work, declared)
        self.sort(work)
        return None

    def weigh(self, work: Any) -> Any:
        """Write what each tag says; no read waits for another, so the processor waits for all at once."""
        for j in range(work.heard):
            tag = work.tags[j]
            words = self.tag_words[tag]
            work.values[j] = (
                work.values[j] * _SAID[min(words, 3)] * self.tag_weight[tag] // 1_000_000
            )
        return None

    def declare(self, work: Any, declared: Any) -> Any:
        """Add the topics that the host declared."""
        for j in range(work.heard):
            work.values[j] = max(work.values[j], declared.pop(work.tags[j], 0))
        for tag, value in declared.items():
            work.values[work.heard] = value
            work.tags[work.heard] = tag
            work.forms[work.heard] = -1
            work.heard += 1
        return None

    def sort(self, work: Any) -> Any:
        """Put the tags in order: they are few, and often nearly so."""
        for i in range(1, work.heard):
            value = work.values[i]
            tag = work.tags[i]
            form = work.forms[i]
            j = i
            while j > 0:
                k = j - 1
                if work.values[k] > value:
                    break
                if work.values[k] == value and (
                    work.tags[k] < tag or (work.tags[k] == tag and work.forms[k] <= form)
                ):
                    break
                work.values[j] = work.values[k]
                work.tags[j] = work.tags[k]
                work.forms[j] = work.forms[k]
                j = k
            work.values[j] = value
            work.tags[j] = tag
            work.forms[j] = form
        return None

    def follow(self, work: Any, cap: Any) -> Any:
        """Find the postings of the tags, count them, and read ahead what `cap` of their ads have.

        Nothing waits for what is read here, so the processor waits for many ads at once instead of one by one.
        """
        total = 0
        for j in range(work.heard):
            tag = work.tags[j]
            work.starts[j] = self.post_offsets[tag]
            work.ends[j] = self.post_offsets[tag + 1]
            ahead(self.post_ads, work.starts[j])
            total += work.ends[j] - work.starts[j]
        left = min(cap, total)
        for j in range(work.heard):
            start = work.starts[j]
            for k in range(start, min(work.ends[j], start + left)):
                ahead_wide(self.bid, self.post_ads[k])
            left -= min(left, work.ends[j] - start)
        work.total = total
        return None

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
            said = work.values[place]
            for k in range(work.starts[place], work.ends[place]):
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
        return count

    def judge(self, work: Any, asked: Any) -> Any:  # noqa: C901 - one rule after the other
        """Write reason, rate, weight, reserve and score of each candidate; returns whether any paid ad is left."""
        count = work.count
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
            work.bids[i] = self.bid[ad]
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
                clicks = not self.view_bits[ad >> 3] >> (ad & 7) & 1
                house = self.house_bits[ad >> 3] >> (ad & 7) & 1
                weight = (rate * 1_000 if clicks else _RPM) * self.quality[ad] // 1_000_000
                if asked.keep is not None:
                    kept = asked.keep.get(self.campaign[ad])
                    if kept is not None:
                        weight = weight * kept // 1_000_000
                weight = max(weight, 1)
                if not house and not test:
                    floor = desk.reserve if clicks else (desk.reserve * rate + 999) // 1_000
                work.totals[i] = work.bids[i] * weight
                if work.bids[i] < floor:
                    reason = _BELOW_RESERVE
                elif house:
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
                if reasons[i] == 0 and self.is_house(work.ads[i]):
                    reasons[i] = _HOUSE
        return 0

    def select(self, work: Any, similar: Any, asked: Any, cap: Any) -> Any:
        """Fill `work` with the candidates, each with its reason or its score; at most `cap`."""
        self.follow(work, cap)
        total = len(similar) + work.total
        cap = min(cap, total)
        if work.cap < cap or work.size < 2 * total:
            size = 1_024
            while size < 2 * total:
                size *= 2
            work.hold(max(cap, 256), size)
        work.count = self.gather(work, similar, cap)
        work.seen = self.fetch(work.ads, work.count)
        self.judge(work, asked)
        return None
