"""`parley brief`: a goal, read by rules, for people and for scripts."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from domain.brief import Brief
from tests.cli.conftest import Parley

GOAL = "Sell 200 coffee mugs in Japan for 3,000 dollars before Christmas"
TODAY = ("--today", "2026-11-21")


def test_a_person_reads_what_was_understood(parley: Parley) -> None:
    told = parley("brief", GOAL, *TODAY)
    assert told.code == 0
    assert told.err == ""
    seen = dict(line.split(maxsplit=1) for line in told.out.splitlines())
    assert seen["budget_total_minor"].strip() == "300000"
    assert seen["currency"].strip() == '"USD"'
    assert seen["geos"].strip() == '["JP"]'
    assert seen["end"].strip() == '"2026-12-24"'
    assert "must_ask" not in seen


def test_a_script_reads_every_field(parley: Parley) -> None:
    told = parley("brief", GOAL, *TODAY, "--json")
    assert (told.code, told.err) == (0, "")
    assert told.json.keys() == {"id", *Brief.__dataclass_fields__}
    assert (told.json["budget_total_minor"], told.json["end"]) == (300_000, "2026-12-24")
    assert (told.json["kpi"]["type"], told.json["kpi"]["target"]) == ("sales", 200.0)


@pytest.mark.parametrize("today", ["yesterday", "2026-13-01", "21/11/2026", ""])
def test_a_day_that_is_none_is_refused(parley: Parley, today: str) -> None:
    told = parley("brief", GOAL, "--today", today)
    assert (told.code, told.out) == (3, "")
    assert told.err.count("\n") == 1
    assert "2026-12-24" in told.err


@pytest.mark.parametrize("goal", ["", " \n\t "])
def test_an_empty_goal_is_refused_in_one_sentence(parley: Parley, goal: str) -> None:
    told = parley("brief", goal)
    assert (told.code, told.out) == (3, "")
    assert told.err == "✗ Say what you want to advertise, for example in one sentence.\n"


def test_an_error_is_json_too_when_json_was_asked_for(parley: Parley) -> None:
    told = parley("brief", "", "--json")
    assert told.code == 3
    assert (told.json["code"], told.json["status"]) == ("goal_empty", 400)
    assert told.json["detail"] in told.err


def test_nothing_given_is_refused(parley: Parley) -> None:
    told = parley("brief")
    assert told.code == 3
    assert "--jsonl" in told.err


def lines(path: Path, *rows: object) -> Path:
    text = [row if isinstance(row, str) else json.dumps(row, ensure_ascii=False) for row in rows]
    path.write_bytes("\n".join(text).encode("utf-8", "surrogatepass"))
    return path


def test_many_goals_go_on_after_bad_rows(parley: Parley, tmp_path: Path) -> None:
    file = lines(
        tmp_path / "goals.jsonl",
        {"id": "a", "goal": GOAL},
        "not json",
        "",
        {"id": "no goal"},
        {"id": "number", "goal": 7},
        [1, 2],
        {"id": "day", "goal": GOAL, "today": "soon"},
        {"id": "empty", "goal": ""},
        {"id": "u2028", "goal": "Sell\u2028mugs\u0085in Japan"},
        {"id": "own day", "goal": "Sell mugs until 24 December", "today": "2027-01-05"},
        {"goal": "売上を伸ばしたい。予算は50万円、来月末まで"},
        "[" * 100_000,
    )
    told = parley("brief", "--jsonl", file, *TODAY)
    assert (told.code, told.err) == (0, "")
    rows = told.rows
    by_id = {row["id"]: row for row in rows}
    assert len(rows) == 11
    good = {row["id"] for row in rows if "error" not in row}
    assert good == {"a", "u2028", "own day", 10}
    assert all(row["error"]["detail"] for row in rows if "error" in row)
    assert by_id["own day"]["end"] == "2027-12-24"
    assert by_id[10]["currency"] == "JPY"
    assert by_id[10]["budget_total_minor"] == 500_000


def test_goals_come_from_standard_input(parley: Parley) -> None:
    told = parley("brief", "--jsonl", "-", *TODAY, stdin=json.dumps({"goal": GOAL}).encode())
    assert [row["currency"] for row in told.rows] == ["USD"]


@pytest.mark.parametrize("name", ["absent.jsonl", "."])
def test_a_file_that_cannot_be_read_is_named(parley: Parley, tmp_path: Path, name: str) -> None:
    told = parley("brief", "--jsonl", tmp_path / name)
    assert told.code == 3
    assert str(tmp_path / name) in told.err


@pytest.mark.parametrize(
    "odd", ['"\\ud800"', '["a", {"b": "\\udfff"}]', "1" * 400, "null", "true", "1e400", '"\\u0000"']
)
def test_odd_ids_come_back_as_something_that_can_be_printed(
    parley: Parley, tmp_path: Path, odd: str
) -> None:
    file = lines(tmp_path / "odd.jsonl", f'{{"id": {odd}, "goal": "\\ud800 sell mugs"}}')
    told = parley("brief", "--jsonl", file)
    assert told.code == 0
    assert "error" not in told.rows[0]
    told.out.encode()


def test_bytes_that_are_no_text_do_not_stop_the_others(parley: Parley, tmp_path: Path) -> None:
    file = tmp_path / "mixed.jsonl"
    file.write_bytes(
        b'\xef\xbb\xbf{"id": 1, "goal": "sell mugs \xff"}\r\n\xff\xfe\n{"id": 2, "goal": "sell"}'
    )
    told = parley("brief", "--jsonl", file)
    assert [row["id"] for row in told.rows if "error" not in row] == [1, 2]
    assert len(told.rows) == 3
