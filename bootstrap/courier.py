"""Decisions on their way out of a local journal to the database.

They go into the stream that the worker keeps decisions from: writing them down is then the worker's time and not
the serving process's. The journal holds them until they are seen in the database. What does not get there in
time, because no worker runs or Redis has lost it, this process keeps itself.
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from sqlalchemy import Text, any_, bindparam, select
from sqlalchemy.dialects.postgresql import ARRAY

from bootstrap.decisions import keep
from bootstrap.services import Services
from domain.errors import NotFound, Unavailable
from fastpath.journal import Place
from fastpath.pinned import PinnedReservation
from fastpath.reservation import RedisReservation, Verdict
from measurement.tables import DecisionRow

log = logging.getLogger("parley.state")

#: Reading so many from the journal holds up whoever asks for an ad meanwhile, for about a millisecond.
BATCH: Final = 100
#: Batches under way at once; more wait in the journal.
_MOST: Final = 200
#: How often the database is asked what has arrived, and when it is waited for no longer.
_LOOK_SECONDS: Final = 1.0
_PATIENCE_SECONDS: Final = 10.0

#: One array and not a list of parameters: it may be long, and is another length each time.
_ARRIVED: Final = select(DecisionRow.id).where(
    DecisionRow.id == any_(bindparam("ids", type_=ARRAY(Text)))
)

Entry = tuple[str, Verdict, bytes]


@dataclass(frozen=True)
class _Batch:
    """Decisions under way, by request id; the place behind them; when they left."""

    entries: dict[str, Entry]
    after: Place
    since: float


class Courier:
    """Takes decisions from the journal of one process to the database.

    Args:
        services: The installation's parts.
        pinned: Whose journal it is.
        stream: Whose stream the worker reads.
        place_file: Where it is noted how far all are kept.
        patience_s: How long the worker may take.
    """

    def __init__(
        self,
        services: Services,
        pinned: PinnedReservation,
        stream: RedisReservation,
        place_file: Path,
        *,
        patience_s: float = _PATIENCE_SECONDS,
    ) -> None:
        self._services = services
        self._pinned = pinned
        self._stream = stream
        self._place_file = place_file
        self._patience_s = patience_s
        self._read = _read_place(place_file)
        self._under_way: deque[_Batch] = deque()
        self._looked = 0.0
        self._stepping = asyncio.Lock()

    async def step(self) -> int:
        """Take a batch out of the journal and note what has arrived; return how many were taken.

        Killed at any moment, what was not seen in the database leaves again and is kept once.
        """
        async with self._stepping:
            await self._look()
            if len(self._under_way) >= _MOST:
                return 0
            found, after = await self._pinned.decisions(self._read, BATCH)
            if not found:
                return 0
            await self._hand_on(found)
            entries = {entry[0]: entry for entry in found}
            self._under_way.append(_Batch(entries, after, _now()))
            self._read = after
            return len(found)

    async def kept(self, request_id: str) -> None:
        """Return when a decision is in the database: an event of it may come before the worker got to it.

        Raises:
            NotFound: if there is no such decision.
            Unavailable: if so many wait that it cannot be said yet; the event can be sent again.
        """
        if await self._arrived([request_id]):
            return
        while await self.step():
            pass
        async with self._stepping:
            batch = next((b for b in self._under_way if request_id in b.entries), None)
            if batch is not None:
                await self._keep([batch.entries[request_id]])
            elif len(self._under_way) >= _MOST:
                raise Unavailable(
                    "request_not_kept",
                    "Ad requests are still being written down; send the event again.",
                )
            elif not await self._arrived([request_id]):
                raise NotFound("request_not_found", f"There is no ad request {request_id[:40]!r}.")

    async def _hand_on(self, found: Sequence[Entry]) -> None:
        try:
            await self._stream.pass_on(found)
        except Unavailable:
            # Nobody may ever find them there: this process keeps them, and the next look says that they arrived.
            await self._keep(found)

    async def _look(self) -> None:
        """Let go of what has arrived in the order it left; keep what the worker was too late for."""
        if not self._under_way or _now() < self._looked + _LOOK_SECONDS:
            return
        self._looked = _now()
        arrived = await self._arrived([name for b in self._under_way for name in b.entries])
        late = self._looked - self._patience_s
        own = 0
        while self._under_way:
            batch = self._under_way[0]
            missing = batch.entries.keys() - arrived
            if missing and batch.since > late:
                break
            if missing:
                await self._keep([batch.entries[name] for name in missing])
                own += len(missing)
            _write_place(self._place_file, batch.after)
            self._under_way.popleft()
            self._pinned.drop_before(batch.after)
        if own:
            log.warning("no worker kept %d decisions in time: kept here; is one running?", own)

    async def _arrived(self, ids: Sequence[str]) -> set[str]:
        async with self._services.db.system() as session:
            return set(await session.scalars(_ARRIVED, {"ids": list(ids)}))

    async def _keep(self, entries: Sequence[Entry]) -> None:
        await keep(
            self._services, [(name, record, v.value.encode()) for name, v, record in entries]
        )


def _now() -> float:
    return asyncio.get_running_loop().time()


def _read_place(path: Path) -> Place:
    """Return how far decisions are kept; from the beginning if that is not known, since none is kept twice."""
    try:
        file, offset = path.read_text("ascii").split()
        return Place(int(file), int(offset))
    except (OSError, ValueError):
        return Place(1, 0)


def _write_place(path: Path, place: Place) -> None:
    draft = path.with_suffix(".next")
    draft.write_text(f"{place.file} {place.offset}", encoding="ascii")
    draft.replace(path)
