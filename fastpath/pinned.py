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
from fastpath._trip import names
from fastpath.caps import CapKey
from fastpath.journal import Journal, Place
from fastpath.local import LocalReservation, Memory
from fastpath.reservation import TRY_ANOTHER, Ask, Ruling, Verdict

log = logging.getLogger("parley.pinned")

_MOST: Final = 1_000_000
#: What stands before hashed names, in memory and in the journal.
_TALK: Final = "parley:c:"
_MESSAGE: Final = "parley:m:"


class Done(msgspec.Struct, frozen=True, tag="done", array_like=True):
    """A granted ad; the ask holds hashes instead of the host's ids, and only the answer that was given.

    Other verdicts stand in journals that were written before there was `NoAd`.
    """

    ask: Ask
    verdict: Verdict


class NoAd(msgspec.Struct, frozen=True, gc=False, tag="no", array_like=True):
    """A decision that granted nothing: what a restart and whoever keeps it need of it.

    Attributes:
        conversation, message: Hashed names, as in the asks of `Done`.
        closed_ms: When its conversation was found sensitive, if it was.
    """

    conversation: str
    message: str
    request_id: str
    verdict: Verdict
    answer: bytes
    record: bytes
    closed_ms: int | None


class Over(msgspec.Struct, frozen=True, tag="over", array_like=True):
    """The end of a hold: settled, or given back together with its places in caps."""

    campaign_id: str
    request_id: str
    caps: tuple[CapKey, ...]


class Checkpoint(msgspec.Struct, frozen=True, tag="all", array_like=True):
    """All that was known when a file began."""

    memory: Memory


Entry = Done | NoAd | Over | Checkpoint
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
        journal = self._journal
        journal.check()
        if not self.allowed:
            raise Unavailable(
                "state_unavailable",
                "This process may not be the only one that serves; no ad is shown.",
            )
        talk, message = names(ask.app_id, ask.conversation_id, ask.message_id)
        talk, message = _TALK + talk, _MESSAGE + message
        ruling = self._state.take(ask, ("", talk), message)
        verdict = ruling.verdict
        if not ruling.repeated and (ask.final or verdict not in TRY_ANOTHER):
            journal.append(_encode(_entry(ask, talk, message, verdict, ruling.answer)))
        if verdict is Verdict.GRANTED or ask.sensitive:
            # Also for a repeated answer: the first one may still be on its way to the disk.
            await journal.durable()
        if journal.full:
            await journal.rotate(lambda: _encode(Checkpoint(self._state.memory)))
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
            if isinstance(entry, Done | NoAd):
                made = entry.ask if isinstance(entry, Done) else entry
                found.append((made.request_id, entry.verdict, made.record))
                if len(found) >= most:
                    break
        return found, place

    def drop_before(self, place: Place) -> None:
        """Delete files that nobody reads any more."""
        self._journal.drop_before(place.file)

    async def close(self) -> None:
        """Write what waits and let go of the journal."""
        await self._journal.close()

    def _take_in(self, entry: Entry) -> None:
        if isinstance(entry, Checkpoint):
            self._state.memory = entry.memory
        elif isinstance(entry, Done):
            self._state.restore(entry.ask, entry.verdict)
        elif isinstance(entry, NoAd):
            scope = "", entry.conversation
            self._state.said(scope, entry.message, entry.verdict, entry.answer, entry.closed_ms)
        else:
            campaign = self._state.memory.campaigns.get(entry.campaign_id)
            if campaign is not None:
                campaign.let_go(entry.request_id)
            for cap in entry.caps:
                _, grants = self._state.memory.caps.get(cap.key, (0, {}))
                grants.pop(entry.request_id, None)


def _entry(ask: Ask, talk: str, message: str, verdict: Verdict, answer: bytes) -> Done | NoAd:
    """Return what is written down of a decision, under hashed names."""
    if verdict is not Verdict.GRANTED:
        closed_ms = ask.now_ms if ask.sensitive else None
        return NoAd(talk, message, ask.request_id, verdict, answer, ask.record, closed_ms)
    kept = msgspec.structs.replace(
        ask, app_id="", conversation_id=talk, message_id=message, answers={verdict: answer},
        overruled=(b"", b""), offer=b"",
    )  # fmt: skip
    return Done(kept, verdict)
