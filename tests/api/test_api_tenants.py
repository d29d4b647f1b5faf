"""Scopes, and that another tenant's things do not exist."""

from __future__ import annotations

import re
from typing import Any

import pytest

from bootstrap.services import Services
from tests.api.conftest import Accounts, Door

KNOWN = "/api/v1/knowledge"
pytestmark = pytest.mark.asyncio

PAGE = b"<html><body><h1>Trail shoes</h1><p>Sticky rubber soles grip wet rock.</p></body></html>"


async def code_of(door: Door, method: str, path: str, key: str, **kwargs: Any) -> tuple[int, str]:
    answer = await door.call(method, path, key, **kwargs)
    return answer.status_code, answer.json().get("code", "") if answer.content else ""


async def upload(door: Door, key: str) -> Any:
    return await door.call("POST", "/api/v1/sources?kind=page&name=p.html", key, content=PAGE)


async def test_another_tenants_things_do_not_exist(
    door: Door, accounts: Accounts, campaign: str
) -> None:
    mine, theirs = accounts.advertiser_key, accounts.stranger_key
    run = (
        await door.call("POST", "/api/v1/campaigns/create", mine, json={"goal": "Sell shoes"})
    ).json()["run_id"]
    source = (await upload(door, mine)).json()["id"]
    key = (await door.call("GET", "/api/v1/keys", mine)).json()[0]["id"]
    answer = await door.ask(accounts.web_app)
    request_id = answer["requestId"].split("~")[0]
    event = {
        "type": "click", "requestId": answer["requestId"], "adId": answer["ad"]["id"],
        "appId": accounts.web_app,
    }  # fmt: skip
    await door.call("POST", "/api/events", json=event)
    attempts: list[tuple[str, str, dict[str, Any] | None]] = [
        ("GET", f"/api/v1/campaigns/{campaign}", None),
        ("GET", f"/api/v1/campaigns/{campaign}/creatives", None),
        ("GET", f"/api/v1/campaigns/{campaign}/report", None),
        ("POST", f"/api/v1/campaigns/{campaign}/pause", {}),
        ("POST", f"/api/v1/campaigns/{campaign}/resume", {}),
        ("POST", f"/api/v1/campaigns/{campaign}/end", {}),
        ("GET", f"/api/v1/runs/{run}", None),
        ("GET", f"/api/v1/runs/{run}/events", None),
        ("POST", f"/api/v1/runs/{run}/approve", {"decision": "approve"}),
        ("POST", f"/api/v1/runs/{run}/answer", {"text": "yes"}),
        ("GET", f"/api/v1/sources/{source}", None),
        ("POST", f"/api/v1/keys/{key}/rotate", {}),
        ("DELETE", f"/api/v1/keys/{key}", None),
        ("POST", "/api/v1/campaigns/create", {"goal": "x", "page_source_id": source}),
        ("GET", f"/api/v1/decisions/{request_id}", None),
        ("POST", "/api/v1/keys", {"name": "k", "scopes": ["ads:serve"], "app_id": accounts.web_app}),
        ("PATCH", f"/api/v1/campaigns/{campaign}", {"pacing": "even"}),
        ("PATCH", f"/api/v1/apps/{accounts.web_app}", {"relevance_floor_ppm": 1}),
    ]  # fmt: skip
    for method, path, body in attempts:
        status, code = await code_of(door, method, path, theirs, json=body)
        assert (status, code) in ((404, "not_found"), (404, "request_not_found")), path
    for path in ("campaigns", "runs"):
        assert (await door.call("GET", f"/api/v1/{path}", theirs)).json() == []
    dashboard = (await door.call("GET", "/api/v1/analytics/dashboard", theirs)).json()
    assert dashboard == {"campaigns": [], "totals": [], "apps": [], "earnings": []}
    assert [a["id"] for a in (await door.call("GET", "/api/v1/apps", theirs)).json()] == [
        accounts.stranger_app
    ]
    assert (await code_of(door, "GET", f"/api/v1/campaigns/{campaign}", mine))[0] == 200


async def test_both_sides_see_a_decision_and_only_the_publisher_sees_the_bids(
    door: Door, accounts: Accounts, campaign: str
) -> None:
    answer = await door.ask(accounts.web_app)
    event = {
        "type": "click", "requestId": answer["requestId"], "adId": answer["ad"]["id"],
        "appId": accounts.web_app,
    }  # fmt: skip
    assert (await door.call("POST", "/api/events", json=event)).json()["charged"] is True
    path = f"/api/v1/decisions/{answer['requestId'].split('~')[0]}"
    seller = (await door.call("GET", path, accounts.publisher_key)).json()
    buyer = (await door.call("GET", path, accounts.advertiser_key)).json()
    assert seller["reason"] == buyer["reason"] == "served"
    assert buyer["price"] == {"micros": 50_000, "currency": "USD", "text": "0.05 USD"}
    assert buyer["explain"] is None
    assert seller["explain"]["outcome"] == "served"
    assert seller["explain"]["candidates"][0]["ad_id"] == answer["ad"]["id"]
    money = (await door.call("GET", "/api/v1/analytics/dashboard", accounts.publisher_key)).json()
    assert money["earnings"] == [{"micros": 35_000, "currency": "USD", "text": "0.035 USD"}]
    assert [(a["app_id"], a["clicks"]) for a in money["apps"]] == [(accounts.web_app, 1)]
    spent = (await door.call("GET", "/api/v1/analytics/dashboard", accounts.advertiser_key)).json()
    assert [t["spend"]["text"] for t in spent["totals"]] == ["0.05 USD"]
    assert spent["campaigns"][0]["budget_left"]["micros"] == 99_950_000


async def test_every_route_asks_for_its_scope(
    door: Door, accounts: Accounts, services: Services
) -> None:
    """A key with every other scope is refused; without a key nothing is said about what exists."""
    item = "0" * 26
    needs: list[tuple[str, str, str, dict[str, Any] | None]] = [
        ("campaigns:write", "POST", "/api/v1/campaigns/create", {"goal": "x"}),
        ("campaigns:read", "GET", "/api/v1/campaigns", None),
        ("campaigns:read", "GET", f"/api/v1/campaigns/cmp_{item}", None),
        ("campaigns:write", "POST", f"/api/v1/campaigns/cmp_{item}/pause", {}),
        ("campaigns:write", "POST", f"/api/v1/campaigns/cmp_{item}/resume", {}),
        ("campaigns:write", "POST", f"/api/v1/campaigns/cmp_{item}/end", {}),
        ("campaigns:read", "GET", f"/api/v1/campaigns/cmp_{item}/creatives", None),
        ("reports:read", "GET", f"/api/v1/campaigns/cmp_{item}/report", None),
        ("campaigns:write", "POST", "/api/v1/content/generate", {"goal": "x"}),
        ("campaigns:write", "POST", "/api/v1/content/pictures", {}),
        ("campaigns:read", "GET", f"/api/v1/content/run_{item}", None),
        ("campaigns:read", "GET", f"/api/v1/content/run_{item}/download?asset=ast_{item}", None),
        ("campaigns:read", "GET", "/api/v1/runs", None),
        ("campaigns:read", "GET", f"/api/v1/runs/run_{item}", None),
        ("campaigns:read", "GET", f"/api/v1/runs/run_{item}/events", None),
        ("campaigns:read", "GET", f"/api/v1/runs/run_{item}/report", None),
        ("campaigns:read", "GET", "/api/v1/compliance/updates?since=2026-01-01", None),
        ("campaigns:write", "POST", "/api/v1/spend/stops", {"why": "x"}),
        ("campaigns:read", "GET", "/api/v1/spend/stops", None),
        ("campaigns:write", "DELETE", f"/api/v1/spend/stops/stp_{item}", None),
        ("approvals:write", "POST", f"/api/v1/runs/run_{item}/approve", {"decision": "approve"}),
        ("campaigns:write", "POST", f"/api/v1/runs/run_{item}/answer", {"text": "x"}),
        ("campaigns:write", "POST", "/api/v1/sources?kind=page&name=x", {}),
        ("campaigns:read", "GET", f"/api/v1/sources/src_{item}", None),
        ("campaigns:read", "GET", "/api/v1/brand-kit", None),
        ("campaigns:write", "PUT", "/api/v1/brand-kit", {"name": "x", "payer": "x"}),
        ("reports:read", "GET", "/api/v1/analytics/dashboard", None),
        ("reports:read", "POST", "/api/v1/analytics/ask", {"question": "clicks today"}),
        ("campaigns:write", "POST", "/api/v1/optimisation/runs", {}),
        ("campaigns:write", "POST", f"/api/v1/ads/ad_{item}/rest", {}),
        ("campaigns:write", "POST", f"/api/v1/ads/ad_{item}/wake", {}),
        ("reports:read", "GET", "/api/v1/analytics/auction", None),
        ("reports:read", "POST", "/api/v1/reports", {}),
        ("reports:read", "GET", "/api/v1/reports", None),
        ("reports:read", "GET", f"/api/v1/reports/rpt_{item}", None),
        ("reports:read", "GET", f"/api/v1/reports/rpt_{item}/file", None),
        ("reports:read", "POST", "/api/v1/reports/schedules", {}),
        ("reports:read", "GET", "/api/v1/reports/schedules", None),
        ("reports:read", "DELETE", f"/api/v1/reports/schedules/rps_{item}", None),
        ("reports:read", "GET", "/api/v1/reports/alerts", None),
        ("reports:read", "GET", f"/api/v1/decisions/req_{item}", None),
        ("keys:write", "POST", "/api/v1/keys", {"name": "x", "scopes": ["ads:serve"]}),
        ("keys:write", "GET", "/api/v1/keys", None),
        ("keys:write", "POST", f"/api/v1/keys/key_{item}/rotate", {}),
        ("keys:write", "DELETE", f"/api/v1/keys/key_{item}", None),
        ("keys:write", "POST", "/api/v1/apps", {"name": "x"}),
        ("reports:read", "GET", "/api/v1/apps", None),
        ("campaigns:write", "PATCH", f"/api/v1/campaigns/cmp_{item}", {}),
        ("keys:write", "PATCH", f"/api/v1/apps/app_{item}", {}),
        ("campaigns:write", "POST", "/api/v1/leads/import?name=x&source=x&lawful_basis=consent", {}),
        ("campaigns:write", "POST", "/api/v1/leads/linkedin", {"owner": "x", "token": "12345678"}),
        ("campaigns:read", "GET", "/api/v1/leads", None),
        ("campaigns:read", "GET", "/api/v1/leads/imports", None),
        ("campaigns:write", "POST", "/api/v1/leads/erase", {"contacts": ["a@b.example"]}),
        ("campaigns:write", "POST", "/api/v1/leads/suppress", {"contacts": ["a@b.example"]}),
        ("campaigns:write", "POST", "/api/v1/audiences", {"name": "x"}),
        ("campaigns:read", "GET", "/api/v1/audiences", None),
        ("campaigns:read", "POST", f"{KNOWN}/search", {"query": "x"}),
        ("campaigns:read", "POST", f"{KNOWN}/answer", {"question": "x"}),
        ("campaigns:read", "GET", f"{KNOWN}/why?query=x", None),
        ("campaigns:read", "GET", f"{KNOWN}/documents", None),
        ("campaigns:read", "GET", f"{KNOWN}/documents/doc_{item}/chunks", None),
        ("campaigns:write", "PATCH", f"{KNOWN}/chunks/chk_{item}", {"text": "x"}),
        ("campaigns:write", "POST", f"{KNOWN}/sources", {"kind": "url", "address": "https://x.test/"}),
        ("campaigns:write", "POST", f"{KNOWN}/sources/upload?name=x.md", {}),
        ("campaigns:read", "GET", f"{KNOWN}/sources", None),
        ("campaigns:write", "DELETE", f"{KNOWN}/sources/kso_{item}", None),
        ("campaigns:read", "GET", f"{KNOWN}/jobs", None),
        ("campaigns:read", "GET", f"{KNOWN}/jobs/igj_{item}", None),
        ("campaigns:write", "POST", f"{KNOWN}/jobs/igj_{item}/retry", {}),
    ]  # fmt: skip
    document = (await door.call("GET", "/openapi.json")).json()
    described = {
        (m.upper(), p)
        for p, ops in document["paths"].items()
        for m in ops
        if p.startswith("/api/v1")
    }
    tried = {(m, re.sub(r"[a-z]+_0{26}", "{id}", p.split("?")[0])) for _, m, p, _ in needs}
    assert tried == described
    every = {
        "campaigns:read", "campaigns:write", "approvals:write", "reports:read", "ads:serve",
        "events:write", "keys:write",
    }  # fmt: skip
    secrets = {}
    for scope in sorted({need for need, *_ in needs}):
        made = await door.call(
            "POST", "/api/v1/keys", accounts.stranger_key,
            json={"name": scope, "scopes": sorted(every - {scope})},
        ) if scope != "keys:write" else await door.call(
            "POST", "/api/v1/keys", accounts.stranger_key,
            json={"name": scope, "scopes": ["campaigns:read"]},
        )  # fmt: skip
        assert made.status_code == 201, made.text
        secrets[scope] = made.json()["secret"]
    for scope, method, path, body in needs:
        assert await code_of(door, method, path, secrets[scope], json=body) == (
            403, "scope_missing",
        ), path  # fmt: skip
        anonymous = await door.call(method, path, json=body)
        assert (anonymous.status_code, anonymous.json()["code"]) == (401, "key_missing")


async def test_ids_of_the_wrong_kind_are_named(door: Door, accounts: Accounts) -> None:
    for path in (
        "campaigns/42",
        "campaigns/run_" + "0" * 26,
        "runs/%00",
        "sources/..%2f",
        "runs/ü",
    ):
        status, code = await code_of(door, "GET", f"/api/v1/{path}", accounts.advertiser_key)
        assert (status, code) in ((400, "bad_id"), (404, "route_not_found")), path
