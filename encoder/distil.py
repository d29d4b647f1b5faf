"""`python -m encoder.distil [--out FILE]`: makes the static query table, which stands in for the encoder.

Every word piece gets one vector; a turn's vector is the sum over its pieces. The vectors are fitted so that
such sums come as near as possible to what the encoder says of the same phrases (ridge regression, starting from
what it says of each piece alone), and then turned into whole numbers. The phrases are English glosses of JMdict
(EDRDG, CC BY-SA 4.0; no gloss is in the table), combinations of them, and sentences from the templates below,
which were written for this project. No test set is read.

The same projection to 256 numbers serves table and ads. It is the encoder's main directions, rotated at random so
that each number carries about as much as any other, which is what comparing signs needs.
"""

from __future__ import annotations

import argparse
import re
import sqlite3
import sys
from collections.abc import Iterable, Sequence
from contextlib import closing
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Final

import numpy as np

from domain.errors import ParleyError, Unavailable
from encoder import files
from encoder.model import Encoder, load
from encoder.table import MOST_WEIGHT, WIDTH

Array = np.ndarray[Any, Any]

_SEED: Final = 7
_GLOSSES: Final = 90_000
_PAIRS: Final = 30_000
_SENTENCES: Final = 15_000
_RIDGE: Final = 0.1
_STEPS: Final = 15
_SCALE_AT: Final = 99.9
_PIECE: Final = re.compile(r"(?:##)?[a-z0-9]+")
_BRACKETS: Final = re.compile(r"\s*\([^)]*\)")
_FIRST_WORD: Final = 1_996
_TEMPLATES: Final = (
    "can you recommend a good {}",
    "where can i buy {} for my {}",
    "what is the best {} under 100 dollars",
    "i am looking for {}",
    "i need help with {} and {}",
    "which {} should i get",
    "my {} is broken, how do i fix the {}",
    "tell me about {}",
    "how does {} compare to {}",
    "thanks, that helps. any tips on {}?",
    "planning a trip, need {}",
    "{} or {}?",
)


def phrases(vocabulary: Sequence[str]) -> list[str]:
    """Return what the table is fitted on, in a fixed order: about 160,000 short texts.

    Raises:
        Unavailable: `phrases_missing` when JMdict's package is not installed.
    """
    random = np.random.default_rng(_SEED)
    glosses = _glosses()
    random.shuffle(glosses)
    things = [g for g in glosses if g.count(" ") < 2 and not g.startswith("to ")]

    def some(count: int) -> list[str]:
        return [things[i] for i in random.integers(len(things), size=count)]

    found = [piece.removeprefix("##") for piece in vocabulary[_FIRST_WORD:]]
    found += glosses[:_GLOSSES]
    found += [" ".join(some(2 + i % 2)) for i in range(_PAIRS)]
    found += [_TEMPLATES[i % len(_TEMPLATES)].format(*some(2)) for i in range(_SENTENCES)]
    return found


def _glosses() -> list[str]:
    spec = find_spec("jamdict_data")
    path = Path(spec.origin).with_name("jamdict.db") if spec is not None and spec.origin else None
    if path is None or not path.is_file():
        raise Unavailable(
            "phrases_missing", "JMdict is missing: install jamdict-data, then try again."
        )
    with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as dictionary:
        rows = dictionary.execute("SELECT DISTINCT text FROM SenseGloss WHERE lang = 'eng'")
        texts = {_BRACKETS.sub("", row[0].lower()).strip() for row in rows if row[0]}
    return sorted(text for text in texts if 2 < len(text) < 60 and text.isascii())


class Bags:
    """Texts as bags of pieces: a sparse matrix (texts, pieces), multiplied from either side.

    Each entry is how often a piece stands in a text, divided by the root of the text's length.
    """

    def __init__(self, rows: Sequence[Sequence[int]], width: int) -> None:
        self.count = len(rows)
        self.width = width
        lengths = [len(row) for row in rows]
        self._text = np.repeat(np.arange(len(rows)), lengths)
        self._piece = np.array([piece for row in rows for piece in row], dtype=np.int64)
        roots = np.sqrt(np.maximum(lengths, 1)).astype(np.float32)
        self._share = np.repeat(1 / roots, lengths)[:, None]
        self._order = np.argsort(self._piece, kind="stable")

    def times(self, vectors: Array) -> Array:
        """Return the sums (texts, columns) for vectors (pieces, columns)."""
        return _sums(vectors, self._piece, self._share, self._text, self.count)

    def back(self, values: Array) -> Array:
        """Return the transposed product (pieces, columns) for values (texts, columns)."""
        order = self._order
        return _sums(values, self._text[order], self._share[order], self._piece[order], self.width)


def _sums(values: Array, source: Array, share: Array, target: Array, count: int) -> Array:
    """Add `share * values[source]` into rows `target`, which is in order."""
    starts = np.flatnonzero(np.r_[True, target[1:] != target[:-1]])
    out = np.zeros((count, values.shape[1]), dtype=np.float32)
    for at in range(0, values.shape[1], 64):
        part = values[source, at : at + 64] * share
        out[target[starts], at : at + 64] = np.add.reduceat(part, starts, axis=0)
    return out


def fit(bags: Bags, wanted: Array, start: Array) -> Array:
    """Return vectors near `start` whose sums come near `wanted`: ridge regression by conjugate gradients."""
    rest = bags.back(wanted - bags.times(start))
    change = np.zeros_like(start)
    way = rest.copy()
    size = np.square(rest).sum(axis=0)
    for _ in range(_STEPS):
        ahead = bags.back(bags.times(way)) + _RIDGE * way
        step = size / np.maximum((way * ahead).sum(axis=0), 1e-12)
        change += step * way
        rest -= step * ahead
        left = np.square(rest).sum(axis=0)
        way = rest + (left / np.maximum(size, 1e-12)) * way
        size = left
    return start + change


def projection(vectors: Array) -> Array:
    """Return the (384, 256) matrix: main directions of the vectors, rotated at random."""
    _, directions = np.linalg.eigh(vectors.T @ vectors / len(vectors))
    main = directions[:, ::-1][:, :WIDTH]
    turn, _ = np.linalg.qr(np.random.default_rng(_SEED).normal(size=(WIDTH, WIDTH)))
    return np.asarray(main @ turn, dtype=np.float32)


def whole(vectors: Array) -> tuple[Array, Array]:
    """Return int8 rows and uint16 weights whose products stand in for the vectors."""
    most = np.maximum(np.abs(vectors).max(axis=1), 1e-9)
    weights = np.rint(most / np.percentile(most, _SCALE_AT) * MOST_WEIGHT)
    rows = np.rint(vectors / most[:, None] * 127)
    return rows.astype(np.int8), np.clip(weights, 1, MOST_WEIGHT).astype("<u2")


def distil(model: Encoder) -> dict[str, Array]:
    """Return the arrays of the table; see `encoder.table.QueryTable`."""
    vocabulary = model.vocabulary()
    pieces = [piece for piece in vocabulary if _PIECE.fullmatch(piece)]
    number = {piece: i for i, piece in enumerate(pieces)}
    texts = phrases(vocabulary)
    wanted = model.embed(texts)
    turn = projection(wanted)
    alone = model.embed([piece.removeprefix("##") for piece in pieces]) @ turn
    # Frequent words say little: the vocabulary is in order of frequency.
    place = {piece: i for i, piece in enumerate(vocabulary)}
    rank = np.array([max(place[piece] - _FIRST_WORD, 1) for piece in pieces])
    common = 1 / (10.3 * (rank + 10))
    start = np.asarray(alone * (1e-3 / (1e-3 + common))[:, None], dtype=np.float32)
    bags = Bags([_known(model.pieces(text), number) for text in texts], len(pieces))
    rows, weights = whole(fit(bags, wanted @ turn, start))
    blob = "\n".join(pieces).encode()
    return {
        "pieces": np.frombuffer(blob, dtype=np.uint8),
        "vectors": rows,
        "weights": weights,
        "projection": turn,
    }


def _known(pieces: Iterable[str], number: dict[str, int]) -> list[int]:
    return [number[piece] for piece in pieces if piece in number]


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; returns 0, or 1 with one sentence on standard error."""
    parser = argparse.ArgumentParser(prog="python -m encoder.distil", description=__doc__)
    parser.add_argument("--out", type=Path, default=files.FOLDER / files.TABLE)
    chosen = parser.parse_args(arguments)
    try:
        arrays = distil(load())
    except ParleyError as error:
        sys.stderr.write(f"encoder.distil: {error.detail}\n")
        return 1
    with chosen.out.open("wb") as file:
        np.savez(
            file,
            pieces=arrays["pieces"],
            vectors=arrays["vectors"],
            weights=arrays["weights"],
            projection=arrays["projection"],
        )
    sys.stdout.write(f"{chosen.out}: {len(arrays['vectors'])} pieces, {files.digest(chosen.out)}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
