"""What extraction gives, whatever the file was: blocks in reading order, rows, and why a file cannot be read."""

from __future__ import annotations

import re
import unicodedata
from datetime import datetime
from enum import StrEnum
from typing import Any

import msgspec

from domain.errors import Unprocessable
from domain.invisible import INVISIBLE

#: Largest file that is read, in bytes, by what it is.
MAX_DOCUMENT_BYTES = 50_000_000
MAX_FEED_BYTES = 2_000_000_000
#: Longest text of one document, in characters: a book of a thousand pages.
MAX_TEXT = 3_000_000

_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ud800-\udfff]")
_SPACE = re.compile(r"\s+")
_BLANKS = re.compile(r"[^\S\n]+")
#: What separates two blocks in a document's extracted text.
GAP = "\n\n"


class BlockKind(StrEnum):
    """What a block is."""

    HEADING = "heading"
    TEXT = "text"
    ITEM = "item"
    TABLE = "table"
    CODE = "code"
    IMAGE = "image"


class Block(msgspec.Struct, frozen=True):
    """A stretch of a document that belongs together.

    Attributes:
        kind: What it is.
        text: Its words; rows of a table stand on lines of their own.
        level: Of a heading, from 1.
    """

    kind: BlockKind
    text: str
    level: int = 0


class Extracted(msgspec.Struct, frozen=True):
    """A document that was read.

    Attributes:
        title: Its title; empty if it has none.
        blocks: In reading order.
        language: ISO 639-3, if the document states it.
        published_at: When the document says it was written.
        signals: What was noticed on the way.
    """

    title: str
    blocks: tuple[Block, ...]
    language: str | None = None
    published_at: datetime | None = None
    signals: dict[str, Any] = {}

    @property
    def text(self) -> str:
        """The whole text; spans of chunks count its characters."""
        return GAP.join(block.text for block in self.blocks)


class Row(msgspec.Struct, frozen=True):
    """One row of a feed, as a document of its own.

    Attributes:
        line: Line (or item) it starts at, from 1.
        key: Its name within the feed; stays the same when other columns change.
        title: What a person would call it.
        text: Its words.
        fields: Short values worth finding by.
        metadata: Numbers, addresses and what else can be filtered by.
        broken: Why it cannot be used; everything else is empty then.
    """

    line: int
    key: str = ""
    title: str = ""
    text: str = ""
    fields: dict[str, str] = {}
    metadata: dict[str, Any] = {}
    broken: str | None = None


def line_of(text: str) -> str:
    """Return a text as one line: no invisible or control characters, NFC, single blanks."""
    visible = INVISIBLE.sub("", _CONTROL.sub(" ", text))
    return _SPACE.sub(" ", unicodedata.normalize("NFC", visible)).strip()


def lines_of(text: str) -> str:
    """Return a text with its line breaks, else as `line_of`."""
    visible = INVISIBLE.sub("", _CONTROL.sub(" ", text.replace("\r\n", "\n").replace("\r", "\n")))
    normal = unicodedata.normalize("NFC", visible)
    return "\n".join(_BLANKS.sub(" ", line).strip() for line in normal.split("\n")).strip("\n")


def invisible_in(text: str) -> int:
    """Return how many characters of a text a reader cannot see."""
    return 0 if text.isascii() else len(INVISIBLE.findall(text))


def unreadable(what: str) -> Unprocessable:
    """Return the error for a file that its own library cannot read."""
    return Unprocessable(
        "file_not_readable",
        f"The {what} is damaged or incomplete; open it, save it anew and retry.",
    )


def too_large(size: int, limit: int) -> Unprocessable:
    """Return the error for a file above the limit of its kind."""
    return Unprocessable(
        "file_too_large",
        f"The file has {size:,} bytes and at most {limit:,} are read; split it and upload the parts.",
    )


def too_long() -> Unprocessable:
    """Return the error for a document with more text than one document may have."""
    return Unprocessable(
        "file_too_long",
        f"The document has more than {MAX_TEXT:,} characters; split it and upload the parts.",
    )


def empty(what: str) -> Unprocessable:
    """Return the error for a file in which there is nothing to read."""
    return Unprocessable("file_empty", f"There is no text in the {what}; give one that has some.")
