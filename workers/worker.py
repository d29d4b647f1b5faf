"""The worker process: one asyncio loop per Celery pool child, parts opened after the fork.

python -m workers.worker
"""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import socket
from contextlib import AsyncExitStack, suppress
from typing import Any

from billiard import active_children  # type: ignore[import-untyped]
from celery import Celery
from celery.signals import worker_process_init, worker_process_shutdown, worker_shutting_down

from bootstrap.graph_parts import graph_context
from bootstrap.knowledge import Knowledge
from bootstrap.services import Services, open_services
from bootstrap.settings import Settings, load_settings
from bootstrap.snapshots import compile_and_publish
from bootstrap.tag_forms import learn_forms
from catalog.tables import Run
from domain.errors import ParleyError
from graphs.checkpoints import open_checkpointer
from graphs.context import GraphContext
from rag.ingest import Ingestion
from workers.celery_app import COMPILE_TASK, INGEST_TASK, RUN_TASK, make_celery
from workers.ingest import ingestion
from workers.progress import RedisProgress
from workers.runner import Runner

log = logging.getLogger("parley.worker")

#: Tells a pool child to drain; SIGTERM and SIGUSR1 are Celery's own.
_DRAIN = signal.SIGUSR2


class Child:
    """What one pool child holds: its loop and the parts that live in it.

    Args:
        settings: The installation's settings.
    """

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._loop = asyncio.Runner()
        self._stack = AsyncExitStack()
        self._services: Services | None = None
        self._runner: Runner | None = None
        self._progress: RedisProgress | None = None
        self._ingestion: Ingestion | None = None

    def open(self) -> None:
        """Open the parts inside this child's loop."""
        self._loop.run(self._open())

    def close(self) -> None:
        """Close the parts and the loop."""
        self._loop.run(self._stack.aclose())
        self._loop.close()

    def run(self, run_id: str) -> None:
        """Work on a run."""
        assert self._runner is not None
        self._loop.run(self._runner.execute(run_id))

    def ingest(self, job_id: str) -> None:
        """Work on an ingest job."""
        assert self._services is not None
        assert self._progress is not None
        if self._ingestion is None:
            # The dictionary takes seconds to load and 200 MB: only a child that reads files pays for it.
            self._ingestion = self._loop.run(
                ingestion(self._services, self._progress.emit, _owner())
            )
        self._loop.run(self._ingestion.execute(job_id))

    def drain(self) -> None:
        """Let the run that is worked on stop after its present step."""
        if self._runner is not None:
            self._runner.drain()

    def compile(self) -> None:
        """Compile and publish the catalogue if it has changed; then ask about tags without a Japanese form."""
        assert self._services is not None
        snapshot_id = self._loop.run(compile_and_publish(self._services))
        try:
            self._loop.run(learn_forms(self._services, snapshot_id))
        except ParleyError as error:
            log.warning("Japanese forms were not asked for: %s", error.code)

    async def _open(self) -> None:
        services = await self._stack.enter_async_context(open_services(self._settings, pool_size=2))
        saver = await self._stack.enter_async_context(
            open_checkpointer(self._settings.database_url)
        )
        progress = self._progress = RedisProgress(services.redis)

        knowledge = Knowledge(services)

        def context_for(run: Run) -> GraphContext:
            return graph_context(services, run, progress.emit, knowledge)

        self._services = services
        self._runner = Runner(
            db=services.db,
            checkpointer=saver,
            context_for=context_for,
            owner=_owner(),
            lease_s=self._settings.parley_lease_s,
        )


def _owner() -> str:
    return f"{socket.gethostname()}:{os.getpid()}"


def make_worker(settings: Settings) -> Celery:
    """Return the Celery application with its tasks bound to this installation."""
    app = make_celery(settings.celery_broker)
    child = Child(settings)

    @worker_process_init.connect(weak=False)  # type: ignore[untyped-decorator]
    def _start(**_: Any) -> None:
        signal.signal(_DRAIN, lambda *_: child.drain())
        child.open()

    @worker_shutting_down.connect(weak=False)  # type: ignore[untyped-decorator]
    def _drain(**_: Any) -> None:
        # Celery waits for its children's tasks; a run that stops after its step lets it end soon.
        for process in active_children():
            with suppress(ProcessLookupError):
                os.kill(process.pid, _DRAIN)

    @worker_process_shutdown.connect(weak=False)  # type: ignore[untyped-decorator]
    def _stop(**_: Any) -> None:
        child.close()

    @app.task(name=RUN_TASK)  # type: ignore[untyped-decorator]
    def run(run_id: str) -> None:
        child.run(run_id)

    @app.task(name=INGEST_TASK)  # type: ignore[untyped-decorator]
    def ingest(job_id: str) -> None:
        child.ingest(job_id)

    @app.task(name=COMPILE_TASK)  # type: ignore[untyped-decorator]
    def compile_catalogue() -> None:
        child.compile()

    return app


def main() -> None:
    """Run the worker until it is told to stop."""
    app = make_worker(load_settings())
    app.worker_main(
        ["worker", "--loglevel=INFO", "--concurrency=2", "--pool=prefork", "--without-gossip",
         "--without-mingle", f"--hostname=parley-{os.getpid()}@%h"]
    )  # fmt: skip


if __name__ == "__main__":
    main()
