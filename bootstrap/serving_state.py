"""Where serving keeps its state: in Redis, shared by any number of processes, or in the one process that serves.

`SERVING_STATE=local` is for conversations that are pinned to one process. It is limited to a single serving
process rather than given slices of budgets: a slice that a dead process held would have to be waited for, and one
too small refuses ads that the budget allows. One process is never over budget, and needs no trip.
"""

from __future__ import annotations

import asyncio
import logging
import os
from collections.abc import Awaitable, Callable, Mapping
from typing import Final, Protocol, TypeVar

from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncConnection

from bootstrap.background import together
from bootstrap.budgets import sync_live_spend
from bootstrap.courier import BATCH, Courier
from bootstrap.decisions import kept_decision
from bootstrap.services import Services
from domain.errors import Conflict, ParleyError
from fastpath.journal import Journal
from fastpath.pinned import PinnedReservation
from fastpath.reservation import EvalClient, RedisReservation, Reservation
from storage.pipe import Pipe

log = logging.getLogger("parley.state")

T = TypeVar("T")

#: Whoever holds this lock is the one process that serves from local state. Any constant will do.
_LOCK: Final = 8_120_774_309
_DRAIN_SECONDS: Final = 0.3
_BREATH_SECONDS: Final = 0.02
_SYNC_SECONDS: Final = 2.0
_AGAIN_SECONDS: Final = 1.0
#: A slower answer of the shared state counts as "down".
_ANSWER_SECONDS: Final = 0.5


class ServingState(Protocol):
    """The state of serving, wherever it is."""

    @property
    def reservation(self) -> Reservation:
        """What the fast path asks."""
        ...

    async def kept(self, request_id: str) -> None:
        """Return when a decision is kept in the database; raises `NotFound` if there is none."""
        ...

    async def run(self) -> None:
        """Do what has to be done meanwhile, until cancelled."""
        ...


class SharedState:
    """The state in Redis. The ticker keeps decisions and counters.

    Args:
        services: The installation's parts.
        client: Connection for the reservation; by default that of the services.
    """

    def __init__(self, services: Services, client: EvalClient | None = None) -> None:
        self._services = services
        self._reservation = _in_redis(services, client)

    @property
    def reservation(self) -> Reservation:
        """What the fast path asks."""
        return self._reservation

    async def kept(self, request_id: str) -> None:
        """Return when a decision is kept; raises as `bootstrap.decisions.kept_decision`."""
        await kept_decision(self._services, request_id)

    async def run(self) -> None:
        """Nothing to do here."""


class LocalState:
    """The state in this process, journalled under `<home>/serving-state`.

    No ad is granted before the ledger's counters are there and the database's lock says that no other process
    serves; when the connection that holds the lock is lost, granting stops until it is held again. Two processes
    could both grant for at most the two seconds between two looks; even then the ledger charges no budget twice.
    The lock belongs to a session: a pooler in front of the database must not share sessions.

    Args:
        services: The installation's parts.
        environ: Where the number of workers is read from; by default the process's own variables.

    Raises:
        Conflict: `serving_state_workers` with more than one worker, `journal_in_use` on this machine.
        Unprocessable: `journal_corrupt`.
    """

    def __init__(
        self,
        services: Services,
        client: EvalClient | None = None,
        *,
        environ: Mapping[str, str] | None = None,
    ) -> None:
        workers = (os.environ if environ is None else environ).get("WEB_CONCURRENCY", "1")
        if workers.strip() not in ("", "0", "1"):
            raise Conflict(
                "serving_state_workers",
                f"SERVING_STATE=local serves from one process, but WEB_CONCURRENCY is {workers[:20]}; "
                "set it to 1 or use SERVING_STATE=redis.",
            )
        self._services = services
        folder = services.settings.parley_home / "serving-state"
        self._pinned = PinnedReservation(Journal(folder))
        self._pinned.allowed = False
        self._courier = Courier(
            services, self._pinned, _in_redis(services, client), folder / "kept"
        )

    @property
    def reservation(self) -> Reservation:
        """What the fast path asks."""
        return self._pinned

    @property
    def serves(self) -> bool:
        """Whether ads may be granted now."""
        return self._pinned.allowed

    async def drain(self) -> int:
        """Send decisions on their way to the database; return how many."""
        return await self._courier.step()

    async def kept(self, request_id: str) -> None:
        """Return when a decision is kept.

        Raises:
            NotFound: if there is no such decision.
        """
        await self._courier.kept(request_id)

    async def run(self) -> None:
        """Hold the lock, set counters, keep decisions, until cancelled."""
        try:
            await together(
                _ever(self._guard, _AGAIN_SECONDS),
                _ever(self.drain, _DRAIN_SECONDS, lambda sent: sent == BATCH),
            )
        finally:
            self._pinned.allowed = False
            await self._pinned.close()

    async def _guard(self) -> None:
        async with self._services.db.engine.connect() as connection:
            try:
                await connection.execution_options(isolation_level="AUTOCOMMIT")
                await self._hold(connection)
            finally:
                self._pinned.allowed = False
                # Given back to the pool it would go on holding the lock.
                await connection.invalidate()

    async def _hold(self, connection: AsyncConnection) -> None:
        query = text("SELECT pg_try_advisory_lock(:key)")
        if not await connection.scalar(query, {"key": _LOCK}):
            log.warning("another process serves from its local state; this one shows no ads")
            return
        while True:
            await sync_live_spend(self._services, self._pinned)
            await connection.execute(text("SELECT 1"))
            self._pinned.allowed = True
            await asyncio.sleep(_SYNC_SECONDS)


def open_state(services: Services, client: EvalClient | None = None) -> ServingState:
    """Return the state that the settings ask for.

    Args:
        services: The installation's parts.
        client: Connection for a state in Redis; by default that of the services.

    Raises:
        Conflict: see `LocalState`.
    """
    if services.settings.serving_state == "local":
        return LocalState(services, client)
    return SharedState(services, client)


async def _ever(
    what: Callable[[], Awaitable[T]], seconds: float, more: Callable[[T], bool] = lambda _: False
) -> None:
    """Do something again and again; soon where there is more to do, with room for answers in between."""
    while True:
        pause = seconds
        try:
            if more(await what()):
                pause = _BREATH_SECONDS
        except (ParleyError, SQLAlchemyError, OSError) as error:
            log.warning("local serving state: %s; trying again", error)
        await asyncio.sleep(pause)


def _in_redis(services: Services, client: EvalClient | None) -> RedisReservation:
    # A pipe gives up by itself, with one timer for all calls.
    timeout_s = None if isinstance(client, Pipe) else _ANSWER_SECONDS
    return RedisReservation(client or services.redis, timeout_s=timeout_s)
