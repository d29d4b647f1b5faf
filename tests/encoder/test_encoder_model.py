"""The encoder against the published model, computed a second time in plain numpy."""

from __future__ import annotations

import json
import math
import shutil
from functools import cache
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import encoder
from domain.errors import Unavailable
from encoder import files, weights
from encoder.build import build, main
from encoder.graph import HEADS, LAYERS, build_graph, quantise
from encoder.model import Encoder

needs_model = pytest.mark.skipif(
    not encoder.installed(), reason="the encoder is not built: run `python -m encoder.build`"
)
needs_source = pytest.mark.skipif(
    not Path(weights.__file__).exists() or weights.find_spec(weights.PACKAGE) is None,
    reason="the weights' package (dependency group `model`) is not installed",
)
CAPROD = Path(__file__).parents[3] / "shared/data/caprod/corpus.jsonl"

TEXTS = [
    "A man is playing a guitar.",
    "Lightweight trail running shoes with a grippy sole, made for wet rock and mud.",
    "wifi",
    "Ünïcode café — naïve! 😀 ¿qué?",
]


@cache
def tensors() -> dict[str, Any]:
    return weights.read_tensors(weights.package_folder() / "model.safetensors")


def norm(values: Any, name: str) -> Any:
    mean = values.mean(-1, keepdims=True)
    spread = values.var(-1, keepdims=True)
    scaled = (values - mean) / np.sqrt(spread + 1e-12)
    return scaled * tensors()[f"{name}.weight"] + tensors()[f"{name}.bias"]


def dense(values: Any, name: str) -> Any:
    return values @ tensors()[f"{name}.weight"].T + tensors()[f"{name}.bias"]


def by_hand(ids: list[int]) -> Any:
    """BERT as its paper has it, in float64."""
    erf = np.vectorize(math.erf)
    known = tensors()
    hidden = (
        known["embeddings.word_embeddings.weight"][ids].astype(np.float64)
        + known["embeddings.position_embeddings.weight"][: len(ids)]
        + known["embeddings.token_type_embeddings.weight"][0]
    )
    hidden = norm(hidden, "embeddings.LayerNorm")
    for i in range(LAYERS):
        at = f"encoder.layer.{i}"
        query, key, value = (
            dense(hidden, f"{at}.attention.self.{name}").reshape(len(ids), HEADS, -1).swapaxes(0, 1)
            for name in ("query", "key", "value")
        )
        scores = query @ key.swapaxes(1, 2) / math.sqrt(query.shape[-1])
        shares = np.exp(scores - scores.max(-1, keepdims=True))
        shares /= shares.sum(-1, keepdims=True)
        mixed = (shares @ value).swapaxes(0, 1).reshape(len(ids), -1)
        mixed = dense(mixed, f"{at}.attention.output.dense")
        hidden = norm(hidden + mixed, f"{at}.attention.output.LayerNorm")
        wide = dense(hidden, f"{at}.intermediate.dense")
        wide = wide * 0.5 * (1 + erf(wide / math.sqrt(2)))
        hidden = norm(hidden + dense(wide, f"{at}.output.dense"), f"{at}.output.LayerNorm")
    mean = hidden.mean(0)
    return mean / np.linalg.norm(mean)


@needs_source
@needs_model
def test_the_float_graph_is_the_published_model(tmp_path: Path) -> None:
    graph = build_graph(tensors(), int8=False)
    (tmp_path / files.MODEL).write_bytes(graph.SerializeToString())
    shutil.copy(files.FOLDER / files.VOCABULARY, tmp_path)
    exact = Encoder(tmp_path, threads=1)
    found = exact.embed(TEXTS)
    for row, text in zip(found, TEXTS, strict=True):
        ids = [101, *(exact._tokenizer.token_to_id(piece) for piece in exact.pieces(text)), 102]
        assert np.abs(row - by_hand(ids)).max() < 1e-4


@needs_source
@needs_model
def test_the_small_graph_stays_close_to_the_published_model(tmp_path: Path) -> None:
    texts = TEXTS
    if CAPROD.exists():
        with CAPROD.open(encoding="utf-8") as lines:
            texts = [json.loads(line)["text"] for line in islice(lines, 40)]
    graph = build_graph(tensors(), int8=False)
    (tmp_path / files.MODEL).write_bytes(graph.SerializeToString())
    shutil.copy(files.FOLDER / files.VOCABULARY, tmp_path)
    exact = Encoder(tmp_path, threads=1).embed(texts)
    small = encoder.load().embed(texts)
    assert (exact * small).sum(axis=1).mean() >= 0.99


@needs_source
def test_building_gives_the_recorded_bytes_and_only_when_needed(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["--out", str(tmp_path), "--check"]) == 1
    assert set(build(tmp_path)) == set(files.DIGESTS)
    assert files.stale(tmp_path) == ()
    assert build(tmp_path) == ()
    assert main(["--out", str(tmp_path)]) == 0
    assert "up to date" in capsys.readouterr().out
    (tmp_path / files.VOCABULARY).write_text("damaged")
    assert build(tmp_path) == (files.VOCABULARY,)
    assert files.stale(tmp_path) == ()


@needs_model
def test_a_vector_depends_on_its_own_text_only() -> None:
    one, two = encoder.load(threads=1), encoder.load(threads=2)
    together = one.embed([*TEXTS, "x " * 400])
    assert together.shape == (5, encoder.DIM)
    assert together.dtype == np.float32
    assert np.allclose(np.linalg.norm(together, axis=1), 1, atol=1e-5)
    for i, text in enumerate(TEXTS):
        assert np.array_equal(one.embed([text])[0], together[i])
    assert np.array_equal(two.embed([*TEXTS, "x " * 400]), together)


@needs_model
def test_meaning_is_what_is_compared() -> None:
    near, far = (
        "Which running shoes are best for a marathon?",
        "How do I file my tax return?",
    )
    ad, close, distant = encoder.load().embed(["Jogging sneakers for long distances", near, far])
    assert ad @ close > 0.45
    assert ad @ distant < 0.2


@needs_model
@pytest.mark.parametrize(
    "text", ["", " ", "\ud800 lone", "\x00", "a" * 100_000, "漢字かな", "\u202e"]
)
def test_any_text_has_a_vector(text: str) -> None:
    (vector,) = encoder.load().embed([text])
    assert np.isfinite(vector).all()
    assert abs(float(vector @ vector) - 1) < 1e-4


@needs_model
def test_no_texts_no_vectors_and_tokens_are_counted_with_the_marks() -> None:
    model = encoder.load()
    assert model.embed([]).shape == (0, encoder.DIM)
    assert model.tokens("hello world") == 4
    assert model.tokens("word " * 600) == 602
    assert model.pieces("unbelievably") == ["un", "##bel", "##ie", "##va", "##bly"]


def test_missing_or_foreign_files_say_what_to_run(tmp_path: Path) -> None:
    with pytest.raises(Unavailable) as missing:
        encoder.load(tmp_path)
    assert missing.value.code == "encoder_missing"
    assert "python -m encoder.build" in missing.value.detail
    for name in files.DIGESTS:
        (tmp_path / name).write_bytes(b"something else")
    with pytest.raises(Unavailable) as stale:
        encoder.load(tmp_path)
    assert stale.value.code == "encoder_stale"


def test_quantised_numbers_stay_within_seven_bits() -> None:
    values = np.random.default_rng(5).normal(size=(20, 7)).astype(np.float32)
    whole, scale = quantise(values, axis=0)
    assert whole.dtype == np.int8
    assert np.abs(whole).max() == 63
    assert np.abs(whole * scale - values).max() <= scale.max() / 2 + 1e-6


def test_a_file_that_is_no_safetensors_file_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "model.safetensors"
    path.write_bytes((1 << 40).to_bytes(8, "little") + b"{}")
    with pytest.raises(ValueError, match="safetensors"):
        weights.read_tensors(path)
