"""Documents to chunks: by headings first, then by paragraphs and sentences, about 200 tokens each.

Rules. A chunk never spans two sections, unless both are small. A table is cut between its rows and each part
begins with the header. Where running text is cut, the next piece repeats the last sentence (the overlap). Where a
paragraph ends decides more than the count: a change in one place moves few boundaries behind it, so few chunks
have to be embedded again.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from rag.compress import sentences, tokens_of
from rag.extracted import GAP, Block, BlockKind, Extracted
from rag.types import ChunkDraft, Span

TARGET = 200
OVERLAP = 40
#: From this share of the target on, every third end of a paragraph (by its content) ends a chunk.
_EARLY = 0.5
_SMALL = 50
_LONGEST_SENTENCE = 800


@dataclass(frozen=True)
class _Unit:
    """What is never cut: a sentence, an item, a row."""

    start: int
    end: int
    tokens: int
    kind: BlockKind
    opens: bool  # first of its block


@dataclass
class _Section:
    path: tuple[str, ...]
    units: list[_Unit] = field(default_factory=list)

    @property
    def tokens(self) -> int:
        return sum(unit.tokens for unit in self.units)


def split(
    document: Extracted, *, target: int = TARGET, overlap: int = OVERLAP
) -> tuple[ChunkDraft, ...]:
    """Cut a document into chunks.

    Args:
        document: What was extracted.
        target: Tokens of a chunk, about.
        overlap: Tokens that may be repeated where running text is cut.

    Returns:
        Chunks in order. The span of each is its place in `document.text`; its text is what stands there, with the
        header in front of it if it is a later part of a table.
    """
    text = document.text
    out: list[ChunkDraft] = []
    for section in _merged(list(_sections(document.blocks, text)), target):
        for part in _packed(section.units, text, target, overlap):
            out.extend(_chunk(part, text, section.path))
    return tuple(out)


def split_text(text: str) -> tuple[ChunkDraft, ...]:
    """Cut one row's text into chunks."""
    if tokens_of(text) <= TARGET:
        return (ChunkDraft(text, (), Span(0, len(text))),)
    blocks = tuple(Block(BlockKind.TEXT, line) for line in text.split("\n") if line.strip())
    return split(Extracted("", blocks))


def _sections(blocks: Sequence[Block], text: str) -> Iterator[_Section]:
    """Yield runs of blocks under one heading; spans point into the extracted text."""
    path: list[tuple[int, str]] = []
    section, at = _Section(()), 0
    for block in blocks:
        start, at = at, at + len(block.text) + len(GAP)
        if block.kind is BlockKind.HEADING:
            if section.units:
                yield section
            while path and path[-1][0] >= block.level:
                path.pop()
            path.append((block.level, block.text))
            section = _Section(tuple(words for _, words in path))
        else:
            section.units.extend(_units(block, start))
    if section.units:
        yield section


def _units(block: Block, at: int) -> Iterator[_Unit]:
    if block.kind in (BlockKind.TABLE, BlockKind.CODE):
        spans: list[Span] = []
        start = 0
        for line in block.text.split("\n"):
            if line.strip():
                spans.extend(_cut(Span(start, start + len(line)), block.text))
            start += len(line) + 1
    else:
        spans = [cut for span in sentences(block.text) for cut in _cut(span, block.text)]
    for number, span in enumerate(spans):
        words = block.text[span.start : span.end]
        yield _Unit(at + span.start, at + span.end, tokens_of(words), block.kind, number == 0)


def _cut(span: Span, text: str) -> Iterator[Span]:
    """Cut what has no end of a sentence in sight, at a blank if there is one."""
    start = span.start
    while span.end - start > _LONGEST_SENTENCE:
        end = text.rfind(" ", start + _LONGEST_SENTENCE // 2, start + _LONGEST_SENTENCE) + 1
        end = end or start + _LONGEST_SENTENCE
        yield Span(start, end)
        start = end
    if text[start : span.end].strip():
        yield Span(start, span.end)


def _merged(sections: list[_Section], target: int) -> Iterator[_Section]:
    """Join small neighbours under the headings that both have; the heading between them stands in the text."""
    current: _Section | None = None
    for section in sections:
        if current is not None and _belong(current, section, target):
            shared = 0
            while (
                shared < min(len(current.path), len(section.path))
                and current.path[shared] == section.path[shared]
            ):
                shared += 1
            current = _Section(current.path[:shared], current.units + section.units)
            continue
        if current is not None:
            yield current
        current = section
    if current is not None:
        yield current


def _belong(one: _Section, other: _Section, target: int) -> bool:
    small = one.tokens < _SMALL and other.tokens < _SMALL
    if not small or one.tokens + other.tokens > target // 2:
        return False
    return bool(one.path) and one.path[0] == other.path[0] and len(other.path) > 1


def _packed(units: Sequence[_Unit], text: str, target: int, overlap: int) -> Iterator[list[_Unit]]:
    part: list[_Unit] = []
    size = 0
    for unit in units:
        if part and (size + unit.tokens > target or _natural(part[-1], unit, size, text, target)):
            yield part
            part = _repeated(part, unit, overlap)
            size = sum(u.tokens for u in part)
        part.append(unit)
        size += unit.tokens
    if part:
        yield part


def _natural(last: _Unit, unit: _Unit, size: int, text: str, target: int) -> bool:
    """Tell whether a chunk should end here though there is room."""
    table = (last.kind is BlockKind.TABLE) != (unit.kind is BlockKind.TABLE)
    if not unit.opens or size < (_SMALL if table else _EARLY * target):
        return False
    return table or zlib.crc32(text[unit.start : unit.end].encode()) % 3 == 0


def _repeated(part: Sequence[_Unit], unit: _Unit, overlap: int) -> list[_Unit]:
    """Return the sentences that the next chunk begins with: only within one paragraph."""
    kept: list[_Unit] = []
    if unit.kind is not BlockKind.TEXT or unit.opens:
        return kept
    room = overlap
    for last in reversed(part):
        if last.kind is not BlockKind.TEXT or last.tokens > room:
            break
        kept.insert(0, last)
        room -= last.tokens
        if last.opens:
            break
    return kept if len(kept) < len(part) else []


def _chunk(part: Sequence[_Unit], text: str, path: tuple[str, ...]) -> Iterator[ChunkDraft]:
    span = Span(part[0].start, part[-1].end)
    words = text[span.start : span.end].strip()
    if part[0].kind is BlockKind.TABLE and not part[0].opens:
        header = _header(text, span.start)
        words = f"{header}\n{words}"
    if words:
        yield ChunkDraft(words, path, span)


def _header(text: str, at: int) -> str:
    """Return the first line of the table around a place."""
    start = text.rfind(GAP, 0, at)
    start = 0 if start < 0 else start + len(GAP)
    return text[start : text.find("\n", start)][:500]
