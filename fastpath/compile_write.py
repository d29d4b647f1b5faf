"""Compile time: files to disk, so that nobody ever sees half a snapshot."""

from __future__ import annotations

import os
import shutil
import threading
from collections.abc import Mapping
from pathlib import Path

import msgspec

from fastpath import layout

_DIGEST = 32


def write(out_dir: Path, manifest: layout.Manifest, files: Mapping[str, bytes]) -> layout.Manifest:
    """Write a snapshot beside its place and rename it; returns the manifest with the checksums.

    Args:
        out_dir: Folder of snapshots; created if missing.
        manifest: Without `files` and `gate`.
        files: The contents, by file name.
    """
    infos = {n: layout.FileInfo(len(d), layout.checksum(d)) for n, d in sorted(files.items())}
    gate = files[layout.GATE_MODEL][-_DIGEST:].hex()
    whole = msgspec.structs.replace(manifest, files=infos, gate=gate)
    out_dir.mkdir(parents=True, exist_ok=True)
    target = out_dir / whole.snapshot_id
    work = out_dir / f".{whole.snapshot_id}.{os.getpid()}.{threading.get_ident()}"
    shutil.rmtree(work, ignore_errors=True)
    work.mkdir()
    for name, data in files.items():
        (work / name).write_bytes(data)
    (work / layout.MANIFEST).write_bytes(
        msgspec.json.format(msgspec.json.encode(whole, order="sorted"))
    )
    try:
        work.rename(target)
    except OSError:
        # Something is there: a damaged snapshot, or what another compile of the same has just written.
        if existing(target) == whole:
            shutil.rmtree(work)
        else:
            shutil.rmtree(target, ignore_errors=True)
            work.rename(target)
    return whole


def existing(target: Path) -> layout.Manifest | None:
    """Return the manifest of a snapshot that was written before, whole and of this layout, or None."""
    try:
        data = (target / layout.MANIFEST).read_bytes()
        manifest = msgspec.json.decode(data, type=layout.Manifest)
        whole = manifest.version == layout.VERSION and all(
            layout.intact(target / name, info) for name, info in manifest.files.items()
        )
    except (OSError, msgspec.MsgspecError):
        return None
    return manifest if whole else None
