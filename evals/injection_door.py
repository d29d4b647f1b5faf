"""Plays an injection corpus on parts of its own: nothing of the installation is touched."""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import Sequence
from pathlib import Path

from bootstrap.settings import Settings
from evals.injection import InjectionReport, read_cases, run
from evals.injection_cases import InjectionCase
from evals.stage import open_stage, own_services, own_settings

__all__ = ["play", "read_cases"]


def play(cases: Sequence[InjectionCase]) -> InjectionReport:
    """Start PostgreSQL, Valkey and objects in a folder of their own, run the cases, stop and drop them.

    Args:
        cases: From `read_cases`.
    """
    with tempfile.TemporaryDirectory(prefix="parley-injection-") as home, own_services() as urls:
        return asyncio.run(_play(own_settings(urls, 0, Path(home)), cases, Path(home)))


async def _play(settings: Settings, cases: Sequence[InjectionCase], home: Path) -> InjectionReport:
    async with open_stage(settings) as stage:
        return await run(stage.services, stage.saver, cases, home / "snapshots")
