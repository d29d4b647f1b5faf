"""The hot route over HTTP: who may ask, what is refused and how, and that its documentation is true."""

from __future__ import annotations

import json
from base64 import urlsafe_b64decode
from typing import Any

import msgspec
import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from api import openapi, wire
from api.docs_page import resolve
from bootstrap.services import Services
from fastpath import record
from fastpath.engine import FastPath
from fastpath.types import AdRequest
from tests.api.conftest import ASK, Accounts, Door, make_accounts, make_campaign, open_door

pytestmark = pytest.mark.asyncio

BODY = {"conversationId": "c", "messageId": "m", "contextText": ASK}


async def post(door: Door, body: object, key: str | None = None, **headers: str) -> Any:
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    return await door.call("POST", "/api/requests", key, content=content, headers=headers)


async def test_anybody_can_check_a_receipt_with_the_published_key(
    door: Door, accounts: Accounts, campaign: str
) -> None:
    answer = await door.ask(accounts.web_app)
    got = await door.call("GET", "/api/receipts/key")
    assert (got.status_code, got.json()["algorithm"]) == (200, "Ed25519")
    assert got.headers["access-control-allow-origin"] == "*"
    body, signature = (urlsafe_b64decode(part + "==") for part in answer["receipt"].split("."))
    key = Ed25519PublicKey.from_public_bytes(urlsafe_b64decode(got.json()["public_key"] + "="))
    key.verify(signature, body)
    with pytest.raises(InvalidSignature):
        key.verify(signature, body.replace(b"50000", b"40000"))
    assert json.loads(body)["adId"] == answer["ad"]["id"]


async def test_an_ad_is_labelled_priced_and_receipted(
    door: Door, accounts: Accounts, campaign: str
) -> None:
    answer = await door.ask(accounts.web_app)
    assert (answer["reason"], answer["ad"]["label"], answer["ad"]["payer"]) == (
        "served", "Ad", "Ridgeline",
    )  # fmt: skip
    assert answer["ad"]["advertiserId"] == accounts.advertiser
    assert answer["requestId"].endswith("~" + answer["nonce"])
    assert answer["receipt"].count(".") == 1
    japanese = await door.ask(
        accounts.web_app,
        contextText="trail running shoes を買いたいです。おすすめのトレイルランニングシューズを教えてください",
    )
    assert japanese["language"] == "jpn"
    if japanese["ad"]:
        assert japanese["ad"]["label"] == "広告"


async def test_the_same_message_gets_the_same_answer_and_the_next_one_waits(
    door: Door, accounts: Accounts, campaign: str
) -> None:
    body = {**BODY, "appId": accounts.web_app}
    first = (await post(door, body)).json()
    assert (await post(door, body)).json() == first
    later = (await post(door, {**body, "messageId": "m2"})).json()
    assert (later["ad"], later["reason"]) == (None, "cooldown")


async def test_who_may_ask(door: Door, accounts: Accounts, campaign: str) -> None:
    cases = [
        (accounts.web_app, None, 200, None),
        (accounts.key_app, accounts.publisher_key, 200, None),
        (accounts.web_app, accounts.publisher_key, 200, None),
        (accounts.key_app, None, 401, "key_missing"),
        ("app_" + "0" * 26, None, 401, "key_missing"),
        ("nonsense\x00", None, 401, "key_missing"),
        ("nonsense\x00", accounts.publisher_key, 404, "app_not_found"),
        ("app_" + "0" * 26, accounts.publisher_key, 404, "app_not_found"),
        (accounts.key_app, accounts.stranger_key, 404, "app_not_found"),
        (accounts.key_app, "parley_sk_unknown", 401, "key_unknown"),
        (accounts.key_app, "sk_other", 401, "key_malformed"),
    ]
    for app, key, status, code in cases:
        answer = await post(door, {**BODY, "appId": app}, key)
        assert (answer.status_code, answer.json().get("code")) == (status, code), (app, key)
        if status == 401:
            assert answer.headers["www-authenticate"].startswith("Bearer")
    own = accounts.advertiser_key
    assert (await post(door, {**BODY, "appId": accounts.key_app}, own)).status_code == 404


async def test_refusals_are_problems(door: Door, accounts: Accounts) -> None:
    cases = [
        (b"\xff\xfe", 400, "bad_encoding"),
        (b"{", 400, "bad_json"),
        (b'{"x":' * 50_000, 400, "bad_json"),
        (b'{"appId": "\\ud800"}', 400, "bad_json"),
        (b" " * (1 << 20) + b"{}", 413, "body_too_large"),
        (b"{}", 422, "invalid_request"),
        (json.dumps({**BODY, "appId": accounts.web_app, "turns": []}).encode(), 422, "context_missing"),
    ]  # fmt: skip
    for content, status, code in cases:
        answer = await post(door, content)
        assert answer.headers["content-type"] == "application/problem+json"
        problem = answer.json()
        assert (answer.status_code, problem["status"], problem["code"]) == (status, status, code)
        assert problem["ok"] is False
        assert problem["detail"].endswith(".")
        assert answer.headers["x-request-id"]


async def test_a_body_that_lies_about_its_length_is_cut_off(door: Door) -> None:
    async def chunks() -> Any:
        for _ in range(40):
            yield b" " * 65_536

    answer = await door.call("POST", "/api/requests", content=chunks())
    assert answer.status_code == 413


async def test_browsers_may_ask_from_anywhere(door: Door, accounts: Accounts) -> None:
    for path in ("/api/requests", "/api/events"):
        preflight = await door.call("OPTIONS", path, headers={"Origin": "https://chat.example"})
        assert (preflight.status_code, preflight.content) == (204, b"")
        assert preflight.headers["access-control-allow-origin"] == "*"
        assert "content-type" in preflight.headers["access-control-allow-headers"]
        assert "access-control-allow-credentials" not in preflight.headers
        wrong = await door.call("GET", path)
        assert (wrong.status_code, wrong.json()["code"]) == (405, "method_not_allowed")
        refused = await door.call("POST", path, content=b"{")
        assert refused.headers["access-control-allow-origin"] == "*"
    closed = await door.call("GET", "/api/v1/campaigns", headers={"Origin": "https://x.example"})
    assert "access-control-allow-origin" not in closed.headers


async def test_a_request_id_of_the_caller_is_echoed_if_harmless(door: Door) -> None:
    ours = (await door.call("GET", "/healthz")).headers["x-request-id"]
    assert len(ours) == 16
    for given, kept in (("trace-12345678", True), ("x" * 65, False), ("<script>aaa", False)):
        got = (await door.call("GET", "/healthz", headers={"X-Request-Id": given})).headers
        assert (got["x-request-id"] == given) is kept


async def test_rollout_flags_choose_the_engine(services: Services) -> None:
    accounts = await make_accounts(services)
    await make_campaign(services, accounts.advertiser)
    flags = {"v2_percentage": 0, "v2_app_ids": accounts.web_app}
    async with open_door(services.settings.model_copy(update=flags)) as door:
        await door.serving()
        new = await door.ask(accounts.web_app)
        old = await door.ask(accounts.key_app, accounts.publisher_key)
        assert (new["reason"], old["reason"]) == ("served", "served")
        sad = await door.ask(accounts.key_app, accounts.publisher_key, contextText="I want to die")
        assert (sad["ad"], sad["reason"]) == (None, "sensitive")
    entries: Any = await services.redis.xrange("parley:decisions")
    kept = [record.decode(entry[b"record"]) for _, entry in entries]
    assert [one.engine for one in kept] == ["v2", "v1", "v1"]


async def test_without_a_snapshot_there_is_no_ad_and_no_readiness(
    door: Door, accounts: Accounts
) -> None:
    assert (await door.ask(accounts.web_app))["reason"] == "no_snapshot"
    ready = await door.call("GET", "/readyz")
    assert ready.status_code == 503
    assert ready.json()["parts"]["snapshot"]["ok"] is False
    assert ready.json()["parts"]["database"]["ok"] is True


async def test_the_documented_route_is_the_served_one(
    door: Door, accounts: Accounts, campaign: str
) -> None:
    """Fields of schema, example and real answer are the same, on the way in and out."""
    document = (await door.call("GET", "/openapi.json")).json()
    operation = document["paths"]["/api/requests"]["post"]
    asked = operation["requestBody"]["content"]["application/json"]
    answered = operation["responses"]["200"]["content"]["application/json"]
    accepted = {f.encode_name for f in msgspec.structs.fields(wire.AdRequestBody)}
    assert set(resolve(document, asked["schema"])["properties"]) == accepted
    assert set(asked["example"]) | {
        "turns", "userId", "device", "topics", "blockedAdvertisers", "blockedTopics", "test",
    } == accepted  # fmt: skip
    example = {**asked["example"], "appId": accounts.web_app, "contextText": ASK}
    real = (await post(door, example)).json()
    assert real["reason"] == "served"
    assert set(real) == set(answered["example"])
    assert set(resolve(document, answered["schema"])["properties"]) == set(real)
    assert set(real["ad"]) == set(answered["example"]["ad"])
    decoded = msgspec.convert(answered["example"], wire.AnswerBody)
    assert decoded.ad is not None
    msgspec.convert(openapi.REQUEST_EXAMPLE, wire.AdRequestBody)


async def test_a_defect_costs_the_ad_and_not_the_chat(
    door: Door,
    accounts: Accounts,
    campaign: str,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    async def broken(self: FastPath, request: AdRequest, **_: object) -> bytes:
        raise RuntimeError(f"cannot read {request.turns}")

    monkeypatch.setattr(FastPath, "answer_bytes", broken)
    answer = await door.ask(accounts.web_app, contextText="my secret wish")
    assert (answer["ad"], answer["reason"]) == (None, "internal_error")
    assert "RuntimeError" in caplog.text
    assert "secret wish" not in caplog.text


async def test_a_defect_before_the_fast_path_does_not_quote_the_chat_either(
    door: Door,
    accounts: Accounts,
    campaign: str,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    def broken(body: wire.AdRequestBody, *_: object) -> AdRequest:
        raise RuntimeError(f"cannot read {body.context_text}")

    monkeypatch.setattr(wire, "to_request", broken)
    body = {
        "appId": accounts.web_app, "conversationId": "c", "messageId": "m",
        "contextText": "my secret wish",
    }  # fmt: skip
    answer = await door.call("POST", "/api/requests", json=body)
    assert (answer.status_code, answer.json()["code"]) == (500, "internal_error")
    assert "RuntimeError" in caplog.text
    assert "secret wish" not in caplog.text + answer.text
