"""DOCX files by python-docx: headings, lists, tables, pictures' descriptions; hidden runs are left out."""

from __future__ import annotations

import zipfile
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from docx import Document
from docx.table import Table
from docx.text.paragraph import Paragraph

from domain.errors import Unprocessable
from rag.extracted import Block, BlockKind, Extracted, empty, line_of, unreadable

#: What the parts of a file may take together once unpacked, and by how much one may grow.
MAX_UNPACKED = 200_000_000
MAX_RATIO = 200
MAX_PARTS = 5_000
_OLE = b"\xd0\xcf\x11\xe0"


def extract_docx(path: Path) -> Extracted:
    """Read a DOCX file.

    Raises:
        Unprocessable: `file_encrypted` if it has a password, `file_bomb` if it unpacks to far more than it is,
            `file_not_readable` if it is damaged, `file_empty` if there is no text in it.
    """
    with path.open("rb") as file:
        if file.read(4) == _OLE:
            raise Unprocessable(
                "file_encrypted",
                "The document has a password or is in the old .doc form; save it as .docx without one.",
            )
    _check_bomb(path)
    document = Document(str(path))
    reader = _Reader()
    blocks = [block for block in reader.blocks(document) if block.text]
    if not blocks:
        raise empty("document")
    core = document.core_properties
    first = next((b.text for b in blocks if b.kind is BlockKind.HEADING), "")
    return Extracted(
        line_of(core.title or first)[:500],
        tuple(blocks),
        published_at=_date(core.modified or core.created),
        signals=reader.signals(),
    )


def _check_bomb(path: Path) -> None:
    try:
        with zipfile.ZipFile(path) as archive:
            parts = archive.infolist()
    except zipfile.BadZipFile as error:
        raise unreadable("document") from error
    unpacked = sum(part.file_size for part in parts)
    grown = any(
        part.file_size > MAX_RATIO * max(1, part.compress_size) and part.file_size > 1_000_000
        for part in parts
    )
    if len(parts) > MAX_PARTS or unpacked > MAX_UNPACKED or grown:
        raise Unprocessable(
            "file_bomb",
            f"The document unpacks to {unpacked:,} bytes in {len(parts):,} parts and is not opened; save it anew.",
        )


class _Reader:
    def __init__(self) -> None:
        self.hidden = self.visible = 0

    def signals(self) -> dict[str, Any]:
        """Return how much text was formatted as hidden."""
        if not self.hidden:
            return {}
        ratio = self.hidden / max(1, self.hidden + self.visible)
        return {"hidden_ratio": round(ratio, 4), "hidden_characters": self.hidden}

    def blocks(self, document: Any) -> Iterator[Block]:
        for part in document.iter_inner_content():
            if isinstance(part, Table):
                yield from self._table(part)
            elif isinstance(part, Paragraph):
                yield from self._paragraph(part)

    def _paragraph(self, paragraph: Paragraph) -> Iterator[Block]:
        style = (paragraph.style.name or "") if paragraph.style is not None else ""
        text = self._shown(paragraph)
        if style == "Title":
            yield Block(BlockKind.HEADING, text[:300], 1)
        elif style.startswith("Heading"):
            digits = style.removeprefix("Heading").strip()
            yield Block(BlockKind.HEADING, text[:300], int(digits) if digits.isdigit() else 1)
        else:
            yield Block(BlockKind.ITEM if style.startswith("List") else BlockKind.TEXT, text)
        for properties in paragraph._p.iter("{*}docPr"):
            yield Block(BlockKind.IMAGE, line_of(properties.get("descr") or "")[:1000])

    def _shown(self, paragraph: Paragraph) -> str:
        shown = []
        for run in paragraph.iter_inner_content():
            # A hyperlink holds runs of its own.
            for piece in getattr(run, "runs", [run]):
                if piece.font.hidden:
                    self.hidden += len(piece.text)
                else:
                    shown.append(piece.text)
        text = line_of("".join(shown))
        self.visible += len(text)
        return text

    def _table(self, table: Table) -> Iterator[Block]:
        rows = []
        for row in table.rows:
            cells = [line_of(" ".join(self._shown(p) for p in c.paragraphs)) for c in row.cells]
            if any(cells):
                rows.append(" | ".join(cells))
        yield Block(BlockKind.TABLE, "\n".join(rows))


def _date(stated: datetime | None) -> datetime | None:
    if stated is None:
        return None
    return stated if stated.tzinfo else stated.replace(tzinfo=UTC)
