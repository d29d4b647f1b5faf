"""One real PostgreSQL, Valkey and S3 per test run, shared by all xdist workers.

`trio()` starts them when the first test asks, in a process of their own that ends when the run's process
(the one pytest was called as) does, and removes their folder. `stop_trio()` ends them at once.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
from psycopg import sql

from bootstrap.embedded import EmbeddedServices, ServiceUrls, create_database, read_state
from bootstrap.embedded.process import born, end, is_running
from bootstrap.embedded.state import load
from bootstrap.embedded.urls import at_database

__all__ = ["create_database", "drop_database", "stop_trio", "template_database", "trio"]

_ROOT = Path(__file__).resolve().parents[2]


def trio() -> ServiceUrls:
    """Return the run's services, starting them when nobody did yet (about a second)."""
    home = _home()
    with _locked(home):
        urls = read_state(home)
        if urls is None:
            _serve_apart(home)
            urls = read_state(home)
        assert urls is not None
        return urls


def stop_trio() -> None:
    """End the run's services; for `pytest_unconfigure` of the run's process, not of a worker."""
    if "PYTEST_XDIST_WORKER" in os.environ or not _home_path().exists():
        return
    state = load(_home_path())
    signals = [(signal.SIGTERM, 30.0), (signal.SIGKILL, 5.0)]
    assert end(state.launcher_pid, state.launcher_born, signals)


def drop_database(admin_url: str, name: str) -> None:
    """Drop a database, ending its sessions."""
    with psycopg.connect(at_database(admin_url, "postgres"), autocommit=True) as connection:
        connection.execute(
            sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name))
        )


def template_database(name: str, prepare: Callable[[ServiceUrls], None]) -> str:
    """Make a database once per run, for `create_database(..., template=name)`.

    Args:
        name: Its name.
        prepare: Fills it, e.g. migrates; gets the services with the URLs of the new database and
            leaves no connection open.
    """
    urls = trio()
    with _locked(_home(), f"template-{name}"):
        with psycopg.connect(urls.admin_database_url) as connection:
            found = connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", (name,))
            if found.fetchone():
                return name
        # Renamed when it is complete: a failed preparation is not taken for a template.
        draft = f"{name}_draft"
        drop_database(urls.admin_database_url, draft)
        create_database(urls.admin_database_url, draft)
        prepare(urls.with_database(draft))
        with psycopg.connect(urls.admin_database_url, autocommit=True) as connection:
            connection.execute(
                sql.SQL("ALTER DATABASE {} RENAME TO {}").format(
                    sql.Identifier(draft), sql.Identifier(name)
                )
            )
    return name


def _run_process() -> int:
    """Return the process id of the run: pytest itself, or the controller of this xdist worker."""
    return os.getppid() if "PYTEST_XDIST_WORKER" in os.environ else os.getpid()


def _home_path() -> Path:
    pid = _run_process()
    mark = hashlib.sha256(born(pid).encode()).hexdigest()[:8]
    return Path(tempfile.gettempdir()) / f"parley-tests-{pid}-{mark}"


def _home() -> Path:
    home = _home_path()
    home.mkdir(mode=0o700, exist_ok=True)
    assert home.stat().st_uid == os.geteuid()
    return home


@contextmanager
def _locked(home: Path, name: str = "trio") -> Iterator[None]:
    with (home / f"{name}.lock").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _serve_apart(home: Path) -> None:
    pid = _run_process()
    command = [sys.executable, "-m", "tests.support.embedded", str(home), str(pid), born(pid)]
    # Without this run's addresses: they would be used instead of a start.
    env = {
        key: value
        for key, value in os.environ.items()
        if key not in ("DATABASE_URL", "REDIS_URL", "S3_ENDPOINT")
    }
    outcome = subprocess.run(command, cwd=_ROOT, env=env, capture_output=True, timeout=100)
    assert outcome.returncode == 0, outcome.stdout.decode() + outcome.stderr.decode()


def _serve(home: Path, pid: int, birth: str) -> None:
    """Start the services and hold them until the run's process is gone; in a detached process."""
    stop = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: stop.set())
    # The data is thrown away: it need not survive a power cut.
    services = EmbeddedServices(home, env=os.environ, postgres_settings={"fsync": "off"})
    services.start()
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    silent = os.open(os.devnull, os.O_RDWR)
    for descriptor in (0, 1, 2):
        os.dup2(silent, descriptor)
    while not stop.wait(0.2) and is_running(pid, birth):
        pass
    services.stop()
    shutil.rmtree((home / "postgres").resolve(), ignore_errors=True)
    shutil.rmtree(home, ignore_errors=True)


def _detach(home: Path, pid: int, birth: str) -> int:
    """Fork; the child serves, the parent returns an exit status once the services are ready."""
    reader, writer = os.pipe()
    if os.fork() == 0:
        os.setsid()
        os.close(reader)
        os.dup2(writer, 1)
        os.close(writer)
        try:
            _serve(home, pid, birth)
        except BaseException:
            traceback.print_exc()
            os._exit(1)
        os._exit(0)
    os.close(writer)
    with os.fdopen(reader) as answer:
        return 0 if answer.readline() == "ready\n" else 1


if __name__ == "__main__":
    sys.exit(_detach(Path(sys.argv[1]), int(sys.argv[2]), sys.argv[3]))
