"""Rows of a table in a file, one at a time: any size, any of the usual encodings and separators."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from pathlib import Path

from domain.decode import encoding_of
from domain.errors import Unprocessable

_HEAD = 200_000
_MARKS = (",", ";", "\t", "|")
#: A cell that is longer is not a cell: a quote was left open.
_MOST_CELLS = 300
_ARCHIVES = (b"PK\x03\x04", b"%PDF", b"\xd0\xcf\x11\xe0", b"\x1f\x8b")

Line = tuple[int, list[str] | None]


def rows(path: Path) -> Iterator[Line]:
    """Yield every line with its number; None for a line that is damaged.

    Raises:
        Unprocessable: `file_empty`, `file_not_table`.
    """
    with path.open("rb") as file:
        head = file.read(_HEAD)
    if not head.strip():
        raise Unprocessable(
            "file_empty", "The file is empty; give a table with one person per line."
        )
    if head.startswith(_ARCHIVES) or (
        head.count(b"\x00") > len(head) // 20 and not head.startswith((b"\xff\xfe", b"\xfe\xff"))
    ):
        raise Unprocessable(
            "file_not_table", "The file is no text table; export it as CSV in UTF-8."
        )
    encoding = encoding_of(head)
    first = head.decode(encoding, "replace").lstrip("\ufeff").partition("\n")[0]
    mark = max(_MARKS, key=first.count)
    # Broken bytes become lone surrogates: they cost their row and not the file.
    errors = "surrogateescape" if encoding.startswith("utf-8") else "replace"
    with path.open(encoding=encoding, errors=errors, newline="") as text:
        reader = csv.reader(text, delimiter=mark)
        while True:
            try:
                row = next(reader)
            except StopIteration:
                return
            except csv.Error:
                yield reader.line_num, None
                continue
            if any(cell and not cell.isspace() for cell in row):
                yield reader.line_num, row if len(row) <= _MOST_CELLS else None
