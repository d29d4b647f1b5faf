"""A file to blocks or rows. What it is, its bytes say; what cannot be read is refused with its reason.

PDF, DOCX and large pages are read in a process of their own with bounds on memory and time: a file that makes its
reader run away ends that process and nothing else.

    python -m rag.extract KIND PATH     writes the document as MessagePack
"""

from __future__ import annotations

import asyncio
import logging
import os
import resource
import sys
import zipfile
from collections.abc import Callable
from enum import StrEnum
from pathlib import Path
from typing import Any

import msgspec

from domain.errors import ParleyError, Unprocessable
from rag.extract_html import extract_html
from rag.extract_text import extract_markdown, extract_plain
from rag.extracted import (
    MAX_DOCUMENT_BYTES,
    MAX_FEED_BYTES,
    MAX_TEXT,
    Extracted,
    too_large,
    too_long,
    unreadable,
)

log = logging.getLogger("parley.rag")

_HEAD = 8192
_ROOT = Path(__file__).resolve().parent.parent
#: Bounds of the process that reads one file.
CHILD_SECONDS, CHILD_MEMORY = 120, 3 << 30
#: Pages below this size are read in place.
_SMALL_PAGE = 400_000


class Kind(StrEnum):
    """What a file is."""

    HTML = "html"
    MARKDOWN = "markdown"
    PLAIN = "plain"
    PDF = "pdf"
    DOCX = "docx"
    CSV = "csv"
    JSON = "json"
    XML = "xml"

    @property
    def has_rows(self) -> bool:
        """Whether each row is a document of its own."""
        return self in (Kind.CSV, Kind.JSON, Kind.XML)


_ENDINGS = {
    ".html": Kind.HTML, ".htm": Kind.HTML, ".xhtml": Kind.HTML, ".md": Kind.MARKDOWN,
    ".markdown": Kind.MARKDOWN, ".txt": Kind.PLAIN, ".csv": Kind.CSV, ".tsv": Kind.CSV,
    ".json": Kind.JSON, ".jsonl": Kind.JSON, ".ndjson": Kind.JSON, ".xml": Kind.XML, ".rss": Kind.XML,
}  # fmt: skip


def kind_of(head: bytes, name: str, stated: str = "") -> Kind:
    """Return what a file is.

    Args:
        head: Its first bytes.
        name: Its name; the ending decides between kinds of text.
        stated: Its media type, where a server stated one.

    Raises:
        Unprocessable: `file_kind_unknown`.
    """
    if b"%PDF-" in head[:1024]:
        return Kind.PDF
    if head.startswith((b"PK\x03\x04", b"PK\x05\x06", b"\xd0\xcf\x11\xe0")):
        if name.lower().endswith((".docx", ".doc")) or b"word/" in head:
            return Kind.DOCX
        raise _unknown(name)
    start = head.lstrip(b"\xef\xbb\xbf \t\r\n")[:200].lower()
    if start.startswith((b"<!doctype html", b"<html")):
        return Kind.HTML
    ending = Path(name.partition("?")[0]).suffix.lower()
    if ending in _ENDINGS:
        return _ENDINGS[ending]
    media = stated.partition(";")[0].strip().lower()
    for word, kind in (
        ("html", Kind.HTML), ("markdown", Kind.MARKDOWN), ("csv", Kind.CSV), ("tab-sep", Kind.CSV),
        ("json", Kind.JSON), ("xml", Kind.XML), ("plain", Kind.PLAIN),
    ):  # fmt: skip
        if word in media:
            return kind
    if start.startswith((b"<?xml", b"<rss", b"<feed")):
        return Kind.XML
    if not ending and not media and b"\x00" not in head:
        return Kind.HTML if b"</" in head else Kind.PLAIN
    raise _unknown(name)


def limit_of(kind: Kind) -> int:
    """Return the most bytes that are read of a kind."""
    return MAX_FEED_BYTES if kind.has_rows else MAX_DOCUMENT_BYTES


def check_size(path: Path, kind: Kind) -> int:
    """Return the size of a file.

    Raises:
        Unprocessable: `file_too_large`, `file_empty`.
    """
    size = path.stat().st_size
    if size > limit_of(kind):
        raise too_large(size, limit_of(kind))
    if size == 0:
        raise Unprocessable("file_empty", "The file is empty; upload it again.")
    return size


def extract(path: Path, kind: Kind) -> Extracted:
    """Read a document in this process.

    Raises:
        Unprocessable: naming why it cannot be read.
    """
    check_size(path, kind)
    try:
        found = _READERS[kind](path)
    except (ParleyError, MemoryError):
        raise
    except Exception as error:
        # Readers of other people's formats fail in ways that no list can name; the file is at fault.
        log.info("%s not readable: %s: %s", kind, type(error).__name__, error)
        raise unreadable(kind.upper()) from error
    if sum(len(block.text) for block in found.blocks) > MAX_TEXT:
        raise too_long()
    return found


async def extract_apart(path: Path, kind: Kind) -> Extracted:
    """Read a document, in a process of its own if it may be dangerous.

    Raises:
        Unprocessable: naming why it cannot be read; `file_too_hard` if it took too much time or memory.
    """
    size = check_size(path, kind)
    if kind in (Kind.MARKDOWN, Kind.PLAIN) or (kind is Kind.HTML and size <= _SMALL_PAGE):
        return await asyncio.to_thread(extract, path, kind)
    child = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "rag.extract", kind, str(path),
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
        cwd=_ROOT,
        env={"PATH": os.environ.get("PATH", ""), "PYTHONUTF8": "1"},
    )  # fmt: skip
    try:
        async with asyncio.timeout(CHILD_SECONDS):
            out, errors = await child.communicate()
    except TimeoutError as error:
        raise _too_hard(kind) from error
    finally:
        if child.returncode is None:
            child.kill()
            await child.wait()
    if child.returncode == 0:
        return msgspec.msgpack.decode(out, type=Extracted)
    if child.returncode == 3:
        told: dict[str, str] = msgspec.msgpack.decode(out)
        raise Unprocessable(told["code"], told["detail"])
    log.warning("reading a %s ended with %s: %s", kind, child.returncode, errors[-500:])
    raise _too_hard(kind)


def _read_pdf(path: Path) -> Extracted:
    # Imported where it is read: a quarter of a second that most processes never need.
    from rag.extract_pdf import extract_pdf  # noqa: PLC0415

    return extract_pdf(path)


def _read_docx(path: Path) -> Extracted:
    # As above.
    from rag.extract_docx import extract_docx  # noqa: PLC0415

    try:
        return extract_docx(path)
    except (KeyError, zipfile.BadZipFile) as error:
        raise unreadable("document") from error


_READERS: dict[Kind, Callable[[Path], Extracted]] = {
    Kind.HTML: lambda path: extract_html(path.read_bytes()),
    Kind.MARKDOWN: lambda path: extract_markdown(path.read_bytes()),
    Kind.PLAIN: lambda path: extract_plain(path.read_bytes()),
    Kind.PDF: _read_pdf,
    Kind.DOCX: _read_docx,
}


def _too_hard(kind: Kind) -> Unprocessable:
    return Unprocessable(
        "file_too_hard",
        f"Reading the {kind.upper()} took more than {CHILD_SECONDS} s or too much memory; split it and retry.",
    )


def _unknown(name: str) -> Unprocessable:
    return Unprocessable(
        "file_kind_unknown",
        f"{Path(name).name[:80]!r} is none of HTML, Markdown, text, PDF, DOCX, CSV, TSV, JSON, JSON Lines, XML.",
    )


def main(arguments: list[str]) -> int:
    """Read one file and write it to standard output; 3 says that it was refused with a reason."""
    kind, path = Kind(arguments[0]), Path(arguments[1])
    resource.setrlimit(resource.RLIMIT_AS, (CHILD_MEMORY, CHILD_MEMORY))
    resource.setrlimit(resource.RLIMIT_CPU, (CHILD_SECONDS, CHILD_SECONDS))
    result: Any
    try:
        code, result = 0, extract(path, kind)
    except ParleyError as error:
        code, result = 3, {"code": error.code, "detail": error.detail}
    sys.stdout.buffer.write(msgspec.msgpack.encode(result))
    return code


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
