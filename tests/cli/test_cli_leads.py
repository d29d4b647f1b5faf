"""`parley leads`: what a person reads, what is sent, and what happens without a service."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from bootstrap.cli import leads
from tests.cli.conftest import Parley

DONE = {
    "name": "list.csv",
    "rows": 1200,
    "added": 1100,
    "merged": 40,
    "unchanged": 30,
    "suppressed": 10,
    "rejected": 20,
    "counts": {"no_contact": 20, "formula": 3},
    "problems": [
        {
            "line": 17,
            "code": "no_contact",
            "reason": "The row has no [usable] address.",
            "rejected": True,
        }
    ],
}


class Answers:
    """An installation that answers what it is told to, and keeps what it was asked."""

    def __init__(self, answer: Any) -> None:
        self.answer = answer
        self.asked: list[tuple[Any, ...]] = []

    def bring(self, path: str, file: Path, **params: Any) -> Any:
        self.asked.append((path, file.read_bytes(), params))
        return self.answer

    def post(self, path: str, body: Any) -> Any:
        self.asked.append((path, body))
        return self.answer

    def get(self, path: str, **params: Any) -> Any:
        self.asked.append((path, params))
        return self.answer


@pytest.fixture
def answers(monkeypatch: pytest.MonkeyPatch) -> Answers:
    client = Answers(DONE)
    monkeypatch.setattr(leads, "connect", lambda: client)
    return client


def test_an_import_says_what_became_of_the_rows(
    parley: Parley, answers: Answers, tmp_path: Path
) -> None:
    file = tmp_path / "list.csv"
    file.write_bytes(b"email\na@b.example\n")
    told = parley(
        "leads",
        "import",
        file,
        "--source",
        "newsletter",
        "--consent-text",
        "Yes, write to me.",
        "--consent-at",
        "2026-05-01",
        "--column",
        "email=Kontakt",
    )
    assert told.code == 0
    ((path, sent, params),) = answers.asked
    assert (path, sent) == ("/api/v1/leads/import", b"email\na@b.example\n")
    assert (params["lawful_basis"], params["column"], params["name"]) == (
        "consent",
        ["email=Kontakt"],
        "list.csv",
    )
    assert "1,100 new leads" in told.out
    assert "line 17: The row has no [usable] address." in told.out
    assert "and 22 more: 20 no_contact, 3 formula" in told.out


def test_leads_and_audiences_are_listed_with_reasons(parley: Parley, answers: Answers) -> None:
    answers.answer = [
        {
            "grade": "A",
            "score": 80,
            "given_name": "Aiko",
            "family_name": "",
            "email": "a•••@kaze.example",
            "phone": "",
            "lawful_basis": "consent",
            "reasons": ["Can be called. (+8)"],
        }
    ]
    told = parley("leads", "list", "--grade", "A")
    assert "A  80  Aiko  a•••@kaze.example  consent · Can be called. (+8)" in told.out
    assert answers.asked[-1][1] == {"limit": 20, "contacts": False, "grade": "A"}
    answers.answer = [{"name": "Runners", "leads": 312, "rule": {"interests": ["trail shoes"]}}]
    assert "312  Runners  interests: trail shoes" in parley("leads", "audiences").out
    answers.answer = {"leads": 1}
    assert parley("leads", "erase", "a@b.example").code == 0
    assert answers.asked[-1] == ("/api/v1/leads/erase", {"contacts": ["a@b.example"]})


def test_what_cannot_be_sent_is_said_at_once(parley: Parley, tmp_path: Path) -> None:
    told = parley("leads", "import", tmp_path / "none.csv", "--source", "x", "--json")
    assert (told.code, told.json["code"]) == (3, "input_missing")
    big = tmp_path / "big.csv"
    with big.open("wb") as file:
        file.truncate((100 << 20) + 1)
    told = parley("leads", "import", big, "--source", "x", "--json")
    assert (told.code, told.json["code"]) == (3, "file_too_large")
    told = parley("leads", "list", "--json")
    assert (told.code, told.json["code"]) == (5, "service_not_running")


def test_linkedin_takes_its_token_from_the_environment(
    parley: Parley, answers: Answers, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("LINKEDIN_TOKEN", raising=False)
    told = parley("leads", "linkedin", "urn:li:organization:1", "--json")
    assert (told.code, told.json["code"]) == (3, "token_missing")
    monkeypatch.setenv("LINKEDIN_TOKEN", "secret-token")
    answers.answer = {
        "read": 3,
        "added": 1,
        "merged": 1,
        "unchanged": 0,
        "rejected": {"no_consent": 1},
    }
    told = parley("leads", "linkedin", "urn:li:organization:1")
    assert "1 new leads" in told.out
    assert "left out: 1 no_consent" in told.out
    assert answers.asked[-1][1]["token"] == "secret-token"
    assert "secret-token" not in told.out + told.err
