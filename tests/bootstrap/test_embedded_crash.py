"""kill -9 of a service or of the launcher itself."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import IO

import psycopg
import pytest
from redis import Redis

from bootstrap.embedded import EmbeddedServices, ServiceUrls, read_state
from bootstrap.embedded.paths import choose_ports
from bootstrap.embedded.postgres import cluster_processes
from bootstrap.embedded.process import born, wait_until
from bootstrap.embedded.state import load
from domain.errors import Conflict, Unavailable

ROOT = Path(__file__).resolve().parents[2]
LINUX = sys.platform == "linux"

LAUNCHER = """
import json, signal, sys, threading
from pathlib import Path
from bootstrap.embedded import EmbeddedServices
services = EmbeddedServices(Path(sys.argv[1]), env={})
if sys.argv[2] == "thread":
    # The thread that starts them ends long before the process does.
    starter = threading.Thread(target=services.start)
    starter.start(); starter.join()
else:
    services.start()
print(json.dumps(services.pids()), flush=True)
signal.pause()
"""


@pytest.fixture(scope="module")
def running(
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[tuple[EmbeddedServices, ServiceUrls]]:
    services = EmbeddedServices(tmp_path_factory.mktemp("crash"), env={})
    urls = services.start()
    yield services, urls
    services.stop()


def launch(home: Path, how: str = "direct") -> tuple[subprocess.Popen[str], dict[str, int]]:
    process = subprocess.Popen(
        [sys.executable, "-c", LAUNCHER, str(home), how],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        text=True,
    )
    output: IO[str] | None = process.stdout
    assert output is not None
    with output:
        return process, json.loads(output.readline())


def kill_9(process: subprocess.Popen[str]) -> None:
    process.kill()
    process.wait()


def table(url: str) -> list[int]:
    with psycopg.connect(url) as connection:
        return [row[0] for row in connection.execute("SELECT n FROM kept ORDER BY n")]


def test_killed_postgres_comes_back_with_every_committed_row(
    running: tuple[EmbeddedServices, ServiceUrls],
) -> None:
    services, urls = running
    assert services.ensure() == []
    with psycopg.connect(urls.admin_database_url, autocommit=True) as connection:
        connection.execute("CREATE TABLE kept (n int)")
        for n in range(100):
            connection.execute("INSERT INTO kept VALUES (%s)", (n,))
    # Three times: the race with sessions that are still ending shows in about every second trial.
    for _ in range(3):
        before = services.pids()
        with psycopg.connect(urls.database_url):  # a session that is in the way of the restart
            os.kill(before["postgres"], signal.SIGKILL)
            assert wait_until(lambda: services.ensure() == ["postgres"], 10)
        after = services.pids()
        assert after["postgres"] != before["postgres"]
        assert after["valkey"] == before["valkey"]
        assert services.check() == {}
        assert table(urls.admin_database_url) == list(range(100))
    assert read_state(services.home) == urls
    assert load(services.home).parts["postgres"].pid == services.pids()["postgres"]


def test_a_busy_session_does_not_hold_up_the_restart(
    running: tuple[EmbeddedServices, ServiceUrls],
) -> None:
    services, urls = running

    def work() -> None:
        # Never looks whether its server lives: only a signal ends it.
        with (
            pytest.raises(psycopg.OperationalError),
            psycopg.connect(urls.admin_database_url) as connection,
        ):
            connection.execute("SELECT count(*) FROM generate_series(1, 2000000000) AS n")

    busy = threading.Thread(target=work)
    with psycopg.connect(urls.admin_database_url, autocommit=True) as watcher:
        busy.start()
        active = "SELECT 1 FROM pg_stat_activity WHERE query LIKE 'SELECT count%generate%'"
        assert wait_until(lambda: watcher.execute(active).fetchone() is not None, 10)
        os.kill(services.pids()["postgres"], signal.SIGKILL)
    started = time.monotonic()
    assert wait_until(lambda: services.ensure() == ["postgres"], 30)
    busy.join()
    assert time.monotonic() - started < 15
    assert services.check() == {}


def test_killed_valkey_comes_back_with_what_is_older_than_a_second(
    running: tuple[EmbeddedServices, ServiceUrls],
) -> None:
    services, urls = running
    with Redis.from_url(urls.redis_url) as redis:
        redis.set("kept", "yes")
    # The promise of "appendfsync everysec" is about time: there is nothing else to wait for.
    time.sleep(1.2)
    os.kill(services.pids()["valkey"], signal.SIGKILL)
    assert wait_until(lambda: services.ensure() == ["valkey"], 10)
    with Redis.from_url(urls.redis_url) as redis:
        assert redis.get("kept") == b"yes"


def test_all_killed_at_once(running: tuple[EmbeddedServices, ServiceUrls]) -> None:
    services, _ = running
    for pid in services.pids().values():
        os.kill(pid, signal.SIGKILL)
    back: set[str] = set()
    assert wait_until(lambda: not back.update(services.ensure()) and len(back) == 3, 20)
    assert services.check() == {}


def test_stop_does_not_wait_for_a_restart_under_way(tmp_path: Path) -> None:
    services = EmbeddedServices(tmp_path, env={}, parts={"valkey"})
    services.start()
    killed = services.pids()["valkey"]
    os.kill(killed, signal.SIGKILL)
    assert wait_until(lambda: not born(killed), 5)
    other = choose_ports({"valkey": 0})["valkey"]  # it will run, but never answer where it should
    (tmp_path / "valkey" / "valkey.conf").write_text(f"bind 127.0.0.1\nport {other}\n")
    refusals: list[str] = []

    def restart() -> None:
        try:
            services.ensure()
        except Unavailable as refusal:
            refusals.append(refusal.code)

    thread = threading.Thread(target=restart)
    thread.start()
    log = tmp_path / "logs" / "valkey.log"
    assert wait_until(lambda: log.read_text().count("Ready to accept") == 2, 10)
    started = time.monotonic()
    services.stop()
    thread.join()
    assert time.monotonic() - started < 10
    assert refusals == ["launcher_stopped"]
    assert services.pids() == {}


@pytest.mark.skipif(not LINUX, reason="PR_SET_PDEATHSIG is Linux's")
@pytest.mark.parametrize("how", ["direct", "thread"])
def test_children_die_with_a_killed_launcher(tmp_path: Path, how: str) -> None:
    process, pids = launch(tmp_path / "home", how)
    assert len(pids) == 3
    assert all(born(pid) for pid in pids.values())
    kill_9(process)
    assert wait_until(lambda: not any(born(pid) for pid in pids.values()), 15)
    assert cluster_processes(tmp_path / "home/postgres/data") == []
    # It was a clean stop of each, not a crash: PostgreSQL was asked to shut down.
    assert "database system is shut down" in (tmp_path / "home/logs/postgres.log").read_text()
    assert read_state(tmp_path / "home") is None


@pytest.mark.skipif(not LINUX, reason="PR_SET_PDEATHSIG is Linux's")
def test_a_start_right_after_a_killed_launcher(tmp_path: Path) -> None:
    process, pids = launch(tmp_path)
    before = load(tmp_path)
    kill_9(process)
    services = EmbeddedServices(tmp_path, env={})
    urls = services.start()
    with services:
        assert not set(services.pids().values()) & set(pids.values())
        assert urls == ServiceUrls(**before.urls)
        assert services.check() == {}


def test_an_orphan_that_did_not_die_is_ended_first(tmp_path: Path) -> None:
    """As on a system without parent-death signals: the children outlive the launcher."""
    orphaned = EmbeddedServices(tmp_path, env={})
    first = orphaned.start()
    pids = orphaned.pids()
    with psycopg.connect(first.admin_database_url) as connection:
        connection.execute("CREATE TABLE kept AS SELECT generate_series(0, 9) AS n")
    orphaned._lock.release()

    services = EmbeddedServices(tmp_path, env={})
    second = services.start()
    with services:
        assert second == first
        assert not set(services.pids().values()) & set(pids.values())
        assert table(second.admin_database_url) == list(range(10))
    orphaned._state.launcher_pid = 0
    orphaned.stop()


@pytest.mark.skipif(not LINUX, reason="compares processes through /proc")
def test_a_process_id_that_is_somebody_elses_now_is_left_alone(tmp_path: Path) -> None:
    services = EmbeddedServices(tmp_path, env={}, parts={"postgres"})
    services.start()
    os.kill(services.pids()["postgres"], signal.SIGKILL)
    data = tmp_path / "postgres" / "data"
    assert wait_until(lambda: not cluster_processes(data), 10)
    services.stop()
    record = data / "postmaster.pid"
    lines = record.read_text().splitlines()
    with subprocess.Popen(["sleep", "60"]) as stranger:
        # Same user, same number: PostgreSQL alone would refuse to start.
        record.write_text("\n".join([str(stranger.pid), *lines[1:]]) + "\n")
        services.start()
        assert services.check() == {}
        services.stop()
        assert stranger.poll() is None
        stranger.kill()


def test_a_home_in_use_is_refused_to_a_second_launcher_after_a_restart_of_a_part(
    running: tuple[EmbeddedServices, ServiceUrls],
) -> None:
    services, _ = running
    with pytest.raises(Conflict, match="already runs"):
        EmbeddedServices(services.home, env={}).start()
