"""A whole installation on one machine: services, schema, accounts, and the processes of the product."""

from __future__ import annotations

import asyncio
import signal
import socket
import sys
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping
from pathlib import Path

from bootstrap.accounts import LocalAccounts, ensure_accounts
from bootstrap.address import forget_address, write_address
from bootstrap.embedded import EmbeddedServices, ServiceUrls, default_home
from bootstrap.services import open_services
from bootstrap.settings import Settings, load_settings, local_secret
from bootstrap.snapshots import compile_and_publish
from bootstrap.supervisor import ProcessSpec, Supervisor
from graphs.checkpoints import set_up_checkpoints
from storage.migrate import upgrade

_ROOT = Path(__file__).resolve().parents[1]
_PREFERRED_PORT = 8484

Say = Callable[[str, str], None]


class Installation:
    """Starts and stops everything, in order.

    Args:
        env: The environment; service URLs in it win over embedded parts.
        say: Told (part, sentence) as things happen.
    """

    def __init__(self, env: Mapping[str, str], say: Say) -> None:
        self._env = env
        self._say = say
        self.home = default_home(env)
        self.embedded = EmbeddedServices(self.home, env=env)
        self._supervisor: Supervisor | None = None
        self.settings: Settings | None = None

    def prepare(self) -> LocalAccounts:
        """Start the services, migrate, make the accounts.

        Raises:
            ParleyError: with one sentence, when a part cannot be started; the others are stopped.
        """
        try:
            urls = self.embedded.start(self._say)
            self.settings = settings = self._settings(urls)
            self._say("schema", "migrating")
            migrate(settings)
            accounts = asyncio.run(_prepare(settings))
            self._supervisor = Supervisor(
                self.home, self._specs(settings), self.embedded, self._say
            )
        except BaseException:
            self.stop()
            raise
        return accounts

    def start(self) -> None:
        """Start the processes in the background and return when they are ready."""
        assert self._supervisor is not None
        assert self.settings is not None
        try:
            self._supervisor.start()
            write_address(self.home, url_of(self.settings))
        except BaseException:
            self.stop()
            raise

    def run(self, on_ready: Callable[[], None]) -> None:
        """Start the processes and stay until told to stop (Ctrl-C, SIGTERM), then stop everything."""
        assert self._supervisor is not None
        settings = self.settings
        assert settings is not None

        def ready() -> None:
            write_address(self.home, url_of(settings))
            on_ready()

        try:
            self._supervisor.run(ready)
        finally:
            self.stop()

    def stop(self) -> None:
        """Stop processes, then services; harmless when not started."""
        forget_address(self.home)
        if self._supervisor is not None:
            self._supervisor.stop()
            self._supervisor = None
        self.embedded.stop()

    def _settings(self, urls: ServiceUrls) -> Settings:
        given = dict(self._env)
        given.update(urls.as_env())
        given.setdefault("PARLEY_SECRET_KEY", local_secret(self.home))
        given["PARLEY_HOME"] = str(self.home)
        given.setdefault("PARLEY_PORT", str(free_port(given.get("PARLEY_HOST", "127.0.0.1"))))
        return load_settings(given)

    def _specs(self, settings: Settings) -> list[ProcessSpec]:
        env = {**self._env, **settings.as_env(), "PYTHONPATH": str(_ROOT), "PYTHONUNBUFFERED": "1"}
        python = sys.executable
        api = [
            python, "-m", "uvicorn", "api.app:create_app", "--factory", "--no-access-log",
            "--host", settings.parley_host, "--port", str(settings.parley_port),
            "--http", "api.protocol:HTTP",
            # A thousand sockets hear the same event: compressing it for each costs more than sending it.
            "--ws", "websockets-sansio", "--ws-per-message-deflate", "false",
        ]  # fmt: skip
        return [
            ProcessSpec(
                "api",
                api,
                env,
                ready=lambda: is_ready(settings),
                stop_signal=signal.SIGINT,
                cwd=_ROOT,
            ),
            # Its database dies with the launcher, so there is nothing to finish: a cold shutdown.
            ProcessSpec(
                "worker",
                [python, "-m", "workers.worker"],
                env,
                cwd=_ROOT,
                death_signal=signal.SIGQUIT,
            ),
            ProcessSpec("ticker", [python, "-m", "workers.ticker"], env, cwd=_ROOT),
        ]


def migrate(settings: Settings) -> str:
    """Bring schema and checkpoint tables up to date; return the revision."""
    login = settings.database_login
    revision = upgrade(settings.migration_url, login)
    asyncio.run(set_up_checkpoints(settings.database_url))
    return revision


async def prepare_parts(settings: Settings) -> None:
    """Make the bucket and a first snapshot: the doors are ready when there is something to serve from."""
    async with open_services(settings, pool_size=2) as services:
        await services.objects.ensure_bucket()
        await compile_and_publish(services)


def url_of(settings: Settings) -> str:
    """Return the base address of the API."""
    return f"http://{settings.parley_host}:{settings.parley_port}"


def is_ready(settings: Settings) -> bool:
    """Ask the API whether it and its parts are ready."""
    url = f"http://{settings.parley_host}:{settings.parley_port}/readyz"
    try:
        with urllib.request.urlopen(url, timeout=2) as answer:
            return bool(answer.status == 200)
    except (urllib.error.URLError, OSError):
        return False


def free_port(host: str) -> int:
    """Return the usual port if it is free, else any free one."""
    for port in (_PREFERRED_PORT, 0):
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((host, port))
            except OSError:
                continue
            return int(probe.getsockname()[1])
    raise OSError(f"no port is free on {host}")


async def _prepare(settings: Settings) -> LocalAccounts:
    async with open_services(settings, pool_size=2) as services:
        await services.objects.ensure_bucket()
        accounts = await ensure_accounts(services)
        # The doors are ready when there is something to serve from, be it empty.
        await compile_and_publish(services)
        return accounts
