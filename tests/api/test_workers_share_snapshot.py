"""Two worker processes map one snapshot file, and both change over after a publication, with no failed request."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest
import pytest_asyncio

from bootstrap.embedded.process import spawn, wait_until
from bootstrap.services import Services
from catalog.repository import Snapshots
from tests.api.conftest import ASK, Accounts, make_accounts, make_campaign
from tests.support.service import free_port

pytestmark = pytest.mark.asyncio
ROOT = Path(__file__).resolve().parents[2]


def mapped(pid: int, snapshot_id: str) -> set[tuple[str, str]]:
    """Return (device, inode) of the files of a snapshot that a process has mapped."""
    try:
        lines = Path(f"/proc/{pid}/maps").read_text("utf-8").splitlines()
    except OSError:
        return set()
    found = [line.split(maxsplit=5) for line in lines if f"/{snapshot_id}/" in line]
    return {(parts[3], parts[4]) for parts in found}


def workers(pid: int) -> list[int]:
    """Return the children of a process."""
    return [int(one) for one in Path(f"/proc/{pid}/task/{pid}/children").read_text("ascii").split()]


async def newest(services: Services) -> str:
    async with services.db.system() as session:
        row = await Snapshots(session).current()
    assert row is not None
    return row.id


async def both_map(parent: int, snapshot_id: str) -> set[tuple[str, str]]:
    """Return the files of a snapshot that two workers have mapped, as soon as both have the same.

    A worker that is just opening a snapshot has mapped some of its files only.
    """
    found: list[set[tuple[str, str]]] = []
    async with asyncio.timeout(60):
        while len(found) != 2 or found[0] != found[1]:
            await asyncio.sleep(0.1)
            found = [files for pid in workers(parent) if (files := mapped(pid, snapshot_id))]
    return found[0]


@pytest_asyncio.fixture
async def service(services: Services, tmp_path: Path) -> AsyncIterator[tuple[int, str, Accounts]]:
    """A real server with two workers; its process id, its address and who may call."""
    accounts = await make_accounts(services)
    await make_campaign(services, accounts.advertiser)
    port = free_port()
    command = [
        sys.executable, "-m", "uvicorn", "api.app:create_app", "--factory", "--no-access-log",
        "--http", "api.protocol:HTTP", "--port", str(port), "--log-level", "error",
    ]  # fmt: skip
    env = {
        **os.environ, **services.settings.as_env(), "PYTHONPATH": str(ROOT), "WEB_CONCURRENCY": "2",
    }  # fmt: skip
    # Dies with this process, however that ends: a run that is killed leaves no server behind.
    child = await asyncio.to_thread(
        spawn, command, log=tmp_path / "server.log", env=env, cwd=ROOT, death_signal=signal.SIGINT
    )
    try:
        yield child.pid, f"http://127.0.0.1:{port}", accounts
        child.ask(signal.SIGINT)
        ended = await asyncio.to_thread(wait_until, lambda: not child.running, 30)
        assert ended, child.own_log()
    finally:
        await asyncio.to_thread(child.end, [])


async def test_two_workers_map_one_file_and_both_swap(
    service: tuple[int, str, Accounts], services: Services
) -> None:
    parent, url, accounts = service
    before = await newest(services)
    assert await both_map(parent, before)
    wrong: list[str] = []
    seen: set[str] = set()
    stop = asyncio.Event()

    async def ask() -> None:
        async with httpx.AsyncClient(base_url=url, timeout=20) as http:
            number = 0
            while not stop.is_set():
                number += 1
                body = {
                    "appId": accounts.key_app, "conversationId": f"c{id(http)}-{number}",
                    "messageId": "m", "contextText": ASK,
                }  # fmt: skip
                answer = await http.post(
                    "/api/requests", json=body,
                    headers={"Authorization": f"Bearer {accounts.publisher_key}"},
                )  # fmt: skip
                if answer.status_code != 200 or answer.json()["reason"] == "internal_error":
                    wrong.append(answer.text)
                seen.add(answer.json().get("snapshot") or "")

    asking = [asyncio.create_task(ask()) for _ in range(4)]
    await make_campaign(services, accounts.advertiser, bid=600_000)
    after = await newest(services)
    assert after != before
    assert await both_map(parent, after)
    async with asyncio.timeout(20):
        while after not in seen:  # noqa: ASYNC110 - the answers say so, nothing else does
            await asyncio.sleep(0.05)
    stop.set()
    await asyncio.gather(*asking)
    assert wrong == []
    assert {before, after} <= seen
