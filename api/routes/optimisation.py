"""Optimisation: started here, approved and watched like any run; and ads that rest."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Depends

from api.deps import Api, CampaignWriter, IdempotencyKey, id_of, who
from api.models.campaigns import Moved, Started, Why
from api.models.optimisation import OptimisationLimits, StartOptimisation
from api.state import State
from bootstrap.optimising import start_run
from catalog.access import Principal
from catalog.resting import ACTIVE, RESTING, AdRests
from domain.errors import Forbidden, Unprocessable
from domain.money import Money

router = APIRouter(prefix="/api/v1/optimisation", tags=["campaigns"])
ads = APIRouter(prefix="/api/v1/ads", tags=["campaigns"])

AdId = Annotated[str, Depends(id_of("ad"))]


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


@ads.post("/{id}/rest")
async def rest(item_id: AdId, body: Why, caller: CampaignWriter, api: Api) -> Moved:
    """Take an ad out of service; its campaign goes on with the others."""
    return await _move(item_id, RESTING, body, caller, api)


@ads.post("/{id}/wake")
async def wake(item_id: AdId, body: Why, caller: CampaignWriter, api: Api) -> Moved:
    """Put an ad back into service."""
    return await _move(item_id, ACTIVE, body, caller, api)


async def _move(item_id: str, to: str, body: Why, caller: Principal, api: State) -> Moved:
    parts = api.services
    async with parts.db.tenant(caller.org_id) as session:
        changed = await AdRests(session, parts.ids, parts.clock).move(
            item_id,
            to,
            key=parts.ids.new("aud"),
            who=who(caller),
            why=body.why or f"{to} by {who(caller)}",
        )
        return Moved(id=item_id, status=to, changed=changed)


def _limits(policy: OptimisationLimits) -> dict[str, Any]:
    return {
        "currency": policy.currency,
        "max_moved_micros": Money.of_minor(policy.max_moved_minor, policy.currency).micros,
        "max_raise_ppm": policy.max_raise_percent * 10_000,
        "max_cut_ppm": policy.max_cut_percent * 10_000,
        "rest_ads": policy.rest_ads,
    }
