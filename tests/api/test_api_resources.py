"""Campaigns, runs, sources, keys and apps through their routes."""

from __future__ import annotations

import asyncio
from typing import Any

import msgspec
import pytest
from sqlalchemy import func, select

from bootstrap.services import Services
from catalog.runs import Runs, RunStatus
from catalog.tables import ProductSourceRow, Run
from domain.events import Progress, progress_stream
from domain.product import ProductSource
from storage.outbox import OutboxRow
from tests.api.conftest import Accounts, Door, open_door

pytestmark = pytest.mark.asyncio

GOAL = {"goal": "Get 200 sign-ups for our trail-running shop"}
CREATE = "/api/v1/campaigns/create"
FEED = b"id,title,link,price\n1,Trail shoe,https://shop.example/1,120 USD\n2,,https://shop.example/2,9 USD\n"


async def test_a_goal_becomes_a_queued_run(
    door: Door, accounts: Accounts, services: Services
) -> None:
    answer = await door.call("POST", CREATE, accounts.advertiser_key, json=GOAL)
    assert answer.status_code == 202
    started = answer.json()
    assert started["status"] == "queued"
    run = (await door.call("GET", started["links"]["self"], accounts.advertiser_key)).json()
    assert (run["goal"], run["graph"], run["status"]) == (GOAL["goal"], "campaign", "queued")
    async with services.db.system() as session:
        rows = (await session.scalars(select(OutboxRow))).all()
        kept = await Runs(session).get(started["run_id"])
    assert [(r.topic, r.payload) for r in rows] == [("run.enqueue", {"run_id": run["id"]})]
    assert kept.inputs["approval_mode"] == "person"
    assert kept.requested_by.startswith("key:key_")


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({"goal": ""}, "goal_empty"),
        ({"goal": " \n\t "}, "goal_empty"),
        ({"goal": "\u200b \u3000"}, "goal_empty"),
        ({"goal": "x" * 8_001}, "goal_too_long"),
        ({"goal": "x", "site_url": "javascript:alert(1)"}, "invalid_request"),
        ({"goal": "x", "page_source_id": "src_" + "0" * 26}, "not_found"),
        ({"goal": "x", "page_source_id": "nonsense"}, "bad_id"),
        ({"goal": ["x"]}, "invalid_request"),
        ({"goal": "x", "budget": 5}, "invalid_request"),
    ],
)
async def test_absurd_goals_leave_nothing_behind(
    door: Door, accounts: Accounts, services: Services, body: dict[str, Any], code: str
) -> None:
    answer = await door.call("POST", CREATE, accounts.advertiser_key, json=body)
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["code"] == code
    async with services.db.system() as session:
        assert await session.scalar(select(func.count()).select_from(Run)) == 0


async def test_one_idempotency_key_starts_one_run(
    door: Door, accounts: Accounts, services: Services
) -> None:
    async def start(goal: str = GOAL["goal"], key: str = "order-1") -> Any:
        return await door.call(
            "POST", CREATE, accounts.advertiser_key, json={"goal": goal},
            headers={"Idempotency-Key": key},
        )  # fmt: skip

    answers = await asyncio.gather(*(start() for _ in range(8)))
    assert {a.status_code for a in answers} == {202}
    assert len({a.json()["run_id"] for a in answers}) == 1
    other = await start("another goal")
    assert (other.status_code, other.json()["code"]) == (409, "idempotency_key_reused")
    assert (await start(key="order-2")).json()["run_id"] != answers[0].json()["run_id"]
    assert (await start(key="a b")).status_code == 422
    async with services.db.system() as session:
        assert await session.scalar(select(func.count()).select_from(Run)) == 2


async def test_the_demo_policy_is_for_development_only(
    services: Services, accounts: Accounts
) -> None:
    body = {**GOAL, "approval": "demo"}
    for env, status in (("development", 202), ("production", 403)):
        async with open_door(services.settings.model_copy(update={"parley_env": env})) as door:
            answer = await door.call("POST", CREATE, accounts.advertiser_key, json=body)
            assert answer.status_code == status


async def make_waiting(services: Services, run_id: str, status: RunStatus) -> None:
    async with services.db.system() as session:
        run = await Runs(session).get(run_id, lock=True)
        run.status, run.question = status, {"interrupt": "i1", "waits_for": str(status)}


async def test_a_run_is_approved_once(door: Door, accounts: Accounts, services: Services) -> None:
    key = accounts.advertiser_key
    run_id = (await door.call("POST", CREATE, key, json=GOAL)).json()["run_id"]
    path = f"/api/v1/runs/{run_id}/approve"
    early = await door.call("POST", path, key, json={"decision": "approve"})
    assert (early.status_code, early.json()["code"]) == (409, "run_not_waiting")
    assert early.json()["run_status"] == "queued"
    await make_waiting(services, run_id, RunStatus.AWAITING_APPROVAL)
    wrong = await door.call("POST", f"/api/v1/runs/{run_id}/answer", key, json={"text": "yes"})
    assert wrong.json()["code"] == "run_not_waiting"
    answers = await asyncio.gather(
        *(door.call("POST", path, key, json={"decision": d}) for d in ("approve", "reject"))
    )
    assert sorted(a.status_code for a in answers) == [200, 409]
    async with services.db.system() as session:
        run = await Runs(session).get(run_id)
        queued = (await session.scalars(select(OutboxRow.topic))).all()
    assert run.status == "queued"
    assert '"by": "key:key_' in str(run.pending).replace("'", '"')
    assert queued == ["run.enqueue", "run.enqueue"]


async def test_a_question_is_answered_with_text_or_fields(
    door: Door, accounts: Accounts, services: Services
) -> None:
    key = accounts.advertiser_key
    run_id = (await door.call("POST", CREATE, key, json=GOAL)).json()["run_id"]
    path = f"/api/v1/runs/{run_id}/answer"
    assert (await door.call("POST", path, key, json={})).json()["code"] == "answer_empty"
    negative = {"fields": {"budget_total_minor": -5}}
    assert (await door.call("POST", path, key, json=negative)).json()["code"] == "invalid_request"
    await make_waiting(services, run_id, RunStatus.NEEDS_INPUT)
    foreign = await door.call(
        "POST", "/api/v1/sources?kind=feed&name=f.csv", accounts.stranger_key, content=FEED
    )
    stolen = {"fields": {"feed_source_id": foreign.json()["id"]}}
    assert (await door.call("POST", path, key, json=stolen)).json()["code"] == "not_found"
    refusing = {"fields": {"must_refuse": False}}
    assert (await door.call("POST", path, key, json=refusing)).json()["code"] == "invalid_request"
    async with services.db.system() as session:
        (await Runs(session).get(run_id)).goal = "x" * 7_990
    long = await door.call("POST", path, key, json={"text": "until Christmas"})
    assert (long.status_code, long.json()["code"]) == (422, "answer_too_long")
    async with services.db.system() as session:
        run = await Runs(session).get(run_id)
        assert (run.status, run.pending) == ("needs_input", None)
        run.goal = GOAL["goal"]
    fields = {"budget_total_minor": 300_000, "currency": "USD", "end": "2027-12-24", "geos": ["JP"]}
    answer = await door.call("POST", path, key, json={"text": "until Christmas", "fields": fields})
    assert answer.status_code == 200
    async with services.db.system() as session:
        run = await Runs(session).get(run_id)
    assert "2027-12-24" in str(run.pending)
    assert "until Christmas" in str(run.pending)


async def test_progress_is_read_on_from_the_last_seen_event(
    door: Door, accounts: Accounts, services: Services
) -> None:
    key = accounts.advertiser_key
    run_id = (await door.call("POST", CREATE, key, json=GOAL)).json()["run_id"]
    path = f"/api/v1/runs/{run_id}/events"

    async def tell(message: str) -> None:
        line = Progress(
            run_id=run_id, type="step", step="plan", message=message, at_ms=1_800_000_000_000, data={"n": 1}
        )  # fmt: skip
        await services.redis.xadd(progress_stream(run_id), {"e": msgspec.json.encode(line)})

    assert (await door.call("GET", path, key)).json() == {
        "events": [], "next_after": "0", "finished": False,
    }  # fmt: skip
    await tell("one")
    first = (await door.call("GET", path, key)).json()
    assert [(e["message"], e["type"], e["data"]) for e in first["events"]] == [
        ("one", "step", {"n": 1})
    ]
    waiting = asyncio.create_task(
        door.call("GET", f"{path}?after={first['next_after']}&wait=10", key)
    )
    await asyncio.sleep(0)
    await tell("two")
    second = (await asyncio.wait_for(waiting, 5)).json()
    assert [e["message"] for e in second["events"]] == ["two"]
    async with services.db.system() as session:
        (await Runs(session).get(run_id)).status = RunStatus.SUCCEEDED
    done = await asyncio.wait_for(
        door.call("GET", f"{path}?after={second['next_after']}&wait=10", key), 5
    )
    assert done.json() == {"events": [], "next_after": second["next_after"], "finished": True}
    for bad in ("after=$", "after=0; DROP", "wait=21", "wait=-1"):
        assert (await door.call("GET", f"{path}?{bad}", key)).status_code == 422


async def test_a_feed_is_read_and_kept_once(
    door: Door, accounts: Accounts, services: Services
) -> None:
    async def send(data: bytes = FEED, kind: str = "feed", name: str = "feed.csv") -> Any:
        path = f"/api/v1/sources?kind={kind}&name={name}"
        return await door.call("POST", path, accounts.advertiser_key, content=data)

    answers = await asyncio.gather(*(send() for _ in range(4)))
    assert {a.status_code for a in answers} == {201}
    source = answers[0].json()
    assert (source["kind"], source["name"], source["products"]) == ("feed", "feed.csv", 1)
    assert [p["line"] for p in source["problems"]] == [3]
    assert len({a.json()["id"] for a in answers}) == 1
    again = (await send(name="renamed.csv")).json()
    assert (again["id"], again["name"]) == (source["id"], "feed.csv")
    stored = await services.objects.get(f"sources/{source['id']}/parsed.json")
    parsed = msgspec.json.decode(stored, type=ProductSource)
    assert [p.title for p in parsed.products] == ["Trail shoe"]
    assert await services.objects.get(f"sources/{source['id']}/original") == FEED
    path = f"/api/v1/sources/{source['id']}"
    assert (await door.call("GET", path, accounts.advertiser_key)).json()["sha256"] == source[
        "sha256"
    ]
    wrong = await door.call(
        "POST", CREATE, accounts.advertiser_key, json={**GOAL, "page_source_id": source["id"]}
    )
    assert (wrong.status_code, wrong.json()["code"]) == (422, "source_kind")
    right = await door.call(
        "POST", CREATE, accounts.advertiser_key, json={**GOAL, "feed_source_id": source["id"]}
    )
    assert right.status_code == 202


async def test_unusable_sources_leave_nothing_behind(
    door: Door, accounts: Accounts, services: Services
) -> None:
    async def code(path: str, data: bytes) -> tuple[int, str]:
        answer = await door.call(
            "POST", f"/api/v1/sources{path}", accounts.advertiser_key, content=data
        )
        return answer.status_code, answer.json()["code"]

    assert await code("?kind=feed&name=f.csv", b"") == (422, "source_empty")
    assert (await code("?kind=feed&name=f.csv", b"\x00\x01\x02" * 50))[0] in (400, 422)
    assert await code("?kind=film&name=f.csv", b"x") == (422, "invalid_request")
    assert await code("?kind=feed&name=a%00b", b"x") == (422, "invalid_request")
    assert await code("?kind=feed", b"x") == (422, "invalid_request")
    big = b"x" * (20 * (1 << 20) + 1)
    assert await code("?kind=feed&name=f.csv", big) == (413, "body_too_large")
    async with services.db.system() as session:
        assert await session.scalar(select(func.count()).select_from(ProductSourceRow)) == 0


async def test_keys_give_no_more_than_they_have(door: Door, accounts: Accounts) -> None:
    async def make(key: str, **body: Any) -> Any:
        return await door.call("POST", "/api/v1/keys", key, json={"name": "k", **body})

    own = accounts.publisher_key
    beyond = await make(own, scopes=["ads:serve", "campaigns:write"])
    assert (beyond.status_code, beyond.json()["code"]) == (403, "scope_beyond_own")
    assert (await make(own, scopes=["root"])).json()["code"] == "scope_beyond_own"
    bound = (await make(own, scopes=["ads:serve", "keys:write"], app_id=accounts.key_app)).json()
    assert bound["secret"].startswith("parley_sk_")
    assert bound["hint"] == bound["secret"][-4:]
    # A key of one app: serves that app only, makes keys of that app only, rotates no wider key.
    other = {"appId": accounts.web_app, "conversationId": "c", "messageId": "m", "contextText": "x"}
    foreign = await door.call("POST", "/api/requests", bound["secret"], json=other)
    assert (foreign.status_code, foreign.json()["code"]) == (404, "app_not_found")
    narrow = (await make(bound["secret"], scopes=["ads:serve"])).json()
    assert narrow["app_id"] == accounts.key_app
    escape = await make(bound["secret"], scopes=["ads:serve"], app_id=accounts.web_app)
    assert escape.json()["code"] == "app_beyond_own"
    wide = (await make(own, scopes=["ads:serve"])).json()
    rotated = await door.call("POST", f"/api/v1/keys/{wide['id']}/rotate", bound["secret"], json={})
    assert (rotated.status_code, rotated.json()["code"]) == (403, "app_beyond_own")
    listed = (await door.call("GET", "/api/v1/keys", own)).json()
    assert all("secret" not in key for key in listed)
    assert len(listed) == 4


async def test_rotation_has_a_grace_period(door: Door, accounts: Accounts) -> None:
    async def works(secret: str) -> bool:
        return (await door.call("GET", "/api/v1/keys", secret)).status_code == 200

    own = accounts.advertiser_key
    old = await door.call(
        "POST", "/api/v1/keys", own, json={"name": "old", "scopes": ["keys:write"]}
    )
    path = f"/api/v1/keys/{old.json()['id']}"
    new = (await door.call("POST", f"{path}/rotate", own, json={"grace_hours": 1})).json()
    assert new["replaces"] == old.json()["id"]
    assert await works(old.json()["secret"])
    assert await works(new["secret"])
    await door.call("POST", f"{path}/rotate", own, json={"grace_hours": 0})
    assert not await works(old.json()["secret"])
    ended = await door.call("POST", f"{path}/rotate", own, json={})
    assert (ended.status_code, ended.json()["code"]) == (409, "key_ended")


async def test_apps_are_made_by_publishers(
    door: Door, accounts: Accounts, services: Services
) -> None:
    body = {"name": "Travel helper", "formats": ["static"], "currency": "JPY", "web": True}
    made = await door.call("POST", "/api/v1/apps", accounts.publisher_key, json=body)
    assert made.status_code == 201
    assert made.json()["formats"] == ["static"]
    refused = await door.call("POST", "/api/v1/apps", accounts.advertiser_key, json=body)
    assert (refused.status_code, refused.json()["code"]) == (403, "not_a_publisher")
    unknown = await door.call(
        "POST", "/api/v1/apps", accounts.publisher_key, json={**body, "currency": "ZZZ"}
    )
    assert (unknown.status_code, unknown.json()["code"]) == (400, "unknown_currency")
    async with services.db.system() as session:
        topics = (await session.scalars(select(OutboxRow.topic))).all()
    assert topics == ["catalogue.changed"]


async def test_a_campaign_is_paused_resumed_and_ended(
    door: Door, accounts: Accounts, campaign: str
) -> None:
    async def move(verb: str, why: str = "because") -> Any:
        path = f"/api/v1/campaigns/{campaign}/{verb}"
        return await door.call("POST", path, accounts.advertiser_key, json={"why": why})

    assert (await move("pause")).json() == {"id": campaign, "status": "paused", "changed": True}
    assert (await move("pause")).json()["changed"] is False
    assert (await move("resume")).json()["status"] == "live"
    assert (await move("end", "sold out")).json()["status"] == "ended"
    again = await move("resume")
    assert (again.status_code, again.json()["code"]) == (409, "campaign_state")
    shown = await door.call("GET", f"/api/v1/campaigns/{campaign}", accounts.advertiser_key)
    detail = shown.json()
    assert detail["creatives"] == {"approved": 1}
    assert detail["served"] is True
    assert [entry["to_state"] for entry in detail["audit"]][-3:] == ["paused", "live", "ended"]
    assert (detail["audit"][-1]["why"], detail["audit"][-1]["who"][:8]) == ("sold out", "key:key_")
    creatives = await door.call(
        "GET", f"/api/v1/campaigns/{campaign}/creatives", accounts.advertiser_key
    )
    assert [c["status"] for c in creatives.json()] == ["approved"]
