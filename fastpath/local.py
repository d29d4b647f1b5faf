"""The same state inside one process: for the command line, tests, and conversations pinned to a worker."""

from __future__ import annotations

from typing import Final, TypeVar

import msgspec

from domain.formats import COOLDOWN_MS
from fastpath.caps import CapKey
from fastpath.reservation import (
    SHOWN_CAMPAIGNS,
    STICKY_TTL_MS,
    TRY_ANOTHER,
    Ask,
    Ruling,
    Verdict,
)

_REMEMBERED: Final = 100_000
_NEVER_AN_AD: Final = frozenset({Verdict.REFUSED, Verdict.SENSITIVE})
_REFUSED: Final = (Verdict.REFUSED, "")
_K = TypeVar("_K")
_V = TypeVar("_V")
Scope = tuple[str, str]


class _Campaign(msgspec.Struct):
    """Counters of one campaign; `spent` stays None until the ledger has set it.

    Attributes:
        daily: Spent by day. holds: (micros, day, expiry) by request, in the order they were taken.
        held: Sum of the holds, in all under "", and by day.
    """

    spent: int | None = None
    daily: dict[str, int] = {}
    holds: dict[str, tuple[int, str, int]] = {}
    held: dict[str, int] = {}

    def hold(self, request_id: str, micros: int, day: str, expires_ms: int) -> None:
        """Take a hold."""
        self.holds[request_id] = micros, day, expires_ms
        self._count(micros, day)

    def let_go(self, request_id: str) -> bool:
        """Give a hold back; False if there is none."""
        found = self.holds.pop(request_id, None)
        if found is not None:
            self._count(-found[0], found[1])
        return found is not None

    def drop_expired(self, now_ms: int) -> None:
        """Give back holds of offers that have expired; the oldest stand first."""
        while self.holds:
            first = next(iter(self.holds))
            if self.holds[first][2] > now_ms:
                return
            self.let_go(first)

    def _count(self, micros: int, day: str) -> None:
        for key in ("", day):
            self.held[key] = self.held.get(key, 0) + micros
            if not self.held[key]:
                del self.held[key]


class Memory(msgspec.Struct):
    """What a process remembers; goes into a checkpoint as it is. All are in order of use, the latest last.

    Attributes:
        answers: (verdict, answer) by app, conversation and message.
        last: When a conversation was given its last ad. sticky: until when it is closed.
        campaigns: Counters and holds. caps: (window, time of each grant by request) by counter.
        shown: Grants by campaign, by conversation.
    """

    answers: dict[tuple[str, str, str], tuple[Verdict, bytes]] = {}
    last: dict[Scope, int] = {}
    sticky: dict[Scope, int] = {}
    campaigns: dict[str, _Campaign] = {}
    caps: dict[str, tuple[int, dict[str, int]]] = {}
    shown: dict[Scope, dict[str, int]] = {}


class LocalReservation:
    """Reservation in memory. No call awaits anything, so each is atomic on one event loop.

    Closed conversations and frequency counters are forgotten only when their time has passed: a process whose
    memory is full of them grants nothing, rather than forget one.

    Args:
        cooldown_ms: Pause between two ads of one conversation.
        unmetered: Offline use, where no ledger exists: a campaign without a counter has spent nothing, and
            whatever was not used for longest may be forgotten. Serving leaves it off.
        most: How many conversations, counters and answers are remembered.
        keep: Keep `decisions` and `offers`, which never end; for tests and files.

    Attributes:
        memory: All it knows.
        decisions: (request id, verdict, record) of what was decided, oldest first.
        offers: Offers by request id.
    """

    def __init__(
        self,
        *,
        cooldown_ms: int = COOLDOWN_MS,
        unmetered: bool = False,
        most: int = _REMEMBERED,
        keep: bool = True,
    ) -> None:
        self._cooldown_ms = cooldown_ms
        self._unmetered = unmetered
        self._most = most
        self._keep = keep
        self.memory = Memory()
        self.decisions: list[tuple[str, Verdict, bytes]] = []
        self.offers: dict[str, bytes] = {}

    async def reserve(self, ask: Ask) -> Ruling:
        """Decide atomically; see `Reservation`."""
        return self.take(ask, (ask.app_id, ask.conversation_id), ask.message_id)

    def take(self, ask: Ask, scope: Scope, message: str) -> Ruling:
        """Decide and take it in, under these names of conversation and message."""
        memory = self.memory
        if ask.sensitive:
            self._close(scope, ask.now_ms)
        name = (*scope, message)
        seen = memory.answers.get(name)
        # A message may be edited, or sent again after the conversation has turned: no ad is repeated then.
        if seen is not None and not (
            seen[0] not in _NEVER_AN_AD and memory.sticky.get(scope, 0) > ask.now_ms
        ):
            return Ruling(seen[0], seen[1], True)
        verdict, cap = self._verdict(ask, scope) if ask.wants_ad else _REFUSED
        if verdict in TRY_ANOTHER and not ask.final:
            return Ruling(verdict, b"", False, cap, self._shown_in(scope))
        if verdict is Verdict.GRANTED:
            self._grant(ask, scope)
        answer = ask.said(verdict)
        self._remember(memory.answers, name, (verdict, answer))
        if self._keep:
            self.decisions.append((ask.request_id, verdict, ask.record))
            if verdict is Verdict.GRANTED:
                self.offers[ask.request_id] = ask.offer
        return Ruling(verdict, answer, False, cap, self._shown_in(scope))

    def restore(self, ask: Ask, verdict: Verdict) -> None:
        """Take in again what was decided on a question before a restart."""
        scope = ask.app_id, ask.conversation_id
        if verdict is Verdict.GRANTED:
            self._grant(ask, scope)
        closed_ms = ask.now_ms if ask.sensitive else None
        self.said(scope, ask.message_id, verdict, ask.said(verdict), closed_ms)

    def said(
        self, scope: Scope, message: str, verdict: Verdict, answer: bytes, closed_ms: int | None
    ) -> None:
        """Remember an answer, and when its conversation was found sensitive, if it was."""
        if closed_ms is not None:
            self._close(scope, closed_ms)
        self._remember(self.memory.answers, (*scope, message), (verdict, answer))

    async def settle(
        self, campaign_id: str, request_id: str, *, spent_micros: int, day: str
    ) -> bool:
        """Replace a hold by what was spent; False if there was no hold (any more)."""
        campaign = self._of(campaign_id)
        held = campaign.let_go(request_id)
        if spent_micros > 0 and campaign.spent is not None:
            campaign.spent += spent_micros
            campaign.daily[day] = campaign.daily.get(day, 0) + spent_micros
        return held

    async def release(
        self, campaign_id: str, request_id: str, caps: tuple[CapKey, ...] = ()
    ) -> bool:
        """Give back what a grant took that never reached the host: its hold, and its place in caps."""
        for cap in caps:
            _, grants = self.memory.caps.get(cap.key, (0, {}))
            grants.pop(request_id, None)
        return await self.settle(campaign_id, request_id, spent_micros=0, day="")

    async def set_spent(
        self, campaign_id: str, *, total_micros: int, day: str, daily_micros: int
    ) -> None:
        """Set the counters of a campaign to what the ledger says."""
        campaign = self._of(campaign_id)
        campaign.spent = total_micros
        campaign.daily[day] = daily_micros

    async def held(self, campaign_id: str, *, now_ms: int, day: str) -> tuple[int, int]:
        """Return the micros held for open offers of a campaign, in all and of one day."""
        campaign = self._of(campaign_id)
        campaign.drop_expired(now_ms)
        return campaign.held.get("", 0), campaign.held.get(day, 0)

    def _verdict(self, ask: Ask, scope: Scope) -> tuple[Verdict, str]:
        if self.memory.sticky.get(scope, 0) > ask.now_ms:
            return Verdict.SENSITIVE, ""
        last = self.memory.last.get(scope)
        if last is not None and ask.now_ms < last + self._cooldown_ms:
            return Verdict.COOLDOWN, ""
        for cap in ask.caps:
            if self._counted(cap, ask.now_ms) >= cap.limit:
                return Verdict.FREQUENCY, cap.scope.value
        if self._full(ask):
            return Verdict.STATE_UNAVAILABLE, ""
        return (self._budget(ask) if _capped(ask) else Verdict.GRANTED), ""

    def _full(self, ask: Ask) -> bool:
        """Tell whether something would have to be forgotten whose time has not passed."""
        if self._unmetered:
            return False
        sticky, caps = self.memory.sticky, self.memory.caps
        while len(sticky) > self._most and sticky[next(iter(sticky))] <= ask.now_ms:
            del sticky[next(iter(sticky))]
        while len(caps) > self._most:
            window, grants = caps[next(iter(caps))]
            if max(grants.values(), default=0) + window > ask.now_ms:
                break
            del caps[next(iter(caps))]
        return len(sticky) > self._most or len(caps) > self._most

    def _counted(self, cap: CapKey, now_ms: int) -> int:
        """Return how many grants lie in a cap's window; those in the future count too."""
        _, grants = self.memory.caps.get(cap.key, (0, {}))
        since = now_ms - cap.window_ms
        # In the order of their grants: after a clock set back some stay a little longer.
        while grants and grants[first := next(iter(grants))] <= since:
            del grants[first]
        return len(grants)

    def _close(self, scope: Scope, now_ms: int) -> None:
        self._remember(self.memory.sticky, scope, now_ms + STICKY_TTL_MS, forget=self._unmetered)

    def _grant(self, ask: Ask, scope: Scope) -> None:
        self._remember(self.memory.last, scope, ask.now_ms)
        if _capped(ask):
            campaign = self._of(ask.campaign_id)
            campaign.hold(ask.request_id, ask.hold_micros, ask.day, ask.hold_expires_ms)
        for cap in ask.caps:
            _, grants = self.memory.caps.get(cap.key, (0, {}))
            grants[ask.request_id] = ask.now_ms
            counter = cap.window_ms, grants
            self._remember(self.memory.caps, cap.key, counter, forget=self._unmetered)
        seen = self.memory.shown.get(scope, {})
        if ask.campaign_id in seen or len(seen) < SHOWN_CAMPAIGNS:
            seen[ask.campaign_id] = seen.get(ask.campaign_id, 0) + 1
        self._remember(self.memory.shown, scope, seen)

    def _shown_in(self, scope: Scope) -> tuple[tuple[str, int], ...]:
        shown = self.memory.shown.get(scope)
        return tuple(shown.items()) if shown else ()

    def _remember(self, store: dict[_K, _V], key: _K, value: _V, *, forget: bool = True) -> None:
        """Keep a value as the latest; forget the oldest when there are too many, if that is allowed."""
        store.pop(key, None)
        store[key] = value
        if forget and len(store) > self._most:
            del store[next(iter(store))]

    def _budget(self, ask: Ask) -> Verdict:
        campaign = self._of(ask.campaign_id)
        if campaign.spent is None:
            if not self._unmetered:
                return Verdict.STATE_UNAVAILABLE
            campaign.spent = 0
        campaign.drop_expired(ask.now_ms)
        held = campaign.held
        total = campaign.spent + held.get("", 0) + ask.hold_micros
        daily = campaign.daily.get(ask.day, 0) + held.get(ask.day, 0) + ask.hold_micros
        over_total = ask.budget_total_micros is not None and total > ask.budget_total_micros
        over_daily = ask.budget_daily_micros is not None and daily > ask.budget_daily_micros
        return Verdict.BUDGET if over_total or over_daily else Verdict.GRANTED

    def _of(self, campaign_id: str) -> _Campaign:
        return self.memory.campaigns.setdefault(campaign_id, _Campaign())


def _capped(ask: Ask) -> bool:
    limits = (ask.budget_total_micros, ask.budget_daily_micros)
    return ask.hold_micros > 0 and any(limit is not None for limit in limits)
