"""What people change on running campaigns passes the same guards as what agents change."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import select

from bootstrap.services import Services
from catalog.operations import Operations
from catalog.runs import Runs, RunStatus
from catalog.tables import Campaign, Creative
from tests.api.conftest import Accounts, Door

pytestmark = pytest.mark.asyncio
CREATE = "/api/v1/campaigns/create"
GOAL = "Get 200 sign-ups for our trail shoe shop in the US, 3,000 dollars in all"
POLICY = {"currency": "USD", "max_total_micros": 4_000_000_000, "max_bid_micros": 5_000_000}


async def call(door: Door, method: str, path: str, key: str, **body: Any) -> tuple[int, Any]:
    answer = await door.call(method, path, key, json=body)
    return answer.status_code, answer.json()


async def test_a_zero_too_many_is_refused_and_on_the_ledger(
    services: Services, door: Door, accounts: Accounts, campaign: str
) -> None:
    path, key = f"/api/v1/campaigns/{campaign}", accounts.advertiser_key
    status, problem = await call(door, "PATCH", path, key, budget_total_micros=1_000_000_000)
    assert (status, problem["code"]) == (403, "spend_step")
    assert "500.00 USD" in problem["detail"]
    assert (await call(door, "PATCH", path, key, budget_total_micros=400_000_000))[0] == 200
    assert (await call(door, "PATCH", path, key, budget_total_micros=900_000_000))[0] == 200
    status, problem = await call(door, "PATCH", path, key, budget_total_micros=1_200_000_000)
    assert (status, problem["code"]) == (403, "spend_day_step")
    async with services.db.tenant(accounts.advertiser) as session:
        ledger = await Operations(session).of(campaign)
        row = await session.get_one(Campaign, campaign)
    assert sorted(o.state for o in ledger) == ["confirmed", "confirmed", "failed", "failed"]
    assert row.budget_total_micros == 900_000_000


async def test_targeting_and_money_change_together_or_not_at_all(
    services: Services, door: Door, accounts: Accounts, campaign: str
) -> None:
    path, key = f"/api/v1/campaigns/{campaign}", accounts.advertiser_key
    body = {"devices": ["mobile"], "budget_total_micros": 10**12}
    assert (await call(door, "PATCH", path, key, **body))[0] == 403
    async with services.db.tenant(accounts.advertiser) as session:
        row = await session.get_one(Campaign, campaign)
    assert (row.devices, row.budget_total_micros) == ([], 100_000_000)
    assert (await call(door, "PATCH", path, key, devices=["mobile"]))[1]["changed"] is True


async def test_a_kill_switch_stops_what_spends_and_nothing_that_saves(
    door: Door, accounts: Accounts, campaign: str
) -> None:
    path, key = f"/api/v1/campaigns/{campaign}", accounts.advertiser_key
    status, stop = await call(door, "POST", "/api/v1/spend/stops", key, why="Prices are wrong.")
    assert (status, stop["channel"], stop["lifted_at"]) == (201, "*", None)
    assert (await call(door, "POST", f"{path}/pause", key))[0] == 200
    status, problem = await call(door, "POST", f"{path}/resume", key)
    assert (status, problem["code"]) == (403, "spend_stopped")
    assert "Prices are wrong." in problem["detail"]
    status, problem = await call(door, "PATCH", path, key, budget_total_micros=110_000_000)
    assert (status, problem["code"]) == (403, "spend_stopped")
    less = await call(door, "PATCH", path, key, budget_total_micros=90_000_000)
    assert (less[0], less[1]["changed"]) == (200, True)
    other = await call(door, "GET", "/api/v1/spend/stops", accounts.stranger_key)
    assert other == (200, [])
    gone = f"/api/v1/spend/stops/{stop['id']}"
    assert (await call(door, "DELETE", gone, accounts.stranger_key))[0] == 404
    assert (await call(door, "DELETE", gone, key))[0] == 200
    assert (await call(door, "GET", "/api/v1/spend/stops", key))[1] == []
    assert (await call(door, "POST", f"{path}/resume", key))[1]["status"] == "live"


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({"approval": "policy"}, "policy_missing"),
        ({"approval": "person", "approval_policy": POLICY}, "policy_missing"),
        ({"approval": "policy", "approval_policy": {**POLICY, "limit": 1}}, "invalid_request"),
    ],
)
async def test_a_policy_comes_with_its_limits(
    door: Door, accounts: Accounts, body: dict[str, Any], code: str
) -> None:
    status, problem = await call(door, "POST", CREATE, accounts.advertiser_key, goal=GOAL, **body)
    assert (status, problem["code"]) == (422, code)


async def test_who_sets_a_policy_must_be_allowed_to_approve(
    services: Services, door: Door, accounts: Accounts
) -> None:
    asked = {"goal": GOAL, "approval": "policy", "approval_policy": POLICY}
    made = await door.call(
        "POST", "/api/v1/keys", accounts.advertiser_key,
        json={"name": "writer", "scopes": ["campaigns:write"]},
    )  # fmt: skip
    status, problem = await call(door, "POST", CREATE, made.json()["secret"], **asked)
    assert (status, problem["code"]) == (403, "scope_missing")
    status, started = await call(door, "POST", CREATE, accounts.advertiser_key, **asked)
    assert status == 202
    async with services.db.system() as session:
        run = await Runs(session).get(started["run_id"])
    assert run.inputs["approval_policy"]["max_total_micros"] == 4_000_000_000


async def test_an_approval_can_be_bound_to_what_was_shown(
    services: Services, door: Door, accounts: Accounts
) -> None:
    key = accounts.advertiser_key
    run_id = (await call(door, "POST", CREATE, key, goal=GOAL))[1]["run_id"]
    async with services.db.system() as session:
        run = await Runs(session).get(run_id, lock=True)
        run.status = RunStatus.AWAITING_APPROVAL
        run.question = {"interrupt": "i1", "waits_for": "awaiting_approval", "changeset": "a" * 32}
    path = f"/api/v1/runs/{run_id}/approve"
    status, problem = await call(door, "POST", path, key, decision="approve", changeset="b" * 32)
    assert (status, problem["code"]) == (409, "other_changeset")
    assert (await call(door, "POST", path, key, decision="approve", changeset="a" * 32))[0] == 200


async def test_the_report_of_a_run_that_has_only_begun_is_empty(
    door: Door, accounts: Accounts
) -> None:
    key = accounts.advertiser_key
    run_id = (await call(door, "POST", CREATE, key, goal=GOAL))[1]["run_id"]
    status, report = await call(door, "GET", f"/api/v1/runs/{run_id}/report", key)
    assert status == 200
    assert (report["goal"], report["insights"], report["creatives"]) == (GOAL, [], 0)
    assert (await call(door, "GET", f"/api/v1/runs/{run_id}/report", accounts.stranger_key))[
        0
    ] == 404


async def test_rule_updates_name_the_ads_they_touch(
    services: Services, door: Door, accounts: Accounts, campaign: str
) -> None:
    path, key = "/api/v1/compliance/updates?since=2026-01-01", accounts.advertiser_key
    async with services.db.tenant(accounts.advertiser) as session:
        row = (await session.scalars(select(Creative))).one()
        row.texts = {"eng": {**row.texts["eng"], "description": "Craft whisky by the bottle."}}
    status, found = await call(door, "GET", path, key)
    assert status == 200
    assert {"dsa_payer", "age_gated"} <= {change["rule"] for change in found["changes"]}
    assert ("age_gated", row.id, campaign) in {
        (t["rule"], t["creative_id"], t["campaign_id"]) for t in found["touched"]
    }
    assert (await call(door, "GET", path, accounts.stranger_key))[1]["touched"] == []
    later = await call(door, "GET", "/api/v1/compliance/updates?since=2999-01-01", key)
    assert later[1]["changes"] == []
