"""`match`: the published rule on rows of a file, by the compiler and the matcher that serve."""

from __future__ import annotations

import json
import random
from pathlib import Path
from typing import Any

import pytest

from fastpath.expand import Expander, dictionary_path, read_table
from fastpath.japanese import is_japanese
from fastpath.offline_match import match_file
from fastpath.text import canonical_tag, fits, fold, words_of
from tests.cli.conftest import Parley

TABLE = Expander(None, read_table())


def write(path: Path, *rows: object) -> Path:
    text = [row if isinstance(row, str) else json.dumps(row) for row in rows]
    path.write_text("\n".join(text), encoding="utf-8")
    return path


def matched(*rows: Any, chunk: int = 100) -> list[Any]:
    return [
        row.get("matched", row.get("error"))
        for row in match_file(rows, expander=lambda: TABLE, chunk=chunk)
    ]


def test_rows_in_order_with_errors_among_them(parley: Parley, tmp_path: Path) -> None:
    file = write(
        tmp_path / "rows.jsonl",
        {
            "id": "a",
            "lang": "eng",
            "text": "Nike's trail-running shoes",
            "tags": ["trail running", "shoe", "nike"],
        },
        "{broken",
        {"id": "b", "text": "no tags"},
        {"id": 7, "lang": "jpn", "text": "コーヒーが好きです", "tags": ["coffee", "tea"]},
        {"id": "c", "text": "nothing", "tags": []},
        {"id": "d", "text": 5, "tags": ["x"]},
        {"id": "e", "lang": "eng", "text": "I write C++ daily", "tags": ["c", "c++", "ai"]},
    )
    told = parley("match", "--jsonl", file)
    assert told.code == 0
    assert [row["id"] for row in told.rows] == ["a", 1, "b", 7, "c", "d", "e"]
    assert told.rows[0]["matched"] == ["trail running", "nike"]
    assert [row.get("error") for row in told.rows] == [
        None, "bad_row", "bad_row", None, None, "bad_row", None,
    ]  # fmt: skip
    assert told.rows[3]["matched"] == ["coffee"]
    assert told.rows[4]["matched"] == []
    assert told.rows[6]["matched"] == ["c++"]


def test_a_file_that_is_not_there_is_refused(parley: Parley, tmp_path: Path) -> None:
    assert parley("match", "--jsonl", tmp_path / "none.jsonl").code != 0


@pytest.mark.parametrize(
    "odd", ["\ud800", "a\x00b", "", " ", "one two three four five", "...", "x" * 5_000, "🙂"]
)
def test_odd_tags_match_nothing_and_harm_nobody(odd: str) -> None:
    rows = [
        {"text": "the coffee here", "tags": [odd, "Coffee", "coffee"]},
        {"text": odd, "tags": [odd]},
    ]
    found = matched(*rows)
    assert found[0] == ["Coffee", "coffee"]
    assert found[1] in ([], [odd])


def test_a_row_gets_what_it_would_get_alone() -> None:
    chance = random.Random(5)
    words = [
        "coffee",
        "beans",
        "car",
        "insurance",
        "c++",
        "c",
        ".net",
        "wi-fi",
        "wi",
        "it's",
        "new",
        "york",
    ]
    rows: list[dict[str, Any]] = [
        {
            "id": n,
            "text": "".join(
                chance.choice(words) + chance.choice([" ", " ", "-", ". ", "'s "]) for _ in range(9)
            ),
            "tags": [" ".join(chance.choices(words, k=chance.randint(1, 3))) for _ in range(5)],
        }
        for n in range(120)
    ]
    together = matched(*rows)
    assert together == matched(*rows, chunk=7)
    for row, found in zip(rows, together, strict=True):
        assert found == [tag for tag in row["tags"] if _stands(str(row["text"]), tag)]


def _stands(text: str, tag: str) -> bool:
    wanted, words = words_of(canonical_tag(tag)), words_of(fold(text))
    size = len(wanted.base)
    return any(
        words.base[at : at + size] == wanted.base and fits(words, at, wanted, plain=False)
        for at in range(len(words.base) - size + 1)
    )


def test_the_labelled_japanese_rows_are_read(parley: Parley, tmp_path: Path) -> None:
    if dictionary_path() is None:
        pytest.skip("JMdict (package jamdict-data) is not installed")
    source = Path(__file__).parents[1] / "fastpath" / "jpn_tags.jsonl"
    labelled = [json.loads(line) for line in source.read_text("utf-8").splitlines()]
    assert any(is_japanese(char) for row in labelled for char in row["text"])
    rows = [{"lang": "jpn", "text": row["text"], "tags": [row["tag"]]} for row in labelled]
    told = parley("match", "--jsonl", write(tmp_path / "rows.jsonl", *rows))
    assert told.code == 0
    right = [
        bool(found["matched"]) == row["match"]
        for found, row in zip(told.rows, labelled, strict=True)
    ]
    assert sum(right) >= 0.9 * len(right)


def test_ten_thousand_rows_of_their_own_tags_take_few_compiles(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    compiled: list[int] = []
    original = match_file.__globals__["compile_catalogue"]

    def counted(*args: Any, **more: Any) -> Any:
        compiled.append(1)
        return original(*args, **more)

    monkeypatch.setitem(match_file.__globals__, "compile_catalogue", counted)
    rows = (
        {"id": n, "text": f"buy item{n} now", "tags": [f"item{n}", f"thing{n}"]}
        for n in range(10_000)
    )
    found = list(match_file(rows, expander=lambda: TABLE))
    assert [row["matched"] for row in found] == [[f"item{n}"] for n in range(10_000)]
    assert len(compiled) <= 10
