"""Work that one worker at a time does: rows with a lease, and a heartbeat while it is worked on.

A worker that dies leaves a lease that expires; whoever takes the row next goes on. Lease times come from the
database's clock, the only one that all workers share.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Coroutine, Sequence
from contextlib import suppress
from datetime import datetime
from typing import Any, Final, Generic, TypeVar

from sqlalchemy import func, or_, select, text, update
from sqlalchemy.orm import Mapped, mapped_column

from domain.errors import ParleyError
from storage.base import Repository, TenantRow
from storage.database import Database

log = logging.getLogger("parley.leases")

#: What every leased table calls these two; the other statuses are its own.
QUEUED: Final = "queued"
RUNNING: Final = "running"

T = TypeVar("T")


class LeasedRow(TenantRow):
    """A row that workers take turns at.

    Attributes:
        status: `queued` and `running` mean that there is something to do.
        attempts: How often a worker has taken it.
        lease_owner, lease_until: Who works on it, and until when others must keep away.
    """

    __abstract__ = True

    status: Mapped[str] = mapped_column(default=QUEUED)
    attempts: Mapped[int] = mapped_column(default=0)
    lease_owner: Mapped[str | None]
    lease_until: Mapped[datetime | None]
    updated_at: Mapped[datetime]


L = TypeVar("L", bound=LeasedRow)


class LeasedRepository(Repository[L], Generic[L]):
    """Queries over rows with a lease."""

    async def take_lease(self, row_id: str, owner: str, seconds: int) -> L | None:
        """Lease a row if nobody else holds it; one conditional UPDATE decides between two workers."""
        row = self.row
        free = or_(row.lease_until.is_(None), row.lease_until < func.now())
        statement = (
            update(row)
            .where(row.id == row_id, row.status.in_((QUEUED, RUNNING)), free)
            .values(
                status=RUNNING,
                lease_owner=owner,
                lease_until=_in(seconds),
                attempts=row.attempts + 1,
                updated_at=func.now(),
            )
            .returning(row)
        )
        return (await self.session.scalars(statement)).one_or_none()

    async def renew_lease(self, row_id: str, owner: str, seconds: int) -> bool:
        """Extend a lease; False if it was lost to another worker."""
        return await self._mine(row_id, owner, lease_until=_in(seconds))

    async def release(self, row_id: str, owner: str, status: str, **values: Any) -> bool:
        """Write how a leased row came to rest and give the lease back; False if it was lost."""
        return await self._mine(
            row_id, owner, status=status, lease_owner=None, lease_until=None, **values
        )

    async def orphans(self, queued_for: int = 10) -> Sequence[str]:
        """Return rows that nobody works on: an expired lease, or queued for many seconds unseen."""
        row = self.row
        query = select(row.id).where(
            or_(
                (row.status == RUNNING) & (row.lease_until < func.now()),
                (row.status == QUEUED) & (row.updated_at < _in(-queued_for)),
            )
        )
        return (await self.session.scalars(query)).all()

    async def _mine(self, row_id: str, owner: str, **values: Any) -> bool:
        row = self.row
        # Whoever gives a lease back is its owner no longer, so an owner's row is one being worked on.
        statement = (
            update(row)
            .where(row.id == row_id, row.lease_owner == owner)
            .values(updated_at=func.now(), **values)
            .returning(row.id)
        )
        return (await self.session.scalar(statement)) is not None


class Lease(Generic[L]):
    """A worker's hold on one row.

    Args:
        db: Where the row is.
        rows: Its repository.
        row_id: The row.
        owner: Name of the worker, unique among all.
        seconds: How long the lease lasts without a heartbeat.
    """

    def __init__(
        self, db: Database, rows: type[LeasedRepository[L]], row_id: str, owner: str, seconds: int
    ) -> None:
        self._db = db
        self._rows = rows
        self._row_id = row_id
        self._owner = owner
        self._seconds = seconds

    async def take(self) -> L | None:
        """Return the row, now this worker's, or None if it is not its turn."""
        async with self._db.system() as session:
            return await self._rows(session).take_lease(self._row_id, self._owner, self._seconds)

    async def hold(self, work: Coroutine[Any, Any, T]) -> T | None:
        """Do the work with a heartbeat; None if the lease was lost meanwhile, and the work with it."""
        working = asyncio.create_task(work)
        heart = asyncio.create_task(self._beat(working))
        try:
            return await working
        except asyncio.CancelledError:
            if heart.done() and not heart.cancelled():
                log.warning("%s: lease lost, another worker goes on", self._row_id)
                return None
            raise
        finally:
            heart.cancel()
            with suppress(asyncio.CancelledError):
                await heart

    async def give_back(self, status: str, **values: Any) -> bool:
        """Write how the row came to rest; False if it is another worker's by now."""
        async with self._db.system() as session:
            kept = await self._rows(session).release(self._row_id, self._owner, status, **values)
        if not kept:
            log.warning("%s: lease lost before it could be given back", self._row_id)
        return kept

    async def _beat(self, working: asyncio.Task[Any]) -> None:
        while True:
            await asyncio.sleep(self._seconds / 3)
            try:
                async with self._db.system() as session:
                    rows = self._rows(session)
                    mine = await rows.renew_lease(self._row_id, self._owner, self._seconds)
            except ParleyError as error:
                log.warning("%s: heartbeat missed: %s", self._row_id, error)
                continue
            if not mine:
                working.cancel()
                return


def _in(seconds: int) -> Any:
    return func.now() + text(f"interval '{int(seconds)} seconds'")
