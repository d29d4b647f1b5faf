"""Questions, reports, alerts, auction proposals and optimisation through the door, each tenant its own."""

from __future__ import annotations

import pytest
from sqlalchemy import select

from bootstrap.services import Services
from catalog.tables import Ad
from tests.api.conftest import Accounts, Door

pytestmark = pytest.mark.asyncio


async def test_a_question_is_answered_for_both_sides_and_nobody_else(
    door: Door, accounts: Accounts, campaign: str
) -> None:
    offer = await door.ask(accounts.web_app)
    for kind in ("impression", "click"):
        event = {
            "type": kind, "requestId": offer["requestId"], "adId": offer["ad"]["id"],
            "appId": accounts.web_app,
        }  # fmt: skip
        assert (await door.call("POST", "/api/events", json=event)).status_code == 200
    path, asked = "/api/v1/analytics/ask", {"question": "clicks, ctr and spend by campaign today"}
    mine = (await door.call("POST", path, accounts.advertiser_key, json=asked)).json()
    assert "– Shoes: clicks 1; click-through rate 100.00 %; spend 0.05 USD" in mine["text"]
    assert {f["query"] for f in mine["figures"]} == {q["id"] for q in mine["queries"]}
    assert mine["chosen_by"] == "rules"
    theirs = (await door.call("POST", path, accounts.stranger_key, json=asked)).json()
    assert "nothing was recorded" in theirs["text"]
    seller = await door.call(
        "POST",
        path,
        accounts.publisher_key,
        json={"question": "requests and fill rate by app today"},
    )
    assert "– Web chat: ad requests 1; fill rate 100.00 %" in seller.json()["text"]
    odd = await door.call("POST", path, accounts.advertiser_key, json={"question": "Sing a song"})
    assert (odd.status_code, odd.json()["code"]) == (422, "question_not_understood")


async def test_a_report_is_made_read_and_kept_from_others(
    door: Door, accounts: Accounts, campaign: str
) -> None:
    key, path = accounts.advertiser_key, "/api/v1/reports"
    made = await door.call("POST", path, key, json={"name": "週報", "language": "jpn"})
    assert (made.status_code, made.json()["status"]) == (201, "done")
    item = f"{path}/{made.json()['id']}"
    page = await door.call("GET", f"{item}/file", key)
    assert page.headers["content-type"].startswith("text/html")
    assert "週報" in page.text
    pdf = await door.call("GET", f"{item}/file?form=pdf", key)
    assert (pdf.headers["content-type"], pdf.content[:4]) == ("application/pdf", b"%PDF")
    assert (await door.call("GET", item, key)).json()["name"] == "週報"
    assert [r["id"] for r in (await door.call("GET", path, key)).json()] == [made.json()["id"]]
    for there in (item, f"{item}/file"):
        assert (await door.call("GET", there, accounts.stranger_key)).status_code == 404
    assert (await door.call("GET", path, accounts.stranger_key)).json() == []
    wrong = await door.call("POST", path, key, json={"first": "2026-02-01", "last": "2026-01-01"})
    assert (wrong.status_code, wrong.json()["code"]) == (422, "bad_period")


async def test_a_schedule_goes_on_until_it_is_stopped(door: Door, accounts: Accounts) -> None:
    key, path = accounts.advertiser_key, "/api/v1/reports/schedules"
    made = (await door.call("POST", path, key, json={"every": "month", "hour": 3})).json()
    assert made["next_at"].endswith("-01T03:00:00Z")
    assert [s["id"] for s in (await door.call("GET", path, key)).json()] == [made["id"]]
    there = f"{path}/{made['id']}"
    assert (await door.call("DELETE", there, accounts.stranger_key)).status_code == 404
    assert (await door.call("DELETE", there, key)).status_code == 204
    assert (await door.call("GET", path, key)).json() == []
    assert (await door.call("GET", "/api/v1/reports/alerts", key)).json() == []


async def test_auction_proposals_say_what_they_miss(
    door: Door, accounts: Accounts, campaign: str
) -> None:
    path = "/api/v1/analytics/auction"
    seller = (await door.call("GET", path, accounts.publisher_key)).json()
    assert {(p["kind"], p["status"]) for p in seller} == {
        ("reserve", "insufficient_data"), ("charge_rule", "insufficient_data"),
    }  # fmt: skip
    assert {p["subject"] for p in seller} == {accounts.web_app, accounts.key_app}
    buyer = (await door.call("GET", path, accounts.advertiser_key)).json()
    assert [(p["kind"], p["subject"], p["status"]) for p in buyer] == [
        ("bid", campaign, "insufficient_data")
    ]


async def test_optimisation_is_started_once_and_a_policy_needs_its_limits(
    door: Door, accounts: Accounts, campaign: str
) -> None:
    key, path = accounts.advertiser_key, "/api/v1/optimisation/runs"
    headers = {"Idempotency-Key": "today"}
    first = await door.call("POST", path, key, json={}, headers=headers)
    again = await door.call("POST", path, key, json={}, headers=headers)
    assert (first.status_code, first.json()["run_id"]) == (202, again.json()["run_id"])
    run = (await door.call("GET", f"/api/v1/runs/{first.json()['run_id']}", key)).json()
    assert (run["graph"], run["status"]) == ("optimisation", "queued")
    bare = await door.call("POST", path, key, json={"approval": "policy"})
    assert (bare.status_code, bare.json()["code"]) == (422, "policy_missing")
    limits = {"currency": "USD", "max_moved_minor": 5_000}
    asked = await door.call("POST", path, key, json={"approval": "policy", "policy": limits})
    assert asked.status_code == 202
    maker = await door.call(
        "POST", "/api/v1/keys", key, json={"name": "w", "scopes": ["campaigns:write"]}
    )
    refused = await door.call(
        "POST", path, maker.json()["secret"], json={"approval": "policy", "policy": limits}
    )
    assert (refused.status_code, refused.json()["code"]) == (403, "scope_missing")


async def test_the_last_ad_stays_and_others_ads_do_not_exist(
    door: Door, accounts: Accounts, campaign: str, services: Services
) -> None:
    async with services.db.tenant(accounts.advertiser) as session:
        (ad,) = (await session.scalars(select(Ad.id))).all()
    last = await door.call("POST", f"/api/v1/ads/{ad}/rest", accounts.advertiser_key, json={})
    assert (last.status_code, last.json()["code"]) == (409, "last_ad")
    woken = await door.call("POST", f"/api/v1/ads/{ad}/wake", accounts.advertiser_key, json={})
    assert woken.json() == {"id": ad, "status": "active", "changed": False}
    other = await door.call("POST", f"/api/v1/ads/{ad}/rest", accounts.stranger_key, json={})
    assert other.status_code == 404
