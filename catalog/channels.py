"""The port to channels, and the one way to it: guards first, ledger before, look up before any repeat."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Protocol

import msgspec

from catalog.changesets import Approved, Change, ChangeSet
from catalog.guards import SpendLimits, check_spend
from catalog.operations import SETTLED, Operations, OpState, Stop, Stops
from domain.errors import Conflict, Forbidden, ParleyError, Unavailable
from domain.ids import Ids
from domain.time import Clock, utc
from storage.database import Database


class Ambiguous(Unavailable):
    """Nobody knows whether the channel did it: it has to be looked up before anything is sent again."""


class Channel(Protocol):
    """One place where ads run. Asynchronous; each change succeeds, fails or stays unknown on its own."""

    name: str

    async def send(self, org_id: str, op_id: str, change: Change, *, who: str, why: str) -> str:
        """Do it, tagged with `op_id`; return the channel's reference.

        Raises:
            Ambiguous: if it may or may not have happened.
            ParleyError: if it surely has not happened.
        """
        ...

    async def look_up(self, org_id: str, op_id: str, change: Change) -> str | None:
        """Return the reference of what carries the tag `op_id`; None if there surely is nothing."""
        ...


class OpResult(msgspec.Struct, frozen=True, kw_only=True):
    """What became of one operation.

    Attributes:
        op_id, kind, campaign_id: Which.
        state: Where it stands.
        ref: The channel's reference, empty if there is none.
        code, detail: Why it failed or is unknown.
        status: HTTP status of that failure.
    """

    op_id: str
    kind: str
    campaign_id: str
    state: OpState
    ref: str = ""
    code: str = ""
    detail: str = ""
    status: int = Conflict.status

    @property
    def done(self) -> bool:
        """Whether it has had its effect."""
        return self.state in (OpState.CONFIRMED, OpState.RECONCILED)


class Dispatcher:
    """Plans, applies and confirms ChangeSets. Nothing else sends to a channel.

    Args:
        db: Where the ledger is.
        ids: Where ids come from.
        clock: Where "now" comes from.
        channels: Those that are connected, by name.
        limits: Spend guards.
    """

    def __init__(
        self,
        db: Database,
        ids: Ids,
        clock: Clock,
        channels: Mapping[str, Channel],
        limits: SpendLimits | None = None,
    ) -> None:
        self._db, self._ids, self._clock = db, ids, clock
        self._channels = channels
        self._limits = limits or SpendLimits()

    async def plan(self, changeset: ChangeSet, who: str) -> tuple[OpResult, ...]:
        """Write down what would be sent, and send nothing. A platform without connector is marked so."""
        known = changeset.channel in self._channels
        state = OpState.PLANNED if known else OpState.NOT_CONNECTED
        async with self._db.tenant(changeset.org_id) as session:
            await Operations(session).plan(changeset, who, utc(self._clock.now_ms()), state)
        return await self.status(changeset)

    async def apply(self, changeset: ChangeSet, approved: Approved) -> tuple[OpResult, ...]:
        """Send what is planned; a second call repeats nothing and looks up what is unknown.

        Args:
            changeset: What to do.
            approved: Who approved exactly this.

        Raises:
            Forbidden: `not_approved` if the approval is of something else.
        """
        if approved.changeset != changeset.hash:
            raise Forbidden(
                "not_approved", "The approval is of another change; show this one and ask again."
            )
        await self.plan(changeset, approved.by)
        if changeset.channel in self._channels:
            for change in changeset.changes:
                await self._one(changeset, change, approved.by)
        return await self.status(changeset)

    async def status(self, changeset: ChangeSet) -> tuple[OpResult, ...]:
        """Return where each operation stands, in order of the changes."""
        results = []
        async with self._db.tenant(changeset.org_id) as session:
            operations = Operations(session)
            for change in changeset.changes:
                row = await operations.get(changeset.op_key(change))
                error = row.error or {}
                results.append(
                    OpResult(
                        op_id=row.id,
                        kind=row.kind,
                        campaign_id=row.campaign_id,
                        state=OpState(row.state),
                        ref=row.ref or "",
                        code=error.get("code", ""),
                        detail=error.get("detail", ""),
                        status=error.get("status", Conflict.status),
                    )
                )
        return tuple(results)

    async def stop(self, org_id: str, channel: str, *, who: str, why: str) -> str:
        """Switch spending off for a channel (`*` for all); return the stop's id."""
        async with self._db.tenant(org_id) as session:
            row = Stop(
                id=self._ids.new("stp"), org_id=org_id, created_at=utc(self._clock.now_ms()),
                channel=channel, who=who, why=why,
            )  # fmt: skip
            return (await Stops(session).add(row)).id

    async def lift(self, org_id: str, stop_id: str) -> None:
        """Take a stop back."""
        async with self._db.tenant(org_id) as session:
            row = await Stops(session).get(stop_id, lock=True)
            row.lifted_at = row.lifted_at or utc(self._clock.now_ms())

    async def _one(self, changeset: ChangeSet, change: Change, who: str) -> None:
        op_id = changeset.op_key(change)
        async with self._db.tenant(changeset.org_id) as session:
            row = await Operations(session).get(op_id)
            state = OpState(row.state)
        if state in SETTLED:
            return
        if state is not OpState.PLANNED:
            found = await self._reconciled(changeset, change, op_id, state)
            if found:
                return
        if await self._guarded(changeset, change, op_id):
            await self._send(changeset, change, op_id, who)

    async def _reconciled(
        self, changeset: ChangeSet, change: Change, op_id: str, state: OpState
    ) -> bool:
        """Look up what was sent without an answer; False if it surely is not there."""
        channel = self._channels[changeset.channel]
        try:
            ref = await channel.look_up(changeset.org_id, op_id, change)
        except ParleyError as error:
            await self._move(changeset, op_id, state, OpState.UNKNOWN, error=error.problem())
            return True
        to = OpState.PLANNED if ref is None else OpState.RECONCILED
        await self._move(changeset, op_id, state, to, ref=ref, error=None)
        return ref is not None

    async def _guarded(self, changeset: ChangeSet, change: Change, op_id: str) -> bool:
        """Take the operation and mark it as sent, unless a guard or another sender is before us."""
        now = utc(self._clock.now_ms())
        async with self._db.tenant(changeset.org_id) as session:
            operations = Operations(session)
            recent = await operations.moved_since(change.campaign_id, now - timedelta(hours=24))
            stops = await Stops(session).on(changeset.channel)
            try:
                check_spend(change, self._limits, recent, stops)
            except ParleyError as error:
                await operations.move(
                    op_id, OpState.PLANNED, OpState.FAILED, now, error=error.problem()
                )
                return False
            # Committed before anything is sent: after a crash it is looked up, never sent blindly.
            return await operations.move(op_id, OpState.PLANNED, OpState.SENT, now)

    async def _send(self, changeset: ChangeSet, change: Change, op_id: str, who: str) -> None:
        channel = self._channels[changeset.channel]
        try:
            ref = await channel.send(changeset.org_id, op_id, change, who=who, why=changeset.why)
        except Ambiguous as error:
            await self._move(changeset, op_id, OpState.SENT, OpState.UNKNOWN, error=error.problem())
        except Unavailable:
            # It stays SENT: a part of ours is down, the caller comes again and it is looked up.
            raise
        except ParleyError as error:
            await self._move(changeset, op_id, OpState.SENT, OpState.FAILED, error=error.problem())
        else:
            await self._move(changeset, op_id, OpState.SENT, OpState.CONFIRMED, ref=ref)

    async def _move(
        self, changeset: ChangeSet, op_id: str, before: OpState, to: OpState, **values: object
    ) -> None:
        async with self._db.tenant(changeset.org_id) as session:
            await Operations(session).move(op_id, before, to, utc(self._clock.now_ms()), **values)


def check_done(results: tuple[OpResult, ...]) -> None:
    """Raise what the first operation that was not done failed with.

    Raises:
        ParleyError: what it failed with; `channel_unknown` if nobody knows yet.
    """
    kinds = {kind.status: kind for kind in ParleyError.__subclasses__()}
    for result in results:
        if not result.done:
            raise kinds.get(result.status, Conflict)(
                result.code or "channel_unknown",
                result.detail or f"It is not known whether {result.kind} was done; try again.",
                operation=result.op_id,
            )
