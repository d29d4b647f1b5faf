"""The linear half of the sensitive gate: hashed n-grams, int8 weights, integer scores.

Characters 2 to 5 and words 1 to 2 are hashed into one table of weights. A text is read through windows of
`WINDOW` characters, so that a calm page around a cry for help does not dilute it. All arithmetic at run time
is on integers: the same text gives the same score on every machine. Trained by `fastpath.train_gate`.

File: `PGM1`, length of the head (uint32, little endian), head (JSON), weights (int8), BLAKE2b-256 of all before.
"""

from __future__ import annotations

import hashlib
import math
from array import array
from functools import cache
from pathlib import Path
from typing import Any, Final

import msgspec
import numpy as np
from numpy.typing import NDArray

from domain.errors import Unavailable
from fastpath._grams import Grams
from fastpath._points import Points as CodePoints
from fastpath._points import reader

MODEL_FILE: Final = Path(__file__).parent / "data" / "gate_model.bin"
MAGIC: Final = b"PGM1"
FEATURES: Final = 1
WINDOW: Final = 200
_STRIDE: Final = 50
#: A window shorter than this counts as this long: two letters prove nothing.
SHORTEST: Final = 40
_DIGEST: Final = 32
_ROOT_UNIT: Final = 1 << 8
_SCORE_UNIT: Final = 1 << 10
_LONGEST_GRAM: Final = 5
_BLANK: Final = 32
_TOP_POINT: Final = 0xFFFF
JAPANESE: Final = 0x3041
# Odd 32-bit numbers of golden-ratio kind; wrapping multiplication is exact in uint32.
_MIX: Final = np.uint32(0x9E3779B1)
_STEP: Final = np.uint32(0x85EBCA6B)
_BACK: Final = np.uint32(pow(0x85EBCA6B, -1, 1 << 32))
_PAIR: Final = np.uint32(0xC2B2AE35)
_WORD: Final = np.uint32(0x27D4EB2F)

Points = NDArray[np.uint32]


class GateModelError(Unavailable):
    """The gate's model is missing or damaged; without it no turn may be called harmless."""


class Head(msgspec.Struct, frozen=True):
    """What a model file says of itself.

    Attributes:
        features: Version of the hashing; another one cannot be read.
        bits: The table has 2**bits weights.
        thresholds: Language → least score that closes the gate.
        figures: What the thresholds were chosen on.
    """

    features: int
    bits: int
    thresholds: dict[str, int]
    figures: dict[str, Any]


def points_of(folded: str) -> Points:
    """Return the canonical code points of a folded text: digits as 0, all but letters blank."""
    bare = folded.replace("'", "")
    raw = np.frombuffer(f" {bare} ".encode("utf-32-le", "replace"), dtype=np.uint32)
    return _canon()[np.minimum(raw, _TOP_POINT)]


def language_of(points: Points) -> str:
    """Return which threshold a text is held against: `jpn` as soon as a Japanese letter is in it."""
    return "jpn" if int(points.max()) >= JAPANESE else "eng"


def hash_grams(
    points: Points, bits: int
) -> tuple[NDArray[np.uint32], list[NDArray[np.intp] | int]]:
    """Return the buckets of all n-grams, shape (n,), and where each group starts.

    Returns:
        Buckets, characters first (by length), then words, then pairs of words; and per group either its
        length (character groups start at 0, 1, 2…) or the start of each word.
    """
    mixed = points * _MIX
    groups: list[Points] = []
    places: list[NDArray[np.intp] | int] = []
    gram = mixed
    for size in range(1, _LONGEST_GRAM):
        gram = gram[:-1] * _STEP + mixed[size:]
        groups.append(gram)
        places.append(len(gram))
    edges = np.flatnonzero(np.diff(points != _BLANK))
    starts, ends = edges[0::2], edges[1::2]
    power, inverse = _powers(len(points))
    running = np.cumsum(mixed * power, dtype=np.uint32)
    words = (running[ends] - running[starts]) * inverse[starts] * _WORD
    groups += [words, words[:-1] * _PAIR + words[1:]]
    places += [starts, starts[:-1]]
    return np.concatenate(groups) >> np.uint32(32 - bits), places


def length_unit(length: int) -> int:
    """Return the root of a window's length in 256ths, the divisor of its sum of weights."""
    return math.isqrt(max(length, SHORTEST) * _ROOT_UNIT * _ROOT_UNIT)


def _least(score: int, length: int) -> int:
    """Return the least sum of a window of that length that has at least that score."""
    return -(-score * length_unit(length) // (_ROOT_UNIT * _SCORE_UNIT))


class GateModel:
    """A loaded model.

    Args:
        head: Sizes and thresholds.
        weights: int8, shape (2**bits,).
        digest: Of the file, hex.

    Attributes:
        grams: Sums up the weights of a text.
        least: Least sum that fires, by language (`eng`, `jpn`) and length of the window.
    """

    def __init__(self, head: Head, weights: NDArray[np.int8], digest: str) -> None:
        self.head = head
        self.digest = digest
        self.grams = Grams(weights, head.bits, WINDOW, _STRIDE)
        self.least = {
            language: array("q", [_least(limit, length) for length in range(WINDOW + 1)])
            for language, limit in head.thresholds.items()
        }

    def fires(self, folded: str) -> bool:
        """Return whether a folded text should be treated as sensitive."""
        points = reader().read(folded)
        found = self.fires_in(points)
        reader().give(points)
        return found

    def fires_in(self, points: CodePoints) -> bool:
        """Return what `fires` does, for a text already cut into code points."""
        best, length, top = self.grams.sum_in(points)
        least = self.least["jpn" if top >= JAPANESE else "eng"]
        return best >= least[min(length, WINDOW)]

    def score(self, folded: str) -> int:
        """Return the highest score of any window of a folded text."""
        best, length, _ = self.grams.sum_in(reader().read(folded))
        return best * _ROOT_UNIT * _SCORE_UNIT // length_unit(min(length, WINDOW))


def load(path: Path = MODEL_FILE) -> GateModel:
    """Read and verify a model file.

    Raises:
        GateModelError: It is missing, truncated, damaged or of another version.
    """
    try:
        data = path.read_bytes()
    except OSError as error:
        raise _unusable(path, "cannot be read") from error
    body, digest = data[:-_DIGEST], data[-_DIGEST:]
    if not data.startswith(MAGIC) or _digest(body) != digest:
        raise _unusable(path, "is damaged")
    end = 8 + int.from_bytes(body[4:8], "little")
    try:
        head = msgspec.json.decode(body[8:end], type=Head)
    except msgspec.DecodeError as error:
        raise _unusable(path, "has no readable head") from error
    weights = np.frombuffer(body, dtype=np.int8, offset=end)
    complete = set(head.thresholds) == {"eng", "jpn"} and len(weights) == 1 << head.bits
    if head.features != FEATURES or not complete:
        raise _unusable(path, "is of another version")
    return GateModel(head, weights, digest.hex())


@cache
def shipped() -> GateModel:
    """Return the model that ships with this code, read once. Raises `GateModelError`."""
    return load()


def dump(head: Head, weights: NDArray[np.int8]) -> bytes:
    """Return the bytes of a model file."""
    meta = msgspec.json.encode(head, order="deterministic")
    body = MAGIC + len(meta).to_bytes(4, "little") + meta + weights.tobytes()
    return body + _digest(body)


def _unusable(path: Path, what: str) -> GateModelError:
    return GateModelError(
        "gate_model_unusable",
        f"The gate's model {path.name} {what}: run python -m fastpath.train_gate or reinstall.",
    )


def _digest(body: bytes) -> bytes:
    return hashlib.blake2b(body, digest_size=_DIGEST).digest()


@cache
def _canon() -> Points:
    """Return the table code point → canonical code point; the last entry stands for all above it."""
    table = np.full(_TOP_POINT + 1, _BLANK, dtype=np.uint32)
    for point in range(_TOP_POINT):
        char = chr(point)
        if char.isalnum():
            table[point] = ord("0") if char.isdigit() else point
    return table


@cache
def _small_powers() -> tuple[Points, Points]:
    return _make_powers(1024)


def _powers(length: int) -> tuple[Points, Points]:
    """Return the first powers of the step and of its inverse modulo 2**32."""
    if length > 1024:
        return _make_powers(length)
    power, inverse = _small_powers()
    return power[:length], inverse


def _make_powers(length: int) -> tuple[Points, Points]:
    power = np.cumprod(np.full(length, _STEP, np.uint32), dtype=np.uint32)
    inverse = np.cumprod(np.full(length, _BACK, np.uint32), dtype=np.uint32)
    return power, inverse
