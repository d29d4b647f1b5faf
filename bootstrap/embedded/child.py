"""The last step before a server becomes itself; run as a script, never imported by the launcher.

    python -I -S child.py --parent PID --signal N [--map UID:GID | --user UID:GID] -- program args…

It takes the account, then asks Linux to send `--signal` when the launcher dies, then becomes the
program. The order matters: a change of user clears the request. The request is tied to the launcher's
*thread*, which is why `process.Spawner` owns one that lives as long as the process.
"""

from __future__ import annotations

import argparse
import ctypes
import os
import signal
import sys

_PR_SET_PDEATHSIG = 1
_CLONE_NEWUSER = 0x10000000


def main(arguments: list[str]) -> None:
    """Become the program; exit with 126 or 127 and a sentence on stderr when that fails."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--parent", type=int, required=True)
    parser.add_argument("--signal", type=int, required=True)
    parser.add_argument("--map", type=_account)
    parser.add_argument("--user", type=_account)
    parser.add_argument("program", nargs="+")
    chosen = parser.parse_args(arguments)
    _plain_signals()
    try:
        if chosen.map:
            _map_user(*chosen.map)
        elif chosen.user:
            _drop_to(*chosen.user)
        if sys.platform == "linux":
            _die_with(chosen.parent, chosen.signal)
    except OSError as error:
        sys.exit(f"cannot take the account for {chosen.program[0]}: {error}")
    try:
        os.execvp(chosen.program[0], chosen.program)  # noqa: S606 (an argument list, no shell)
    except OSError as error:
        sys.stderr.write(f"cannot start {chosen.program[0]}: {error}\n")
        sys.exit(127)


def _account(text: str) -> tuple[int, int]:
    uid, _, gid = text.partition(":")
    return int(uid), int(gid)


def _plain_signals() -> None:
    # A shell starts background jobs with SIGINT ignored, and that would be inherited.
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT):
        signal.signal(number, signal.SIG_DFL)
    signal.pthread_sigmask(signal.SIG_SETMASK, ())


def _map_user(uid: int, gid: int) -> None:
    """Look like `uid` in an own user namespace; files stay the caller's (user_namespaces(7))."""
    outside_uid, outside_gid = os.geteuid(), os.getegid()
    if ctypes.CDLL(None, use_errno=True).unshare(_CLONE_NEWUSER) != 0:
        raise OSError(ctypes.get_errno(), "user namespaces are not allowed here")
    for name, line in (
        ("setgroups", "deny"),
        ("uid_map", f"{uid} {outside_uid} 1"),
        ("gid_map", f"{gid} {outside_gid} 1"),
    ):
        with open(f"/proc/self/{name}", "w") as file:
            file.write(line)


def _drop_to(uid: int, gid: int) -> None:
    os.umask(0o077)
    os.setgroups([])
    os.setgid(gid)
    os.setuid(uid)


def _die_with(parent: int, number: int) -> None:
    ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, number, 0, 0, 0)
    # The launcher may have died before the request was made.
    if os.getppid() != parent:
        sys.exit("the launcher is gone")


if __name__ == "__main__":
    main(sys.argv[1:])
