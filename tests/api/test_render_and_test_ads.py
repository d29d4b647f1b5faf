"""What was rendered is held against the receipt; test ads are labelled, permitted, and cost nobody."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import func, select

from billing.tables import LedgerEntry
from bootstrap.services import Services
from measurement.tables import EventRow
from tests.api.conftest import Accounts, Door, make_accounts, make_campaign, open_door

pytestmark = pytest.mark.asyncio


def event(answer: dict[str, Any], app: str, kind: str, **more: Any) -> dict[str, Any]:
    return {
        "type": kind, "requestId": answer["requestId"], "adId": answer["ad"]["id"], "appId": app, **more,
    }  # fmt: skip


def shown(answer: dict[str, Any], **changes: str) -> dict[str, str]:
    ad = answer["ad"]
    return {"receipt": answer["receipt"], "label": ad["label"], "payer": ad["payer"], **changes}


async def send(door: Door, body: dict[str, Any], key: str | None = None) -> tuple[int, str]:
    answer = await door.call("POST", "/api/events", key, json=body)
    return answer.status_code, answer.json().get("code", "")


async def counted(services: Services, table: type[EventRow] | type[LedgerEntry]) -> int:
    async with services.db.system() as session:
        return int(await session.scalar(select(func.count()).select_from(table)) or 0)


async def test_an_impression_counts_only_with_what_was_signed(
    door: Door, accounts: Accounts, campaign: str, services: Services
) -> None:
    app = accounts.web_app
    answer, other = await door.ask(app), await door.ask(app)
    signature = answer["receipt"].split(".")[1]
    wrong = {
        "render_differs": [
            shown(answer, label="Tip"),
            shown(answer, payer="Somebody else"),
            shown(other),
        ],
        "receipt_forged": [shown(answer, receipt=f"{other['receipt'].split('.')[0]}.{signature}")],
        "receipt_malformed": [shown(answer, receipt="x")],
    }
    for code, renders in wrong.items():
        for render in renders:
            status, found = await send(door, event(answer, app, "impression", render=render))
            assert (found, 400 <= status < 500) == (code, True), render
    assert await counted(services, EventRow) == 0
    right = event(answer, app, "impression", render=shown(answer))
    assert await send(door, right) == (200, "")
    assert await send(door, event(other, app, "impression")) == (200, "")
    assert await counted(services, EventRow) == 2


async def test_an_installation_may_demand_what_was_rendered(services: Services) -> None:
    accounts = await make_accounts(services)
    await make_campaign(services, accounts.advertiser)
    strict = services.settings.model_copy(update={"render_ack": "required"})
    async with open_door(strict) as door:
        await door.serving()
        answer = await door.ask(accounts.web_app)
        bare = event(answer, accounts.web_app, "impression")
        assert await send(door, bare) == (403, "render_ack_missing")
        assert await send(door, {**bare, "render": shown(answer)}) == (200, "")
        assert await send(door, event(answer, accounts.web_app, "click")) == (200, "")


async def test_test_ads_need_a_permission_and_are_booked_nowhere(
    door: Door, accounts: Accounts, campaign: str, services: Services
) -> None:
    body = {
        "appId": accounts.web_app, "conversationId": "c", "messageId": "m", "contextText": "hello",
        "test": True,
    }  # fmt: skip
    refused = await door.call("POST", "/api/requests", json=body)
    assert (refused.status_code, refused.json()["code"]) == (403, "scope_missing")
    app, key = accounts.key_app, accounts.publisher_key
    for n in range(3):
        answer = await door.ask(app, key, contextText="hello", test=True, conversationId=f"t{n}")
        assert (answer["reason"], answer["ad"]["label"]) == ("test_ad", "Ad")
        for kind in ("impression", "click"):
            tracked = await door.call("POST", "/api/events", key, json=event(answer, app, kind))
            assert (tracked.status_code, tracked.json()["charged"]) == (200, False)
    assert await counted(services, EventRow) == 0
    assert await counted(services, LedgerEntry) == 0
    report = await door.call("GET", f"/api/v1/campaigns/{campaign}", accounts.advertiser_key)
    assert report.status_code == 200
