"""Where a running installation listens: written by its launcher, read by every other command."""

from __future__ import annotations

import os
from pathlib import Path

import msgspec

_FILE = "address.json"


class Address(msgspec.Struct, frozen=True):
    """Where a running installation can be reached, and its launcher's process id."""

    url: str
    pid: int


def write_address(home: Path, url: str) -> None:
    """Tell other commands where the installation that this process runs listens."""
    (home / _FILE).write_bytes(msgspec.json.encode(Address(url, os.getpid())))


def forget_address(home: Path) -> None:
    """Take the address back; harmless when there is none."""
    (home / _FILE).unlink(missing_ok=True)


def read_address(home: Path) -> Address | None:
    """Return where a running installation listens, or None if none runs."""
    try:
        address = msgspec.json.decode((home / _FILE).read_bytes(), type=Address)
    except (OSError, msgspec.DecodeError):
        return None
    return address if _alive(address.pid) else None


def _alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
