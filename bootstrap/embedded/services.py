"""The launcher: the three services together, under one lock."""

from __future__ import annotations

import atexit
import os
import threading
from collections.abc import Callable, Collection, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor, wait
from dataclasses import asdict, replace
from pathlib import Path
from types import TracebackType

from bootstrap.embedded.part import CANCELLED, Launcher, Part, Progress
from bootstrap.embedded.paths import choose_ports
from bootstrap.embedded.postgres import Postgres
from bootstrap.embedded.s3 import S3
from bootstrap.embedded.state import (
    HomeLock,
    PartState,
    State,
    load,
    make_home,
    mark_launcher,
    save,
)
from bootstrap.embedded.urls import DEFAULT_BUCKET, ServiceUrls, given_urls
from bootstrap.embedded.valkey import Valkey

PARTS = frozenset({"postgres", "valkey", "s3"})


class EmbeddedServices:
    """PostgreSQL, Valkey and S3 as children of this process.

    A part whose URL is in the environment (`DATABASE_URL`, `REDIS_URL`, `S3_ENDPOINT`) is not
    started; the URL is used. Methods may be called from any thread.

    Args:
        home: The data folder (see `default_home`); made when missing.
        parts: Which parts are wanted, of `PARTS`.
        env: The environment; also `PARLEY_POSTGRES_ACCOUNT` (see account.py).
        postgres_settings: Further PostgreSQL settings, e.g. `{"fsync": "off"}` for tests.
    """

    def __init__(
        self,
        home: Path,
        *,
        parts: Collection[str] = PARTS,
        env: Mapping[str, str] = os.environ,
        postgres_settings: Mapping[str, str] | None = None,
    ) -> None:
        if unknown := set(parts) - PARTS:
            raise ValueError(f"no such part: {', '.join(sorted(unknown))}")
        self.home = home.absolute()
        self._wanted = frozenset(parts)
        self._env = env
        self._settings = dict(postgres_settings or {})
        self._lock = HomeLock(self.home)
        self._turn = threading.RLock()
        self._cancelled = threading.Event()
        self._state = State()
        self._parts: dict[str, Part] = {}
        self._said: Progress | None = None
        self._say_turn = threading.Lock()
        self._save_turn = threading.Lock()
        self._owner = 0

    def __enter__(self) -> EmbeddedServices:
        """Return itself; nothing is started yet."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Stop everything."""
        self.stop()

    def start(self, on_progress: Progress | None = None) -> ServiceUrls:
        """Start what is wanted, in parallel, and return when each part has answered a login.

        Args:
            on_progress: Called with (part, sentence), one call at a time, from several threads.

        Raises:
            Conflict: if another launcher runs in this home, or the data is of another version.
            BadInput: if the state file is damaged or the environment contradicts itself.
            Unavailable: if a part cannot be started; everything is stopped again.
        """
        with self._turn:
            given = given_urls(self._env)
            make_home(self.home)
            self._lock.take()
            self._cancelled.clear()
            self._said = on_progress
            try:
                self._state = load(self.home)
                self._start(given)
            except BaseException:
                self.stop()
                raise
            self._owner = os.getpid()
            atexit.register(self._at_exit)
            return ServiceUrls(**self._state.urls)

    def stop(self) -> None:
        """Stop all parts, keep their data, and give the lock back; harmless when not started."""
        self._cancelled.set()
        with self._turn:
            atexit.unregister(self._at_exit)
            parts = list(self._parts.values())
            for part in parts:
                part.ask_to_stop()
            for part in reversed(parts):
                part.stop()
            self._parts.clear()
            if self._state.launcher_pid == os.getpid():
                self._state.launcher_pid, self._state.launcher_born = 0, ""
                self._remember()
            self._lock.release()

    def check(self) -> dict[str, str]:
        """Log in to every embedded part; return what is wrong by part, empty when all is well."""
        with self._turn:
            answers = {name: part.probe() for name, part in self._parts.items()}
            return {name: answer for name, answer in answers.items() if answer is not None}

    def ensure(self) -> list[str]:
        """Start again each part whose process has died, with its port and data.

        Returns:
            The names of those parts. Costs microseconds when all live.

        Raises:
            Unavailable: if one cannot be started; call again to try again.
        """
        with self._turn:
            dead = [
                name
                for name, part in self._parts.items()
                if part.child is None or not part.child.running
            ]
            if not dead or self._cancelled.is_set():
                return []
            self._in_parallel(self._parts[name].bring_up for name in dead)
            return dead

    def pids(self) -> dict[str, int]:
        """Return the process id of each embedded part that runs."""
        with self._turn:
            return {
                name: part.child.pid
                for name, part in self._parts.items()
                if part.child is not None and part.child.running
            }

    def _start(self, given: ServiceUrls) -> None:
        state = self._state
        embedded = self._embedded(given)
        self._in_parallel(part.clear for part in embedded.values())
        ports = choose_ports({name: part.state.port for name, part in embedded.items()})
        for name, part in embedded.items():
            part.state.port = ports[name]
        state.urls = asdict(self._urls(given, embedded))
        mark_launcher(state)
        # Before anything is made with a password: a crash must not lose it.
        self._remember()
        self._parts = embedded
        self._in_parallel(self._first_start(part) for part in embedded.values())

    def _embedded(self, given: ServiceUrls) -> dict[str, Part]:
        """Return the parts to be started here, without starting them."""
        launcher = Launcher(self.home, self._env, self._say, self._remember, self._cancelled)
        parts: dict[str, Part] = {}
        if "postgres" in self._wanted and not given.database_url:
            parts["postgres"] = Postgres(launcher, self._part_state("postgres"), self._settings)
        if "valkey" in self._wanted and not given.redis_url:
            parts["valkey"] = Valkey(launcher, self._part_state("valkey"))
        if "s3" in self._wanted and not given.s3_endpoint:
            parts["s3"] = S3(launcher, self._part_state("s3"))
        return parts

    def _part_state(self, name: str) -> PartState:
        return self._state.parts.setdefault(name, PartState())

    def _urls(self, given: ServiceUrls, embedded: Mapping[str, Part]) -> ServiceUrls:
        urls = given
        for part in embedded.values():
            if isinstance(part, Postgres):
                urls = replace(urls, database_url=part.url, admin_database_url=part.admin_url)
            elif isinstance(part, Valkey):
                urls = replace(urls, redis_url=part.url)
            elif isinstance(part, S3):
                urls = replace(
                    urls,
                    s3_endpoint=part.endpoint,
                    s3_access_key=part.secret("access_key"),
                    s3_secret_key=part.secret("secret_key"),
                    s3_bucket=DEFAULT_BUCKET,
                )
        return urls

    def _in_parallel(self, jobs: Iterable[Callable[[], None]]) -> None:
        """Run jobs side by side to their end, then raise the failure that says most."""
        with ThreadPoolExecutor(max_workers=len(PARTS)) as pool:
            futures = [pool.submit(job) for job in jobs]
            try:
                wait(futures)
            except BaseException:  # Ctrl-C: leave now, not after the time limits
                self._cancelled.set()
                raise
        failures = [error for future in futures if (error := future.exception())]
        if failures:
            # A part that was cancelled because of another's failure has nothing to tell.
            raise min(failures, key=lambda error: getattr(error, "code", "") == CANCELLED)

    def _say(self, part: str, sentence: str) -> None:
        if self._said is not None:
            with self._say_turn:
                self._said(part, sentence)

    def _remember(self) -> None:
        with self._save_turn:
            save(self.home, self._state)

    def _first_start(self, part: Part) -> Callable[[], None]:
        def start() -> None:
            try:
                part.prepare()
                part.bring_up()
                part.finish()
            except BaseException:
                self._cancelled.set()
                raise

        return start

    def _at_exit(self) -> None:
        # A forked copy of this process must not stop what is not its own.
        if self._owner == os.getpid():
            self.stop()
