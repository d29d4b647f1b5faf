"""The encoder: texts in, unit vectors out; each text on its own, several side by side."""

from __future__ import annotations

import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import lru_cache
from pathlib import Path
from typing import Any, Final

import numpy as np

from domain.errors import Unavailable
from encoder import files
from encoder.files import DIM, MAX_TOKENS, MODEL_ID

Vectors = np.ndarray[Any, np.dtype[np.float32]]

_MOST_CHARS: Final = 20_000


class Encoder:
    """all-MiniLM-L6-v2, int8, on the processor.

    A text's vector depends on that text alone, not on its neighbours in the call, and is the same for any
    number of threads. Safe to share between threads.

    Attributes:
        model_id: Goes beside every stored vector; vectors of two ids do not compare.
        languages: Languages the model was trained on; similarity in any other is noise.
        dim: Length of a vector.
        threads: How many texts are embedded side by side.
    """

    model_id: str = MODEL_ID
    languages: tuple[str, ...] = ("eng",)
    dim: int = DIM

    def __init__(self, folder: Path, *, threads: int) -> None:
        # onnxruntime and tokenizers take a third of a second to import: only who embeds pays for it.
        import onnxruntime  # type: ignore[import-untyped]  # noqa: PLC0415
        from tokenizers import BertWordPieceTokenizer  # noqa: PLC0415

        self.threads = threads
        self._tokenizer = BertWordPieceTokenizer(str(folder / files.VOCABULARY), lowercase=True)
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1
        options.inter_op_num_threads = 1
        # The wider level fuses Add and LayerNormalization into an operator that is ten times slower.
        options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_BASIC
        self._session = onnxruntime.InferenceSession(
            str(folder / files.MODEL), options, providers=["CPUExecutionProvider"]
        )
        self._pool = ThreadPoolExecutor(threads, "encoder") if threads > 1 else None

    def embed(self, texts: Sequence[str]) -> Vectors:
        """Return one unit vector per text.

        Args:
            texts: Any strings; what goes beyond 256 word pieces is not read. An empty text has the vector
                of "nothing said", not zeros.

        Returns:
            float32 of shape (texts, 384), each row of length 1.
        """
        rows = self._ids(texts)
        # Longest first: the threads finish together.
        order = sorted(range(len(rows)), key=lambda i: -len(rows[i]))
        ordered = [rows[i] for i in order]
        out = np.empty((len(rows), DIM), dtype=np.float32)
        made = map(self._one, ordered) if self._pool is None else self._pool.map(self._one, ordered)
        for i, vector in zip(order, made, strict=True):
            out[i] = vector
        return out

    def tokens(self, text: str) -> int:
        """Return how many word pieces a text has, the two marks at its ends included, untruncated."""
        return len(self._tokenizer.encode(_clean(text)).ids)

    def pieces(self, text: str) -> list[str]:
        """Return the word pieces of a text, without the marks at its ends."""
        pieces: list[str] = self._tokenizer.encode(_clean(text), add_special_tokens=False).tokens
        return pieces

    def vocabulary(self) -> list[str]:
        """Return every word piece, in order of its number, which is roughly that of frequency."""
        known: dict[str, int] = self._tokenizer.get_vocab()
        return sorted(known, key=known.__getitem__)

    def _ids(self, texts: Sequence[str]) -> list[list[int]]:
        encoded = self._tokenizer.encode_batch([_clean(text[:_MOST_CHARS]) for text in texts])
        rows = []
        for one in encoded:
            ids: list[int] = one.ids
            if len(ids) > MAX_TOKENS:
                ids = [*ids[: MAX_TOKENS - 1], ids[-1]]
            rows.append(ids)
        return rows

    def _one(self, ids: list[int]) -> Vectors:
        found = self._session.run(None, {"input_ids": np.array([ids], dtype=np.int32)})[0]
        vector: Vectors = np.asarray(found[0], dtype=np.float32)
        return vector / np.float32(np.sqrt(np.dot(vector, vector)))


def _clean(text: str) -> str:
    """Return a text that can be encoded: lone surrogates have no UTF-8."""
    return text.encode("utf-8", "replace").decode("utf-8")


def installed(folder: Path | None = None) -> bool:
    """Return whether the model's files are there, by name; `load` is what checks that they are whole."""
    place = folder or files.FOLDER
    return all((place / name).is_file() for name in files.DIGESTS)


def load(folder: Path | None = None, *, threads: int | None = None) -> Encoder:
    """Return the encoder; the same one for the same arguments.

    Args:
        folder: Where `python -m encoder.build` put the files; by default inside this package.
        threads: Texts side by side; by default one per processor this process may use.

    Raises:
        Unavailable: `encoder_missing` or `encoder_stale`, with the one command that cures it.
    """
    return _load(folder or files.FOLDER, threads or _processors())


def _processors() -> int:
    """Return how many processors this process may use; only Linux knows of less than all."""
    allowed = getattr(os, "sched_getaffinity", None)
    return len(allowed(0)) if allowed is not None else os.cpu_count() or 1


@lru_cache(maxsize=4)
def _load(folder: Path, threads: int) -> Encoder:
    if not installed(folder):
        raise Unavailable(
            "encoder_missing",
            "The sentence encoder's files are not there: run `python -m encoder.build` (or `make setup`);"
            " without them there is no matching by meaning.",
        )
    if files.stale(folder):
        raise Unavailable(
            "encoder_stale",
            "The sentence encoder's files are damaged or of another version: run"
            " `python -m encoder.build` again.",
        )
    return Encoder(folder, threads=threads)
