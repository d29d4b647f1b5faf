"""Campaigns: started by a goal, watched, paused, resumed, ended."""

from __future__ import annotations

from typing import Any

import msgspec
from fastapi import APIRouter

from api import views
from api.deps import (
    Api,
    CampaignId,
    CampaignReader,
    CampaignWriter,
    IdempotencyKey,
    Limit,
    Reporter,
    changes_by,
)
from api.models.campaigns import (
    CampaignDetail,
    CampaignOut,
    ChangeCampaign,
    Changed,
    Controls,
    CreateCampaign,
    CreativeOut,
    Moved,
    Started,
    Why,
)
from api.models.reports import CampaignReportOut
from api.starting import start_run
from api.state import State
from billing.service import BillingService
from catalog.access import Principal
from catalog.changes import CampaignChange
from catalog.lifecycle import CampaignStatus
from catalog.repository import Audit, Campaigns, Creatives
from catalog.targeting import Targeting, check_targeting
from domain.errors import Forbidden, Unprocessable
from domain.time import to_ms
from llm.offline.brief.text import prepare
from measurement.service import campaign_report

router = APIRouter(prefix="/api/v1/campaigns", tags=["campaigns"])

GRAPH = "campaign"


@router.post("/create", status_code=202)
async def create(
    body: CreateCampaign, caller: CampaignWriter, api: Api, key: IdempotencyKey = None
) -> Started:
    """Start a campaign from a goal in plain language."""
    _check(body, caller, api)
    run = await start_run(api, caller, GRAPH, body.goal, _inputs(body), key)
    links = {
        "self": f"/api/v1/runs/{run.id}",
        "events": f"/api/v1/runs/{run.id}/events",
        "approve": f"/api/v1/runs/{run.id}/approve",
        "answer": f"/api/v1/runs/{run.id}/answer",
    }
    return Started(run_id=run.id, status=run.status, links=links)


def _check(body: CreateCampaign, caller: Principal, api: State) -> None:
    prepare(body.goal)
    if body.controls is not None:
        check_targeting(_targeting(body.controls))
    if body.approval == "demo" and api.settings.parley_env != "development":
        raise Forbidden(
            "demo_policy_off",
            "The demo approval policy works on development installations only; use person.",
        )
    if (body.approval == "policy") != (body.approval_policy is not None):
        raise Unprocessable(
            "policy_missing", "Give approval_policy together with approval: policy, or neither."
        )
    if body.approval == "policy":
        # Whoever sets the limits approves in advance.
        caller.need("approvals:write")


def _inputs(body: CreateCampaign) -> dict[str, Any]:
    inputs: dict[str, Any] = {
        "site_url": body.site_url,
        "page_source_id": body.page_source_id,
        "feed_source_id": body.feed_source_id,
        "approval_mode": body.approval,
        "controls": body.controls.model_dump(mode="json") if body.controls else None,
    }
    if body.approval_policy is not None:
        inputs["approval_policy"] = body.approval_policy.model_dump(mode="json")
    return inputs


@router.get("")
async def list_campaigns(caller: CampaignReader, api: Api, limit: Limit = 50) -> list[CampaignOut]:
    """Return the organisation's campaigns, newest first."""
    parts = api.services
    async with parts.db.tenant(caller.org_id) as session:
        rows = await Campaigns(session).newest(limit)
        billing = BillingService(session, parts.ids, parts.clock)
        spend = await billing.spend_of([row.id for row in rows])
        return [views.campaign(row, spend[row.id]) for row in rows]


@router.get("/{id}")
async def get_campaign(item_id: CampaignId, caller: CampaignReader, api: Api) -> CampaignDetail:
    """Return one campaign with brief, plan, creatives per status, audit and spend."""
    parts = api.services
    async with parts.db.tenant(caller.org_id) as session:
        row = await Campaigns(session).get(item_id)
        spend = await BillingService(session, parts.ids, parts.clock).spend_of([item_id])
        return views.campaign_detail(
            row,
            spend[item_id],
            creatives=await Creatives(session).count(item_id),
            audit=await Audit(session).of(item_id),
            served=_served(api, item_id),
        )


def _served(api: State, campaign_id: str) -> bool:
    """Tell whether the snapshot that this process serves from has the campaign."""
    fastpath = api.fastpath()
    return fastpath is not None and campaign_id in fastpath.snapshot.names.campaigns


@router.patch("/{id}")
async def change(
    item_id: CampaignId, body: ChangeCampaign, caller: CampaignWriter, api: Api
) -> Changed:
    """Change budgets, bid, end, targeting, frequency caps or pacing; served seconds later, and audited.

    Amounts pass the spend guards: one request raises an amount to five times at most.
    """
    changed = await changes_by(caller, api).change(item_id, _change(body), body.why)
    return Changed(id=item_id, changed=changed)


@router.get("/{id}/creatives")
async def list_creatives(
    item_id: CampaignId, caller: CampaignReader, api: Api, limit: Limit = 200
) -> list[CreativeOut]:
    """Return a campaign's creatives, by id, with their claims and compliance findings."""
    async with api.services.db.tenant(caller.org_id) as session:
        await Campaigns(session).get(item_id)
        rows = await Creatives(session).of(item_id)
        return [CreativeOut.model_validate(row) for row in rows[:limit]]


@router.get("/{id}/report")
async def report(item_id: CampaignId, caller: Reporter, api: Api) -> CampaignReportOut:
    """Return how a campaign did, recomputed from its events."""
    parts = api.services
    async with parts.db.tenant(caller.org_id) as session:
        row = await Campaigns(session).get(item_id)
        spend = await BillingService(session, parts.ids, parts.clock).spend_of([item_id])
        return views.campaign_report(row, await campaign_report(session, item_id), spend[item_id])


@router.post("/{id}/pause")
async def pause(item_id: CampaignId, body: Why, caller: CampaignWriter, api: Api) -> Moved:
    """Stop serving a live campaign; it can be resumed."""
    return await _move(item_id, CampaignStatus.PAUSED, body, caller, api)


@router.post("/{id}/resume")
async def resume(item_id: CampaignId, body: Why, caller: CampaignWriter, api: Api) -> Moved:
    """Serve a paused campaign again, if its budget still pays for something."""
    return await _move(item_id, CampaignStatus.LIVE, body, caller, api)


@router.post("/{id}/end")
async def end(item_id: CampaignId, body: Why, caller: CampaignWriter, api: Api) -> Moved:
    """End a campaign for good."""
    return await _move(item_id, CampaignStatus.ENDED, body, caller, api)


async def _move(
    item_id: str, to: CampaignStatus, body: Why, caller: Principal, api: State
) -> Moved:
    changed = await changes_by(caller, api).move(item_id, to, body.why)
    return Moved(id=item_id, status=str(to), changed=changed)


def _targeting(body: Controls) -> Targeting:
    return msgspec.convert(body.model_dump(mode="json"), Targeting)


def _change(body: ChangeCampaign) -> CampaignChange:
    """Return what was sent: a field that was left out is not the same as null."""
    sent = body.model_dump(mode="json", include=body.model_fields_set - {"why", "ends_at"})
    if "ends_at" in body.model_fields_set:
        sent["ends_ms"] = to_ms(body.ends_at) if body.ends_at else None
    return msgspec.convert(sent, CampaignChange)
