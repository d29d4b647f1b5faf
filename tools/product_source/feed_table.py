"""CSV and TSV rows, read so that one unclosed quote does not swallow the rest of the file."""

from __future__ import annotations

import csv
from collections.abc import Iterator

from domain.errors import BadInput
from tools.product_source.columns import TITLE_COLUMNS
from tools.product_source.rows import Row, column_name

#: A record that goes on for longer than this has an unclosed quote.
_MAX_SPAN = 200
_DELIMITERS = ",\t;|"


def table_rows(text: str) -> Iterator[Row]:
    """Yield the rows below the header line.

    Raises:
        BadInput: `feed_no_title` if no column of the header holds a product name.
    """
    lines = text.replace("\r\n", "\n").replace("\r", "\n").split("\n")
    at = next(number for number, line in enumerate(lines) if line.strip())
    delimiter = _delimiter(lines[at])
    header, at = _header(lines, at, delimiter)
    if not TITLE_COLUMNS.intersection(header):
        raise BadInput(
            "feed_no_title",
            "No column of the feed holds a product name; name one of the columns `title`.",
        )
    return _records(lines, at, delimiter, header)


def _delimiter(line: str) -> str:
    outside = line.split('"')[::2] if line.count('"') % 2 == 0 else [line]
    counts = {d: sum(part.count(d) for part in outside) for d in _DELIMITERS}
    return max(_DELIMITERS, key=lambda d: counts[d])


def _header(lines: list[str], at: int, delimiter: str) -> tuple[list[str], int]:
    cells, after = _record(lines, at, delimiter)
    return [column_name(cell) for cell in cells or []], after


def _records(lines: list[str], at: int, delimiter: str, header: list[str]) -> Iterator[Row]:
    while at < len(lines):
        start = at
        if not lines[start].strip(f" {delimiter}"):
            at += 1
            continue
        cells, at = _record(lines, start, delimiter)
        if cells is not None and at - start > 1 and len(cells) != len(header):
            cells, at = None, start + 1
        if cells is None:
            yield Row(
                start + 1, broken="A quotation mark in this row is not closed; close or double it."
            )
        elif len(cells) > len(header) and any(cell.strip() for cell in cells[len(header) :]):
            yield Row(
                start + 1,
                broken=f"The row has {len(cells)} cells, the header has {len(header)}; "
                "put text that contains the separator in quotation marks.",
            )
        else:
            yield Row(start + 1, dict(zip(header, cells, strict=False)))


def _record(lines: list[str], start: int, delimiter: str) -> tuple[list[str] | None, int]:
    """Return the cells of the record that starts at a line (None if broken) and the next line."""
    if '"' not in lines[start]:
        return lines[start].split(delimiter), start + 1
    window = iter(lines[start : start + _MAX_SPAN])
    reader = csv.reader((line + "\n" for line in window), delimiter=delimiter, strict=True)
    try:
        return next(reader), start + reader.line_num
    except (csv.Error, StopIteration):
        pass
    # A stray quotation mark inside a cell (`5" pipe`) is no reason to refuse the row.
    if lines[start].count('"') % 2:
        return None, start + 1
    try:
        return next(csv.reader([lines[start]], delimiter=delimiter)), start + 1
    except (csv.Error, StopIteration):
        return None, start + 1
