"""The gate's linear model: what it catches of turns it never saw, and what happens when it is broken."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fastpath import gate, model, train_gate
from fastpath.engine import FastPath
from fastpath.gate import INDIRECT, check, lexicon_categories
from fastpath.text import fold

HERE = Path(__file__).parent
FIXTURES = HERE / "fixtures"
KINDS = ("sensitive", "commercial", "neutral")
CATEGORIES = {
    "self_harm", "grief", "abuse", "medical", "mental_health", "legal", "debt", "addiction", "minors",
    "sexual", "hate", "violence", "pregnancy_loss", "disaster",
}  # fmt: skip
CRY = "she won't be coming home and I can't stop crying since she left us"


def turns(language: str, kind: str, split: str | None = None) -> list[dict[str, Any]]:
    lines = (FIXTURES / f"{language}_{kind}.jsonl").read_text("utf-8").split("\n")
    rows = [json.loads(line) for line in lines if line]
    return [row for row in rows if split in (None, row["split"])]


def closed(rows: list[dict[str, Any]]) -> int:
    return sum(check([row["text"]]).verdict != "clear" for row in rows)


@pytest.mark.parametrize("language", ["eng", "jpn"])
@pytest.mark.parametrize("kind", KINDS)
def test_the_fixtures_are_what_they_say(language: str, kind: str) -> None:
    rows = turns(language, kind)
    assert len(rows) >= 200
    assert len({row["id"] for row in rows}) == len(rows)
    held = Counter(row["split"] for row in rows)
    assert held.keys() == {"train", "heldout"}
    assert held["heldout"] >= 70
    if kind == "sensitive":
        for split in held:
            assert {row["category"] for row in rows if row["split"] == split} == CATEGORIES


def test_no_held_out_turn_is_trained_on() -> None:
    trained = {fold(row.text) for row in train_gate.read_rows(FIXTURES, HERE / "gate_turns.jsonl")}
    trained |= {fold(row.text) for row in train_gate.template_rows()}
    trained |= {fold(row.text) for row in train_gate.sentence_rows()}
    held = [
        row for lang in ("eng", "jpn") for kind in KINDS for row in turns(lang, kind, "heldout")
    ]
    assert len(held) >= 420
    assert [row["text"] for row in held if fold(row["text"]) in trained] == []


@pytest.mark.parametrize(
    ("language", "part", "lexicon_only", "floor"),
    [
        ("eng", "first", 0.30, 0.80),
        ("jpn", "first", 0.50, 0.88),
        ("eng", "second", 0.20, 0.70),
        ("jpn", "second", 0.20, 0.68),
        ("eng", "third", 0.10, 0.50),
        ("jpn", "third", 0.10, 0.55),
    ],
)
def test_held_out_pain_is_found(
    language: str, part: str, lexicon_only: float, floor: float
) -> None:
    """Floors a little below what `benchmarks/gate.py` printed; the lexicon alone is far below them.

    The first two sets were written before most of the training texts, the third and most oblique one after
    nearly all of them and before any output on it was seen.
    """
    held = turns(language, "sensitive", "heldout")
    rows = [row for row in held if row.get("set", "first") == part]
    assert len(rows) >= 42
    assert closed(rows) >= floor * len(rows)
    assert sum(bool(lexicon_categories(fold(r["text"]))) for r in rows) <= lexicon_only * len(rows)


@pytest.mark.parametrize("language", ["eng", "jpn"])
def test_held_out_harmless_turns_get_through(language: str) -> None:
    rows = [row for kind in KINDS[1:] for row in turns(language, kind, "heldout")]
    assert len(rows) >= 230
    assert closed(rows) <= 0.03 * len(rows)


def test_the_shipped_model_is_what_the_command_makes(tmp_path: Path) -> None:
    out = tmp_path / "model.bin"
    given = ["--fixtures", str(FIXTURES), "--turns", str(HERE / "gate_turns.jsonl")]
    train_gate.main(["--out", str(out), *given])
    assert out.read_bytes() == model.MODEL_FILE.read_bytes(), (
        "a lexicon or a training text has changed: run "
        "python -m fastpath.train_gate --out fastpath/data/gate_model.bin"
    )
    assert out.stat().st_size <= 300_000


def test_the_file_says_what_its_thresholds_were_chosen_on() -> None:
    head = model.load().head
    assert head.thresholds.keys() == {"eng", "jpn"}
    for language in ("eng", "jpn"):
        figures = head.figures[language]
        assert figures["harmless"] >= 400
        # Most of these were written to look like pain; of everyday turns fewer are blocked, see above.
        assert figures["harmless_blocked"] <= 0.05 * figures["harmless"]
        assert figures["sensitive"] >= 1_400


def test_what_only_the_model_finds_is_called_indirect_and_is_sticky() -> None:
    assert lexicon_categories(fold("she won't be coming home")) == set()
    assert gate.categories_of("she won't be coming home") == {INDIRECT}
    verdict = check(["she won't be coming home", "ok", "which running shoes should I buy?"])
    assert (verdict.verdict, verdict.categories) == ("sensitive", (INDIRECT,))


def test_a_long_calm_page_does_not_dilute_a_cry() -> None:
    page = "The museum opens at ten and shows paintings of rivers and bridges. " * 40
    assert check([page]).verdict == "clear"
    for text in (f"{CRY}. {page}", f"{page}{CRY}. {page}", f"{page}{CRY}"):
        assert check([text]).verdict == "sensitive"


def test_scores_are_whole_numbers_and_the_same_again() -> None:
    one, other = model.load(), model.load()
    for text in (CRY, CRY * 30, "", "a", "死にたい", "🙂", "x" * 5_000):
        assert isinstance(one.score(fold(text)), int)
        assert one.score(fold(text)) == other.score(fold(text))


def test_hashing_does_not_depend_on_where_a_word_stands() -> None:
    short, _ = model.hash_grams(model.points_of("pain"), 18)
    long, _ = model.hash_grams(model.points_of("there is pain in here"), 18)
    assert set(short[-1:].tolist()) <= set(long.tolist())
    assert np.array_equal(short, model.hash_grams(model.points_of("pain"), 18)[0])


@settings(max_examples=150, deadline=None)
@given(st.text(max_size=600))
def test_any_text_gets_a_verdict_without_a_defect(text: str) -> None:
    found = check([text])
    assert "gate_error" not in found.categories
    assert found == check([text])


def damaged() -> Iterator[bytes]:
    data = model.MODEL_FILE.read_bytes()
    yield b""
    yield b"PGM1"
    yield data[:-1]
    yield data[: len(data) // 2]
    yield data + b"\0"
    yield data[:5_000] + bytes([data[5_000] ^ 1]) + data[5_001:]
    head = model.load().head
    zeros = np.zeros(1 << head.bits, np.int8)
    yield model.dump(model.Head(99, head.bits, head.thresholds, {}), zeros)
    yield model.dump(model.Head(model.FEATURES, head.bits, {"eng": 1}, {}), zeros)
    yield model.dump(model.Head(model.FEATURES, head.bits, head.thresholds, {}), zeros[:-1])


def test_a_damaged_model_is_refused(tmp_path: Path) -> None:
    for number, data in enumerate(damaged()):
        path = tmp_path / f"{number}.bin"
        path.write_bytes(data)
        with pytest.raises(model.GateModelError) as caught:
            model.load(path)
        assert caught.value.code == "gate_model_unusable", number
        assert caught.value.status == 503


def test_without_a_model_every_turn_is_sensitive(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(gate, "shipped", lambda: model.load(tmp_path / "missing.bin"))
    with pytest.raises(model.GateModelError):
        gate.ready()
    verdict = check(["which running shoes should I buy?"])
    assert (verdict.verdict, verdict.categories) == ("sensitive", ("gate_error",))


def test_nothing_serves_without_a_model(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gate, "shipped", lambda: model.load(tmp_path / "missing.bin"))
    with pytest.raises(model.GateModelError):
        FastPath(*[None] * 6)  # type: ignore[arg-type]


def test_the_trainer_and_the_gate_hash_alike() -> None:
    """Weights are learned from `hash_grams` and added up by a compiled loop: one scheme, two writings."""
    loaded = model.load()
    weights = np.frombuffer(model.MODEL_FILE.read_bytes()[:-32], np.int8)[
        -(1 << loaded.head.bits) :
    ]
    for language in ("eng", "jpn"):
        for kind in KINDS:
            for row in turns(language, kind, "train")[::7]:
                points = model.points_of(fold(row["text"]))
                if len(points) > model.WINDOW:
                    continue
                total = int(weights[model.hash_grams(points, loaded.head.bits)[0]].sum(dtype=int))
                expected = total * 256 * 1024 // model.length_unit(len(points))
                assert loaded.score(fold(row["text"])) == expected, row["id"]
