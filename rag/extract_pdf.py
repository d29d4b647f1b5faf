"""PDF files by pypdf: paragraphs out of lines, headings out of the file's own outline."""

from __future__ import annotations

import re
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from pypdf import PageObject, PdfReader

from domain.errors import Unprocessable
from rag.extracted import (
    MAX_TEXT,
    Block,
    BlockKind,
    Extracted,
    empty,
    line_of,
    too_long,
    unreadable,
)

MAX_PAGES = 3_000
_NUMBERS = re.compile(r"\d+")
_SENTENCE_END = (".", "!", "?", "。", "！", "？", ":", "」", "”")
_INVISIBLE_MODE = re.compile(rb"(?:^|\s)3\s+Tr\b")


def extract_pdf(path: Path) -> Extracted:
    """Read a PDF.

    Raises:
        Unprocessable: `file_encrypted` if it asks for a password, `file_not_readable` if it is damaged or cut off,
            `file_too_long` above `MAX_PAGES`, `file_has_no_text` if its pages are pictures.
    """
    # The reader seeks: it wants a file, not bytes.
    with path.open("rb") as file:
        file.seek(max(0, path.stat().st_size - 2048))
        # What was cut off has no end mark. The reader would rebuild such a file and lose pages in silence.
        if b"%%EOF" not in file.read():
            raise unreadable("PDF")
        reader = PdfReader(file, strict=False)
        if reader.is_encrypted and not reader.decrypt(""):
            raise Unprocessable(
                "file_encrypted", "The PDF asks for a password; save it without one and retry."
            )
        if len(reader.pages) > MAX_PAGES:
            raise Unprocessable(
                "file_too_long",
                f"The PDF has more than {MAX_PAGES:,} pages; split it and upload the parts.",
            )
        return _read(reader)


def _read(reader: PdfReader) -> Extracted:
    pages, blank, broken, size, invisible = [], 0, 0, 0, False
    for page in reader.pages:
        try:
            lines = [line_of(line) for line in page.extract_text().split("\n")]
            invisible = invisible or _has_invisible(page)
        except (KeyError, ValueError, TypeError, AttributeError, IndexError, OverflowError):
            # One page that makes no sense does not cost the others.
            broken += 1
            continue
        size += sum(map(len, lines))
        if size > MAX_TEXT:
            raise too_long()
        if any(lines):
            pages.append(lines)
        else:
            blank += 1
    if not pages:
        raise Unprocessable(
            "file_has_no_text",
            "The pages of the PDF are pictures; run text recognition over it and retry.",
        )
    blocks = _blocks(_without_margins(pages), _outline(reader))
    if not blocks:
        raise empty("PDF")
    info = reader.metadata
    title = line_of(str(info.title)) if info is not None and info.title else ""
    signals = {
        "pages": len(reader.pages), "pages_without_text": blank, "pages_broken": broken,
        "invisible_text": invisible,
    }  # fmt: skip
    return Extracted(
        title[:500],
        tuple(blocks),
        published_at=_date(info.creation_date if info is not None else None),
        signals={name: value for name, value in signals.items() if value},
    )


def _has_invisible(page: PageObject) -> bool:
    contents = page.get_contents()
    return contents is not None and bool(_INVISIBLE_MODE.search(contents.get_data()))


def _without_margins(pages: list[list[str]]) -> list[list[str]]:
    """Drop running heads and feet: lines at a page's edge that stand on most pages, whatever their numbers."""
    if len(pages) < 4:
        return pages
    edges: Counter[str] = Counter()
    for lines in pages:
        edges.update({_NUMBERS.sub("#", line) for line in (*lines[:2], *lines[-2:]) if line})
    running = {line for line, count in edges.items() if count > 0.6 * len(pages)}
    return [
        [
            line
            for i, line in enumerate(lines)
            if not ((i < 2 or i >= len(lines) - 2) and _NUMBERS.sub("#", line) in running)
        ]
        if len(lines) > 4
        else lines
        for lines in pages
    ]


def _blocks(pages: list[list[str]], outline: dict[str, int]) -> list[Block]:
    out: list[Block] = []
    para: list[str] = []

    def flush() -> None:
        if para:
            out.append(Block(BlockKind.TEXT, _joined(para)))
            para.clear()

    longest = max((len(line) for lines in pages for line in lines), default=0)
    for lines in pages:
        for line in lines:
            level = outline.get(line.casefold())
            if level is not None:
                flush()
                out.append(Block(BlockKind.HEADING, line[:300], level))
            elif not line:
                flush()
            else:
                para.append(line)
                # A line that ends a sentence well before the margin ends its paragraph.
                if line.endswith(_SENTENCE_END) and len(line) < 0.75 * longest:
                    flush()
    flush()
    return out


def _joined(lines: list[str]) -> str:
    text = lines[0]
    for line in lines[1:]:
        if text.endswith("-") and line[:1].islower():
            text = text[:-1] + line
        elif text[-1:] > "\u2fff" and line[:1] > "\u2fff":
            text += line
        else:
            text += " " + line
    return text


def _outline(reader: PdfReader) -> dict[str, int]:
    """Return level by title of the file's own table of contents."""
    found: dict[str, int] = {}

    def walk(entries: list[Any], level: int) -> None:
        for entry in entries[:5_000]:
            if isinstance(entry, list):
                if level < 6:
                    walk(entry, level + 1)
            elif title := line_of(str(entry.title or "")):
                found.setdefault(title.casefold(), level)

    try:
        walk(reader.outline, 1)
    except (KeyError, ValueError, TypeError, AttributeError, RecursionError):
        # A table of contents that loops or points nowhere: the text is there all the same.
        return {}
    return found


def _date(stated: datetime | None) -> datetime | None:
    if stated is None:
        return None
    return stated if stated.tzinfo else stated.replace(tzinfo=UTC)
