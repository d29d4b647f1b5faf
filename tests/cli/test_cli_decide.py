"""`compile --catalog`, `decide`, `replay FILE`: the serving plane on files, without any service."""

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
from domain.time import FixedClock, SystemClock
from fastpath import record
from fastpath.compiler import compile_catalogue
from fastpath.engine import FastPath
from fastpath.local import LocalReservation
from fastpath.receipt import Signer
from fastpath.snapshot import Snapshot
from fastpath.types import AdRequest, Reason, Turn
from tests.cli.conftest import Parley
from tests.fastpath.sample_catalogue import sample

ASK = "Which trail running shoes would you recommend? I want to buy a pair."
AD: dict[str, Any] = {
    "advertiser": "Kaze Trail",
    "url": "https://kaze.example/shoes",
    "tags": ["trail running shoes"],
    "texts": {
        "eng": {"title": "Ridge shoes", "description": "For mud.", "cta_text": "See them"},
        "jpn": {"title": "リッジ", "description": "ぬかるみに。", "cta_text": "見る"},
    },
    "bid": "0.50",
}
ROWS = [
    AD,
    {**AD, "advertiser": "Other", "bid": "0.40", "tags": ["trail running shoes", "hiking"]},
    {**AD, "advertiser": "Tables", "tags": ["dining table"], "format": "static"},
]


def write(path: Path, *rows: object) -> Path:
    text = [row if isinstance(row, str) else json.dumps(row) for row in rows]
    path.write_text("\n".join(text), encoding="utf-8")
    return path


@pytest.fixture
def snapshot(parley: Parley, tmp_path: Path) -> Path:
    file = write(tmp_path / "catalogue.jsonl", *ROWS)
    told = parley("compile", "--catalog", file, "--out", tmp_path / "out", "--json")
    assert told.code == 0
    return Path(told.json["path"])


def test_a_catalogue_file_is_compiled_and_its_broken_rows_are_named(
    parley: Parley, tmp_path: Path
) -> None:
    file = write(
        tmp_path / "c.jsonl", ROWS[0], "{", {**AD, "bid": "-1"}, {**AD, "currency": "XXX"},
        {**AD, "surprise": 1}, {**AD, "url": "javascript:alert(1)"}, "", ROWS[1],
    )  # fmt: skip
    out = tmp_path / "out"
    told = parley("compile", "--catalog", file, "--out", out, "--json")
    assert told.code == 0
    assert told.json["ads"] == 2
    assert [p["line"] for p in told.json["problems"]] == [2, 3, 4, 5, 6]
    assert all(p["reason"] for p in told.json["problems"])
    assert (out / "current").read_text() == told.json["snapshot"] == Path(told.json["path"]).name
    said = parley("compile", "--catalog", file, "--out", out)
    assert said.code == 0
    assert "line 4" in said.err
    assert told.json["snapshot"] in said.out


ODD: list[dict[str, Any]] = [
    {"advertiser": "\ud800"}, {"advertiser": "a\x00b"}, {"advertiser": " "}, {"advertiser": "x" * 999},
    {"payer": "\udfff"}, {"campaign": "a\x00b"}, {"campaign": ""}, {"tags": ["\ud800"]}, {"tags": []},
    {"tags": ["a\x00b"]}, {"texts": {"eng": {"title": "\ud800", "description": "d", "cta_text": "c"}}},
    {"texts": {"fra": {"title": "t", "description": "d", "cta_text": "c"}}}, {"texts": {}},
    {"url": "https://kaze.example/\ud800"}, {"url": "http://[::1"}, {"url": "https://ka ze.example/"},
    {"url": "https://kaze.example:99999/"}, {"url": "//kaze.example"}, {"image_url": "data:,x"},
    {"ends_ms": 10**30}, {"ends_ms": 10**18}, {"starts_ms": -(10**17)}, {"ends_ms": 1},
    {"quality_ppm": 10**30}, {"quality_ppm": -5}, {"bid": "9" * 30}, {"bid": "NaN"}, {"bid": 1},
    {"budget_total": "1e30"}, {"budget_daily": "0.01"}, {"blocked_topics": ["\ud800"]},
    {"geos": ["Japan"]}, {"languages": ["fra"]}, {"format": "banner"}, {"negative_tags": ["\x00"]},
]  # fmt: skip


def test_every_odd_row_is_named_and_the_others_are_used(parley: Parley, tmp_path: Path) -> None:
    file = write(tmp_path / "c.jsonl", AD, *({**AD, **odd} for odd in ODD), ROWS[1])
    told = parley("compile", "--catalog", file, "--out", tmp_path / "out", "--json")
    assert told.code == 0
    assert [p["line"] for p in told.json["problems"]] == list(range(2, len(ODD) + 2))
    assert told.json["ads"] == 2
    assert all(0 < len(p["reason"]) < 250 for p in told.json["problems"])


def test_folders_beside_the_snapshots_are_left_alone(parley: Parley, tmp_path: Path) -> None:
    out = tmp_path / "documents"
    for number in range(30):
        (out / f"folder {number}").mkdir(parents=True)
    file = write(tmp_path / "c.jsonl", AD)
    assert parley("compile", "--catalog", file, "--out", out).code == 0
    assert len([p for p in out.iterdir() if p.name.startswith("folder")]) == 30


@pytest.mark.parametrize(
    ("content", "says"),
    [(b"", "no row"), (b"\xff\xfe", "UTF-8"), (b"[1", "JSON"), (b'{"advertiser": "A"}', "line 1")],
)
def test_a_catalogue_without_a_usable_row_is_refused(
    parley: Parley, tmp_path: Path, content: bytes, says: str
) -> None:
    file = tmp_path / "c.jsonl"
    file.write_bytes(content)
    told = parley("compile", "--catalog", file, "--out", tmp_path / "out", "--json")
    assert told.code == 3
    assert says in told.json["detail"]
    assert not (tmp_path / "out").exists()


def test_where_nothing_can_be_written_is_said(parley: Parley, tmp_path: Path) -> None:
    file = write(tmp_path / "c.jsonl", AD)
    for out in (file, file / "below"):
        told = parley("compile", "--catalog", file, "--out", out)
        assert told.code == 3
        assert "cannot be written" in told.err
    assert parley("compile", "--catalog", file).code == 3
    assert parley("compile", "--catalog", tmp_path / "absent", "--out", tmp_path).code == 3


def test_a_conversation_is_decided_with_everything_that_led_to_it(
    parley: Parley, snapshot: Path
) -> None:
    told = parley("decide", "--snapshot", snapshot, "--text", ASK, "--json")
    assert (told.code, told.err) == (0, "")
    result = told.json
    assert list(result)[:8] == [
        "id", "language", "intent", "opportunity", "gate", "matched_tags", "ad", "reason"
    ]  # fmt: skip
    assert (result["language"], result["intent"], result["reason"]) == (
        "eng",
        "high_commercial",
        "served",
    )
    assert result["opportunity"] >= 0.7
    assert result["gate"] == {"verdict": "clear", "categories": []}
    assert "trail running shoes" in result["matched_tags"]
    assert result["ad"]["advertiser"] in ("Kaze Trail", "Other")
    assert result["ad"]["url"] == AD["url"]
    said = parley("decide", "--snapshot", snapshot, "--text", ASK)
    assert said.code == 0
    assert "trail running shoes" in said.out


def turns(*said: str) -> list[dict[str, str]]:
    return [{"role": "user", "text": text} for text in said]


def test_many_conversations_go_on_after_bad_rows(
    parley: Parley, snapshot: Path, tmp_path: Path
) -> None:
    file = write(
        tmp_path / "talks.jsonl",
        {"id": "shoes", "turns": turns(ASK)},
        "not json",
        {"id": "surrogate", "turns": turns("\ud800 " + ASK + " \udfff")},
        {"id": "japanese", "turns": turns("トレイルランニングシューズを買いたい。おすすめは？")},
        {"id": "sad", "turns": turns("I want to die. " + ASK)},
        {"id": "chat", "turns": turns("Hello, how are you?")},
        {"id": "turns", "turns": "a text"},
        {"id": "formats", "turns": turns(ASK), "formats": ["hologram"]},
        {"id": "static", "turns": turns(ASK), "formats": ["static"]},
        {"id": "none", "turns": []},
        [1],
        {"id": {"a": "\ud800"}, "turns": turns(ASK)},
        {"turns": turns(ASK)},
        {"id": "u2028", "turns": turns(ASK.replace(" would", "\u2028would"))},
    )
    told = parley("decide", "--snapshot", snapshot, "--jsonl", file)
    assert (told.code, told.err) == (0, "")
    assert len(told.rows) == 14
    by_id = {row["id"]: row for row in told.rows}
    served = {name for name, row in by_id.items() if row.get("reason") == "served"}
    assert {"shoes", "surrogate", "japanese", "u2028"} <= served
    assert by_id["japanese"]["language"] == "jpn"
    assert by_id["japanese"]["ad"]["title"] == "リッジ"
    assert by_id["sad"]["gate"]["verdict"] == "sensitive"
    assert (by_id["sad"]["ad"], by_id["sad"]["reason"]) == (None, "sensitive")
    assert by_id["chat"]["ad"] is None
    assert by_id["static"]["ad"] is None
    assert by_id["none"]["reason"] == "invalid"
    broken = [row for row in told.rows if "error" in row]
    assert [row["error"] for row in broken] == ["bad_row"] * 4
    assert all(row["detail"] for row in broken)
    told.out.encode()


def test_conversations_come_from_standard_input_and_the_same_gives_the_same(
    parley: Parley, snapshot: Path
) -> None:
    given = b"\n".join(json.dumps({"id": n, "turns": turns(ASK)}).encode() for n in range(50))
    first = parley("decide", "--snapshot", snapshot, "--jsonl", "-", stdin=given)
    assert [row["id"] for row in first.rows] == list(range(50))
    assert parley("decide", "--snapshot", snapshot, "--jsonl", "-", stdin=given) == first


def test_the_snapshot_that_served_last_is_the_default(
    parley: Parley, home: Path, tmp_path: Path
) -> None:
    told = parley("decide", "--text", ASK)
    assert told.code == 3
    assert "make demo" in told.err
    file = write(tmp_path / "c.jsonl", *ROWS)
    assert parley("compile", "--catalog", file, "--out", home / "snapshots").code == 0
    assert parley("decide", "--text", ASK, "--json").json["reason"] == "served"


def test_a_broken_snapshot_is_refused(parley: Parley, snapshot: Path, tmp_path: Path) -> None:
    for path in (tmp_path / "absent", tmp_path):
        assert parley("decide", "--snapshot", path, "--text", ASK).code == 3
    (snapshot / "arrays.bin").write_bytes(b"x")
    told = parley("decide", "--snapshot", snapshot, "--text", ASK, "--json")
    assert told.code == 3
    assert told.json["code"] == "snapshot_corrupt"


def test_exactly_one_input_is_needed(parley: Parley, snapshot: Path) -> None:
    assert parley("decide", "--snapshot", snapshot).code == 3
    assert parley("decide", "--snapshot", snapshot, "--text", "a", "--jsonl", "-").code == 3


@pytest.fixture
def served(tmp_path: Path) -> Path:
    """A snapshot with an app that asks."""
    return compile_catalogue(sample(), tmp_path / "served").path


def saved(snapshot_dir: Path, count: int) -> list[dict[str, Any]]:
    """Return lines of records as `replay --export` writes them."""
    snapshot, state = Snapshot.open(snapshot_dir), LocalReservation()
    path = FastPath(
        snapshot, state, Signer(b"s" * 32), b"n" * 32, FixedClock(SystemClock().now_ms()), CountingIds()
    )  # fmt: skip

    async def serve() -> None:
        for number in range(count):
            said = ASK if number % 2 else "hello!"
            await path.answer(
                AdRequest(
                    request_id="", app_id="app_demo", conversation_id=f"c{number}", message_id="m",
                    turns=(Turn("user", said),), now_ms=0,
                )
            )  # fmt: skip

    asyncio.run(serve())
    return [
        msgspec.to_builtins(
            SavedRecord(
                request_id, snapshot.snapshot_id, record.encode(record.decode(data, verdict))
            )
        )
        for request_id, verdict, data in state.decisions
    ]


def test_records_of_a_file_recompute(parley: Parley, served: Path, tmp_path: Path) -> None:
    rows = saved(served, 20)
    reasons = [record.decode(base64.b64decode(row["record"])).reason for row in rows]
    assert reasons.count(Reason.SERVED) == 10
    file = write(tmp_path / "records.jsonl", *rows)
    told = parley("replay", file, "--snapshot", served, "--json")
    assert (told.code, told.json) == (0, {"records": 20, "equal": 20, "problems": []})
    said = parley("replay", file, "--snapshot", served)
    assert (said.code, said.out) == (0, "20 of 20 decisions recompute byte for byte.\n")


def test_a_record_that_was_changed_is_found(parley: Parley, served: Path, tmp_path: Path) -> None:
    rows = saved(served, 4)
    honest = record.decode(base64.b64decode(rows[2]["record"]))
    features = msgspec.structs.replace(honest.features, opportunity_milli=999)
    forged = record.encode(msgspec.structs.replace(honest, features=features))
    rows[2]["record"] = base64.b64encode(forged).decode()
    file = write(tmp_path / "records.jsonl", *rows, "not json", {**rows[0], "record": "AAAA"})
    told = parley("replay", file, "--snapshot", served, "--json")
    assert told.code == 3
    assert (told.json["records"], told.json["equal"]) == (6, 3)
    assert [p.partition(":")[0] for p in told.json["problems"]] == [
        rows[2]["request_id"],
        "line 5",
        rows[0]["request_id"],
    ]
    assert parley("replay", file, "--snapshot", served).code == 3


def test_records_of_another_snapshot_are_not_called_equal(
    parley: Parley, served: Path, tmp_path: Path
) -> None:
    file = write(tmp_path / "records.jsonl", *saved(served, 2))
    other = write(tmp_path / "c2.jsonl", ROWS[2])
    told = parley("compile", "--catalog", other, "--out", tmp_path / "out", "--json")
    assert parley("replay", file, "--snapshot", told.json["path"]).code == 3
    # Without --snapshot the home's own folder is looked into, and there is none.
    assert parley("replay", file, "--json").json["equal"] == 0
    assert parley("replay", tmp_path / "absent").code == 3
