"""Worker and ticker as they really run: processes of their own with the real broker between them."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from bootstrap.services import Services
from catalog.repository import Snapshots
from tests.support.campaigns import advertiser, sources
from tests.support.runs import queued_run, stored

ROOT = Path(__file__).resolve().parents[2]
Processes = dict[str, subprocess.Popen[bytes]]


@pytest.fixture
def processes(services: Services, tmp_path: Path) -> Iterator[Processes]:
    env = {
        **os.environ, **services.settings.as_env(), "PYTHONPATH": str(ROOT), "PYTHONUNBUFFERED": "1"
    }  # fmt: skip
    started: Processes = {}
    try:
        for name in ("worker", "ticker"):
            with (tmp_path / f"{name}.log").open("wb") as log:
                started[name] = subprocess.Popen(
                    [sys.executable, "-m", f"workers.{name}"], cwd=ROOT, env=env, stdout=log,
                    stderr=subprocess.STDOUT, start_new_session=True,
                )  # fmt: skip
        yield started
    finally:
        for process in started.values():
            if process.poll() is None:
                # The group of its own that it was started in: Celery's children would outlive it.
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()


@pytest.mark.timeout(90)
@pytest.mark.asyncio
async def test_a_committed_run_ends_in_a_snapshot_and_the_processes_end_when_told(
    services: Services, processes: Processes, tmp_path: Path
) -> None:
    org = await advertiser(services)
    run_id = await queued_run(services, org, approval_mode="demo", **await sources(services))
    async with asyncio.timeout(60):
        while True:
            for name, process in processes.items():
                assert process.poll() is None, (tmp_path / f"{name}.log").read_text()
            async with services.db.system() as session:
                snapshot = await Snapshots(session).current()
            if snapshot is not None:
                break
            await asyncio.sleep(0.05)
    run = await stored(services, run_id)
    assert (run.status, run.attempts) == ("succeeded", 1)
    assert run.result is not None
    assert snapshot.ads == run.result["ads"] > 20
    for process in processes.values():
        process.send_signal(signal.SIGTERM)
    for name, process in processes.items():
        assert await asyncio.to_thread(process.wait, 15) == 0
        assert "Traceback" not in (tmp_path / f"{name}.log").read_text()


@pytest.mark.timeout(90)
@pytest.mark.asyncio
async def test_a_worker_that_is_told_to_stop_gives_its_run_back_after_the_step_it_is_in(
    services: Services, processes: Processes, tmp_path: Path
) -> None:
    org = await advertiser(services)
    run_id = await queued_run(services, org, approval_mode="demo", **await sources(services))
    worker = processes["worker"]
    async with asyncio.timeout(60):
        while True:
            if (await stored(services, run_id)).status == "running":
                break
            await asyncio.sleep(0.01)
    worker.send_signal(signal.SIGTERM)
    assert await asyncio.to_thread(worker.wait, 20) == 0, (tmp_path / "worker.log").read_text()
    run = await stored(services, run_id)
    assert (run.status, run.lease_owner, run.lease_until, run.result) == (
        "queued",
        None,
        None,
        None,
    )
    assert "queued again" in (tmp_path / "worker.log").read_text()
