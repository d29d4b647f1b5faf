"""What survives a restart: ports and passwords; and what a crash leaves behind: process ids.

`state.json` (mode 0600) is written before a part is started, so that a crash never loses a password.
The lock is an flock: the kernel drops it with the process, however that ends.
"""

from __future__ import annotations

import fcntl
import os
from pathlib import Path

import msgspec

from bootstrap.embedded.process import born, is_running
from bootstrap.embedded.urls import ServiceUrls
from domain.errors import BadInput, Conflict, Unavailable


class PartState(msgspec.Struct):
    """One part: its port, its generated secrets by name, and its process."""

    port: int = 0
    secrets: dict[str, str] = {}
    pid: int = 0
    born: str = ""


class State(msgspec.Struct):
    """The whole file; `launcher_pid` is 0 when nothing runs."""

    version: int = 1
    launcher_pid: int = 0
    launcher_born: str = ""
    parts: dict[str, PartState] = {}
    urls: dict[str, str] = {}


def load(home: Path) -> State:
    """Return the state of a home; an empty one when there is none.

    Raises:
        BadInput: if the file is damaged.
    """
    path = home / "state.json"
    try:
        return msgspec.json.decode(path.read_bytes(), type=State)
    except FileNotFoundError:
        return State()
    except msgspec.DecodeError as error:
        raise BadInput(
            "state_damaged",
            f"The file {path} cannot be read as JSON: delete it, new ports and passwords are made.",
        ) from error


def save(home: Path, state: State) -> None:
    """Replace the state file as a whole, readable by its owner only."""
    temporary = home / "state.json.new"
    temporary.unlink(missing_ok=True)
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(msgspec.json.format(msgspec.json.encode(state), indent=2))
        file.flush()
        os.fsync(file.fileno())
    temporary.replace(home / "state.json")


def read_state(home: Path) -> ServiceUrls | None:
    """Return the addresses of the launcher that runs in `home`; None when none runs.

    Args:
        home: The data folder (see `default_home`).

    Raises:
        BadInput: if the state file is damaged.
    """
    state = load(home)
    if not state.urls or not is_running(state.launcher_pid, state.launcher_born):
        return None
    return ServiceUrls(**state.urls)


def make_home(home: Path) -> None:
    """Create the data folder, private to its owner.

    Raises:
        Unavailable: if it cannot be made or written.
    """
    try:
        home.mkdir(mode=0o700, parents=True, exist_ok=True)
        (home / "logs").mkdir(mode=0o700, exist_ok=True)
    except OSError as error:
        raise _not_writable(home) from error
    if not os.access(home, os.W_OK | os.X_OK):
        raise _not_writable(home)


class HomeLock:
    """At most one launcher per home.

    Args:
        home: The data folder.
    """

    def __init__(self, home: Path) -> None:
        self._path = home / "lock"
        self._descriptor: int | None = None

    def take(self) -> None:
        """Take the lock, or say who has it.

        Raises:
            Conflict: if another launcher runs in this home.
            Unavailable: if the folder cannot be written.
        """
        try:
            descriptor = os.open(self._path, os.O_RDWR | os.O_CREAT, 0o600)
        except OSError as error:
            raise _not_writable(self._path.parent) from error
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            holder = os.pread(descriptor, 32, 0).decode(errors="replace").strip() or "unknown"
            os.close(descriptor)
            raise Conflict(
                "launcher_running",
                f"Parley already runs in {self._path.parent} as process {holder}: use that one,"
                f" stop it with `kill {holder}`, or set PARLEY_HOME to another folder.",
                pid=int(holder) if holder.isdigit() else None,
            ) from error
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, str(os.getpid()).encode(), 0)
        self._descriptor = descriptor

    def release(self) -> None:
        """Give the lock back; harmless when it is not held."""
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None


def mark_launcher(state: State) -> None:
    """Write this process into the state as the running launcher."""
    state.launcher_pid = os.getpid()
    state.launcher_born = born(state.launcher_pid)


def _not_writable(home: Path) -> Unavailable:
    return Unavailable(
        "home_not_writable",
        f"The folder {home} cannot be written by user {os.geteuid()}:"
        " set PARLEY_HOME to a folder of yours.",
    )
