"""A stage on the services of this test run."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest_asyncio

from bootstrap.settings import Settings
from evals.stage import Stage, open_stage, stage_settings


@pytest_asyncio.fixture
async def stage(settings: Settings) -> AsyncIterator[Stage]:
    env = {key: value for key, value in settings.as_env().items() if not key.startswith("PARLEY")}
    async with open_stage(stage_settings(env, settings.parley_home)) as opened:
        yield opened
