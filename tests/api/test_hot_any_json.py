"""Whatever is sent to the hot route: an answer with a reason or a typed refusal, never a failure, and soon."""

from __future__ import annotations

import json
import time
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.api.conftest import Accounts, Door

pytestmark = pytest.mark.asyncio

ANY_TEXT = st.text(st.characters(), max_size=40)
ANY_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | ANY_TEXT,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(ANY_TEXT, inner, max_size=4),
    max_leaves=12,
)
FIELDS = (
    "appId", "conversationId", "messageId", "contextText", "turns", "language", "userId", "sdkVersion",
    "formats", "geo", "device", "mutedAdvertisers", "blockedAdvertisers", "blockedTopics", "topics",
    "consent", "test",
)  # fmt: skip
TURN = st.fixed_dictionaries(
    {"role": st.sampled_from(["user", "assistant", "system", "x"]), "text": ANY_TEXT}
)
LIKELY: dict[str, st.SearchStrategy[Any]] = {
    "turns": st.lists(TURN, max_size=5),
    "formats": st.lists(st.sampled_from(["static", "followup", "hologram"]), max_size=3),
    "geo": st.sampled_from(["US", "jp", "XXX", ""]),
    "topics": st.lists(ANY_TEXT, max_size=3),
    "blockedTopics": st.lists(ANY_TEXT, max_size=3),
    "mutedAdvertisers": st.lists(ANY_TEXT, max_size=3),
}
BODY = st.fixed_dictionaries(
    {}, optional={name: LIKELY.get(name, ANY_TEXT) | ANY_JSON for name in FIELDS}
)
SECONDS = 5.0


async def check(door: Door, content: bytes) -> None:
    started = time.perf_counter()
    answer = await door.call("POST", "/api/requests", content=content)
    assert time.perf_counter() - started < SECONDS
    body = answer.json()
    if answer.status_code == 200:
        assert body["ok"] is True
        assert body["reason"] not in ("", "internal_error"), content
        assert (body["ad"] is None) == (body["reason"] not in ("served", "test_ad"))
    else:
        assert 400 <= answer.status_code < 500, content
        assert answer.headers["content-type"] == "application/problem+json"
        assert body["code"]
        assert body["detail"].endswith(".")


@given(BODY, st.booleans(), st.booleans())
@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
async def test_any_json_is_answered(
    door: Door, accounts: Accounts, campaign: str, body: dict[str, Any], complete: bool, bare: bool
) -> None:
    if complete:
        fixed = {"appId": accounts.web_app, "conversationId": "c", "messageId": "m"}
        text = {} if "turns" in body else {"contextText": body.get("contextText", "hi")}
        body = {**body, **text, **fixed}
        if "turns" in body:
            body.pop("contextText", None)
    # Lone surrogates and NaN go out as they are: what a careless client would send.
    await check(door, json.dumps(body, ensure_ascii=bare).encode("utf-8", "surrogatepass"))


def minimal(app: str, **more: Any) -> dict[str, Any]:
    return {"appId": app, "conversationId": "c", "messageId": "m", "contextText": "hi", **more}


async def test_corners_that_chance_does_not_find(
    door: Door, accounts: Accounts, campaign: str
) -> None:
    app = accounts.web_app
    turn = {"role": "user", "text": "best trail running shoes to buy?"}
    bidi = "\u202e\u200b\u2066best\ufeff laptop\u0000"
    bodies = [
        minimal(app, contextText="a" * 1_000_000),
        minimal(app, contextText="㌀" * 300_000),
        minimal(app, contextText=bidi * 2_000),
        minimal(app, contextText="👩‍👩‍👧‍👦" * 10_000),
        minimal(app, contextText="e" + "\u0301" * 100_000),
        {**minimal(app), "contextText": None, "turns": [turn] * 10_000},
        {**minimal(app), "contextText": None, "turns": [turn] * 200},
        minimal(app, conversationId="\u0000", messageId="\uffff", userId="\u202e" * 100),
        minimal(app, formats=["hologram"]),
        minimal(app, formats=[]),
        minimal(app, topics=["x" * 200] * 50),
    ]
    raw = [json.dumps(body).encode() for body in bodies]
    one = json.dumps(minimal(app)).encode()
    raw += [
        one[:-1] + b',"contextText":"best laptop","contextText":"again"}',
        one[:-1] + b',"x":' + b"[" * 50_000 + b"]" * 50_000 + b"}",
        one[:-1] + b',"x":1e999999999}',
        one[:-1] + b',"x":' + b"9" * 100_000 + b"}",
        one.replace(b'"hi"', b'"\\ud800 best laptop \\udfff"'),
        one.replace(b'"hi"', b'"\xed\xa0\x80"'),
        one.replace(b'"hi"', b"-0"),
        b"\xef\xbb\xbf" + one,
        one * 2,
        b"", b"null", b"0", b'""', b"[]", b"{}", b"\x00" * 100, b'{"appId":' * 20_000,
    ]  # fmt: skip
    for content in raw:
        await check(door, content)
