"""Starts optimisation runs: asked for by a person, or once a day where there is something to compare."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from bootstrap.services import Services
from catalog.runs import FINISHED, RunService
from catalog.tables import Campaign, Run
from domain.time import utc
from graphs.versions import CURRENT

GRAPH = "optimisation"
#: Whole days that are looked at.
WINDOW_DAYS = 28
#: Campaigns younger than this have not been measured.
_YOUNG = timedelta(days=3)
#: With one campaign there is nobody to compare with.
_LEAST = 2


async def start_run(
    services: Services,
    org_id: str,
    *,
    by: str,
    window_days: int = WINDOW_DAYS,
    approval_mode: str = "person",
    approval_policy: dict[str, Any] | None = None,
    key: str | None = None,
) -> Run:
    """Create a queued optimisation run, or return the one made before with the same key.

    Args:
        services: The installation's parts.
        org_id: Whose campaigns.
        by: Who asked.
        window_days: Whole days up to yesterday that are looked at.
        approval_mode: `person`, `policy` or `demo`.
        approval_policy: Limits, if `policy`.
        key: The same key starts one run.
    """
    inputs = {
        "window_days": window_days,
        "approval_mode": approval_mode,
        "approval_policy": approval_policy,
    }
    try:
        return await _create(services, org_id, inputs, by, key)
    except IntegrityError:
        # Two at once with one key: the other has won and is there to be found.
        return await _create(services, org_id, inputs, by, key)


async def start_daily(services: Services, hour: int) -> list[str]:
    """Start today's runs that are due; return their ids.

    A run that waits for its approval is not followed by another one: the same things would be proposed.

    Args:
        services: The installation's parts.
        hour: UTC hour from which on they are due; negative starts none.
    """
    now = utc(services.clock.now_ms())
    if hour < 0 or now.hour < hour:
        return []
    async with services.db.system() as session:
        due = await _due(session, now)
    started = []
    for org_id in due:
        key = f"{GRAPH}:{now.date().isoformat()}"
        run = await start_run(services, org_id, by="schedule", key=key)
        started.append(run.id)
    return started


async def _create(
    services: Services, org_id: str, inputs: dict[str, Any], by: str, key: str | None
) -> Run:
    async with services.db.tenant(org_id) as session:
        run, _ = await RunService(session, services.ids, services.clock).create(
            org_id,
            f"Optimise budgets and ads by the last {inputs['window_days']} days",
            inputs,
            graph=GRAPH,
            graph_version=CURRENT[GRAPH],
            by=by,
            idempotency_key=key,
        )
        return run


async def _due(session: AsyncSession, now: Any) -> list[str]:
    """Return organisations with campaigns to compare and neither a run of today nor one that still goes on."""
    today = now.replace(hour=0, minute=0, second=0, microsecond=0)
    busy = select(Run.org_id).where(
        Run.graph == GRAPH,
        (Run.created_at >= today) | Run.status.not_in([str(status) for status in FINISHED]),
    )
    query = (
        select(Campaign.org_id)
        .where(
            Campaign.status == "live",
            Campaign.house.is_(False),
            Campaign.created_at <= now - _YOUNG,
            Campaign.org_id.not_in(busy),
        )
        .group_by(Campaign.org_id)
        .having(func.count() >= _LEAST)
        .order_by(Campaign.org_id)
    )
    return list((await session.scalars(query)).all())
