"""Markdown and plain text, told apart by nothing but their lines."""

from __future__ import annotations

import re

from domain.decode import decode_page
from rag.canonical import fragment
from rag.extracted import Block, BlockKind, Extracted, empty, invisible_in, line_of, lines_of

_HEADING = re.compile(r"^ {0,3}(#{1,6})\s+(.*?)\s*#*\s*$")
_UNDERLINE = re.compile(r"^ {0,3}(=+|-{2,})\s*$")
_FENCE = re.compile(r"^ {0,3}(```+|~~~+)")
_ITEM = re.compile(r"^\s*(?:[-*+]|\d{1,3}[.)])\s+(.*)")
_RULE = re.compile(r"^\s*\|?\s*:?-{2,}:?\s*(\|\s*:?-{2,}:?\s*)*\|?\s*$")
_IMAGE = re.compile(r"!\[([^\]\n]{0,1000})\]\([^)\n]{0,2000}\)")
_LINK = re.compile(r"\[([^\]\n]{1,1000})\]\([^)\n]{0,2000}\)")
_MARKS = re.compile(r"(\*\*|__|`|~~)(?=\S)(.+?)(?<=\S)\1")
_COMMENT = re.compile(r"<!--.*?(?:-->|\Z)", re.S)
_TITLE = re.compile(r"^title:\s*[\"']?(.*?)[\"']?\s*$", re.M)


def extract_plain(data: bytes) -> Extracted:
    """Read plain text: blank lines separate its paragraphs.

    Raises:
        Unprocessable: `page_not_text` if the bytes are no text, `file_empty` if there is none.
    """
    raw = decode_page(data)
    parts = [line_of(part) for part in re.split(r"\n\s*\n", raw.replace("\r\n", "\n"))]
    blocks = tuple(Block(BlockKind.TEXT, part) for part in parts if part)
    if not blocks:
        raise empty("file")
    return Extracted("", blocks, signals=_signals(raw, 0, 0))


def extract_markdown(data: bytes) -> Extracted:
    """Read Markdown: headings, lists, tables, code and pictures' descriptions.

    Raises:
        Unprocessable: `page_not_text` if the bytes are no text, `file_empty` if there is none.
    """
    raw = decode_page(data).replace("\r\n", "\n").replace("\r", "\n")
    body, front = _front_matter(raw)
    comments = sum(len(m.group()) for m in _COMMENT.finditer(body))
    reader = _Markdown()
    blocks = reader.blocks(_COMMENT.sub("", body).split("\n"))
    if not blocks:
        raise empty("file")
    stated = _TITLE.search(front)
    first = next((b.text for b in blocks if b.kind is BlockKind.HEADING), "")
    title = line_of(stated.group(1)) if stated else first
    return Extracted(title[:500], tuple(blocks), signals=_signals(raw, comments, reader.hidden))


def _front_matter(raw: str) -> tuple[str, str]:
    if raw.startswith("---\n") and (end := raw.find("\n---", 4)) > 0:
        return raw[end + 4 :].partition("\n")[2], raw[4:end]
    return raw, ""


def _signals(raw: str, comments: int, hidden: int) -> dict[str, float]:
    invisible = invisible_in(raw)
    if not (invisible or comments or hidden):
        return {}
    return {
        "hidden_ratio": round((invisible + hidden) / max(1, len(raw)), 4),
        "hidden_characters": hidden,
        "invisible_characters": invisible,
        "comment_characters": comments,
    }


class _Markdown:
    """Reads line by line; every line is looked at a bounded number of times."""

    def __init__(self) -> None:
        self.hidden = 0
        self._out: list[Block] = []
        self._para: list[str] = []

    def blocks(self, lines: list[str]) -> list[Block]:
        at = 0
        while at < len(lines):
            line = lines[at]
            if fence := _FENCE.match(line):
                at = self._code(lines, at, fence.group(1)[:3])
            elif "|" in line and at + 1 < len(lines) and _RULE.match(lines[at + 1]):
                at = self._table(lines, at)
            elif heading := _HEADING.match(line):
                self._flush()
                self._add(BlockKind.HEADING, heading.group(2), len(heading.group(1)))
                at += 1
            elif len(self._para) == 1 and (under := _UNDERLINE.match(line)):
                title = self._para.pop()
                self._add(BlockKind.HEADING, title, 1 if under.group(1)[0] == "=" else 2)
                at += 1
            elif item := _ITEM.match(line):
                self._flush()
                at = self._item(lines, at, item.group(1))
            else:
                if line.strip():
                    self._para.append(line)
                else:
                    self._flush()
                at += 1
        self._flush()
        return self._out

    def _flush(self) -> None:
        if self._para:
            self._add(BlockKind.TEXT, " ".join(self._para))
            self._para.clear()

    def _add(self, kind: BlockKind, raw: str, level: int = 0) -> None:
        for image in _IMAGE.finditer(raw):
            if alt := line_of(image.group(1)):
                self._out.append(Block(BlockKind.IMAGE, alt))
        text = _LINK.sub(r"\1", _IMAGE.sub("", raw))
        text, hidden = fragment(_MARKS.sub(r"\2", text))
        self.hidden += hidden
        if text := line_of(text):
            self._out.append(Block(kind, text[:300] if level else text, level))

    def _code(self, lines: list[str], at: int, fence: str) -> int:
        self._flush()
        end = at + 1
        while end < len(lines) and not lines[end].lstrip().startswith(fence):
            end += 1
        if text := lines_of("\n".join(lines[at + 1 : end])):
            self._out.append(Block(BlockKind.CODE, text))
        return end + 1

    def _table(self, lines: list[str], at: int) -> int:
        self._flush()
        rows = []
        while at < len(lines) and "|" in lines[at]:
            if not _RULE.match(lines[at]):
                cells = [
                    line_of(_LINK.sub(r"\1", c)) for c in lines[at].strip().strip("|").split("|")
                ]
                rows.append(" | ".join(cells))
            at += 1
        self._out.append(Block(BlockKind.TABLE, "\n".join(rows)))
        return at

    def _item(self, lines: list[str], at: int, first: str) -> int:
        said = [first]
        at += 1
        # Lines that are indented go on with the item.
        while at < len(lines) and lines[at].startswith((" ", "\t")) and not _ITEM.match(lines[at]):
            said.append(lines[at])
            at += 1
        self._add(BlockKind.ITEM, " ".join(said))
        return at
