"""What the three services have in common: start, wait for a real login, start again after a crash."""

from __future__ import annotations

import secrets
import signal
import threading
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from bootstrap.embedded.process import Child, end, last_lines
from bootstrap.embedded.state import PartState
from domain.errors import Unavailable

#: Called with the part's name and a short sentence on what it does now.
Progress = Callable[[str, str], None]

#: Code of the error of a part that was told to stop while it started.
CANCELLED = "launcher_stopped"

#: Seconds in which a server that ends with a passing cause is started again.
RETRY_SECONDS = 15.0
#: Seconds a living server may take until the first login, crash recovery included.
READY_SECONDS = 60.0


@dataclass(frozen=True)
class Launcher:
    """What a part sees of its launcher.

    Attributes:
        home: The data folder.
        env: The launcher's environment.
        say: Where progress goes.
        remember: Writes the state file.
        cancelled: Set when the launcher is stopped.
    """

    home: Path
    env: Mapping[str, str]
    say: Progress
    remember: Callable[[], None]
    cancelled: threading.Event


class Part(ABC):
    """One service.

    Args:
        launcher: Its launcher.
        state: Its port, secrets and process; updated in place.
    """

    name: ClassVar[str]
    label: ClassVar[str]
    #: Lines in its log that mean "try again".
    passing: ClassVar[tuple[str, ...]] = ()
    #: How to ask it to stop, with the seconds to wait.
    stop_signals: ClassVar[Sequence[tuple[int, float]]] = ((signal.SIGTERM, 10),)

    def __init__(self, launcher: Launcher, state: PartState) -> None:
        self.launcher = launcher
        self.home = launcher.home
        self.state = state
        self.child: Child | None = None

    @property
    def log(self) -> Path:
        """The file its output goes to."""
        return self.home / "logs" / f"{self.name}.log"

    def clear(self) -> None:
        """End what a killed launcher left behind.

        Raises:
            Unavailable: if it does not end.
        """
        if not end(self.state.pid, self.state.born, [*self.stop_signals, (signal.SIGKILL, 5)]):
            raise Unavailable(
                "orphan_does_not_end",
                f"A {self.label} of an earlier run still runs as process {self.state.pid}:"
                f" end it with `kill {self.state.pid}`.",
            )

    @abstractmethod
    def prepare(self) -> None:
        """Make its folder and settings; called before the first start."""

    @abstractmethod
    def launch(self) -> Child:
        """Start the process."""

    @abstractmethod
    def probe(self) -> str | None:
        """Log in and do something; return None when that worked, else why not."""

    def finish(self) -> None:
        """Do what needs a running server; called after the first start."""
        return

    def bring_up(self) -> None:
        """Start it and return after the first successful login.

        Raises:
            Unavailable: if it ends or does not answer in time; `log_tail` has its last lines.
        """
        started = time.monotonic()
        self.child = self._launch()
        while (problem := self._look(self.child)) is not None:
            waited = time.monotonic() - started
            if self.launcher.cancelled.is_set():
                raise Unavailable(CANCELLED, f"{self.label} was stopped while starting.")
            if self.child.running:
                if waited > READY_SECONDS:
                    raise self._failure(f"does not answer after {waited:.0f} s ({problem})")
                time.sleep(0.03)
            elif waited < RETRY_SECONDS and self._may_pass(self.child):
                time.sleep(0.3)
                self.child = self._launch()
            else:
                raise self._failure(f"ended with status {self.child.status}")
        self.say(f"ready on 127.0.0.1:{self.state.port}")

    def ask_to_stop(self) -> None:
        """Send the first stop signal and return."""
        if self.child is not None and self.child.running:
            self.child.ask(self.stop_signals[0][0])

    def stop(self) -> None:
        """Stop it and wait until it has ended."""
        if self.child is not None:
            self.child.end(self.stop_signals)
            self.child = None
        self.state.pid, self.state.born = 0, ""

    def say(self, sentence: str) -> None:
        """Report progress."""
        self.launcher.say(self.name, sentence)

    def secret(self, name: str) -> str:
        """Return a generated secret (32 hexadecimal digits), the same in every run."""
        return self.state.secrets.setdefault(name, secrets.token_hex(16))

    def _launch(self) -> Child:
        child = self.launch()
        self.state.pid, self.state.born = child.pid, child.born
        self.launcher.remember()
        return child

    def _look(self, child: Child) -> str | None:
        return self.probe() if child.running else "it ended"

    def _may_pass(self, child: Child) -> bool:
        log = child.own_log()
        return any(cause in log for cause in self.passing)

    def _failure(self, what: str) -> Unavailable:
        lines = last_lines(self.child.own_log() if self.child else "")
        said = f"; its last line: {lines[-1]}" if lines else ""
        return Unavailable(
            f"{self.name}_failed",
            f"{self.label} {what}, see {self.log}{said}",
            log_tail=lines,
        )
