"""The same state inside one process: for the command line, tests, and conversations pinned to a worker."""

from __future__ import annotations

from collections import OrderedDict
from typing import Final, TypeVar

import msgspec

from domain.formats import COOLDOWN_MS
from fastpath.caps import CapKey
from fastpath.reservation import SHOWN_CAMPAIGNS, STICKY_TTL_MS, Ask, Ruling, Verdict

_REMEMBERED: Final = 100_000
#: Verdicts after which another candidate may be tried.
_TRY_ANOTHER: Final = frozenset({Verdict.BUDGET, Verdict.FREQUENCY})
_NEVER_AN_AD: Final = frozenset({Verdict.REFUSED, Verdict.SENSITIVE})
_K = TypeVar("_K")
_V = TypeVar("_V")


class _Campaign(msgspec.Struct):
    """Counters of one campaign; `spent` stays None until the ledger has set it."""

    spent: int | None = None
    daily: dict[str, int] = {}
    holds: dict[str, tuple[int, str, int]] = {}

    def held(self, day: str | None = None) -> int:
        """Return held micros, of one day or in all."""
        return sum(m for m, when, _ in self.holds.values() if day is None or when == day)

    def drop_expired(self, now_ms: int) -> None:
        """Give back holds of offers that have expired."""
        for request_id in [r for r, hold in self.holds.items() if hold[2] <= now_ms]:
            del self.holds[request_id]


class LocalReservation:
    """Reservation in memory. No call awaits anything, so each is atomic on one event loop.

    Args:
        cooldown_ms: Pause between two ads of one conversation.
        unmetered: Treat a campaign without a counter as having spent nothing; for offline use, where
            no ledger exists. Serving leaves it off.

    Attributes:
        decisions: (request id, verdict, record) of what was decided, oldest first.
        offers: Open offers by request id.
    """

    def __init__(self, *, cooldown_ms: int = COOLDOWN_MS, unmetered: bool = False) -> None:
        self._cooldown_ms = cooldown_ms
        self._unmetered = unmetered
        self._answers: OrderedDict[tuple[str, str, str], tuple[Verdict, bytes]] = OrderedDict()
        self._last: OrderedDict[tuple[str, str], int] = OrderedDict()
        self._sticky: OrderedDict[tuple[str, str], int] = OrderedDict()
        self._campaigns: dict[str, _Campaign] = {}
        self._caps: OrderedDict[str, dict[str, int]] = OrderedDict()
        self._shown: OrderedDict[tuple[str, str], dict[str, int]] = OrderedDict()
        self.decisions: list[tuple[str, Verdict, bytes]] = []
        self.offers: dict[str, bytes] = {}

    async def reserve(self, ask: Ask) -> Ruling:
        """Decide atomically; see `Reservation`."""
        idem = (ask.app_id, ask.conversation_id, ask.message_id)
        scope = idem[:2]
        if ask.sensitive:
            _remember(self._sticky, scope, ask.now_ms + STICKY_TTL_MS)
        seen = self._answers.get(idem)
        # A message may be edited, or sent again after the conversation has turned: no ad is repeated then.
        turned = self._sticky.get(scope, 0) > ask.now_ms
        if seen is not None and not (turned and seen[0] not in _NEVER_AN_AD):
            return Ruling(seen[0], seen[1], True)
        verdict, cap = self._verdict(ask, scope) if ask.wants_ad else (Verdict.REFUSED, "")
        if verdict in _TRY_ANOTHER and not ask.final:
            return Ruling(verdict, b"", False, cap=cap, shown=self._shown_in(scope))
        if verdict is Verdict.GRANTED:
            self._grant(ask, scope)
        answer = ask.answers.get(verdict, b"")
        _remember(self._answers, idem, (verdict, answer))
        self.decisions.append((ask.request_id, verdict, ask.record))
        return Ruling(verdict, answer, False, cap=cap, shown=self._shown_in(scope))

    async def settle(
        self, campaign_id: str, request_id: str, *, spent_micros: int, day: str
    ) -> bool:
        """Replace a hold by what was spent; False if there was no hold (any more)."""
        campaign = self._of(campaign_id)
        hold = campaign.holds.pop(request_id, None)
        if spent_micros > 0 and campaign.spent is not None:
            campaign.spent += spent_micros
            campaign.daily[day] = campaign.daily.get(day, 0) + spent_micros
        return hold is not None

    async def release(
        self, campaign_id: str, request_id: str, caps: tuple[CapKey, ...] = ()
    ) -> bool:
        """Give back what a grant took that never reached the host: its hold, and its place in caps."""
        for cap in caps:
            self._caps.get(cap.key, {}).pop(request_id, None)
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
        return campaign.held(), campaign.held(day)

    def _verdict(self, ask: Ask, scope: tuple[str, str]) -> tuple[Verdict, str]:
        if self._sticky.get(scope, 0) > ask.now_ms:
            return Verdict.SENSITIVE, ""
        last = self._last.get(scope)
        if last is not None and ask.now_ms < last + self._cooldown_ms:
            return Verdict.COOLDOWN, ""
        for cap in ask.caps:
            if self._counted(cap, ask.now_ms) >= cap.limit:
                return Verdict.FREQUENCY, cap.scope.value
        return (self._budget(ask) if _capped(ask) else Verdict.GRANTED), ""

    def _counted(self, cap: CapKey, now_ms: int) -> int:
        """Return how many grants lie in a cap's window; those in the future count too."""
        grants = self._caps.get(cap.key)
        if not grants:
            return 0
        since = now_ms - cap.window_ms
        for request_id in [one for one, at in grants.items() if at <= since]:
            del grants[request_id]
        return len(grants)

    def _grant(self, ask: Ask, scope: tuple[str, str]) -> None:
        _remember(self._last, scope, ask.now_ms)
        self.offers[ask.request_id] = ask.offer
        if _capped(ask):
            hold = (ask.hold_micros, ask.day, ask.hold_expires_ms)
            self._of(ask.campaign_id).holds[ask.request_id] = hold
        for cap in ask.caps:
            grants = self._caps.get(cap.key, {})
            grants[ask.request_id] = ask.now_ms
            _remember(self._caps, cap.key, grants)
        seen = self._shown.get(scope, {})
        if ask.campaign_id in seen or len(seen) < SHOWN_CAMPAIGNS:
            seen[ask.campaign_id] = seen.get(ask.campaign_id, 0) + 1
        _remember(self._shown, scope, seen)

    def _shown_in(self, scope: tuple[str, str]) -> tuple[tuple[str, int], ...]:
        return tuple(self._shown.get(scope, {}).items())

    def _budget(self, ask: Ask) -> Verdict:
        campaign = self._of(ask.campaign_id)
        if campaign.spent is None:
            if not self._unmetered:
                return Verdict.STATE_UNAVAILABLE
            campaign.spent = 0
        campaign.drop_expired(ask.now_ms)
        total = campaign.spent + campaign.held() + ask.hold_micros
        daily = campaign.daily.get(ask.day, 0) + campaign.held(ask.day) + ask.hold_micros
        over_total = ask.budget_total_micros is not None and total > ask.budget_total_micros
        over_daily = ask.budget_daily_micros is not None and daily > ask.budget_daily_micros
        return Verdict.BUDGET if over_total or over_daily else Verdict.GRANTED

    def _of(self, campaign_id: str) -> _Campaign:
        return self._campaigns.setdefault(campaign_id, _Campaign())


def _capped(ask: Ask) -> bool:
    limits = (ask.budget_total_micros, ask.budget_daily_micros)
    return ask.hold_micros > 0 and any(limit is not None for limit in limits)


def _remember(store: OrderedDict[_K, _V], key: _K, value: _V) -> None:
    """Keep a value; forget the oldest when there are too many."""
    store[key] = value
    store.move_to_end(key)
    if len(store) > _REMEMBERED:
        store.popitem(last=False)
