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
from pathlib import Path

from sqlalchemy import text

from bootstrap.budgets import sync_spend
from bootstrap.services import Services
from catalog.repository import Snapshots
from catalog.service import export_catalogue
from catalog.tables import SnapshotRow
from domain.catalogue import CatalogueExport
from domain.errors import NotFound, Unavailable
from domain.time import utc
from fastpath.compiler import SnapshotInfo, compile_catalogue
from fastpath.snapshot import Snapshot
from fastpath.verify import require_equal, verify_snapshot

log = logging.getLogger("parley.snapshots")

#: Lets one compilation run at a time, whichever worker has it. Any constant will do.
_LOCK = 5_210_933_117
_POLL_SECONDS = 0.4
#: Snapshots kept on disk beside the one in use, for replay.
_KEEP = 20
#: Questions on which a fresh snapshot is compared with the reference.
_SAMPLES = 12


async def compile_and_publish(services: Services) -> str:
    """Compile what may be served now and make it the newest snapshot; return its id."""
    folder = snapshot_folder(services.settings.parley_home)
    async with services.db.system() as session:
        await session.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _LOCK})
        export = await export_catalogue(session)
        current = await Snapshots(session).current()
        previous = folder / current.id if current and (folder / current.id).is_dir() else None
        info = await asyncio.to_thread(
            compile_verified, export, folder, previous, services.clock.now_ms()
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
                    "created_at": utc(services.clock.now_ms()),
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
        path = await fetch_snapshot(self._services, row)
        self.snapshot = await asyncio.to_thread(_open, path)
        mark_current(self._folder, row.id)
        return True

    async def run(self, on_swap: Callable[[Snapshot], None]) -> None:
        """Look for ever; call `on_swap` with every new snapshot."""
        while True:
            try:
                if await self.refresh():
                    assert self.snapshot is not None
                    on_swap(self.snapshot)
            except (Unavailable, NotFound, OSError) as error:
                log.warning("snapshot not refreshed: %s; the one in use stays", error)
            await asyncio.sleep(_POLL_SECONDS)


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


def snapshot_folder(home: Path) -> Path:
    """Return (and make) the folder of local snapshots."""
    folder = home / "snapshots"
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def mark_current(folder: Path, snapshot_id: str) -> None:
    """Remember which snapshot serves, for commands that run without a service; drop old ones."""
    draft = folder / f".current.{os.getpid()}"
    draft.write_text(snapshot_id, encoding="ascii")
    draft.replace(folder / "current")
    known = sorted(
        (p for p in folder.iterdir() if p.is_dir() and not p.name.startswith(".")),
        key=lambda p: p.stat().st_mtime,
    )
    for old in known[:-_KEEP]:
        if old.name != snapshot_id:
            shutil.rmtree(old, ignore_errors=True)


def current_local(home: Path) -> Path:
    """Return the folder of the snapshot that served last on this machine.

    Raises:
        NotFound: if there is none.
    """
    folder = home / "snapshots"
    try:
        path = folder / (folder / "current").read_text(encoding="ascii").strip()
    except OSError:
        path = folder / "none"
    if not path.is_dir():
        raise NotFound(
            "no_snapshot",
            "No snapshot has been compiled here; run `make demo`, or give one with --snapshot DIR.",
        )
    return path


def compile_verified(
    export: CatalogueExport, folder: Path, previous: Path | None, now_ms: int
) -> SnapshotInfo:
    """Compile, then hold the result against a slow reference on sampled texts.

    Raises:
        Unprocessable: if the two disagree; the snapshot must not be published then.
    """
    info = compile_catalogue(export, folder, previous=previous)
    snapshot = Snapshot.open(Path(info.path))
    require_equal(verify_snapshot(snapshot, export, sample_texts(export), now_ms=now_ms))
    return info


def sample_texts(export: CatalogueExport) -> list[str]:
    """Return shopping questions about tags spread evenly over the catalogue."""
    tags = sorted({tag for ad in export.ads for tag in ad.tags})
    step = max(1, len(tags) // _SAMPLES)
    return [f"Which {tag} would you recommend to buy?" for tag in tags[::step][:_SAMPLES]]


async def _upload(services: Services, info: SnapshotInfo) -> dict[str, str]:
    files = {}
    for path in await asyncio.to_thread(_files, Path(info.path)):
        files[path.name] = _digest(path)
        await services.objects.put_file(f"{_prefix(info.snapshot_id)}/{path.name}", path)
    return files


def _files(folder: Path) -> list[Path]:
    return sorted(folder.iterdir())


def _open(path: Path) -> Snapshot:
    snapshot = Snapshot.open(path)
    snapshot.pre_touch()
    return snapshot


def _prefix(snapshot_id: str) -> str:
    return f"snapshots/{snapshot_id}"


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
