"""Child processes that die with us, and how to recognise one that did not."""

from __future__ import annotations

import os
import queue
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future
from contextlib import suppress
from pathlib import Path

_SHIM = Path(__file__).with_name("child.py")
_LARGEST_LOG = 10_000_000


def born(pid: int) -> str:
    """Return what tells a process from a later one with the same id; empty when it is not alive."""
    if sys.platform == "linux":
        try:
            with open(f"/proc/{pid}/stat", "rb") as file:
                fields = file.read().rpartition(b")")[2].split()
            with open("/proc/sys/kernel/random/boot_id") as file:
                boot = file.read(8)
        except OSError:
            return ""
        # Fields 3 (state) and 22 (start time in ticks since boot) of proc_pid_stat(5).
        return "" if fields[0] in (b"Z", b"X") else f"{boot}:{int(fields[19])}"
    listing = subprocess.run(
        ["ps", "-o", "lstart=", "-p", str(pid)], capture_output=True, text=True, check=False
    )
    return listing.stdout.strip()


def is_running(pid: int, birth: str) -> bool:
    """Return whether the process with this id is alive and the very one that was recorded."""
    return pid > 0 and bool(birth) and born(pid) == birth


def end(pid: int, birth: str, signals: Sequence[tuple[int, float]]) -> bool:
    """End a process that is not our child.

    Args:
        pid: Process id.
        birth: Its `born` when it was recorded; another process with that id is left alone.
        signals: Signal and the seconds to wait after it, in order, until it is gone.

    Returns:
        Whether it is gone.
    """
    for number, seconds in signals:
        if not is_running(pid, birth):
            return True
        with suppress(ProcessLookupError):
            os.kill(pid, number)
        wait_until(lambda: not is_running(pid, birth), seconds)
    return not is_running(pid, birth)


def wait_until(condition: Callable[[], bool], seconds: float, every: float = 0.02) -> bool:
    """Return True as soon as `condition` holds, False after `seconds`."""
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() >= deadline:
            return False
        time.sleep(every)
    return True


def shim_command(argv: Sequence[str], death_signal: int, account: Sequence[str] = ()) -> list[str]:
    """Return the command that runs `argv` through `child.py` as a child of this process."""
    parent = ("--parent", str(os.getpid()), "--signal", str(int(death_signal)))
    return [sys.executable, "-I", "-S", str(_SHIM), *parent, *account, "--", *argv]


class Child:
    """A running child in its own session, with its output in a log file.

    Args:
        process: The started process.
        log: Its log file.
        offset: Where in the log its own lines begin.
    """

    def __init__(self, process: subprocess.Popen[bytes], log: Path, offset: int) -> None:
        self._process = process
        self.pid = process.pid
        self.born = born(process.pid)
        self.log = log
        self._offset = offset
        self._asked = 0

    @property
    def status(self) -> int | None:
        """Exit status (negative: the signal that ended it); None while it runs."""
        if self._process.returncode is None and self._has_exited():
            # Before the id is given free, so that the group is surely still ours.
            with suppress(ProcessLookupError, PermissionError):
                os.killpg(self.pid, signal.SIGKILL)
        return self._process.poll()

    @property
    def running(self) -> bool:
        """Whether it is alive."""
        return self.status is None

    def ask(self, number: int) -> None:
        """Send a signal, once in a row: to many programs the second one means "drop everything"."""
        if number == self._asked:
            return
        self._asked = number
        with suppress(ProcessLookupError):
            self._process.send_signal(number)

    def end(self, signals: Sequence[tuple[int, float]]) -> None:
        """Send each signal and wait its seconds until it has ended; at last SIGKILL to its group."""
        for number, seconds in signals:
            if not self.running:
                return
            self.ask(number)
            wait_until(lambda: not self.running, seconds)
        if self.running:
            with suppress(ProcessLookupError, PermissionError):
                os.killpg(self.pid, signal.SIGKILL)
            self._process.wait()

    def own_log(self) -> str:
        """Return what it has written since it was started."""
        return read_log(self.log, self._offset)

    def _has_exited(self) -> bool:
        if not hasattr(os, "waitid"):
            return False
        try:
            options = os.WEXITED | os.WNOHANG | os.WNOWAIT
            return os.waitid(os.P_PID, self.pid, options) is not None
        except ChildProcessError:
            return False


def read_log(path: Path, offset: int = 0, most: int = 20_000) -> str:
    """Return the end of a log file from `offset`, at most `most` bytes."""
    try:
        with path.open("rb") as file:
            file.seek(max(offset, path.stat().st_size - most))
            return file.read().decode(errors="replace")
    except FileNotFoundError:
        return ""


def last_lines(text: str, count: int = 8) -> list[str]:
    """Return the last lines that are not blank."""
    return [line.strip() for line in text.splitlines() if line.strip()][-count:]


class Spawner:
    """The one thread that starts children and lives as long as this process.

    Linux sends the parent-death signal when the *thread* that started the child ends, so a child
    must never be started from a thread of a pool or of a request.
    """

    def __init__(self) -> None:
        self.owner = os.getpid()
        self._jobs: queue.SimpleQueue[tuple[Callable[[], Child], Future[Child]]] = (
            queue.SimpleQueue()
        )
        threading.Thread(target=self._work, name="parley-spawner", daemon=True).start()

    def run(self, job: Callable[[], Child]) -> Child:
        """Run `job` on the spawner's thread and return its child."""
        answer: Future[Child] = Future()
        self._jobs.put((job, answer))
        return answer.result()

    def _work(self) -> None:
        while True:
            job, answer = self._jobs.get()
            try:
                answer.set_result(job())
            except BaseException as error:  # handed to the caller's thread
                answer.set_exception(error)


_guard = threading.Lock()
_spawners: list[Spawner] = []


def spawn(
    argv: Sequence[str],
    *,
    log: Path,
    env: Mapping[str, str],
    cwd: Path | None = None,
    death_signal: int = signal.SIGTERM,
    account: Sequence[str] = (),
    stdin: Path | None = None,
) -> Child:
    """Start a program that dies with this process.

    Args:
        argv: Program and arguments.
        log: File that gets its output (appended; set aside when over 10 MB).
        env: Its whole environment.
        cwd: Its working directory; `/` when not given.
        death_signal: What it gets when this process dies, however that happens (Linux).
        account: Arguments of `child.py` that choose the account.
        stdin: File it reads; nothing when not given.
    """
    command = shim_command(argv, death_signal, account)

    def start() -> Child:
        if log.exists() and log.stat().st_size > _LARGEST_LOG:
            log.replace(log.with_name(log.name + ".1"))
        with log.open("ab") as output, (stdin or Path(os.devnull)).open("rb") as source:
            offset = output.tell()
            process = subprocess.Popen(
                command,
                stdin=source,
                stdout=output,
                stderr=subprocess.STDOUT,
                env=dict(env),
                cwd=cwd or "/",
                start_new_session=True,
            )
        return Child(process, log, offset)

    return _spawner().run(start)


def _spawner() -> Spawner:
    with _guard:
        # After a fork the thread is gone, and the children are the parent's.
        if not _spawners or _spawners[-1].owner != os.getpid():
            _spawners[:] = [Spawner()]
        return _spawners[-1]
