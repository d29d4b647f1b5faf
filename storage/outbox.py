"""The outbox: what has to happen after a commit is written in the same transaction as the change itself."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import DateTime, func, select, update
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import Mapped, mapped_column

from storage.base import TenantRow

#: A run is to be worked on; handed to the broker, and sent again if nobody takes it.
RUN_ENQUEUE = "run.enqueue"
#: An ingest job is to be worked on; handed to the broker, and sent again if nobody takes it.
INGEST_ENQUEUE = "ingest.enqueue"
#: What may be served has changed; waits until a compilation has taken it in.
CATALOGUE_CHANGED = "catalogue.changed"


class OutboxRow(TenantRow):
    """A message that must reach the workers at least once.

    Attributes:
        topic: What it is about: `RUN_ENQUEUE`, `INGEST_ENQUEUE`, `CATALOGUE_CHANGED`.
        payload: JSON body; ids only, never text.
        sent_at: When it was handed over, or taken into a snapshot; None while it waits.
    """

    __tablename__ = "outbox"

    topic: Mapped[str]
    payload: Mapped[dict[str, Any]]
    sent_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True), index=True)


async def put(
    session: AsyncSession, row_id: str, org_id: str, topic: str, payload: dict[str, Any]
) -> None:
    """Write a message; it is sent only if the surrounding transaction commits."""
    session.add(OutboxRow(id=row_id, org_id=org_id, topic=topic, payload=payload))
    await session.flush()


async def waiting(session: AsyncSession, topic: str, limit: int = 100) -> Sequence[OutboxRow]:
    """Return messages of a topic that wait, oldest first, skipping those another relay has locked."""
    query = (
        select(OutboxRow)
        .where(OutboxRow.sent_at.is_(None), OutboxRow.topic == topic)
        .order_by(OutboxRow.created_at, OutboxRow.id)
        .limit(limit)
        .with_for_update(skip_locked=True)
    )
    return (await session.scalars(query)).all()


async def waiting_ids(session: AsyncSession, topic: str, limit: int = 10_000) -> Sequence[str]:
    """Return the ids of messages of a topic that wait, newest first, without locking them."""
    query = (
        select(OutboxRow.id)
        .where(OutboxRow.sent_at.is_(None), OutboxRow.topic == topic)
        .order_by(OutboxRow.created_at.desc(), OutboxRow.id)
        .limit(limit)
    )
    return (await session.scalars(query)).all()


async def mark_sent(session: AsyncSession, row_ids: Sequence[str]) -> None:
    """Record that the messages were handed over."""
    await session.execute(
        update(OutboxRow).where(OutboxRow.id.in_(row_ids)).values(sent_at=func.now())
    )
