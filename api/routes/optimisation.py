"""Optimisation: started here, approved and watched like any run."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter

from api.deps import Api, CampaignWriter, IdempotencyKey, who
from api.models.campaigns import Started
from api.models.optimisation import OptimisationLimits, StartOptimisation
from bootstrap.optimising import start_run
from domain.errors import Forbidden, Unprocessable
from domain.money import Money

router = APIRouter(prefix="/api/v1/optimisation", tags=["campaigns"])


@router.post("/runs", status_code=202)
async def start(
    body: StartOptimisation, caller: CampaignWriter, api: Api, key: IdempotencyKey = None
) -> Started:
    """Start an optimisation run; it asks for approval before it changes anything."""
    if body.approval == "policy":
        if body.policy is None:
            raise Unprocessable("policy_missing", "Send the policy's limits, or use person.")
        if "approvals:write" not in caller.scopes:
            raise Forbidden(
                "scope_missing", "A policy approves: this needs a key with approvals:write."
            )
    run = await start_run(
        api.services,
        caller.org_id,
        by=who(caller),
        window_days=body.window_days,
        approval_mode=body.approval,
        approval_policy=_limits(body.policy) if body.policy else None,
        key=key,
    )
    links = {
        "self": f"/api/v1/runs/{run.id}",
        "events": f"/api/v1/runs/{run.id}/events",
        "approve": f"/api/v1/runs/{run.id}/approve",
        "answer": f"/api/v1/runs/{run.id}/answer",
    }
    return Started(run_id=run.id, status=run.status, links=links)


def _limits(policy: OptimisationLimits) -> dict[str, Any]:
    return {
        "currency": policy.currency,
        "max_moved_micros": Money.of_minor(policy.max_moved_minor, policy.currency).micros,
        "max_raise_ppm": policy.max_raise_percent * 10_000,
        "max_cut_ppm": policy.max_cut_percent * 10_000,
        "rest_ads": policy.rest_ads,
    }
