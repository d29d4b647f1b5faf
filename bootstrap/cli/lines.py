"""JSON Lines as people have them: with a bad line here and there."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from domain.errors import BadInput

_LARGEST = 2**63


def read_json_lines(path: Path) -> Iterator[Any]:
    """Yield what stands in the lines of a file (`-` is stdin); a line that is not JSON as its text.

    Raises:
        BadInput: if the file cannot be read.
    """
    try:
        data = sys.stdin.buffer.read() if str(path) == "-" else path.read_bytes()
    except OSError as error:
        raise BadInput("file_unreadable", f"{path} cannot be read: {error.strerror}.") from error
    # Not `splitlines`: it also breaks at signs that may stand inside a JSON text, such as U+2028.
    for line in data.decode("utf-8-sig", "replace").split("\n"):
        if line.strip():
            yield _parsed(line)


def _parsed(line: str) -> Any:
    try:
        row = json.loads(line)
        if isinstance(row, dict) and "id" in row:
            row["id"] = _plain(row["id"])
    except (ValueError, RecursionError):
        return line[:200]
    return row


def _plain(name: Any) -> str | int:
    """Return an id that can be printed again, whatever was given."""
    if isinstance(name, int) and not isinstance(name, bool) and -_LARGEST <= name < _LARGEST:
        return name
    return str(name)[:200]
