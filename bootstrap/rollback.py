"""The way back to an earlier snapshot, and the pin that keeps the next compile from undoing it."""

from __future__ import annotations

import asyncio
import logging

import msgspec
from sqlalchemy import text

from bootstrap.budgets import sync_spend
from bootstrap.local_snapshots import open_touched
from bootstrap.services import Services
from bootstrap.snapshots import LOCK, compile_and_publish, fetch_snapshot, moment_after
from catalog.repository import Snapshots
from domain.errors import NotFound

log = logging.getLogger("parley.snapshots")


class Published(msgspec.Struct, frozen=True, kw_only=True):
    """A snapshot that was served.

    Attributes:
        snapshot_id: Its id. since: when it last became the newest, ISO 8601, UTC.
        ads, apps: How many are in it.
        serving: It is the newest. pinned: it stays that until it is let go.
    """

    snapshot_id: str
    since: str
    ads: int
    apps: int
    serving: bool
    pinned: bool


async def list_snapshots(services: Services, *, limit: int = 50) -> list[Published]:
    """Return the snapshots served last, the newest first."""
    async with services.db.system() as session:
        rows = await Snapshots(session).latest(limit)
    return [
        Published(
            snapshot_id=row.id,
            since=row.created_at.isoformat(timespec="seconds"),
            ads=row.ads,
            apps=row.apps,
            serving=place == 0,
            pinned=row.pinned,
        )
        for place, row in enumerate(rows)
    ]


async def roll_back(services: Services, snapshot_id: str, *, pin: bool = True) -> str:
    """Make an earlier snapshot the newest again.

    It brings back all its ads, those of campaigns paused since as well; budgets and caps still hold.

    Args:
        services: The installation's parts.
        snapshot_id: One that was published.
        pin: Keep it when the catalogue changes, until `unpin`; else the next compile replaces it.

    Raises:
        NotFound: It was never published here.
        Unprocessable: It is damaged, or this build cannot read it.
    """
    async with services.db.system() as session:
        await session.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": LOCK})
        snapshots = Snapshots(session)
        row = await snapshots.find(snapshot_id)
        if row is None:
            raise NotFound(
                "snapshot_not_found",
                f"There is no snapshot {snapshot_id[:40]!r}; `parley snapshots list` names those there are.",
            )
        snapshot = await asyncio.to_thread(open_touched, await fetch_snapshot(services, row))
        # As for a fresh one: an ad whose counters are missing is not served.
        await sync_spend(services, list(snapshot.names.campaigns))
        row.created_at = moment_after(await snapshots.current(), services.clock.now_ms())
        await session.flush()
        await snapshots.pin(snapshot_id if pin else None)
    log.warning("rolled back to snapshot %s%s", snapshot_id, ", pinned" if pin else "")
    return snapshot_id


async def unpin(services: Services) -> str:
    """Let a pinned snapshot go, compile what the catalogue says now and return the new snapshot's id."""
    async with services.db.system() as session:
        await session.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": LOCK})
        await Snapshots(session).pin(None)
    return await compile_and_publish(services)
