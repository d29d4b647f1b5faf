"""Deciding files, absurd input, and what importing the serving plane must not drag in."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fastpath.compiler import compile_catalogue
from fastpath.offline import decide_file
from fastpath.snapshot import Snapshot
from tests.fastpath.sample_catalogue import NOW, sample

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def snapshot(tmp_path_factory: pytest.TempPathFactory) -> Snapshot:
    return Snapshot.open(compile_catalogue(sample(), tmp_path_factory.mktemp("offline")).path)


def one(snapshot: Snapshot, row: Any) -> dict[str, Any]:
    (result,) = decide_file(snapshot, [row], now_ms=NOW)
    json.dumps(result, ensure_ascii=False).encode("utf-8")
    return result


def said(text: str) -> dict[str, Any]:
    return {"id": "x", "turns": [{"role": "user", "text": text}]}


def test_a_row_says_what_was_understood(snapshot: Snapshot) -> None:
    result = one(snapshot, said("best trail running shoes to buy?"))
    assert result["id"] == "x"
    assert (result["language"], result["intent"]) == ("eng", "high_commercial")
    assert result["gate"] == {"verdict": "clear", "categories": []}
    assert "trail running shoes" in result["matched_tags"]
    assert result["ad"]["id"] == "ad_trail"
    assert result["reason"] == "served"
    assert result == one(snapshot, said("best trail running shoes to buy?"))


def test_refusals_say_why(snapshot: Snapshot) -> None:
    assert one(snapshot, said("死にたい"))["gate"]["verdict"] == "sensitive"
    assert one(snapshot, said("bonjour, je cherche un hotel"))["reason"] == "unsupported_language"
    assert (
        one(snapshot, {**said("best laptop to buy"), "formats": ["static"]})["reason"]
        == "format_not_allowed"
    )
    assert one(snapshot, {"id": 1, "text": "best laptop to buy"})["ad"]["id"] == "ad_laptop"


def test_as_a_real_app(snapshot: Snapshot) -> None:
    rows = [said("best laptop to buy")]
    assert (
        next(decide_file(snapshot, rows, now_ms=NOW, app_id="app_quiet"))["reason"]
        == "format_not_allowed"
    )
    assert next(decide_file(snapshot, rows, now_ms=NOW, app_id="nobody"))["reason"] == "unknown_app"


@pytest.mark.parametrize(
    "row",
    [None, 3, "text", [], {"turns": "x"}, {"turns": [{"role": "user"}]}, {"turns": [1]}, {"id": {}, "turns": [{}]},
     {"turns": [{"role": "user", "text": 5}]}, {"turns": [], "formats": ["banner"]}],
)  # fmt: skip
def test_bad_rows_give_an_error_and_the_rest_goes_on(snapshot: Snapshot, row: Any) -> None:
    bad, good = decide_file(snapshot, [row, said("best laptop to buy")], now_ms=NOW)
    assert bad["error"] == "bad_row"
    assert bad["detail"].startswith("Row 1:")
    assert good["reason"] == "served"


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        ({"id": 1}, "invalid"),
        ({"id": 1, "turns": []}, "invalid"),
        (said(""), "low_opportunity"),
        (said("a" * 1_000_000), "too_long"),
        (said("\ufdfa" * 150_000), "too_long"),
        ({"turns": [{"role": "user", "text": "hi"}] * 10_000}, "too_long"),
        (said("best laptop\u202e to buy \u2066\u200b"), "served"),
        (said("\ud83d best laptop to buy \udc4d"), "served"),
        (said("best lap\u200btop to buy"), "served"),
    ],
)
def test_absurd_input_is_answered_with_a_reason(snapshot: Snapshot, row: Any, reason: str) -> None:
    result = one(snapshot, row)
    if reason == "low_opportunity":
        assert result["ad"] is None
    else:
        assert result["reason"] == reason


@given(st.lists(st.text(max_size=60), min_size=1, max_size=4))
@settings(max_examples=80, deadline=None)
def test_any_unicode_is_decided(snapshot: Snapshot, texts: list[str]) -> None:
    result = one(snapshot, {"id": "u", "turns": [{"role": "user", "text": text} for text in texts]})
    assert result["reason"]


def test_the_serving_plane_drags_in_no_model_framework_or_client() -> None:
    code = (
        "import sys, fastpath.engine, fastpath.compiler, fastpath.offline, fastpath.replay, fastpath.local, "
        "fastpath.verify, auction; "
        "bad = {'langgraph', 'langchain', 'langchain_core', 'openai', 'anthropic', 'sqlalchemy', 'fastapi', "
        "'starlette', 'redis', 'pydantic', 'celery'} & set(sys.modules); sys.exit(repr(sorted(bad)) if bad else 0)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 0, done.stderr
