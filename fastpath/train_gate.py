"""Train the gate's linear model: `python -m fastpath.train_gate --out fastpath/data/gate_model.bin`.

Sources, all written for this project: the train split of the gate's fixtures, the older labelled turns beside
them, sentences (`data/gate_sentences_*.tsv`), others made from templates, and the phrases of the gate's
lexicons. Never the held-out split, never data of others. Only additions in a fixed order, divisions, roots
and `math.exp` are used, so the same sources give the same bytes.
"""

from __future__ import annotations

import argparse
import json
import math
import re
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, Final

import msgspec
import numpy as np
from numpy.typing import NDArray

from domain.randomness import draw
from fastpath.gate import lexicon_categories
from fastpath.model import (
    FEATURES,
    SHORTEST,
    WINDOW,
    Head,
    dump,
    hash_grams,
    language_of,
    points_of,
)
from fastpath.phrases import read_lexicon
from fastpath.text import fold

BITS: Final = 18
FOLDS: Final = 5
LANGUAGES: Final = ("eng", "jpn")
#: Share of harmless training turns that out-of-fold scores may block, parts per thousand. Most of these turns
#: were written to look like pain, so of everyday ones far fewer are blocked.
FALSE_BLOCKS: Final = {"eng": 45, "jpn": 25}
_EPOCHS: Final = 40
_RATE: Final = 0.5
_DECAY: Final = 1e-5
_CLIP: Final = 30.0
_FIXTURES: Final = Path("tests/fastpath/fixtures")
_TEMPLATES: Final = Path(__file__).parent / "data" / "gate_templates.tsv"
_SENTENCES: Final = "gate_sentences_{}.tsv"
_SLOT: Final = re.compile(r"\{(\w+)\}")
_DRAWS: Final = 8
_TURNS: Final = Path("tests/fastpath/gate_turns.jsonl")

Floats = NDArray[np.float64]


class Row(msgspec.Struct, frozen=True):
    """One labelled text.

    Attributes:
        text: As somebody might write it.
        language: `eng` or `jpn`.
        sensitive: Whether the gate should close.
        fold: Which part of the cross-validation tests it; -1 = it only trains.
    """

    text: str
    language: str
    sensitive: bool
    fold: int = -1


def read_rows(fixtures: Path, turns: Path) -> list[Row]:
    """Return every training text in a fixed order."""
    rows: list[Row] = []
    held: set[str] = set()
    for language in LANGUAGES:
        for kind in ("sensitive", "commercial", "neutral"):
            lines = (fixtures / f"{language}_{kind}.jsonl").read_text("utf-8").split("\n")
            found = [json.loads(line) for line in lines if line]
            held |= {row["text"] for row in found if row["split"] == "heldout"}
            texts = [row["text"] for row in found if row["split"] == "train"]
            rows += [
                Row(text, language, kind == "sensitive", i % FOLDS) for i, text in enumerate(texts)
            ]
    for line in filter(None, turns.read_text("utf-8").split("\n")):
        row = json.loads(line)
        if row["text"] not in held:
            rows.append(Row(row["text"], row["language"], bool(row["sensitive"])))
    return rows


def sentence_rows() -> list[Row]:
    """Return the sentences written one by one for training, in their order."""
    rows: list[Row] = []
    for language in LANGUAGES:
        path = _TEMPLATES.with_name(_SENTENCES.format(language))
        for line in path.read_text("utf-8").splitlines():
            if not line.startswith("#"):
                label, _, text = line.partition("\t")
                rows.append(Row(text, language, label != "calm", len(rows) % FOLDS))
    return rows


def phrase_rows() -> list[Row]:
    """Return the lexicons' phrases as short training texts; gaps and slurs left out."""
    rows = []
    for language in LANGUAGES:
        for category, phrase in read_lexicon(f"gate_{language}.tsv"):
            if not any(mark in phrase for mark in ("~", "*", "...", "{")):
                rows.append(Row(phrase, language, category != "exception"))
    return rows


def template_rows(path: Path = _TEMPLATES) -> list[Row]:
    """Return sentences made from the templates, the words of their slots drawn by a seed."""
    slots: dict[tuple[str, str], list[str]] = {}
    rows: dict[tuple[str, str], Row] = {}
    for line in path.read_text("utf-8").splitlines():
        if not line or line.startswith("#"):
            continue
        language, label, template = line.split("\t")
        if label.startswith("slot "):
            slots[language, label.removeprefix("slot ")] = template.split("|")
            continue
        for i in range(_DRAWS):
            text = _filled(template, language, slots, f"{template}:{i}")
            rows[language, text] = Row(text, language, label == "hurt")
    return list(rows.values())


def _filled(
    template: str, language: str, slots: dict[tuple[str, str], list[str]], seed: str
) -> str:
    count = 0
    while (found := _SLOT.search(template)) is not None:
        words = slots[language, found[1]]
        word = words[int(draw(f"{seed}:{count}", found[1]) * len(words))]
        template = template[: found.start()] + word + template[found.end() :]
        count += 1
    return template


def joined(rows: Sequence[Row], seed: str) -> list[Row]:
    """Return pairs of texts of one fold and language: harmless only if both are.

    Real turns hold several sentences, and what hurts stands beside what does not.
    """
    out = []
    groups = _mates(rows)
    for i, row in enumerate(rows):
        mates = groups[row.language, row.fold]
        mate = mates[int(draw(f"{seed}:{i}", "train") * len(mates))]
        first, second = (row, mate) if draw(f"{seed}:{i}", "order") < 0.5 else (mate, row)
        glue = " " if row.language == "jpn" else ". "
        text = f"{first.text}{glue}{second.text}"
        out.append(Row(text, row.language, row.sensitive or mate.sensitive, row.fold))
    return out


def _mates(rows: Sequence[Row]) -> dict[tuple[str, int], list[Row]]:
    """Return the rows by language and fold."""
    groups: dict[tuple[str, int], list[Row]] = {}
    for row in rows:
        groups.setdefault((row.language, row.fold), []).append(row)
    return groups


def calm_pages(rows: Sequence[Row]) -> list[Row]:
    """Return long harmless texts, each of six texts: a long page must not add up to an alarm."""
    calm = [row for row in rows if not row.sensitive]
    out = []
    groups = _mates(calm)
    for i, row in enumerate(calm):
        mates = groups[row.language, row.fold]
        others = [mates[int(draw(f"page:{i}:{n}", "train") * len(mates))].text for n in range(5)]
        text = "\n".join([row.text, *others])
        out.append(Row(text, row.language, False, row.fold))
    return out


def pieces(rows: Sequence[Row]) -> list[Row]:
    """Return the rows with long harmless texts cut into windows, as the gate reads them."""
    out: list[Row] = []
    for row in rows:
        if row.sensitive or len(row.text) <= WINDOW:
            out.append(row)
            continue
        cuts = range(0, len(row.text), WINDOW)
        out += [Row(row.text[at : at + WINDOW], row.language, False, row.fold) for at in cuts]
    return out


class Table:
    """Rows as sparse features: bucket, row and value of every n-gram.

    Args:
        rows: Labelled texts.
    """

    def __init__(self, rows: Sequence[Row]) -> None:
        grams, lengths = [], []
        languages = []
        for row in rows:
            points = points_of(fold(row.text))
            grams.append(hash_grams(points, BITS)[0])
            lengths.append(len(points))
            languages.append(LANGUAGES.index(language_of(points)))
        self.buckets = np.concatenate(grams).astype(np.intp)
        self.row = np.repeat(np.arange(len(rows)), [len(gram) for gram in grams])
        self.scale: Floats = 1.0 / np.sqrt(np.maximum(np.array(lengths, np.float64), SHORTEST))
        self.language = np.array(languages, np.intp)
        self.sensitive = np.array([row.sensitive for row in rows], np.float64)
        self.size = len(rows)

    def logits(self, weights: Floats, bias: Floats) -> Floats:
        """Return the logit of every row."""
        sums = _sums(self.row, weights[self.buckets], self.size)
        return sums * self.scale + bias[self.language]


def fit(rows: Sequence[Row]) -> tuple[Floats, Floats]:
    """Return weights, shape (2**BITS,), and bias by language, of a logistic regression (AdaGrad)."""
    table = Table(rows)
    weights = np.zeros(1 << BITS)
    bias: Floats = np.zeros(len(LANGUAGES))
    seen, seen_bias = np.full(1 << BITS, 1e-8), np.full(len(LANGUAGES), 1e-8)
    share = _balance(table)
    for _ in range(_EPOCHS):
        error = (_sigmoid(table.logits(weights, bias)) - table.sensitive) * share
        pull = (error * table.scale)[table.row]
        slope = _sums(table.buckets, pull, 1 << BITS) + _DECAY * weights
        seen += slope * slope
        weights -= _RATE * slope / np.sqrt(seen)
        drift = _sums(table.language, error, len(LANGUAGES))
        seen_bias += drift * drift
        bias -= _RATE * drift / np.sqrt(seen_bias)
    return weights, bias


def _sums(where: NDArray[np.intp], values: Floats, size: int) -> Floats:
    """Return the sum of the values by place, added up in the order given."""
    return np.bincount(where, weights=values, minlength=size).astype(np.float64)


def _balance(table: Table) -> Floats:
    """Return a weight per row that makes each (language, label) count the same."""
    cell = table.language * 2 + table.sensitive.astype(np.intp)
    count = np.bincount(cell, minlength=4).astype(np.float64)
    return (1.0 / np.maximum(count, 1.0))[cell]


def _sigmoid(logits: Floats) -> Floats:
    # math.exp instead of numpy's, whose last bit depends on the processor.
    return np.array([1.0 / (1.0 + math.exp(-min(max(z, -_CLIP), _CLIP))) for z in logits.tolist()])


def training_set(rows: Sequence[Row], phrases: Sequence[Row]) -> list[Row]:
    """Return what one fit reads: the texts, the lexicons' phrases and pairs of texts."""
    pairs = [*joined(rows, "pairs"), *joined(rows, "more pairs")]
    return [*pieces([*rows, *pairs, *calm_pages(rows)]), *phrases]


def quantise(weights: Floats) -> tuple[NDArray[np.int8], float]:
    """Return weights in whole steps and the size of a step."""
    step = float(np.abs(weights).max()) / 127.0
    return np.rint(weights / step).astype(np.int8), step


def out_of_fold(rows: Sequence[Row], phrases: Sequence[Row]) -> list[tuple[Row, float]]:
    """Return every cross-validated row with the probability-like score of a model that never saw it."""
    out: list[tuple[Row, float]] = []
    for part in range(FOLDS):
        weights, bias = fit(training_set([r for r in rows if r.fold != part], phrases))
        kept = [row for row in rows if row.fold == part]
        out += zip(kept, Table(kept).logits(weights, bias).tolist(), strict=True)
    return out


def choose_cut(scored: Iterable[tuple[Row, float]], language: str) -> tuple[float, dict[str, Any]]:
    """Return the lowest logit that keeps false blocks at `FALSE_BLOCKS`, and what it was chosen on."""
    mine = [(row, logit) for row, logit in scored if row.language == language]
    calm = sorted((logit for row, logit in mine if not row.sensitive), reverse=True)
    allowed = len(calm) * FALSE_BLOCKS[language] // 1000
    cut = calm[allowed] + 1e-6
    hurt = [(row, logit) for row, logit in mine if row.sensitive]
    caught = sum(logit >= cut for _, logit in hurt)
    either = sum(logit >= cut or bool(lexicon_categories(fold(row.text))) for row, logit in hurt)
    return cut, {
        "harmless": len(calm),
        "harmless_blocked": allowed,
        "sensitive": len(hurt),
        "sensitive_caught": caught,
        "sensitive_caught_with_lexicon": either,
    }


def train(fixtures: Path, turns: Path) -> bytes:
    """Return the bytes of the model file."""
    rows = [*read_rows(fixtures, turns), *sentence_rows()]
    phrases = [*phrase_rows(), *template_rows()]
    scored = out_of_fold(rows, phrases)
    floats, bias = fit(training_set(rows, phrases))
    weights, step = quantise(floats)
    thresholds: dict[str, int] = {}
    figures: dict[str, Any] = {"chosen_on": f"{FOLDS}-fold cross-validation of the train split"}
    for i, language in enumerate(LANGUAGES):
        cut, figures[language] = choose_cut(scored, language)
        # logit = step * sum / sqrt(length) + bias; the gate compares 1024 * sum / sqrt(length).
        thresholds[language] = math.ceil((cut - float(bias[i])) / step * 1024)
    return dump(Head(FEATURES, BITS, thresholds, figures), weights)


def main(arguments: Sequence[str] | None = None) -> None:
    """Train and write the model file."""
    parser = argparse.ArgumentParser(description="Train the sensitive gate's linear model.")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--fixtures", type=Path, default=_FIXTURES)
    parser.add_argument("--turns", type=Path, default=_TURNS)
    given = parser.parse_args(arguments)
    data = train(given.fixtures, given.turns)
    given.out.write_bytes(data)
    size = int.from_bytes(data[4:8], "little")
    sys.stdout.write(data[8 : 8 + size].decode() + "\n")


if __name__ == "__main__":
    main()
