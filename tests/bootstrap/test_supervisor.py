"""Our own processes: started, started again, stopped in order; in the foreground and from a thread."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from bootstrap.embedded import EmbeddedServices, read_state
from bootstrap.embedded.process import born, wait_until
from bootstrap.supervisor import ProcessSpec, Supervisor, read_processes
from domain.errors import Unavailable

ROOT = Path(__file__).resolve().parents[2]
ENV = {"PATH": os.defpath}


def shell(name: str, script: str, **options: object) -> ProcessSpec:
    return ProcessSpec(name, ["sh", "-c", script], ENV, **options)  # type: ignore[arg-type]


def sleeper(name: str) -> ProcessSpec:
    return shell(name, f"echo {name} runs; exec sleep 600")


def test_processes_run_until_stopped(tmp_path: Path) -> None:
    with Supervisor(tmp_path, [sleeper("api"), sleeper("worker")]) as supervisor:
        pids = supervisor.pids()
        assert list(pids) == ["api", "worker"]
        assert read_processes(tmp_path) == pids
        log = tmp_path / "logs" / "worker.log"
        assert wait_until(lambda: log.read_text() == "worker runs\n", 5)
    assert not any(born(pid) for pid in pids.values())
    assert supervisor.pids() == {}
    assert read_processes(tmp_path) == {}
    supervisor.stop()


def test_stopped_in_reverse_order(tmp_path: Path) -> None:
    script = "trap 'echo {0} >> order; exit' TERM; touch {0}.up; while :; do sleep 0.05; done"
    specs = [
        shell(
            name,
            script.format(name),
            cwd=tmp_path,
            ready=lambda name=name: (tmp_path / f"{name}.up").exists(),  # type: ignore[misc]
        )
        for name in ("first", "second", "third")
    ]
    with Supervisor(tmp_path, specs):
        pass
    assert (tmp_path / "order").read_text().split() == ["third", "second", "first"]


def test_a_process_that_does_not_stop_is_killed_after_its_grace(tmp_path: Path) -> None:
    spec = shell(
        "stubborn",
        "trap '' TERM; touch up; while :; do sleep 0.05; done",
        cwd=tmp_path,
        grace=0.3,
        ready=(tmp_path / "up").exists,
    )
    with Supervisor(tmp_path, [spec]) as supervisor:
        pid = supervisor.pids()["stubborn"]
        started = time.monotonic()
    assert 0.3 <= time.monotonic() - started < 5
    assert born(pid) == ""


def test_a_process_that_dies_is_started_again(tmp_path: Path) -> None:
    events: list[tuple[str, str]] = []
    with Supervisor(
        tmp_path, [sleeper("api"), sleeper("worker")], on_event=lambda *event: events.append(event)
    ) as supervisor:
        before = supervisor.pids()
        os.kill(before["api"], signal.SIGKILL)
        assert wait_until(lambda: supervisor.pids().get("api") not in (None, before["api"]), 5)
        assert supervisor.pids()["worker"] == before["worker"]
        assert wait_until(lambda: read_processes(tmp_path) == supervisor.pids(), 5)
    assert ("api", "ended (status -9), starting again in 0.2 s") in events


def test_the_pause_doubles_while_a_process_keeps_dying(tmp_path: Path) -> None:
    # Good for one start, then never again.
    spec = shell("api", "test -e once && exit 3; touch once; exec sleep 600", cwd=tmp_path)
    sentences: list[str] = []
    with Supervisor(
        tmp_path, [spec], on_event=lambda _, said: sentences.append(said)
    ) as supervisor:
        assert wait_until(lambda: (tmp_path / "once").exists(), 5)
        os.kill(supervisor.pids()["api"], signal.SIGKILL)
        assert wait_until(lambda: sum("again" in said for said in sentences) == 4, 10)
    pauses = [said.rsplit(" ", 2)[1] for said in sentences if "again" in said]
    assert pauses == ["0.2", "0.4", "0.8", "1.6"]


def test_start_returns_when_everything_is_ready(tmp_path: Path) -> None:
    spec = shell(
        "slow",
        "sleep 0.3; touch ready; exec sleep 600",
        cwd=tmp_path,
        ready=(tmp_path / "ready").exists,
    )
    with Supervisor(tmp_path, [spec]):
        assert (tmp_path / "ready").exists()


def test_a_process_that_cannot_start_says_why(tmp_path: Path) -> None:
    specs = [sleeper("worker"), shell("api", "echo no port is free; exit 4", ready=lambda: False)]
    supervisor = Supervisor(tmp_path, specs)
    with pytest.raises(Unavailable, match=r"process api ended 3 times .*api\.log.*no port is free"):
        supervisor.start()
    assert supervisor.pids() == {}


def test_a_process_that_is_never_ready_says_so(tmp_path: Path) -> None:
    spec = shell(
        "api", "echo still thinking; exec sleep 600", ready=lambda: False, ready_seconds=0.3
    )
    with pytest.raises(Unavailable, match=r"api is not ready after 0 s"):
        Supervisor(tmp_path, [spec]).start()


def test_a_leftover_of_a_killed_launcher_is_ended_first(tmp_path: Path) -> None:
    first = Supervisor(tmp_path, [sleeper("api")])
    first.start()
    left = first.pids()["api"]
    # As if the launcher had been killed: nobody looks after the process any more.
    first._stopping.set()
    with Supervisor(tmp_path, [sleeper("api")]) as second:
        assert born(left) == ""
        assert second.pids()["api"] != left
    first.stop()


@pytest.mark.parametrize("part", ["postgres", "valkey"])
def test_killed_services_are_cured_without_a_call(tmp_path: Path, part: str) -> None:
    services = EmbeddedServices(tmp_path, env={}, parts={part})
    urls = services.start()
    with Supervisor(tmp_path, [sleeper("api")], services) as supervisor:
        before = read_processes(tmp_path)
        assert before == {**supervisor.pids(), **services.pids()}
        os.kill(before[part], signal.SIGKILL)

        assert wait_until(lambda: services.pids().get(part) not in (None, before[part]), 20)
        assert wait_until(lambda: services.check() == {}, 5)
        assert read_state(tmp_path) == urls
        assert wait_until(lambda: read_processes(tmp_path)[part] == services.pids()[part], 5)
        assert supervisor.pids()["api"] == before["api"]
    assert services.pids() == {}


FOREGROUND = """
import os, sys, threading
from pathlib import Path
from bootstrap.supervisor import ProcessSpec, Supervisor
script = "echo up; exec sleep 600"
specs = [ProcessSpec(name, ["sh", "-c", script], {"PATH": os.defpath}) for name in ("api", "worker")]
supervisor = Supervisor(Path(sys.argv[1]), specs)
if sys.argv[2] == "run":
    supervisor.run(lambda: print("ready", flush=True))
else:
    starter = threading.Thread(target=supervisor.start)
    starter.start(); starter.join()
    print("ready", flush=True)
    threading.Event().wait()
print("stopped", flush=True)
"""


def foreground(home: Path, how: str) -> subprocess.Popen[str]:
    process = subprocess.Popen(
        [sys.executable, "-c", FOREGROUND, str(home), how],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n"
    return process


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_the_foreground_stops_on_a_signal(tmp_path: Path, number: int) -> None:
    process = foreground(tmp_path, "run")
    pids = read_processes(tmp_path)
    assert len(pids) == 2
    process.send_signal(number)
    rest, _ = process.communicate(timeout=20)
    assert (rest, process.returncode) == ("stopped\n", 0)
    assert not any(born(pid) for pid in pids.values())


@pytest.mark.skipif(sys.platform != "linux", reason="PR_SET_PDEATHSIG is Linux's")
@pytest.mark.parametrize("how", ["run", "thread"])
def test_processes_die_with_a_killed_supervisor(tmp_path: Path, how: str) -> None:
    process = foreground(tmp_path, how)
    pids = read_processes(tmp_path)
    assert all(born(pid) for pid in pids.values())
    process.kill()
    process.communicate()
    assert wait_until(lambda: not any(born(pid) for pid in pids.values()), 10)


def test_signal_handlers_are_given_back(tmp_path: Path) -> None:
    before = signal.getsignal(signal.SIGTERM)
    supervisor = Supervisor(tmp_path, [sleeper("api")])
    timer = threading.Timer(0.2, os.kill, (os.getpid(), signal.SIGTERM))
    supervisor.run(timer.start)
    timer.join()
    assert signal.getsignal(signal.SIGTERM) == before
