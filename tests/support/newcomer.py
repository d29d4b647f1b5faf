"""Somebody who has just cloned the repository: an account, an empty home, no `uv`, no caches of the project."""

from __future__ import annotations

import os
import pwd
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO

ROOT = Path(__file__).resolve().parents[2]
_DIRS = ("/usr/local/bin", "/usr/bin", "/bin", "/opt/homebrew/bin")
#: How this machine reaches package indexes; nothing else of our environment is the newcomer's.
_PASSED = (
    "PIP_",
    "UV_",
    "SSL_CERT",
    "REQUESTS_CA",
    "HTTP",
    "http",
    "ALL_PROXY",
    "NO_PROXY",
    "no_p",
)
_TOOLS = ("sh", "git", "make", "cc")
_NEEDED = "import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 11))"


class Unsuitable(Exception):
    """This machine cannot play the newcomer; the reason is for a skip."""


@dataclass(frozen=True)
class Account:
    """Who runs the commands; `uid` None is ourselves."""

    name: str
    uid: int | None = None
    gid: int | None = None

    def own(self, path: Path) -> None:
        """Give a folder and all below it to the account."""
        if self.uid is not None and self.gid is not None:
            for one in (path, *path.rglob("*")):
                os.chown(one, self.uid, self.gid, follow_symlinks=False)


def ordinary_account() -> Account:
    """Return an existing account without privileges that root may run commands as.

    Raises:
        Unsuitable: if we are not root, or there is none.
    """
    if os.geteuid() != 0:
        raise Unsuitable("not root: the first newcomer was an ordinary user already")
    accounts = sorted(pwd.getpwall(), key=lambda one: one.pw_name != "nobody")
    found = next((one for one in accounts if one.pw_uid != 0), None)
    if found is None:
        raise Unsuitable("there is no account but root's on this machine")
    return Account(found.pw_name, found.pw_uid, found.pw_gid)


class Newcomer:
    """A fresh clone in a folder of its own, and the environment of a first login.

    Args:
        account: Who it is.
        cold: Whether even downloaded packages must be fetched anew.

    Raises:
        Unsuitable: if there is no clone to be had, or no Python the account can reach.
    """

    def __init__(self, account: Account, *, cold: bool) -> None:
        self.account = account
        # Not pytest's folder: other accounts cannot pass through it.
        self.folder = Path(tempfile.mkdtemp(prefix="parley-newcomer-")).resolve()
        self.clone = self.folder / "parley"
        try:
            self._clone()
            self.env = self._environment(cold)
            self.python = self.env["PYTHON"] = self._python()
        except BaseException:
            self.leave()
            raise

    def run(self, *command: str, seconds: float = 1400) -> subprocess.CompletedProcess[str]:
        """Run a command in the clone and return how it ended."""
        return subprocess.run(
            command, cwd=self.clone, env=self.env, capture_output=True, text=True,
            timeout=seconds, check=False, **self._as_account(),
        )  # fmt: skip

    def start(self, *command: str, out: IO[bytes]) -> subprocess.Popen[bytes]:
        """Start a command in the clone as a terminal would: with a process group of its own."""
        return subprocess.Popen(
            command, cwd=self.clone, env=self.env, stdout=out, stderr=out,
            stdin=subprocess.DEVNULL, start_new_session=True, **self._as_account(),
        )  # fmt: skip

    def leave(self) -> None:
        """Remove everything."""
        # Root's PostgreSQL may have had to move its data to where its account can reach it.
        moved = self.clone / ".parley" / "postgres"
        if moved.is_symlink():
            shutil.rmtree(moved.resolve(), ignore_errors=True)
        shutil.rmtree(self.folder, ignore_errors=True)

    def _clone(self) -> None:
        done = subprocess.run(
            ["git", "clone", "--quiet", "--no-local", str(ROOT), str(self.clone)],
            capture_output=True, text=True, check=False,
        )  # fmt: skip
        if done.returncode != 0:
            raise Unsuitable(f"this is no git repository to clone: {done.stderr.strip()[-200:]}")
        (self.folder / "home").mkdir()
        self.account.own(self.folder)

    def _environment(self, cold: bool) -> dict[str, str]:
        passed = {k: v for k, v in os.environ.items() if k.startswith(_PASSED)}
        passed.pop("UV_CACHE_DIR", None)
        cache = Path.home() / ".cache" / "uv"
        if not cold and self.account.uid is None and cache.is_dir():
            passed["UV_CACHE_DIR"] = str(cache)
        return {
            **passed,
            "HOME": str(self.folder / "home"),
            "PATH": self._path(),
            "LANG": "C.UTF-8",
            "COLUMNS": "200",
        }

    def _path(self) -> str:
        """Return a search path without `uv`, so that the setup's own way to it is taken."""
        folders = [d for d in _DIRS if Path(d).is_dir() and not Path(d, "uv").exists()]
        path = os.pathsep.join(folders)
        missing = [tool for tool in _TOOLS if shutil.which(tool, path=path) is None]
        if missing:
            raise Unsuitable(f"without the folder of uv there is no {', '.join(missing)} in {path}")
        return path

    def _python(self) -> str:
        own = os.path.realpath(getattr(sys, "_base_executable", None) or sys.executable)
        names = [f"python3.{minor}" for minor in range(14, 10, -1)] + ["python3"]
        for program in (own, *(f"{folder}/{name}" for folder in _DIRS for name in names)):
            if self._works(program):
                return program
        raise Unsuitable(
            f"{self.account.name} can reach no Python 3.11 or newer with venv (ours is {own})"
        )

    def _works(self, program: str) -> bool:
        command: Sequence[str] = (program, "-c", _NEEDED)
        try:
            return self.run(*command, seconds=30).returncode == 0
        except (OSError, subprocess.SubprocessError):
            return False

    def _as_account(self) -> dict[str, object]:
        if self.account.uid is None:
            return {}
        return {"user": self.account.uid, "group": self.account.gid, "extra_groups": []}
