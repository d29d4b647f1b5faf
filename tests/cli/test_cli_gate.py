"""`parley gate eval`: the gate on files of one's own, for people and for scripts."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from fastpath import gate
from fastpath.model import GateModelError
from tests.cli.conftest import Parley

ROWS = (
    {"id": "a", "text": "I want to kill myself", "label": "sensitive"},
    {"id": "b", "text": "which running shoes should I buy?", "label": "commercial"},
    {"id": 7, "turns": [{"role": "user", "text": "死にたい"}, {"role": "user", "text": "靴"}]},
    {"text": "buy cigars online", "label": "restricted"},
)


def written(path: Path, *rows: object) -> Path:
    text = [row if isinstance(row, str) else json.dumps(row, ensure_ascii=False) for row in rows]
    path.write_text("\n".join(text), "utf-8")
    return path


def test_a_script_reads_one_line_per_row(parley: Parley, tmp_path: Path) -> None:
    told = parley("gate", "eval", written(tmp_path / "turns.jsonl", *ROWS), "--json")
    assert (told.code, told.err) == (0, "")
    assert [row["id"] for row in told.rows] == ["a", "b", "7", "turns.jsonl:4"]
    assert [row["verdict"] for row in told.rows] == [
        "sensitive", "clear", "sensitive", "restricted",
    ]  # fmt: skip
    assert told.rows[0]["categories"] == ["self_harm", "violence"]
    assert told.rows[1]["label"] == "commercial"
    assert "label" not in told.rows[2]


def test_a_person_reads_recall_and_false_blocks(parley: Parley, tmp_path: Path) -> None:
    written(tmp_path / "one.jsonl", *ROWS[:2])
    written(tmp_path / "two.jsonl", {"text": "hello", "label": "commercial"}, ROWS[0])
    told = parley("gate", "eval", tmp_path)
    assert told.code == 0
    seen = [line.split() for line in told.out.splitlines()]
    assert ["commercial", "2", "0", "0.000", "false", "blocks"] in seen
    assert ["sensitive", "2", "2", "1.000", "recall"] in seen


def test_flags_of_a_moderation_set_are_counted_each_and_together(
    parley: Parley, tmp_path: Path
) -> None:
    (tmp_path / "below").mkdir()
    written(
        tmp_path / "below" / "set.jsonl",
        {"text": "I want to kill myself", "labels": {"SH": 1, "V": 1, "S": None}},
        {"text": "hello there", "labels": {"SH": 0, "V": 1, "S": 0}},
        {"text": "which running shoes should I buy?", "labels": {"SH": 0, "V": None}},
    )
    told = parley("gate", "eval", tmp_path)
    assert told.code == 0
    seen = [line.split() for line in told.out.splitlines()]
    assert ["(any", "flag)", "2", "1", "0.500", "recall"] in seen
    assert ["SH", "1", "1", "1.000", "recall"] in seen
    assert ["V", "2", "1", "0.500", "recall"] in seen
    assert ["harmless", "1", "0", "0.000", "false", "blocks"] in seen


def test_bad_rows_are_told_and_do_not_stop_the_others(parley: Parley, tmp_path: Path) -> None:
    file = written(tmp_path / "x.jsonl", "not json", {"turns": []}, {"turns": [{"a": 1}]}, ROWS[0])
    told = parley("gate", "eval", file, "--json")
    assert told.code == 3
    assert [row.get("error", {}).get("code") for row in told.rows] == ["bad_row"] * 3 + [None]
    assert told.rows[3]["verdict"] == "sensitive"


def test_nothing_to_read_is_refused(parley: Parley, tmp_path: Path) -> None:
    for path in (tmp_path / "missing.jsonl", tmp_path):
        told = parley("gate", "eval", path)
        assert (told.code, told.out) == (3, "")
        assert told.err.count("\n") == 1


def test_without_a_model_nothing_is_called_harmless(
    parley: Parley, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def missing() -> None:
        raise GateModelError("gate_model_unusable", "The model is missing.")

    monkeypatch.setattr(gate, "shipped", missing)
    told = parley("gate", "eval", written(tmp_path / "turns.jsonl", *ROWS), "--json")
    assert told.code == 5
    assert told.json["code"] == "gate_model_unusable"
