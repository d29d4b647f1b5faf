"""The ticker process: everything that happens by itself, each on its own beat.

    python -m workers.ticker

Every beat is safe to run twice and in several processes: rows are taken with SKIP LOCKED, stream entries
are acknowledged after the commit, and moves to a state that is reached already do nothing.
"""

from __future__ import annotations

import asyncio
import logging
import os
import signal
from collections.abc import Awaitable, Callable
from functools import partial

from celery import Celery
from kombu.exceptions import OperationalError

from bootstrap.alerting import look
from bootstrap.budgets import sync_live_spend
from bootstrap.decisions import DecisionConsumer
from bootstrap.first_hour import look_at_due
from bootstrap.optimising import start_daily
from bootstrap.pacing import BEAT_SECONDS, PacingController
from bootstrap.reporting import make_due
from bootstrap.services import Services, open_services
from bootstrap.settings import load_settings
from catalog.lifecycle import CampaignStatus
from catalog.repository import Campaigns
from catalog.runs import Runs
from catalog.service import CatalogService
from domain.errors import ParleyError
from domain.time import utc
from rag.ingest_jobs import Jobs
from storage import outbox
from storage.cache import REDIS_ERRORS
from workers.celery_app import COMPILE_TASK, INGEST_TASK, RUN_TASK, make_celery
from workers.progress import RedisProgress

log = logging.getLogger("parley.ticker")

#: Seconds after which a compilation that has not come to an end is asked for again.
COMPILE_AGAIN_S = 30.0


class Ticker:
    """The beats.

    Args:
        services: The installation's parts.
        celery: Where tasks are sent to.
    """

    def __init__(self, services: Services, celery: Celery) -> None:
        self.services = services
        self.celery = celery
        self._newest, self._again_at = "", 0.0
        self.decisions = DecisionConsumer(services, consumer=f"ticker-{os.getpid()}")
        self.pacing = PacingController(services)
        self.progress = RedisProgress(services.redis)

    def beats(self) -> list[tuple[str, float, Callable[[], Awaitable[object]]]]:
        """Return name, seconds between two beats, and what to do."""
        return [
            ("outbox", 0.2, self.relay),
            ("compile", 0.2, self.compile_changes),
            ("decisions", 0.3, self.decisions.drain),
            ("orphans", 2.0, self.requeue_orphans),
            ("spend", 2.0, partial(sync_live_spend, self.services)),
            ("pacing", BEAT_SECONDS, self.pacing.beat),
            ("schedule", 5.0, self.end_campaigns),
            ("first_hour", 30.0, partial(look_at_due, self.services, self.progress.emit)),
            ("optimise", 60.0, self.optimise),
            ("reports", 30.0, partial(make_due, self.services)),
            ("alerts", 3_600.0, partial(look, self.services)),
        ]

    async def relay(self) -> int:
        """Hand waiting outbox messages to the broker; a message is marked only after it was taken."""
        sent = 0
        for topic, task, argument in (
            (outbox.RUN_ENQUEUE, RUN_TASK, "run_id"),
            (outbox.INGEST_ENQUEUE, INGEST_TASK, "job_id"),
        ):
            async with self.services.db.system() as session:
                rows = await outbox.waiting(session, topic)
                for row in rows:
                    await self._send(task, [row.payload[argument]])
                await outbox.mark_sent(session, [row.id for row in rows])
            sent += len(rows)
        return sent

    async def compile_changes(self) -> bool:
        """Have changes of the catalogue compiled: ten of them once, and again if that has failed.

        A pause that never reaches the snapshot would go on costing money, so changes wait in the outbox
        until a compilation has taken them in, whatever becomes of the broker or of the task.
        """
        async with self.services.db.system() as session:
            changes = await outbox.waiting_ids(session, outbox.CATALOGUE_CHANGED)
        now = asyncio.get_running_loop().time()
        if not changes or (changes[0] == self._newest and now < self._again_at):
            return False
        await self._send(COMPILE_TASK, [])
        self._newest, self._again_at = changes[0], now + COMPILE_AGAIN_S
        return True

    async def requeue_orphans(self) -> int:
        """Send runs and ingest jobs that nobody works on to the workers again."""
        async with self.services.db.system() as session:
            runs = await Runs(session).orphans()
            jobs = await Jobs(session).orphans()
        for task, ids in ((RUN_TASK, runs), (INGEST_TASK, jobs)):
            for orphan in ids:
                log.info("%s has no worker; queued again", orphan)
                await self._send(task, [orphan])
        return len(runs) + len(jobs)

    async def end_campaigns(self) -> int:
        """End campaigns whose last day has passed."""
        services = self.services
        async with services.db.system() as session:
            catalog = CatalogService(session, services.ids, services.clock)
            over = await Campaigns(session).over(utc(services.clock.now_ms()))
            for campaign in over:
                await catalog.move(
                    campaign.id, CampaignStatus.ENDED, who="schedule", why="its last day has passed"
                )
            return len(over)

    async def optimise(self) -> int:
        """Start today's optimisation runs that are due; each organisation has one a day."""
        hour = self.services.settings.parley_optimise_hour
        return len(await start_daily(self.services, hour))

    async def _send(self, task: str, args: list[str]) -> None:
        # kombu blocks while it connects; the other beats must go on.
        await asyncio.to_thread(self.celery.send_task, task, args)


async def run(ticker: Ticker, stop: asyncio.Event) -> None:
    """Beat until told to stop; a beat that fails is logged and comes again."""
    await asyncio.gather(
        *(_beat(name, seconds, what, stop) for name, seconds, what in ticker.beats())
    )


async def _beat(
    name: str, seconds: float, what: Callable[[], Awaitable[object]], stop: asyncio.Event
) -> None:
    while not stop.is_set():
        try:
            await what()
        except (ParleyError, OperationalError, *REDIS_ERRORS) as error:
            log.warning("%s: %s; trying again", name, error)
        except Exception:
            # A defect in one beat must not stop the others.
            log.exception("%s failed", name)
        try:
            await asyncio.wait_for(stop.wait(), seconds)
        except TimeoutError:
            continue


async def _main() -> None:
    settings = load_settings()
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    async with open_services(settings, pool_size=3) as services:
        await run(Ticker(services, make_celery(settings.celery_broker)), stop)


def main() -> None:
    """Run the ticker until it is told to stop."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(name)s %(message)s")
    asyncio.run(_main())


if __name__ == "__main__":
    main()
