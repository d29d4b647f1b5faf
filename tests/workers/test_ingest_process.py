"""An ingest job as it really runs: queued in the outbox, relayed, worked on by a process, told on Redis."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

import encoder
from bootstrap.services import Services
from domain.events import Progress, progress_stream
from rag.ingest_tables import JobStatus
from rag.local_embedder import LocalEmbedder
from rag.service import KnowledgeService
from storage import outbox
from tests.support.ingesting import job_for, report
from tests.support.knowledge import knowledge, new_org
from tests.support.made_files import encrypted_pdf, pdf
from workers.celery_app import INGEST_TASK, RUN_TASK
from workers.ticker import Ticker

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def processes(services: Services, tmp_path: Path) -> Iterator[list[subprocess.Popen[bytes]]]:
    env = {**os.environ, **services.settings.as_env(), "PYTHONPATH": str(ROOT)}
    started = []
    try:
        for name in ("worker", "ticker"):
            with (tmp_path / f"{name}.log").open("wb") as log:
                started.append(
                    subprocess.Popen(
                        [sys.executable, "-m", f"workers.{name}"], cwd=ROOT, env=env, stdout=log,
                        stderr=subprocess.STDOUT, start_new_session=True,
                    )
                )  # fmt: skip
        yield started
    finally:
        for process in started:
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()


class Sent:
    """In place of the broker: what was sent."""

    def __init__(self) -> None:
        self.tasks: list[tuple[str, list[str]]] = []

    def send_task(self, task: str, args: list[str]) -> None:
        self.tasks.append((task, args))


@pytest.mark.asyncio
async def test_jobs_are_relayed_as_runs_are(services: Services) -> None:
    org = await new_org(services)
    job_id = await job_for(services, org, {"a.md": b"Words."})
    async with services.db.tenant(org) as session:
        await outbox.put(
            session, services.ids.new("obx"), org, outbox.RUN_ENQUEUE, {"run_id": "run_x"}
        )
    sent = Sent()
    assert await Ticker(services, sent).relay() == 2  # type: ignore[arg-type]
    assert sent.tasks == [(RUN_TASK, ["run_x"]), (INGEST_TASK, [job_id])]
    assert await Ticker(services, sent).relay() == 0  # type: ignore[arg-type]


@pytest.mark.timeout(120)
@pytest.mark.asyncio
@pytest.mark.skipif(not encoder.installed(), reason="the sentence encoder is not built")
async def test_a_worker_process_reads_files_and_tells(
    services: Services, processes: list[subprocess.Popen[bytes]], tmp_path: Path
) -> None:
    org = await new_org(services)
    async with knowledge(services, org, LocalEmbedder()) as service:
        assert isinstance(service, KnowledgeService)
        await service.open(org)
    files = {"a.pdf": pdf(), "b.pdf": encrypted_pdf()}
    job_id = await job_for(services, org, files, embedder=LocalEmbedder())
    async with asyncio.timeout(100):
        while (found := await report(services, job_id))[0].status in ("queued", "running"):
            assert processes[0].poll() is None, (tmp_path / "worker.log").read_text()
            await asyncio.sleep(0.1)
    job, read = found
    assert job.status == JobStatus.PARTIAL
    assert {name: file.status for name, file in read.items()} == {
        "a.pdf": "done",
        "b.pdf": "failed",
    }
    lines = await services.redis.xrange(progress_stream(job_id))
    told = [msgspec.json.decode(fields[b"e"], type=Progress) for _, fields in lines]
    assert [e.type for e in told] == ["step", "warning", "finished"]
