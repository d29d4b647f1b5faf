"""`parley ask`: the answer on standard output, what should be known beside it on standard error."""

from __future__ import annotations

from typing import Any

import pytest

from api.examples_reports import REPORT_EXAMPLES
from bootstrap.cli import ask
from tests.cli.conftest import Parley


class Answers:
    """An installation that answers with the documented example, and keeps what it was asked."""

    def __init__(self) -> None:
        self.asked: list[Any] = []

    def post(self, path: str, body: Any) -> Any:
        self.asked.append((path, body))
        return {**REPORT_EXAMPLES["AskOut"], "notes": ["Today is not over yet."]}


@pytest.fixture
def service(monkeypatch: pytest.MonkeyPatch) -> Answers:
    answers = Answers()
    monkeypatch.setattr(ask, "connect", lambda: answers)
    return answers


def test_the_answer_is_printed_and_its_sources_on_demand(parley: Parley, service: Answers) -> None:
    told = parley("ask", "How many clicks did we get last week?", "--sources")
    assert (told.code, told.out) == (0, "2026-11-09 – 2026-11-15: clicks 30.\n")
    assert "Today is not over yet." in told.err
    assert "sql 9f86d081884c" in told.err
    assert "qry_" in told.err
    assert service.asked == [
        ("/api/v1/analytics/ask", {"question": "How many clicks did we get last week?"})
    ]
    assert "qry_" not in parley("ask", "clicks").err


def test_json_is_the_answer_as_it_came(parley: Parley, service: Answers) -> None:
    assert parley("ask", "clicks", "--json").json["figures"][0]["exact"] == "30"


def test_without_a_service_one_sentence_says_so(parley: Parley) -> None:
    told = parley("ask", "clicks", "--json")
    assert (told.code, told.json["code"]) == (5, "service_not_running")
