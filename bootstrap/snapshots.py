"""Snapshots on their way from the compiler to the processes that serve from them.

Compile → verify → upload → one row in PostgreSQL says which is the newest → every API process notices,
downloads what it lacks, maps it and swaps. A crash between two steps leaves the snapshot before it in place.
"""

from __future__ import annotations

import asyncio
import hashlib
import logging
import os
import shutil
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path

from sqlalchemy import text

from bootstrap.budgets import sync_spend
from bootstrap.local_snapshots import (
    compile_verified,
    drop_old,
    mark_current,
    open_touched,
    snapshot_folder,
)
from bootstrap.services import Services
from bootstrap.tag_forms import learnt_forms
from catalog.repository import Snapshots
from catalog.service import export_catalogue
from catalog.tables import SnapshotRow
from domain.errors import ParleyError, Unavailable, Unprocessable
from domain.time import utc
from fastpath.compiler import SnapshotInfo
from fastpath.snapshot import Snapshot
from storage import outbox

log = logging.getLogger("parley.snapshots")

#: Lets one compilation run at a time, whichever worker has it. Any constant will do.
LOCK = 5_210_933_117
_POLL_SECONDS = 0.4


async def compile_and_publish(services: Services) -> str:
    """Compile what may be served now and make it the newest snapshot; return its id.

    While a snapshot is pinned (`bootstrap.rollback`) that one stays, whatever the catalogue says.
    """
    folder = snapshot_folder(services.settings.parley_home)
    async with services.db.system() as session:
        await session.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": LOCK})
        changes = await outbox.waiting_ids(session, outbox.CATALOGUE_CHANGED)
        export = await export_catalogue(session)
        current = await Snapshots(session).current()
        if current is not None and current.pinned:
            log.warning(
                "snapshot %s is pinned: changes of the catalogue are not served before"
                " `parley snapshots unpin`",
                current.id,
            )
            await outbox.mark_sent(session, changes)
            return current.id
        previous = folder / current.id if current and (folder / current.id).is_dir() else None
        info = await asyncio.to_thread(
            compile_verified,
            export,
            folder,
            previous,
            services.clock.now_ms(),
            await learnt_forms(services),
        )
        for warning in info.warnings[:20]:
            log.warning("compile: %s", warning)
        # Budgets first: an ad whose counters are missing is not served.
        await sync_spend(services, sorted({ad.campaign_id for ad in export.ads}))
        if current is None or current.id != info.snapshot_id:
            files = await _upload(services, info)
            await Snapshots(session).publish(
                {
                    "id": info.snapshot_id,
                    "created_at": moment_after(current, services.clock.now_ms()),
                    "object_prefix": _prefix(info.snapshot_id),
                    "ads": len(export.ads),
                    "apps": len(export.apps),
                    "catalogue_hash": info.snapshot_id,
                    "files": files,
                }
            )
            log.info(
                "snapshot %s: %d ads, %d apps", info.snapshot_id, len(export.ads), len(export.apps)
            )
        await outbox.mark_sent(session, changes)
    return info.snapshot_id


class Follower:
    """Keeps the newest snapshot mapped in this process.

    Args:
        services: The installation's parts.
    """

    def __init__(self, services: Services) -> None:
        self._services = services
        self._folder = snapshot_folder(services.settings.parley_home)
        self.snapshot: Snapshot | None = None

    async def refresh(self) -> bool:
        """Look once; True if another snapshot has been mapped."""
        async with self._services.db.system() as session:
            row = await Snapshots(session).current()
        if row is None or (self.snapshot and self.snapshot.snapshot_id == row.id):
            return False
        self.snapshot = await self._open(row)
        mark_current(self._folder, row.id)
        await asyncio.to_thread(drop_old, self._folder, row.id)
        return True

    async def run(self, on_swap: Callable[[Snapshot], None]) -> None:
        """Look for ever; call `on_swap` with every new snapshot."""
        while True:
            try:
                if await self.refresh():
                    assert self.snapshot is not None
                    on_swap(self.snapshot)
            except (ParleyError, OSError) as error:
                log.warning("snapshot not refreshed: %s; the one in use stays", error)
            await asyncio.sleep(_POLL_SECONDS)

    async def _open(self, row: SnapshotRow) -> Snapshot:
        path = await fetch_snapshot(self._services, row)
        try:
            return await asyncio.to_thread(open_touched, path)
        except Unprocessable as error:
            if error.code != "snapshot_corrupt":
                raise
            # Damaged on this disk: the object store has another copy.
            await asyncio.to_thread(shutil.rmtree, path)
            path = await fetch_snapshot(self._services, row)
            return await asyncio.to_thread(open_touched, path)


async def fetch_snapshot(services: Services, row: SnapshotRow) -> Path:
    """Return the local folder of a snapshot, downloaded if it is not there yet."""
    folder = snapshot_folder(services.settings.parley_home)
    path = folder / row.id
    if path.is_dir():
        return path
    draft = folder / f".{row.id}.{os.getpid()}"
    shutil.rmtree(draft, ignore_errors=True)
    draft.mkdir(parents=True)
    for name, expected in row.files.items():
        await services.objects.get_file(f"{row.object_prefix}/{name}", draft / name)
        if _digest(draft / name) != expected:
            raise Unavailable(
                "snapshot_damaged", f"The file {name} of snapshot {row.id} is damaged."
            )
    # Another process of this machine may have been quicker: its folder is as good.
    try:
        draft.rename(path)
    except OSError:
        shutil.rmtree(draft, ignore_errors=True)
    return path


async def _upload(services: Services, info: SnapshotInfo) -> dict[str, str]:
    files = {}
    for path in await asyncio.to_thread(_files, Path(info.path)):
        files[path.name] = _digest(path)
        await services.objects.put_file(f"{_prefix(info.snapshot_id)}/{path.name}", path)
    return files


def _files(folder: Path) -> list[Path]:
    return sorted(folder.iterdir())


def moment_after(current: SnapshotRow | None, now_ms: int) -> datetime:
    """Return the time of a publication: after the one before, even if the clock went backwards."""
    now = utc(now_ms)
    return now if current is None else max(now, current.created_at + timedelta(milliseconds=1))


def _prefix(snapshot_id: str) -> str:
    return f"snapshots/{snapshot_id}"


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
