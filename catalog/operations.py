"""The ledger of operations on channels: written before anything is sent, keyed, never blindly repeated.

PLANNED ─► SENT ─┬─► CONFIRMED
   ▲             ├─► FAILED        the channel said no
   │             └─► UNKNOWN ─┬─► RECONCILED   it was looked up and is there
   └──────────────────────────┘   it was looked up and is not there: it may be sent again
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from enum import StrEnum
from typing import Any

import msgspec
from sqlalchemy import Index, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Mapped, mapped_column

from catalog.changesets import Change, ChangeKind, ChangeSet, MoneyMove
from storage.base import Repository, TenantRow


class OpState(StrEnum):
    """Where an operation stands."""

    PLANNED = "planned"
    SENT = "sent"
    CONFIRMED = "confirmed"
    FAILED = "failed"
    UNKNOWN = "unknown"
    RECONCILED = "reconciled"
    NOT_CONNECTED = "not_connected"


#: States in which an operation has had, or may have had, its effect.
EFFECTIVE = (OpState.SENT, OpState.CONFIRMED, OpState.UNKNOWN, OpState.RECONCILED)
#: States that an operation stays in.
SETTLED = frozenset({OpState.CONFIRMED, OpState.RECONCILED, OpState.FAILED, OpState.NOT_CONNECTED})


class Operation(TenantRow):
    """One operation. Its id is made from what is asked, so the same ask is the same row."""

    __tablename__ = "channel_operations"
    __table_args__ = (Index("ix_channel_operations_campaign", "campaign_id", "created_at"),)

    channel: Mapped[str]
    campaign_id: Mapped[str]
    changeset: Mapped[str]
    kind: Mapped[str]
    state: Mapped[str]
    who: Mapped[str]
    why: Mapped[str]
    money: Mapped[list[dict[str, Any]]]
    ref: Mapped[str | None]
    error: Mapped[dict[str, Any] | None]
    updated_at: Mapped[datetime]

    def change(self) -> Change:
        """Return what was asked."""
        return Change(
            kind=ChangeKind(self.kind),
            campaign_id=self.campaign_id,
            money=msgspec.convert(self.money, tuple[MoneyMove, ...]),
        )


class Stop(TenantRow):
    """A kill switch that is on until it is lifted."""

    __tablename__ = "channel_stops"

    channel: Mapped[str]
    who: Mapped[str]
    why: Mapped[str]
    lifted_at: Mapped[datetime | None] = mapped_column(default=None)


class Operations(Repository[Operation]):
    """Queries over operations."""

    row, prefix = Operation, "cop"

    async def plan(self, changeset: ChangeSet, who: str, now: datetime, state: OpState) -> None:
        """Write down what will be sent; rows that are there stay as they are."""
        rows = [
            {
                "id": changeset.op_key(change),
                "org_id": changeset.org_id,
                "created_at": now,
                "updated_at": now,
                "channel": changeset.channel,
                "campaign_id": change.campaign_id,
                "changeset": changeset.hash,
                "kind": str(change.kind),
                "state": str(state),
                "who": who,
                "why": changeset.why[:500],
                "money": msgspec.to_builtins(change.money),
            }
            for change in changeset.changes
        ]
        if rows:
            await self.session.execute(insert(Operation).values(rows).on_conflict_do_nothing())

    async def move(
        self, op_id: str, before: OpState, to: OpState, now: datetime, **values: Any
    ) -> bool:
        """Move an operation on; False if somebody else has moved it: one UPDATE decides between two."""
        statement = (
            update(Operation)
            .where(Operation.id == op_id, Operation.state == str(before))
            .values(state=str(to), updated_at=now, **values)
            .returning(Operation.id)
        )
        return (await self.session.scalar(statement)) is not None

    async def of(self, campaign_id: str) -> Sequence[Operation]:
        """Return a campaign's operations, oldest first."""
        query = (
            select(Operation)
            .where(Operation.campaign_id == campaign_id)
            .order_by(Operation.created_at, Operation.id)
        )
        return (await self.session.scalars(query)).all()

    async def moved_since(self, campaign_id: str, day_ago: datetime) -> list[MoneyMove]:
        """Return amounts that were changed since then, or may have been, oldest first."""
        return [
            move
            for row in await self.of(campaign_id)
            if row.created_at >= day_ago
            and OpState(row.state) in EFFECTIVE
            and row.kind == ChangeKind.UPDATE
            for move in row.change().money
        ]


class Stops(Repository[Stop]):
    """Queries over kill switches."""

    row, prefix = Stop, "stp"

    async def on(self, channel: str) -> list[str]:
        """Return why sending to a channel is stopped; empty if it is not. `*` stops all."""
        query = select(Stop.why).where(Stop.channel.in_((channel, "*")), Stop.lifted_at.is_(None))
        return list((await self.session.scalars(query.order_by(Stop.created_at))).all())

    async def standing(self) -> Sequence[Stop]:
        """Return the stops that are on, oldest first."""
        query = select(Stop).where(Stop.lifted_at.is_(None)).order_by(Stop.created_at, Stop.id)
        return (await self.session.scalars(query)).all()
