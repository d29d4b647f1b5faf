"""The state inside one serving process, safe against `kill -9`: memory, and a journal that it can be rebuilt from.

For conversations that are pinned to this process: it alone may grant, so it needs no trip to a shared state. A
granted ad and a closed conversation are on the disk before anybody is answered; after a restart holds, pauses,
caps, closed conversations and given answers are as they were. Spend is not: the ledger sets it anew, and until
it has, a budgeted campaign gets no ad.
"""

from __future__ import annotations

import logging
from typing import Final

import msgspec

from domain.errors import Unavailable
from domain.formats import COOLDOWN_MS
from fastpath.caps import CapKey
from fastpath.journal import Journal, Place
from fastpath.local import LocalReservation, Memory
from fastpath.reservation import Ask, Keys, Ruling, Verdict

log = logging.getLogger("parley.pinned")

_MOST: Final = 1_000_000


class Done(msgspec.Struct, frozen=True, tag="done", array_like=True):
    """A decision; the ask holds hashes instead of the host's ids, and only the answer that was given."""

    ask: Ask
    verdict: Verdict


class Over(msgspec.Struct, frozen=True, tag="over", array_like=True):
    """The end of a hold: settled, or given back together with its places in caps."""

    campaign_id: str
    request_id: str
    caps: tuple[CapKey, ...]


class Checkpoint(msgspec.Struct, frozen=True, tag="all", array_like=True):
    """All that was known when a file began."""

    memory: Memory


Entry = Done | Over | Checkpoint
_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(Entry).decode


class PinnedReservation:
    """Reservation of the one process that serves.

    Args:
        journal: Its journal; what the current file holds is taken in at once.
        cooldown_ms: Pause between two ads of one conversation.

    Attributes:
        allowed: Whether ads may be granted; whoever guards that this is the only process takes it away.
    """

    def __init__(self, journal: Journal, *, cooldown_ms: int = COOLDOWN_MS) -> None:
        self._journal = journal
        self._keys = Keys()
        self._state = LocalReservation(cooldown_ms=cooldown_ms, most=_MOST, keep=False)
        self.allowed = True
        for payload in journal.last():
            self._take_in(_decode(payload))
        for campaign in self._state.memory.campaigns.values():
            campaign.spent = None

    async def reserve(self, ask: Ask) -> Ruling:
        """Decide atomically; what was granted is on the disk when this returns.

        Raises:
            Unavailable: `state_unavailable`.
        """
        self._journal.check()
        if not self.allowed:
            raise Unavailable(
                "state_unavailable",
                "This process may not be the only one that serves; no ad is shown.",
            )
        mine = self._hashed(ask)
        ruling = await self._state.reserve(mine)
        written = not ruling.repeated and (bool(ruling.answer) or ask.final)
        if written:
            kept = {ruling.verdict: ruling.answer}
            done = Done(
                msgspec.structs.replace(mine, answers=kept, overruled=(b"", b""), offer=b""),
                ruling.verdict,
            )
            self._journal.append(_encode(done))
        if ruling.verdict is Verdict.GRANTED or ask.sensitive:
            # Also for a repeated answer: the first one may still be on its way to the disk.
            await self._journal.durable()
        if self._journal.full:
            await self._journal.rotate(lambda: _encode(Checkpoint(self._state.memory)))
        return ruling

    async def settle(
        self, campaign_id: str, request_id: str, *, spent_micros: int, day: str
    ) -> bool:
        """Replace a hold by what was spent; False if there was no hold (any more)."""
        self._journal.append(_encode(Over(campaign_id, request_id, ())))
        return await self._state.settle(campaign_id, request_id, spent_micros=spent_micros, day=day)

    async def release(
        self, campaign_id: str, request_id: str, caps: tuple[CapKey, ...] = ()
    ) -> bool:
        """Give back what a grant took that never reached the host: its hold, and its place in caps."""
        self._journal.append(_encode(Over(campaign_id, request_id, caps)))
        return await self._state.release(campaign_id, request_id, caps)

    async def set_spent(
        self, campaign_id: str, *, total_micros: int, day: str, daily_micros: int
    ) -> None:
        """Set the counters of a campaign to what the ledger says."""
        await self._state.set_spent(
            campaign_id, total_micros=total_micros, day=day, daily_micros=daily_micros
        )

    async def held(self, campaign_id: str, *, now_ms: int, day: str) -> tuple[int, int]:
        """Return the micros held for open offers of a campaign, in all and of one day."""
        return await self._state.held(campaign_id, now_ms=now_ms, day=day)

    async def decisions(
        self, place: Place, most: int
    ) -> tuple[list[tuple[str, Verdict, bytes]], Place]:
        """Return (request id, verdict, record) of decisions behind a place, and the place after them."""
        await self._journal.durable()
        found = []
        for payload, after in self._journal.read(place):
            place = after
            entry = _decode(payload)
            if isinstance(entry, Done):
                found.append((entry.ask.request_id, entry.verdict, entry.ask.record))
                if len(found) >= most:
                    break
        return found, place

    def drop_before(self, place: Place) -> None:
        """Delete files that nobody reads any more."""
        self._journal.drop_before(place.file)

    async def close(self) -> None:
        """Write what waits and let go of the journal."""
        await self._journal.close()

    def _hashed(self, ask: Ask) -> Ask:
        scope = (ask.app_id, ask.conversation_id)
        return msgspec.structs.replace(
            ask,
            app_id="",
            conversation_id=self._keys.conversation("c", *scope),
            message_id=self._keys.conversation("m", *scope, ask.message_id),
        )

    def _take_in(self, entry: Entry) -> None:
        if isinstance(entry, Checkpoint):
            self._state.memory = entry.memory
        elif isinstance(entry, Done):
            self._state.apply(entry.ask, entry.verdict)
        else:
            campaign = self._state.memory.campaigns.get(entry.campaign_id)
            if campaign is not None:
                campaign.let_go(entry.request_id)
            for cap in entry.caps:
                _, grants = self._state.memory.caps.get(cap.key, (0, {}))
                grants.pop(entry.request_id, None)
