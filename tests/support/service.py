"""A whole installation as processes of its own: started, hurt part by part, stopped, counted.

Everything that is killed here was started here: it is a descendant of the launcher, recorded with what
tells it from a later process of the same id.
"""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import psycopg
from psycopg.rows import TupleRow

from bootstrap.accounts import LocalAccounts, read_accounts
from bootstrap.embedded import ServiceUrls, read_state
from bootstrap.embedded.process import born, is_running, wait_until
from bootstrap.supervisor import read_processes
from tests.support.callers import is_ready

ROOT = Path(__file__).resolve().parents[2]
SERVICES = ("postgres", "valkey", "s3")
_START = "from bootstrap.cli import main; main()"
#: Addresses of other installations: they would be used instead of a start.
_FOREIGN = ("DATABASE_URL", "ADMIN_DATABASE_URL", "REDIS_URL", "BROKER_URL", "S3_ENDPOINT")


@dataclass(frozen=True)
class Process:
    """A process that will not be mistaken for another one."""

    pid: int
    birth: str

    @property
    def alive(self) -> bool:
        """Whether this very process still runs."""
        return is_running(self.pid, self.birth)

    def kill(self) -> None:
        """Send SIGKILL."""
        if self.alive:
            with suppress(ProcessLookupError):
                os.kill(self.pid, signal.SIGKILL)

    def kill_group(self) -> None:
        """Send SIGKILL to all processes of the group that it leads."""
        if self.alive and os.getpgid(self.pid) == self.pid:
            with suppress(ProcessLookupError):
                os.killpg(self.pid, signal.SIGKILL)


def process_of(pid: int) -> Process:
    """Return a process by its id."""
    return Process(pid, born(pid))


def children_of(pid: int) -> list[Process]:
    """Return the living children of a process."""
    return [process_of(child) for child, parent in _parents().items() if parent == pid]


def descendants_of(pid: int) -> list[Process]:
    """Return all living processes below a process."""
    parents, found, level = _parents(), [], {pid}
    while level:
        level = {child for child, parent in parents.items() if parent in level}
        found += [process_of(child) for child in sorted(level)]
    return [process for process in found if process.birth]


def free_port() -> int:
    """Return a port that is free now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def clean_environment(home: Path, **more: str) -> dict[str, str]:
    """Return the environment of an installation that starts all its parts itself."""
    env = {name: value for name, value in os.environ.items() if name not in _FOREIGN}
    return {**env, "PARLEY_HOME": str(home), "PYTHONPATH": str(ROOT), **more}


class Service:
    """`parley up` in a home of its own.

    Args:
        home: The data folder.
        **env: Further settings.
    """

    def __init__(self, home: Path, **env: str) -> None:
        self.home = home
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.env = clean_environment(home, PARLEY_PORT=str(self.port), **env)
        self._launcher: subprocess.Popen[bytes] | None = None
        self._seen: set[Process] = set()

    def start(self, seconds: float = 90.0) -> float:
        """Start it and return after how many seconds it was ready."""
        self.home.mkdir(parents=True, exist_ok=True)
        started = time.monotonic()
        told = self.home / "up.json"
        with told.open("wb") as out, (self.home / "up.log").open("ab") as err:
            self._launcher = subprocess.Popen(
                [sys.executable, "-c", _START, "up", "--json"],
                cwd=ROOT, env=self.env, stdout=out, stderr=err, start_new_session=True,
            )  # fmt: skip
        launcher = self._launcher
        wait_until(lambda: b"\n" in told.read_bytes() or launcher.poll() is not None, seconds)
        assert b"\n" in told.read_bytes(), (self.home / "up.log").read_text()[-3000:]
        assert json.loads(told.read_bytes())["url"] == self.url
        self.remember()
        return time.monotonic() - started

    def stop(self, seconds: float = 15.0) -> float:
        """Press Ctrl-C; return after how many seconds the launcher had ended with status 0."""
        launcher = self._launcher
        assert launcher is not None
        self.remember()
        started = time.monotonic()
        launcher.send_signal(signal.SIGINT)
        assert launcher.wait(seconds) == 0, (self.home / "up.log").read_text()[-3000:]
        return time.monotonic() - started

    def left(self) -> list[Process]:
        """Return the processes of this installation that still run."""
        return [process for process in self._seen if process.alive]

    def destroy(self) -> None:
        """End whatever is left, so that a failed test leaves no process behind."""
        self.remember()
        if self._launcher is not None:
            self._launcher.kill()
            self._launcher.wait()
        wait_until(lambda: not self.left(), 5)
        for process in self.left():
            process.kill()

    def remember(self) -> None:
        """Note all processes that run now, to look for them later."""
        if self._launcher is not None and self._launcher.poll() is None:
            self._seen.update(descendants_of(self._launcher.pid))

    def process(self, name: str) -> Process:
        """Return one of the processes by its name in `processes.json`."""
        return process_of(read_processes(self.home)[name])

    def pool(self) -> list[Process]:
        """Return the pool children of the Celery worker."""
        return children_of(read_processes(self.home)["worker"])

    def kill_launcher(self) -> None:
        """Kill the launcher; it is reaped, since it is our own child."""
        assert self._launcher is not None
        self.remember()
        self._launcher.kill()
        self._launcher.wait()

    def ready(self) -> bool:
        """Tell whether the API finds all its parts."""
        return is_ready(self.url)

    @property
    def accounts(self) -> LocalAccounts:
        """The keys that the installation made."""
        found = read_accounts(self.home)
        assert found is not None
        return found

    @property
    def urls(self) -> ServiceUrls:
        """Addresses of the embedded parts."""
        found = read_state(self.home)
        assert found is not None
        return found

    @contextmanager
    def database(self) -> Iterator[psycopg.Connection[TupleRow]]:
        """Open a connection that sees every row."""
        with psycopg.connect(self.urls.admin_database_url, autocommit=True) as connection:
            yield connection

    def command(self, *arguments: str, **env: str) -> subprocess.CompletedProcess[str]:
        """Run a `parley` command beside it."""
        return subprocess.run(
            [sys.executable, "-c", _START, *arguments],
            cwd=ROOT, env={**self.env, **env}, capture_output=True, text=True, timeout=300,
            check=False,
        )  # fmt: skip


def _parents() -> Mapping[int, int]:
    """Return parent ids by process id, of processes that are not zombies."""
    found = {}
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit():
            continue
        with suppress(OSError):
            fields = (entry / "stat").read_bytes().rpartition(b")")[2].split()
            if fields[0] not in (b"Z", b"X"):
                found[int(entry.name)] = int(fields[1])
    return found
