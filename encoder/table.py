"""The static query table: what turns a chat turn into a vector beside the ads' without running the model."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from typing import Any, Final

import msgspec
import numpy as np

from domain.errors import Unavailable
from encoder import files

Array = np.ndarray[Any, Any]

#: Numbers per vector, of the table and of the ads beside it.
WIDTH: Final = 256
MOST_WEIGHT: Final = 1_023


class QueryTable(msgspec.Struct, frozen=True):
    """One vector per word piece; made by `python -m encoder.distil`.

    Attributes:
        table_id: From the content; vectors projected by one table do not compare with another's.
        pieces: Word pieces of a-z and 0-9, those inside a word marked with ##.
        vectors: int8 (pieces, 256). weights: uint16, at most 1023: what a row counts in a sum.
        projection: float32 (384, 256), from the encoder's vectors to the table's.
    """

    table_id: str
    pieces: tuple[str, ...]
    vectors: Array
    weights: Array
    projection: Array


def query_table(path: Path | None = None) -> QueryTable:
    """Return the shipped table, or the one in a file.

    Raises:
        Unavailable: `query_table_missing` when it is absent or damaged.
    """
    return _read(path or files.FOLDER / files.TABLE)


@lru_cache(maxsize=2)
def _read(path: Path) -> QueryTable:
    try:
        with np.load(path, allow_pickle=False) as stored:
            pieces = tuple(stored["pieces"].tobytes().decode().split("\n"))
            table = QueryTable(
                table_id=files.digest(path)[:16],
                pieces=pieces,
                vectors=stored["vectors"],
                weights=stored["weights"],
                projection=stored["projection"],
            )
    except (OSError, ValueError, KeyError) as error:
        raise Unavailable(
            "query_table_missing",
            f"The query table {path.name} is missing or damaged: take it from the release, or run"
            " `python -m encoder.distil`.",
        ) from error
    if table.vectors.shape != (len(pieces), WIDTH) or table.weights.shape != (len(pieces),):
        raise Unavailable(
            "query_table_missing",
            f"The query table {path.name} does not fit together; take it anew.",
        )
    return table
