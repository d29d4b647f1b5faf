"""`explain FILE`: why each request of a file got its ad, without any service."""

from __future__ import annotations

import asyncio
import base64
import json
from pathlib import Path
from typing import Any

import msgspec
import pytest

from bootstrap.cli.recorded import SavedRecord
from domain.ids import CountingIds
from domain.time import FixedClock
from fastpath.compiler import compile_catalogue
from fastpath.engine import FastPath
from fastpath.expand import Expander
from fastpath.local import LocalReservation
from fastpath.receipt import Signer
from fastpath.snapshot import Snapshot
from fastpath.types import AdRequest, Turn
from tests.cli.conftest import Parley
from tests.fastpath.sample_catalogue import NOW, sample


@pytest.fixture
def records(tmp_path: Path) -> tuple[Path, Path]:
    """A file of two records and the snapshot that decided them."""
    path = compile_catalogue(sample(), tmp_path, expander=Expander(None, {})).path
    snapshot = Snapshot.open(path)
    state = LocalReservation(unmetered=True)
    engine = FastPath(snapshot, state, Signer(b"s" * 32), b"n" * 32, FixedClock(NOW), CountingIds())
    for name, said in (("one", "best laptop or running shoes to buy?"), ("two", "hello")):
        request = AdRequest(
            request_id=name, app_id="app_demo", conversation_id=name, message_id="m", now_ms=NOW,
            turns=(Turn("user", said),),
        )  # fmt: skip
        asyncio.run(engine.answer(request))
    rows: list[dict[str, Any]] = [
        msgspec.to_builtins(SavedRecord(name, snapshot.snapshot_id, data, str(verdict)))
        for name, verdict, data in state.decisions
    ]
    file = tmp_path / "records.jsonl"
    lines = [*map(json.dumps, rows), json.dumps({**rows[0], "request_id": "bad", "record": "AA=="})]
    file.write_text("\n".join(lines))
    assert base64.b64decode(rows[0]["record"])
    return file, path


def test_every_candidate_of_a_request_is_told(parley: Parley, records: tuple[Path, Path]) -> None:
    file, snapshot = records
    told = parley("explain", file, "--request", "one", "--snapshot", snapshot, "--json")
    assert told.code == 0
    assert told.json["outcome"] == "served"
    reasons = {line["ad_id"]: line["reason"] for line in told.json["candidates"]}
    assert reasons["ad_trail"] == "served"
    assert reasons["ad_laptop"] == "outranked"
    assert reasons["ad_euro"] == "currency"
    said = parley("explain", file, "--request", "one", "--snapshot", snapshot)
    assert said.code == 0
    assert "ad_shoes" in said.out
    assert "outranked" in said.out


def test_what_cannot_be_explained_is_said(parley: Parley, records: tuple[Path, Path]) -> None:
    file, snapshot = records
    told = parley("explain", file, "--snapshot", snapshot)
    assert told.code == 3
    assert "No ad: The user is not looking for anything" in " ".join(told.out.split())
    assert parley("explain", file, "--request", "nobody", "--json").code == 3
    assert parley("explain", "no-file.jsonl", "--request", "x", "--json").code == 3
