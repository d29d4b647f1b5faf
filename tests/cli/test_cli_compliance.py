"""`compliance check` and `compliance tracker` as scripts call them."""

from __future__ import annotations

import json
from pathlib import Path

from tests.cli.conftest import Parley

GOOD = {
    "key": "a", "platform": "meta", "texts": {"headline": ["Trail shoes"]}, "payer": "K",
    "beneficiary": "K", "label": "Ad",
}  # fmt: skip


def write(path: Path, *rows: object) -> Path:
    path.write_text("\n".join(json.dumps(row) for row in rows), encoding="utf-8")
    return path


def test_ads_of_a_file_are_checked_in_order(parley: Parley, tmp_path: Path) -> None:
    bad = {**GOOD, "key": "b", "texts": {"headline": ["Are you diabetic?"]}}
    told = parley("compliance", "check", write(tmp_path / "ads.jsonl", GOOD, bad, {"key": 1}))
    assert told.code == 0
    assert [row.get("outcome") for row in told.rows] == ["pass", "revise", None]
    assert told.rows[1]["findings"][0]["rule"] == "meta_personal_attribute"
    assert told.rows[2]["error"] == "bad_row"


def test_the_tracker_names_changes_and_touched_ads(parley: Parley, tmp_path: Path) -> None:
    ads = write(tmp_path / "ads.jsonl", {**GOOD, "label": ""})
    told = parley("compliance", "tracker", "--since", "2026-01-01", "--ads", ads)
    assert told.code == 0
    assert len(told.json["changes"]) > 60
    assert [t["rule"] for t in told.json["touched"]] == ["disclosure"]
    assert parley("compliance", "tracker").code == 3
    assert parley("compliance", "tracker", "--since", "yesterday").code == 3
    assert parley("compliance", "tracker", "--old", tmp_path / "none.tsv").code == 3
