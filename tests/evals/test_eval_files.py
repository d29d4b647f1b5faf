"""Scenarios, patterns, expectations and cassettes as data: what is wrong is said with its place."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import httpx
import httpx2
import pytest

from domain.errors import BadInput, Forbidden, NotFound
from evals.brief import measure_brief, wilson
from evals.cassette import Tape, request_key
from evals.graders import FORBIDDEN
from evals.loader import ScenarioError, load_all, read
from evals.match import differences
from evals.provider import Script, live_model
from evals.scenario import ProviderStep, Scenario
from evals.trajectory import fits
from evals.wire import Tape2Transport, TapeTransport
from evals.worlds import load_world
from llm.retry import should_retry, status_of

GOOD = """\
title: A launch
language: eng
kind: campaign
about: [launch]
clock: 2026-11-16T09:00:00Z
goal: Sell tea
expect: {outcome: launched}
trajectory: understand launch
"""


def test_the_shipped_scenarios_are_many_in_both_languages_and_about_what_was_promised() -> None:
    scenarios = load_all()
    languages = [one.language for one in scenarios]
    assert len(scenarios) >= 60
    assert min(languages.count("eng"), languages.count("jpn")) >= 0.4 * len(scenarios)
    topics = {topic for one in scenarios for topic in one.about}
    assert topics >= {
        "brief", "refusal", "clarify", "compliance", "edit", "rejection", "policy", "outage", "crash",
        "injection", "overspend", "sensitive", "cassette",
    }  # fmt: skip
    crashed = {f.at for one in scenarios for f in one.faults if f.kind == "crash"}
    assert crashed >= {
        "read_sources",
        "write",
        "revise",
        "submit",
        "approve",
        "launch",
        "watch",
        "reject",
    }
    assert all(set(one.forbid) <= set(FORBIDDEN) for one in scenarios)
    for one in scenarios:
        load_world(one.world)


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ("language: eng", "language"),
        ("kind: campaign", "kind"),
        ("expect: {outcome: launched}", "expect.outcome"),
        ("trajectory: understand launch", "trajectory"),
        ("goal: Sell tea", "goal"),
        ("about: [launch]", "about"),
        ("colour: blue", "colour"),
        ("user: [{asked: awaiting_approval}]", "user[0].then"),
        ("faults: [{kind: crash}]", "faults[0].at"),
        ("trajectory: 'understand {launch'", "trajectory"),
        ("trajectory: <nowhere>", "trajectory"),
        ("model: openai:gpt-4.1-mini", "provider"),
        ("budgets: {calls: many}", "budgets.calls"),
        ("inputs: {order: {variants: 1}}", "inputs.order"),
        (
            "faults: [{kind: end, at: draw}]\ninputs: {order: {variants: 1}}\nkind: content",
            "faults[0].kind",
        ),
        (
            "user: [{asked: awaiting_approval, then: reject, edit: {bid_micros: 1}}]\nkind: optimisation",
            "user[0].campaign",
        ),
        ("id: other", "id"),
        ("clock: tomorrow", "clock"),
    ],
)
def test_a_wrong_scenario_names_its_file_and_field(tmp_path: Path, change: str, field: str) -> None:
    wrong = {"language: eng": "language: deu", "kind: campaign": "kind: dream"}
    empty = {"expect: {outcome: launched}", "trajectory: understand launch", "goal: Sell tea"}
    if "\n" not in change and change in wrong:
        text = GOOD.replace(change, wrong[change])
    elif change == "about: [launch]":
        text = GOOD.replace(change, "about: []")
    elif change in empty:
        text = GOOD.replace(f"{change}\n", "")
    else:
        names = tuple(f"{line.partition(':')[0]}:" for line in change.splitlines())
        kept = [line for line in GOOD.splitlines() if not line.startswith(names)]
        text = "\n".join([*kept, change])
    file = tmp_path / "one.yaml"
    file.write_text(text, "utf-8")
    with pytest.raises(ScenarioError) as caught:
        read(file)
    assert caught.value.extra["file"] == "one.yaml"
    assert field in f"{caught.value.extra['field']} {caught.value.detail}"


def test_what_is_no_yaml_says_where(tmp_path: Path) -> None:
    file = tmp_path / "one.yaml"
    file.write_text("title: a\nuser: [", "utf-8")
    with pytest.raises(ScenarioError, match=r"one\.yaml: line 2"):
        read(file)
    with pytest.raises(NotFound, match="nothing_like_that"):
        load_all(only="nothing_like_that")


@pytest.mark.parametrize(
    ("pattern", "path", "good"),
    [
        ("a b c", "a b c", True),
        ("a b c", "a c b", False),
        ("a {b c} d", "a c b d", True),
        ("a {b c} d", "a b d", False),
        ("a (b c)* d", "a b c b c d", True),
        ("a! a b?", "a! a", True),
        ("a b", "a! b", False),
        ("(a|b)+", "", False),
        ("<asked>", "understand clarify understand clarify understand", True),
        ("<asked>", "understand", False),
    ],
)
def test_patterns_of_nodes(pattern: str, path: str, good: bool) -> None:
    assert fits(pattern, path.split()) is good


@pytest.mark.parametrize(
    ("want", "got", "wrong"),
    [
        ({"a": 1}, {"a": 1, "b": 2}, 0),
        ({"a": 1}, {"b": 2}, 1),
        ({"a": {"$min": 2, "$max": 3}}, {"a": 4}, 1),
        ({"a": {"$has": ["x"]}}, {"a": ["x", "y"]}, 0),
        ({"a": {"$without": ["x"]}}, {"a": ["x", "y"]}, 1),
        ({"a": {"$matches": "b+"}}, {"a": "abbc"}, 0),
        ({"a": {"$length": 1}}, {"a": []}, 1),
        ({"a": {"$not": None}}, {"a": None}, 1),
        ({"a": {"$min": 0}}, {"a": True}, 1),
        ({"a": {"$nonsense": 0}}, {"a": 0}, 1),
        ([1, {"b": 2}], [1, {"b": 3}], 1),
        ([1], [1, 2], 1),
        ({"a": True}, {"a": 1}, 1),
        ({"a": {"b": 1}}, {"a": None}, 1),
    ],
)
def test_differences_between_what_is_wanted_and_what_there_is(
    want: Any, got: Any, wrong: int
) -> None:
    assert len([*differences(want, got)]) == wrong


def test_the_question_is_found_whatever_the_order_and_without_its_secrets() -> None:
    body = json.dumps({"model": "m", "input": "hello", "api_key": "one"}).encode()
    other = json.dumps({"api_key": "two", "input": "hello", "model": "m"}, indent=2).encode()
    first = request_key("post", "https://api.example/v1?b=2&a=1&key=sk", body)
    assert first == request_key("POST", "https://api.example/v1?a=1&api_key=x&b=2", other) or (
        first != request_key("POST", "https://api.example/v1?a=1&b=3", other)
    )
    assert request_key("POST", "https://api.example/v1?a=1&b=2", body) == request_key(
        "POST", "https://user:pass@api.example/v1?b=2&a=1#x", other
    )
    assert request_key("POST", "https://api.example/v1", body) != request_key(
        "POST", "https://api.example/v1", body.replace(b"hello", b"bye")
    )


def _httpx_answer(request: httpx.Request) -> httpx.Response:
    secret = "sk-0123456789abcdefghij"
    return httpx.Response(
        200, json={"said": request.content.decode(), "token": secret}, headers={"set-cookie": "a=b"}
    )


def _httpx2_answer(request: httpx2.Request) -> httpx2.Response:
    secret = "sk-0123456789abcdefghij"
    return httpx2.Response(
        200, json={"said": request.content.decode(), "token": secret}, headers={"set-cookie": "a=b"}
    )


@pytest.mark.parametrize("library", ["httpx", "httpx2"])
@pytest.mark.asyncio
async def test_a_tape_answers_again_and_nothing_else(tmp_path: Path, library: str) -> None:
    file = tmp_path / "tape.json"

    def client(tape: Tape) -> Any:
        if library == "httpx":
            inner = httpx.MockTransport(_httpx_answer)
            return httpx.AsyncClient(transport=TapeTransport(tape, inner))
        return httpx2.AsyncClient(
            transport=Tape2Transport(tape, httpx2.MockTransport(_httpx2_answer))
        )

    url, headers = "https://api.example/v1?api_key=abc", {"Authorization": "Bearer abcdefghijkl"}
    recorded = Tape(file, "record")
    async with client(recorded) as http:
        first = await http.post(url, json={"q": 1}, headers=headers)
    recorded.save()
    kept = file.read_text("utf-8")
    for secret in ("sk-0123", "abcdefghijkl", "api_key=abc", "set-cookie"):
        assert secret not in kept
    played = Tape(file)
    async with client(played) as http:
        again = await http.post(url, json={"q": 1}, headers=headers)
        assert again.json()["said"] == first.json()["said"]
        with pytest.raises(Forbidden, match="record it again"):
            await http.post(url, json={"q": 2})
    assert len(played.refused) == 1


def test_a_missing_or_broken_tape_is_said(tmp_path: Path) -> None:
    with pytest.raises(NotFound):
        Tape(tmp_path / "none.json")
    (tmp_path / "bad.json").write_text("[]", "utf-8")
    with pytest.raises(BadInput):
        Tape(tmp_path / "bad.json")


@pytest.mark.parametrize("spec", ["openai:gpt-4.1-mini", "xai:grok-4.3"])
@pytest.mark.asyncio
async def test_a_provider_by_script_speaks_to_the_real_sdk(spec: str) -> None:
    steps = [
        ProviderStep(status=503),
        ProviderStep(drop=True),
        ProviderStep(text="Hello there"),
    ]
    model = live_model(spec, 5.0, script=Script(steps), tape=None)
    failures = []
    for _ in range(2):
        try:
            await model.ainvoke("Hi")
        except Exception as error:
            failures.append((status_of(error), should_retry(error)))
    assert failures == [(503, True), (None, True)]
    answer = await model.ainvoke("Hi")
    assert answer.text == "Hello there"
    assert answer.usage_metadata is not None
    assert answer.usage_metadata["total_tokens"] > 0
    with pytest.raises(Exception, match="by script"):
        await model.ainvoke("Hi")


def test_briefs_are_read_with_the_accuracy_that_was_promised() -> None:
    figures = measure_brief()
    low, high = figures.interval
    assert figures.goals >= 150
    assert figures.lowest >= 0.95
    assert 0.95 <= low <= figures.accuracy <= high <= 1.0


def test_a_goal_that_is_read_wrong_is_counted(tmp_path: Path) -> None:
    rows = [
        {"id": "a", "today": "2026-11-16", "goal": "Sell tea in Japan for $5 a day",
         "expect": {"geos": ["JP"], "currency": "EUR"}},
        {"id": "b", "today": "2026-11-16", "goal": "", "expect": {"geos": ["JP"]}},
    ]  # fmt: skip
    file = tmp_path / "goals.jsonl"
    file.write_text("\n".join(map(json.dumps, rows)), "utf-8")
    figures = measure_brief(file)
    assert figures.fields == {"geos": (1, 2), "currency": (0, 1)}
    assert (figures.whole, len(figures.wrong)) == (0, 2)
    file.write_text("{}\n", "utf-8")
    with pytest.raises(BadInput):
        measure_brief(file)


def test_wilson_as_published() -> None:
    # Newcombe 1998, table I, method 3: 81 of 263 and 0 of 20.
    assert wilson(81, 263) == pytest.approx((0.2553, 0.3662), abs=5e-5)
    assert wilson(0, 20) == pytest.approx((0.0, 0.1611), abs=5e-5)


def test_a_scenario_that_says_nothing_about_money_may_spend_none() -> None:
    one = load_all(only="launch_eng")[0]
    assert isinstance(one, Scenario)
    assert (one.offline, one.budgets.cost_micros, one.budgets.tokens) == (True, 0, 0)
