"""Snapshots on this machine's disk: compiled, opened, remembered, dropped. Needs no service."""

from __future__ import annotations

import logging
import os
import shutil
from collections.abc import Mapping
from functools import cache
from pathlib import Path

from domain.catalogue import CatalogueExport
from domain.errors import NotFound, Unprocessable
from encoder import Encoder, installed, load
from fastpath.compiler import SnapshotInfo, compile_catalogue, default_expander
from fastpath.layout import MANIFEST
from fastpath.snapshot import Snapshot
from fastpath.verify import require_equal, verify_snapshot

log = logging.getLogger("parley.snapshots")

#: Snapshots kept on disk beside the one in use, for replay.
_KEEP = 20
#: Questions on which a fresh snapshot is compared with the reference.
_SAMPLES = 12


def snapshot_folder(home: Path) -> Path:
    """Return (and make) the folder of local snapshots."""
    folder = home / "snapshots"
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def mark_current(folder: Path, snapshot_id: str) -> None:
    """Remember which snapshot serves, for commands that run without a service."""
    draft = folder / f".current.{os.getpid()}"
    draft.write_text(snapshot_id, encoding="ascii")
    draft.replace(folder / "current")


def drop_old(folder: Path, snapshot_id: str) -> None:
    """Drop all but the latest snapshots of a folder, never the one in use, never anything else."""
    known = sorted(
        (path.parent for path in folder.glob(f"[!.]*/{MANIFEST}")), key=lambda p: p.stat().st_mtime
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
    except (OSError, ValueError):
        path = folder / "none"
    if not path.is_dir():
        raise NotFound(
            "no_snapshot",
            "No snapshot has been compiled here; run `make demo`, or give one with --snapshot DIR.",
        )
    return path


def compile_verified(
    export: CatalogueExport,
    folder: Path,
    previous: Path | None,
    now_ms: int,
    learnt: Mapping[str, tuple[str, ...]] | None = None,
) -> SnapshotInfo:
    """Compile, then hold the result against a slow reference on sampled texts.

    Args:
        export: What may be served.
        folder: Of snapshots.
        previous: What is taken over from.
        now_ms: The service's clock.
        learnt: Japanese forms that a model gave, by tag.

    Raises:
        Unprocessable: if the two disagree; the snapshot must not be published then.
    """
    embedder = sentence_encoder()
    expander = default_expander(learnt=learnt) if learnt else None
    info = compile_catalogue(
        export, folder, previous=previous, expander=expander, embedder=embedder
    )
    try:
        snapshot = Snapshot.open(Path(info.path))
    except Unprocessable as error:
        if error.code != "snapshot_corrupt":
            raise
        # The compiler takes a folder with the right manifest for done; its other files were damaged.
        shutil.rmtree(info.path)
        info = compile_catalogue(export, folder, expander=expander, embedder=embedder)
        snapshot = Snapshot.open(Path(info.path))
    require_equal(verify_snapshot(snapshot, export, sample_texts(export), now_ms=now_ms))
    return info


@cache
def sentence_encoder() -> Encoder | None:
    """Return the encoder for ads, once per process; None without its file: ads are then found by words only."""
    if not installed():
        log.warning("no sentence encoder here; make it with: python -m encoder.build")
        return None
    return load()


def open_touched(path: Path) -> Snapshot:
    """Map a snapshot and read its pages once.

    Raises:
        Unprocessable: if it is damaged or of another build.
    """
    snapshot = Snapshot.open(path)
    snapshot.pre_touch()
    return snapshot


def sample_texts(export: CatalogueExport) -> list[str]:
    """Return shopping questions about tags spread evenly over the catalogue."""
    tags = sorted({tag for ad in export.ads for tag in ad.tags})
    step = max(1, len(tags) // _SAMPLES)
    return [f"Which {tag} would you recommend to buy?" for tag in tags[::step][:_SAMPLES]]
