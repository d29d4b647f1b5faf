"""Content over the door: ordered, made by a worker's runner, listed, downloaded."""

from __future__ import annotations

import io
from typing import Any

import pytest
from langgraph.checkpoint.postgres.aio import AsyncPostgresSaver
from PIL import Image

from bootstrap.services import Services
from catalog.runs import RunStatus
from sandbox import shop_feed
from tests.api.conftest import Accounts, Door
from tests.support.runs import runner
from tools.provenance import read

pytestmark = pytest.mark.asyncio

BODY: dict[str, Any] = {
    "goal": "Sell our trail running shoes to runners in Japan and the US",
    "channels": ["google", "in_chat"],
    "variants": 2,
    "products": 1,
}


async def feed(door: Door, key: str) -> str:
    answer = await door.call(
        "POST", "/api/v1/sources?kind=feed&name=products.csv", key, content=shop_feed().read_bytes()
    )
    return str(answer.json()["id"])


async def test_an_order_is_queued_made_listed_and_downloaded(
    door: Door, accounts: Accounts, services: Services, saver: AsyncPostgresSaver
) -> None:
    key = accounts.advertiser_key
    body = {**BODY, "feed_source_id": await feed(door, key)}
    started = await door.call("POST", "/api/v1/content/generate", key, json=body)
    assert started.status_code == 202, started.text
    run_id, links = started.json()["run_id"], started.json()["links"]
    waiting = (await door.call("GET", links["content"], key)).json()
    assert (waiting["status"], waiting["assets"]) == ("queued", [])

    assert await runner(services, saver).execute(run_id) is RunStatus.SUCCEEDED

    run = (await door.call("GET", links["self"], key)).json()
    made = (await door.call("GET", links["content"], key)).json()
    assert made["status"] == "succeeded"
    assert run["result"]["assets"] == [a["id"] for a in made["assets"]]
    assert {(a["channel"], a["language"], a["arm"] == "control") for a in made["assets"]} == {
        (c, language, control)
        for c in ("google", "in_chat") for language in ("eng", "jpn") for control in (True, False)
    }  # fmt: skip
    first = made["assets"][0]
    assert first["provenance"]["rule_based"] is True
    assert first["claims"][0]["fact"].startswith("fact:")
    file = await door.call("GET", first["download"], key)
    assert file.headers["content-type"] == "application/json"
    assert file.headers["x-content-type-options"] == "nosniff"
    assert file.json()["texts"] == first["texts"]
    assert len(file.content) == first["size_bytes"]

    theirs = accounts.stranger_key
    for path in (links["content"], first["download"]):
        answer = await door.call("GET", path, theirs)
        assert (answer.status_code, answer.json()["code"]) == (404, "not_found")
    odd = await door.call("GET", f"{links['content']}/download?asset=ast_{'0' * 26}", key)
    assert odd.status_code == 404


async def test_an_uploaded_logo_stands_in_the_pictures(
    door: Door, accounts: Accounts, services: Services, saver: AsyncPostgresSaver
) -> None:
    key, file = accounts.advertiser_key, io.BytesIO()
    Image.new("RGB", (200, 80), (246, 231, 203)).save(file, format="JPEG")
    answers = [
        await door.call("POST", "/api/v1/content/pictures", key, content=file.getvalue())
        for _ in range(2)
    ]
    assert [a.status_code for a in answers] == [201, 201]
    logo = answers[0].json()
    assert answers[1].json() == logo
    assert (logo["width"], logo["height"]) == (200, 80)
    body = {
        **BODY, "feed_source_id": await feed(door, key), "kinds": ["image"], "channels": ["in_chat"],
        "languages": ["eng"], "variants": 1, "logo": logo["id"],
    }  # fmt: skip
    links = (await door.call("POST", "/api/v1/content/generate", key, json=body)).json()["links"]
    run_id = links["content"].rpartition("/")[2]
    assert await runner(services, saver).execute(run_id) is RunStatus.SUCCEEDED
    made = (await door.call("GET", links["content"], key)).json()["assets"]
    (picture,) = [a for a in made if a["kind"] == "image"]
    answer = await door.call("GET", picture["download"], key)
    assert answer.headers["content-type"] == picture["media_type"]
    with Image.open(io.BytesIO(answer.content)) as image:
        assert image.size == (1200, 628)
    inside = read(answer.content, picture["media_type"])
    assert inside is not None
    assert inside.run == run_id


async def test_what_is_no_picture_is_refused(door: Door, accounts: Accounts) -> None:
    answer = await door.call(
        "POST", "/api/v1/content/pictures", accounts.advertiser_key, content=b"<svg onload=x>"
    )
    assert (answer.status_code, answer.json()["code"]) == (400, "bad_picture")


async def test_the_same_key_starts_one_run(door: Door, accounts: Accounts) -> None:
    key = accounts.advertiser_key
    body = {**BODY, "feed_source_id": await feed(door, key)}
    headers = {"Idempotency-Key": "content-1"}
    answers = [
        await door.call("POST", "/api/v1/content/generate", key, json=body, headers=headers)
        for _ in range(2)
    ]
    assert len({a.json()["run_id"] for a in answers}) == 1
    other = await door.call(
        "POST", "/api/v1/content/generate", key, json={**body, "variants": 3}, headers=headers
    )
    assert other.status_code == 409


async def test_a_run_of_another_kind_makes_no_content(door: Door, accounts: Accounts) -> None:
    key = accounts.advertiser_key
    started = await door.call("POST", "/api/v1/campaigns/create", key, json={"goal": "Sell shoes"})
    answer = await door.call("GET", f"/api/v1/content/{started.json()['run_id']}", key)
    assert (answer.status_code, answer.json()["code"]) == (404, "not_found")


@pytest.mark.parametrize(
    ("change", "status", "code"),
    [
        ({}, 422, "source_missing"),
        ({"site_url": "https://x.test/", "variants": 99}, 400, "bad_order"),
        ({"site_url": "https://x.test/", "openers": {"eng": "{user.email}"}}, 400, "bad_slot"),
        ({"site_url": "https://x.test/", "chanels": ["google"]}, 422, None),
        ({"feed_source_id": "src_" + "0" * 26}, 404, "not_found"),
    ],
)
async def test_an_order_that_cannot_be_done_is_refused(
    door: Door, accounts: Accounts, change: dict[str, Any], status: int, code: str | None
) -> None:
    answer = await door.call(
        "POST", "/api/v1/content/generate", accounts.advertiser_key, json={**BODY, **change}
    )
    assert answer.status_code == status, answer.text
    assert code is None or answer.json()["code"] == code
