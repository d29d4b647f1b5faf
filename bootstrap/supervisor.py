"""Keeps our own processes and the embedded services alive until told to stop.

In the foreground (`parley up`): `Supervisor(...).run()` returns after SIGINT, SIGTERM or SIGHUP.
Inside a command that has other work (`parley demo`): `with Supervisor(...):` does the same from
background threads. Both are equally safe: children are started by the one thread of
`embedded.process.Spawner`, which lives as long as the process, so Linux ends them when the process
dies and not when some thread of it does. A detached process would need its own lock, log and way to be
stopped, and gives nothing more.
"""

from __future__ import annotations

import logging
import os
import signal
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType, TracebackType

import msgspec

from bootstrap.embedded.process import Child, end, last_lines, spawn
from bootstrap.embedded.services import EmbeddedServices
from bootstrap.embedded.state import make_home
from domain.errors import ParleyError, Unavailable

_LOG = logging.getLogger(__name__)

#: Seconds before a process is started again: doubled each time, reset after `HEALTHY_SECONDS`.
SHORTEST_PAUSE, LONGEST_PAUSE = 0.2, 5.0
HEALTHY_SECONDS = 10.0
#: A process that ends this often before it was ever ready makes the start fail.
MOST_EXITS_AT_START = 3

_LOOK_EVERY = 0.1
_ENSURE_EVERY = 0.5

#: Called with the name of a process or part and a short sentence.
OnEvent = Callable[[str, str], None]


@dataclass(frozen=True)
class ProcessSpec:
    """One process of ours.

    Attributes:
        name: Short name; its output goes to `<home>/logs/<name>.log`.
        argv: Program and arguments.
        env: Its whole environment.
        ready: Returns True once it does its work, e.g. a request to `/readyz`; must not block for
            long. None: it is ready as soon as it runs.
        ready_seconds: How long that may take at the start.
        cwd: Its working directory; the launcher's when not given.
        stop_signal: How it is asked to stop.
        death_signal: What Linux sends it when the launcher dies; one that does not wait for work
            to finish is right for a process whose database dies with the launcher too.
        grace: Seconds it has to stop before it is killed with all its children.
    """

    name: str
    argv: Sequence[str]
    env: Mapping[str, str]
    ready: Callable[[], bool] | None = None
    ready_seconds: float = 60.0
    cwd: Path | None = None
    stop_signal: int = signal.SIGTERM
    death_signal: int = signal.SIGTERM
    grace: float = 10.0


class ProcessRecord(msgspec.Struct):
    """A process id and what tells it from a later process with the same id."""

    pid: int
    born: str = ""


class ProcessFile(msgspec.Struct):
    """`processes.json`: the launcher, our processes and the embedded services by name."""

    launcher: ProcessRecord
    processes: dict[str, ProcessRecord] = {}
    services: dict[str, ProcessRecord] = {}


@dataclass
class _Kept:
    spec: ProcessSpec
    child: Child | None = None
    started: float = 0.0
    pause: float = SHORTEST_PAUSE
    again_at: float | None = None
    exits: int = 0
    last_log: str = field(default="", repr=False)


class Supervisor:
    """Runs processes, starts them again when they die, stops them in reverse order.

    Args:
        home: The data folder; logs and `processes.json` go there.
        specs: The processes in the order of their start.
        services: Embedded services that were started already; kept alive and stopped last.
        on_event: Told what happens, from background threads.
    """

    def __init__(
        self,
        home: Path,
        specs: Sequence[ProcessSpec],
        services: EmbeddedServices | None = None,
        on_event: OnEvent | None = None,
    ) -> None:
        self.home = home.absolute()
        self._kept = [_Kept(spec) for spec in specs]
        self._services = services
        # Kept here: asking the services would wait for a restart of theirs that is under way.
        self._service_pids: dict[str, int] = {}
        self._on_event = on_event
        self._stopping = threading.Event()
        self._turn = threading.RLock()
        self._threads: list[threading.Thread] = []

    def __enter__(self) -> Supervisor:
        """Start everything."""
        self.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Stop everything."""
        self.stop()

    def start(self) -> None:
        """Start all processes and return when each is ready.

        Raises:
            Unavailable: if one keeps ending or is not ready in time; everything is stopped again.
        """
        make_home(self.home)
        self._stopping.clear()
        self._end_leftovers()
        if self._services is not None:
            self._service_pids = self._services.pids()
        try:
            with self._turn:
                for kept in self._kept:
                    self._spawn(kept)
            self._watch("parley-processes", self._look_after_processes, _LOOK_EVERY)
            if self._services is not None:
                self._watch("parley-services", self._look_after_services, _ENSURE_EVERY)
            for kept in self._kept:
                self._wait_ready(kept)
        except BaseException:
            self.stop()
            raise

    def run(self, on_ready: Callable[[], None] | None = None) -> None:
        """Start, stay in the foreground until a signal asks to stop, then stop.

        Args:
            on_ready: Called once everything is ready, e.g. to show the addresses.

        Raises:
            Unavailable: as `start` does.
        """
        with self._signals():
            self.start()
            try:
                if on_ready is not None and not self._stopping.is_set():
                    on_ready()
                # With a time limit: an unlimited wait may hold back signals on some platforms.
                while not self._stopping.wait(1.0):
                    pass
            finally:
                self.stop()

    def stop(self) -> None:
        """Stop the processes in reverse order, then the services; harmless when stopped."""
        self._stopping.set()
        for thread in self._threads:
            if thread is not threading.current_thread():
                # A service that is just being restarted notices the stop below, not here.
                thread.join(timeout=1.0)
        with self._turn:
            for kept in reversed(self._kept):
                if kept.child is not None:
                    kept.child.end([(kept.spec.stop_signal, kept.spec.grace)])
                    kept.child = None
            if self._services is not None:
                self._services.stop()
            self._threads.clear()
            (self.home / "processes.json").unlink(missing_ok=True)

    def pids(self) -> dict[str, int]:
        """Return the process id of each process of ours that runs."""
        with self._turn:
            return {
                kept.spec.name: kept.child.pid
                for kept in self._kept
                if kept.child is not None and kept.child.running
            }

    def _spawn(self, kept: _Kept) -> None:
        spec = kept.spec
        kept.child = spawn(
            spec.argv,
            log=self.home / "logs" / f"{spec.name}.log",
            env=spec.env,
            cwd=spec.cwd or Path.cwd(),
            death_signal=spec.death_signal,
        )
        kept.started = time.monotonic()
        kept.again_at = None
        self._write_processes()

    def _wait_ready(self, kept: _Kept) -> None:
        spec = kept.spec
        deadline = time.monotonic() + spec.ready_seconds
        while not self._stopping.is_set():
            child = kept.child
            if child is not None and child.running and (spec.ready is None or spec.ready()):
                self._tell(spec.name, "ready")
                return
            if kept.exits >= MOST_EXITS_AT_START:
                raise self._failure(spec, f"ended {kept.exits} times at its start", kept.last_log)
            if time.monotonic() > deadline:
                said = child.own_log() if child is not None else ""
                raise self._failure(spec, f"is not ready after {spec.ready_seconds:.0f} s", said)
            self._stopping.wait(0.05)

    def _failure(self, spec: ProcessSpec, what: str, said: str) -> Unavailable:
        lines = last_lines(said)
        last = f"; its last line: {lines[-1]}" if lines else ""
        return Unavailable(
            "process_failed",
            f"The process {spec.name} {what}, see {self.home / 'logs' / spec.name}.log{last}",
            log_tail=lines,
        )

    def _look_after_processes(self) -> None:
        with self._turn:
            for kept in self._kept:
                if not self._stopping.is_set():
                    self._look_after(kept)

    def _look_after(self, kept: _Kept) -> None:
        child, now = kept.child, time.monotonic()
        if child is None or child.running:
            if now - kept.started > HEALTHY_SECONDS:
                kept.pause, kept.exits = SHORTEST_PAUSE, 0
            return
        if kept.again_at is None:
            kept.again_at = now + kept.pause
            kept.exits += 1
            kept.last_log = child.own_log()
            pause, kept.pause = kept.pause, min(kept.pause * 2, LONGEST_PAUSE)
            self._tell(
                kept.spec.name, f"ended (status {child.status}), starting again in {pause:.1f} s"
            )
        elif now >= kept.again_at:
            self._spawn(kept)

    def _look_after_services(self) -> None:
        assert self._services is not None
        try:
            restarted = self._services.ensure()
        except ParleyError as error:
            self._tell("services", error.detail)
            return
        for name in restarted:
            self._tell(name, "had ended, was started again")
        if restarted:
            pids = self._services.pids()
            with self._turn:
                self._service_pids = pids
                self._write_processes()

    def _watch(self, name: str, work: Callable[[], None], every: float) -> None:
        def loop() -> None:
            while not self._stopping.wait(every):
                try:
                    work()
                except Exception:
                    # A defect in one look must not end the supervision.
                    _LOG.exception("%s failed, trying again", name)

        thread = threading.Thread(target=loop, name=name, daemon=True)
        self._threads.append(thread)
        thread.start()

    def _tell(self, name: str, sentence: str) -> None:
        _LOG.info("%s: %s", name, sentence)
        if self._on_event is not None:
            self._on_event(name, sentence)

    def _write_processes(self) -> None:
        content = ProcessFile(
            launcher=ProcessRecord(os.getpid()),
            processes={
                kept.spec.name: ProcessRecord(kept.child.pid, kept.child.born)
                for kept in self._kept
                if kept.child is not None
            },
            services={name: ProcessRecord(pid) for name, pid in self._service_pids.items()},
        )
        path = self.home / "processes.json"
        temporary = path.with_name("processes.json.new")
        temporary.write_bytes(msgspec.json.format(msgspec.json.encode(content), indent=2))
        temporary.replace(path)

    def _end_leftovers(self) -> None:
        """End processes of a launcher that was killed, where the system did not do it for us."""
        left = _read(self.home)
        for name, process in (left.processes if left else {}).items():
            if not end(process.pid, process.born, [(signal.SIGTERM, 5), (signal.SIGKILL, 5)]):
                raise Unavailable(
                    "orphan_does_not_end",
                    f"The process {name} of an earlier run still runs: `kill {process.pid}` ends it.",
                )

    @contextmanager
    def _signals(self) -> Iterator[None]:
        def ask(number: int, frame: FrameType | None) -> None:
            self._stopping.set()

        numbers = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
        before = {number: signal.signal(number, ask) for number in numbers}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)


def read_processes(home: Path) -> dict[str, int]:
    """Return the process ids that the supervisor of a home last wrote, ours and the services'.

    Args:
        home: The data folder.
    """
    content = _read(home)
    if content is None:
        return {}
    everything = {**content.services, **content.processes}
    return {name: process.pid for name, process in everything.items()}


def _read(home: Path) -> ProcessFile | None:
    try:
        return msgspec.json.decode((home / "processes.json").read_bytes(), type=ProcessFile)
    except (FileNotFoundError, msgspec.DecodeError):
        return None
