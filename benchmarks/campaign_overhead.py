"""What the framework costs a whole campaign run: CPU of this process besides models, platform calls and pages.

    python -m benchmarks.campaign_overhead [--runs 5]

Real parts: the embedded PostgreSQL and S3, the checkpointer, strict msgpack, the graph with the demo shop. From
the CPU of the run is taken what models and agents would be asked for, whatever carries them: reading the goal,
writing and revising ads, both compliance readings, research. What is left is LangGraph, checkpoints, state,
progress, and the clients of database and object store. CPU time of the process, all threads; the least counts.
"""

from __future__ import annotations

import argparse
import asyncio
import functools
import json
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from unittest import mock

from bootstrap.embedded import EmbeddedServices, ServiceUrls, read_state
from bootstrap.services import Services, open_services
from bootstrap.settings import Settings, load_settings
from graphs.campaign import graph, nodes, steps
from graphs.checkpoints import open_checkpointer, set_up_checkpoints
from storage.migrate import upgrade
from tests.support.campaigns import advertiser, config_of, context_of, first_input, run_row, sources

TARGET_MS = 300.0
#: What is taken out: where it is called from, and what it is called there.
WORK = (
    (nodes, "read_goal"), (nodes, "create"), (nodes, "rewrite"), (steps, "review"),
    (steps, "read_again"), (steps, "look_into"), (steps, "find_audience"), (steps, "as_html"),
    (steps, "as_json"),
)  # fmt: skip


class Meter:
    """Adds up the CPU time of this process while metered functions run."""

    def __init__(self) -> None:
        self.spent, self._depth, self._since = 0.0, 0, 0.0

    def begin(self) -> None:
        if self._depth == 0:
            self._since = time.process_time()
        self._depth += 1

    def end(self) -> None:
        self._depth -= 1
        if self._depth == 0:
            self.spent += time.process_time() - self._since

    def around(self, function: Callable[..., Any]) -> Callable[..., Any]:
        """Return the function, metered."""
        if asyncio.iscoroutinefunction(function):

            @functools.wraps(function)
            async def awaited(*args: Any, **named: Any) -> Any:
                self.begin()
                try:
                    return await function(*args, **named)
                finally:
                    self.end()

            return awaited

        @functools.wraps(function)
        def called(*args: Any, **named: Any) -> Any:
            self.begin()
            try:
                return function(*args, **named)
            finally:
                self.end()

        return called


@contextmanager
def parts() -> Iterator[ServiceUrls]:
    """Start the embedded parts in a folder of their own, with the schema in place."""
    with tempfile.TemporaryDirectory(prefix="parley-overhead-") as folder:
        embedded = EmbeddedServices(Path(folder))
        embedded.start()
        try:
            urls = read_state(Path(folder))
            assert urls is not None
            upgrade(urls.admin_database_url, "parley")
            yield urls
        finally:
            embedded.stop()


async def one(
    services: Services, saver: Any, org: str, given: dict[str, str]
) -> tuple[float, float]:
    """Run a campaign; return CPU milliseconds of all, and of the framework alone."""
    run, meter = run_row(services, org, approval_mode="demo", **given), Meter()
    with (
        mock.patch.multiple(nodes, **_metered(nodes, meter)),
        mock.patch.multiple(steps, **_metered(steps, meter)),
    ):
        started = time.process_time()
        final = await graph.build(saver).ainvoke(
            first_input(run), config_of(run), context=context_of(services, run), durability="sync"
        )
        spent = time.process_time() - started
    assert final["outcome"] == "launched", final
    return spent * 1000, (spent - meter.spent) * 1000


def _metered(home: Any, meter: Meter) -> dict[str, Any]:
    return {name: meter.around(getattr(home, name)) for where, name in WORK if where is home}


async def measure(settings: Settings, runs: int) -> list[tuple[float, float]]:
    """Return the CPU of each run, the first (which fills caches) left out."""
    await set_up_checkpoints(settings.database_url)
    async with open_services(settings, pool_size=4) as services:
        await services.objects.ensure_bucket()
        org = await advertiser(services)
        given = await sources(services)
        async with open_checkpointer(settings.database_url) as saver:
            return [await one(services, saver, org, given) for _ in range(runs + 1)][1:]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=5)
    runs = parser.parse_args().runs
    with parts() as urls, tempfile.TemporaryDirectory() as home:
        secret = "benchmark-only-0123456789abcdef0123456789"
        settings = load_settings(
            {**urls.as_env(), "PARLEY_SECRET_KEY": secret, "PARLEY_HOME": home}
        )
        found = asyncio.run(measure(settings, runs))
    alone = min(own for _, own in found)
    told = {
        "runs": runs,
        "cpu_ms_whole_run": round(min(whole for whole, _ in found), 1),
        "cpu_ms_framework": round(alone, 1),
        "target_ms": TARGET_MS,
        "met": alone <= TARGET_MS,
    }
    sys.stdout.write(json.dumps(told) + "\n")


if __name__ == "__main__":
    main()
