"""Rows of CSV, TSV, JSON, JSON Lines and XML files, one at a time: a million rows take no more memory than ten."""

from __future__ import annotations

import csv
import json
import re
from collections import Counter, deque
from collections.abc import Iterator
from pathlib import Path
from typing import Any, TextIO

import msgspec
from lxml import etree

from domain.decode import encoding_of
from domain.errors import Unprocessable
from rag.extracted import unreadable

_HEAD = 262_144
#: A record that goes on for longer than this has an unclosed quote.
_MAX_SPAN = 100
_DELIMITERS = ",\t;|"
#: Lines that a platform may put above the header of its export.
_PREAMBLE = 15
#: Characters of one JSON item, and of one line.
_MAX_ITEM = 2_000_000
_BUFFER = 262_144
_LIST = re.compile(r'"[^"\\]{1,80}"\s*:\s*\[\s*\{')
_ITEMS = ("item", "entry", "product", "row", "record", "offer", "shopitem")
_BROKEN_XML = "The XML is broken, some items may be missing from here on; mend it and retry."
_BROKEN_BYTES = re.compile("[\udc80-\udcff]")


class RawRow(msgspec.Struct, frozen=True):
    """Cells of a row by column name as the file states it.

    Attributes:
        line: Line (or item) where it starts, from 1.
        cells: Text by column. broken: why the row could not be read.
        cut: Whether the file ends here before its time; what is missing behind it has not vanished.
    """

    line: int
    cells: dict[str, str] = {}
    broken: str | None = None
    cut: bool = False


def read_rows(path: Path, kind: str) -> Iterator[RawRow]:
    """Yield the rows of a file.

    Args:
        path: The file.
        kind: `csv`, `json` or `xml`; TSV is found out, and so are JSON Lines.

    Raises:
        Unprocessable: `file_not_readable`.
    """
    if kind == "xml":
        yield from _xml_rows(path)
        return
    with path.open("rb") as binary:
        encoding = encoding_of(binary.read(_HEAD))
    with path.open(encoding=encoding, errors="surrogateescape", newline="") as file:
        try:
            yield from (_json_rows if kind == "json" else _table_rows)(file)
        except UnicodeError as error:
            # UTF-16 and UTF-32 know no way to go on behind broken bytes.
            raise unreadable("file") from error


def _checked(line: int, cells: dict[str, str]) -> RawRow:
    if any(_BROKEN_BYTES.search(cell) for cell in cells.values() if not cell.isascii()):
        return RawRow(
            line,
            broken="The row holds bytes that are no text in the file's encoding; save it as UTF-8.",
        )
    return RawRow(line, cells)


class _Lines:
    """Lines of a file, some of which can be given back."""

    def __init__(self, file: TextIO) -> None:
        self._file = file
        self._waiting: deque[str] = deque()
        self.number = 0

    def next(self) -> str | None:
        line = self._waiting.popleft() if self._waiting else self._file.readline(_MAX_ITEM)
        if not line:
            return None
        self.number += 1
        return line.rstrip("\r\n").replace("\x00", "")

    def back(self, lines: list[str]) -> None:
        self._waiting.extendleft(line + "\n" for line in reversed(lines))
        self.number -= len(lines)


def _table_rows(file: TextIO) -> Iterator[RawRow]:
    lines = _Lines(file)
    delimiter, header = _header(lines)
    width = len(header)
    while (line := lines.next()) is not None:
        start = lines.number
        if not line.strip(f" {delimiter}"):
            continue
        cells = _record(lines, line, delimiter, width)
        if cells is None:
            yield RawRow(
                start, broken="A quotation mark in this row is not closed; close or double it."
            )
        elif len(cells) > width and any(cell.strip() for cell in cells[width:]):
            yield RawRow(
                start,
                broken=f"The row has {len(cells)} cells, the header has {width}; "
                "put text that contains the separator in quotation marks.",
            )
        else:
            yield _checked(start, dict(zip(header, cells, strict=False)))


def _header(lines: _Lines) -> tuple[str, list[str]]:
    """Find the header: exports have a title and a date above it, which have fewer cells."""
    head: list[str] = []
    while len(head) < _PREAMBLE and (line := lines.next()) is not None:
        head.append(line)
    if not any(line.strip() for line in head):
        raise Unprocessable(
            "file_empty", "The file has no rows; give one with a header line and rows."
        )
    delimiter, cells = max(
        ((d, _usual([_count(line, d) for line in head])) for d in _DELIMITERS),
        key=lambda one: one[1],
    )
    usual = cells[1]
    at = next(i for i, line in enumerate(head) if line.strip() and _count(line, delimiter) >= usual)
    lines.back(head[at + 1 :])
    names = next(csv.reader([head[at].lstrip("\ufeff")], delimiter=delimiter))
    return delimiter, [name.strip() or f"column {i}" for i, name in enumerate(names, 1)]


def _usual(counts: list[int]) -> tuple[int, int]:
    """Return in how many separators most lines with any agree: (their share of it all, the count)."""
    found = Counter(count for count in counts if count).most_common()
    # Of two that are as frequent the larger one: a line of a preamble has fewer.
    best = max(found, key=lambda one: (one[1], one[0]), default=(0, 0))
    return best[0] * best[1], best[0]


def _count(line: str, delimiter: str) -> int:
    outside = line.split('"')[::2] if line.count('"') % 2 == 0 else [line]
    return sum(part.count(delimiter) for part in outside)


def _record(lines: _Lines, line: str, delimiter: str, width: int) -> list[str] | None:
    if '"' not in line:
        return line.split(delimiter)
    taken, quotes = [line], line.count('"')
    while quotes % 2 and len(taken) < _MAX_SPAN and (following := lines.next()) is not None:
        taken.append(following)
        quotes += following.count('"')
    cells = None if quotes % 2 else _parsed(taken, delimiter)
    if cells is not None and (len(taken) == 1 or len(cells) == width):
        return cells
    lines.back(taken[1:])
    # A stray quotation mark inside a cell (5" pipe) is no reason to refuse the row.
    return None if line.count('"') % 2 else _parsed([line], delimiter)


def _parsed(lines: list[str], delimiter: str) -> list[str] | None:
    try:
        # Over several lines only what is quoted by the book: a stray mark must not swallow rows.
        strict = len(lines) > 1
        rows = list(csv.reader([f"{x}\n" for x in lines], delimiter=delimiter, strict=strict))
    except csv.Error:
        return None
    return rows[0] if len(rows) == 1 else None


def _json_rows(file: TextIO) -> Iterator[RawRow]:
    head = file.read(_BUFFER)
    start = head.lstrip("\ufeff \t\r\n")
    if start.startswith("{") and not _is_lines(start):
        found = _LIST.search(head)
        if found is None:
            yield from _single(head + file.read(_MAX_ITEM))
            return
        yield from _items(file, head, found.end() - 1)
    elif start.startswith("["):
        yield from _items(file, head, head.index("[") + 1)
    else:
        yield from _json_lines(file, head)


def _is_lines(start: str) -> bool:
    """Tell whether the first line is an object of its own."""
    first, _, rest = start.partition("\n")
    if not first.rstrip().endswith("}") or _loads(first) is None:
        return False
    return rest.lstrip().startswith("{") or _LIST.search(first) is None


def _json_lines(file: TextIO, head: str) -> Iterator[RawRow]:
    number, rest = 0, head
    while rest:
        *whole, rest = rest.split("\n")
        more = file.read(_BUFFER)
        if not more:
            whole, rest = [*whole, rest], ""
        for line in whole:
            number += 1
            if line.strip():
                yield _object(number, _loads(line.lstrip("\ufeff")))
        if len(rest) > _MAX_ITEM:
            raise unreadable("JSON file")
        rest += more


def _items(file: TextIO, buffer: str, at: int) -> Iterator[RawRow]:
    """Yield the objects of an array, of which the buffer holds the beginning."""
    decoder, number = json.JSONDecoder(), 0
    while True:
        while at < len(buffer) and buffer[at] in " \t\r\n,":
            at += 1
        if at < len(buffer):
            if buffer[at] == "]":
                return
            try:
                value, at = decoder.raw_decode(buffer, at)
            except (json.JSONDecodeError, RecursionError):
                value = file
        else:
            value = file
        if value is not file:
            number += 1
            yield _object(number, value)
            continue
        more = file.read(_BUFFER)
        if not more or len(buffer) - at > _MAX_ITEM:
            # Behind a broken item nobody knows where the next one begins.
            yield RawRow(
                number + 1, broken="The JSON is broken from this item on; mend it and retry."
            )
            return
        buffer, at = buffer[at:] + more, 0


def _single(text: str) -> Iterator[RawRow]:
    yield _object(1, _loads(text))


def _loads(text: str) -> Any:
    try:
        return json.loads(text)
    except (json.JSONDecodeError, RecursionError):
        return None


def _object(line: int, value: Any) -> RawRow:
    if not isinstance(value, dict):
        return RawRow(line, broken="The item is not an object with named values; write it as {…}.")
    cells = {str(name): _cell(one) for name, one in value.items()}
    return RawRow(
        line, {name.replace("\x00", ""): c.replace("\x00", "") for name, c in cells.items() if c}
    )


def _cell(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, dict):
        pairs = (
            (name, _cell(one)) for name, one in value.items() if not isinstance(one, dict | list)
        )
        return "; ".join(f"{name}: {one}" for name, one in pairs if one)
    if isinstance(value, list):
        return ", ".join(filter(None, map(_cell, value[:50])))
    return str(value).encode("utf-8", "replace").decode()


def _xml_rows(path: Path) -> Iterator[RawRow]:
    # No entities, no network, no DTD: what a feed may contain is elements and text.
    walk = etree.iterparse(
        str(path), events=("end",), tag=[f"{{*}}{name}" for name in _ITEMS], recover=True,
        resolve_entities=False, no_network=True, load_dtd=False, huge_tree=False,
    )  # fmt: skip
    number = 0
    try:
        for _, element in walk:
            if any(True for _ in element.iterancestors(*(f"{{*}}{name}" for name in _ITEMS))):
                continue
            number += 1
            yield RawRow(number, _xml_cells(element))
            element.clear()
            # What has been read is let go, or the tree grows with the file.
            while element.getprevious() is not None:
                del element.getparent()[0]
    except etree.XMLSyntaxError as error:
        if number == 0:
            raise unreadable("XML file") from error
        yield RawRow(number + 1, broken=_BROKEN_XML, cut=True)
        return
    # The parser recovers in silence, and may have left items out.
    if any(entry.level >= etree.ErrorLevels.FATAL for entry in walk.error_log):
        yield RawRow(number + 1, broken=_BROKEN_XML, cut=True)


def _xml_cells(element: etree._Element) -> dict[str, str]:
    cells: dict[str, str] = {}
    for child in element:
        if not isinstance(child.tag, str):
            continue
        name = str(etree.QName(child).localname)
        text = " ".join(str(part).strip() for part in child.itertext() if part.strip())
        text = text or str(child.get("href") or "")
        cells[name] = f"{cells[name]}, {text}" if name in cells and text else cells.get(name, text)
    for attribute, value in element.attrib.items():
        cells.setdefault(str(attribute), str(value))
    return cells
