"""Small parts of the door, each on its own: bodies, memory of answers, roll-out, problems, wire models."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from typing import Any

import pytest
from pydantic import ValidationError

from api import bodies
from api.auth import STALE_S, TTL_S, Memory, secret_of
from api.bodies import MAX_DEPTH, MEGABYTE, BodyGuard, ClientGone, check_json, read_body
from api.docs_page import render
from api.exchange import Message, Receive
from api.models.campaigns import CreateCampaign
from api.models.events import EventBody
from api.models.runs import AnswerQuestion
from api.problems import sentence
from api.rollout import Rollout
from bootstrap.settings import Settings
from domain.errors import (
    BadInput,
    ParleyError,
    TooLarge,
    Unauthenticated,
    Unavailable,
    Unprocessable,
)
from fastpath.engines import Engine


def stream(*chunks: bytes, hang_up: bool = False) -> Receive:
    def messages() -> Iterator[Message]:
        for number, chunk in enumerate(chunks, 1):
            more = hang_up or number < len(chunks)
            yield {"type": "http.request", "body": chunk, "more_body": more}
        yield {"type": "http.disconnect"}

    waiting = messages()

    async def receive() -> Message:
        return next(waiting)

    return receive


def scope(**headers: str) -> dict[str, Any]:
    pairs = [(k.replace("_", "-").encode(), v.encode("latin-1")) for k, v in headers.items()]
    return {"type": "http", "method": "POST", "path": "/x", "headers": pairs}


@pytest.mark.asyncio
async def test_a_body_is_read_whole() -> None:
    assert await read_body(scope(), stream(b"ab", b"", b"c"), 3) == b"abc"


@pytest.mark.asyncio
@pytest.mark.parametrize(
    ("headers", "chunks"),
    [
        ({"content_length": "4"}, [b""]),
        ({"content_length": "1"}, [b"ab", b"cd"]),
        ({}, [b"ab", b"cd"]),
        ({"content_length": "-9"}, [b"abcd"]),
    ],
)
async def test_too_much_is_refused_whatever_was_announced(
    headers: dict[str, str], chunks: list[bytes]
) -> None:
    with pytest.raises(TooLarge):
        await read_body(scope(**headers), stream(*chunks), 3)


@pytest.mark.asyncio
async def test_a_caller_that_hangs_up_or_dawdles_is_let_go(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ClientGone):
        await read_body(scope(), stream(b"ab", hang_up=True), 9)

    async def never() -> Message:
        await asyncio.Event().wait()
        return {}

    monkeypatch.setattr(bodies, "READ_SECONDS", 0.01)
    with pytest.raises(BadInput, match="in time"):
        await read_body(scope(), never, 9)


@pytest.mark.parametrize(
    ("sent", "code"),
    [
        (b"{", "bad_json"),
        (b'{"a": NaN}', "bad_json"),
        (b"\xe3\x81", "bad_encoding"),
        ("ä".encode("latin-1"), "bad_encoding"),
        ('{"a": "ä"}'.encode("utf-16"), "bad_encoding"),
        (b'{"a": "x\\u0000"}', "bad_json"),
        (b'{"x\\u0000": 1}', "bad_json"),
        (b'{"a": "\\ud83d"}', "bad_json"),
        (b'{"a": "\\ud83dx\\ude00"}', "bad_json"),
        (b"[" * (MAX_DEPTH + 1) + b"]" * (MAX_DEPTH + 1), "bad_json"),
        (b"[" * 200_000, "bad_json"),
        (b'{"a":' * 200_000, "bad_json"),
    ],
)
def test_json_that_not_every_part_could_hold_is_refused(sent: bytes, code: str) -> None:
    with pytest.raises(BadInput) as caught:
        check_json(sent)
    assert caught.value.code == code


def test_ordinary_json_passes() -> None:
    check_json(json.dumps({"a": ["広告", "😀", None, 1.5, {"b": []}]}).encode())
    check_json(b'"\\ud83d\\ude00"')
    check_json(b"[" * MAX_DEPTH + b"]" * MAX_DEPTH)


@pytest.mark.asyncio
async def test_the_guard_hands_the_body_on_as_json() -> None:
    seen: dict[str, Any] = {}

    async def inner(scope: Any, receive: Receive, send: Any) -> None:
        seen["headers"] = dict(scope["headers"])
        seen["message"] = await receive()
        seen["after"] = await receive()

    async def send(message: Message) -> None:
        raise AssertionError(message)

    await BodyGuard(inner)(scope(content_type="text/plain"), stream(b'{"a":', b"1}"), send)
    assert seen["headers"][b"content-type"] == b"application/json"
    assert seen["message"]["body"] == b'{"a":1}'
    assert seen["after"]["type"] == "http.disconnect"
    big = {**scope(), "path": "/api/v1/sources"}
    await BodyGuard(inner)(big, stream(b"\xff" * (MEGABYTE + 1)), send)
    assert len(seen["message"]["body"]) == MEGABYTE + 1


class Source:
    """Answers, refuses or is away, and counts how often it was asked."""

    def __init__(self) -> None:
        self.asked = 0
        self.error: ParleyError | None = None

    async def __call__(self) -> str:
        self.asked += 1
        if self.error is not None:
            raise self.error
        return f"answer {self.asked}"


@pytest.mark.asyncio
async def test_answers_are_remembered_for_seconds_only() -> None:
    now = [0.0]
    memory: Memory[str] = Memory(lambda: now[0])
    source = Source()
    assert await memory.get("k", source) == "answer 1"
    now[0] = TTL_S
    assert await memory.get("k", source) == "answer 1"
    now[0] = TTL_S + 0.1
    assert await memory.get("k", source) == "answer 2"
    memory.forget()
    assert await memory.get("k", source) == "answer 3"


@pytest.mark.asyncio
async def test_many_callers_ask_once_and_the_next_answer_is_fetched_before_it_is_needed() -> None:
    now, asked, gate = [0.0], 0, asyncio.Event()
    memory: Memory[str] = Memory(lambda: now[0])

    async def source() -> str:
        nonlocal asked
        asked += 1
        number = asked
        await gate.wait()
        return f"answer {number}"

    waiting = [asyncio.create_task(memory.get("k", source)) for _ in range(50)]
    await asyncio.sleep(0)
    waiting[0].cancel()
    gate.set()
    found = await asyncio.gather(*waiting[1:])
    assert (set(found), asked) == ({"answer 1"}, 1)
    gate.clear()
    now[0] = TTL_S * 0.6
    # Nobody waits for the second answer: the first is still good, and the question is put once.
    assert [await memory.get("k", source) for _ in range(3)] == ["answer 1"] * 3
    await asyncio.sleep(0)
    assert asked == 2
    # What was asked before a change is not believed after it.
    memory.forget()
    later = asyncio.create_task(memory.get("k", source))
    await asyncio.sleep(0)
    gate.set()
    assert await later == "answer 3"
    assert await memory.get("k", source) == "answer 3"


@pytest.mark.asyncio
async def test_refusals_are_remembered_and_an_outage_is_bridged() -> None:
    now = [0.0]
    memory: Memory[str] = Memory(lambda: now[0])
    source = Source()
    source.error = Unauthenticated("key_unknown", "No.")
    for _ in range(3):
        with pytest.raises(Unauthenticated):
            await memory.get("bad", source)
    assert source.asked == 1
    source.error = None
    await memory.get("good", source)
    source.error = Unavailable("database_unavailable", "Down.")
    now[0] = STALE_S
    assert await memory.get("good", source) == "answer 2"
    with pytest.raises(Unauthenticated):
        await memory.get("bad", source)
    now[0] = STALE_S + 1
    with pytest.raises(Unavailable):
        await memory.get("good", source)
    with pytest.raises(Unavailable):
        await memory.get("never seen", source)


def test_where_a_key_may_stand() -> None:
    assert secret_of(scope()) is None
    assert secret_of(scope(authorization="Bearer parley_sk_x")) == "parley_sk_x"
    assert secret_of(scope(authorization="bearer  parley_sk_x ")) == "parley_sk_x"
    assert secret_of(scope(x_api_key="parley_sk_y")) == "parley_sk_y"
    for bad in (
        "Basic dTpw",
        "Bearer",
        "Bearer sk_other",
        "Bearer parley_sk_ü",
        "Bearer parley_sk_" + "x" * 300,
    ):
        with pytest.raises(Unauthenticated):
            secret_of(scope(authorization=bad))


def rollout(enabled: bool, ids: str, percentage: int) -> Rollout:
    return Rollout(
        Settings.model_construct(v2_enabled=enabled, v2_app_ids=ids, v2_percentage=percentage)
    )


def test_rollout_flags() -> None:
    apps = [f"app_{n}" for n in range(400)]

    def second(flags: Rollout) -> list[str]:
        return [app for app in apps if flags.engine(app) is Engine.V2]

    assert second(rollout(True, "", 100)) == apps
    assert second(rollout(False, "app_1", 100)) == []
    only = rollout(True, " app_1 ,app_2,", 0)
    assert second(only) == ["app_1", "app_2"]
    tenth = set(second(rollout(True, "", 10)))
    half = set(second(rollout(True, "", 50)))
    assert 20 <= len(tenth) <= 60
    assert 160 <= len(half) <= 240
    assert tenth < half


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ({}, "goal is missing."),
        ({"goal": 7}, "goal must be text."),
        ({"goal": "x", "gaol": 1}, "gaol is not a field of this request."),
        ({"goal": "x", "approval": "me"}, "approval must be one of 'person', 'demo' or 'policy'."),
        ({"goal": "x", "site_url": "file:///etc/passwd"}, "site_url: must be an http(s) address"),
        ({"goal": "x", "site_url": "https://user@shop.example"}, "without user name"),
        ({"goal": "x\x00"}, "goal: must not contain the NUL character."),
    ],
)
def test_validation_errors_become_sentences(body: dict[str, Any], words: str) -> None:
    with pytest.raises(ValidationError) as caught:
        CreateCampaign.model_validate(body)
    first = dict(caught.value.errors()[0])
    assert words in sentence({**first, "loc": ("body", *caught.value.errors()[0]["loc"])})


@pytest.mark.parametrize("field", ["email", "e-mail", "Phone_Number", "fullName", "contextText"])
def test_events_with_personal_data_are_refused(field: str) -> None:
    body = {"type": "submit", "requestId": "req_1~n", "adId": "ad_1", "appId": "app_1", field: "x"}
    with pytest.raises(Unprocessable) as caught:
        EventBody.model_validate(body)
    assert caught.value.code == "personal_data_refused"
    assert field in caught.value.detail


def test_numbers_stay_within_what_money_can_hold() -> None:
    for amount in (0, -1, 10**12):
        with pytest.raises(ValidationError):
            AnswerQuestion.model_validate({"fields": {"budget_total_minor": amount}})
    with pytest.raises(ValidationError):
        AnswerQuestion.model_validate({"fields": {"geos": ["Japan"]}})


def test_the_docs_page_escapes_what_it_shows() -> None:
    operation = {
        "description": "<script>alert(1)</script>",
        "responses": {"200": {"description": ""}},
        "parameters": [{"name": "<b>", "in": "query"}],
    }
    page = render({"info": {"title": "T"}, "paths": {"/x": {"get": operation}}})
    assert "<script>" not in page
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in page
    assert "&lt;b&gt;" in page
