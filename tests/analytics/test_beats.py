"""What the ticker does by itself for reports, alerts and optimisation: on its list, and harmless without work."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

import pytest
from sqlalchemy import func, select

from bootstrap.services import Services
from catalog.tables import Run
from domain.time import FixedClock, start_of_day_ms
from tests.support.optimising import field
from workers.celery_app import make_celery
from workers.ticker import Ticker

pytestmark = pytest.mark.asyncio


async def test_the_beats_are_on_the_list_and_do_their_work_once(services: Services) -> None:
    await field(services)
    morning = FixedClock(start_of_day_ms(date(2031, 3, 3)) + 8 * 3_600_000)
    app = make_celery(services.settings.celery_broker)
    try:
        beats = {
            name: what for name, _, what in Ticker(replace(services, clock=morning), app).beats()
        }
        for _ in range(2):
            for name in ("optimise", "reports", "alerts"):
                await beats[name]()
    finally:
        app.close()
    async with services.db.system() as session:
        runs = await session.scalar(select(func.count()).where(Run.graph == "optimisation"))
    assert runs == 1
