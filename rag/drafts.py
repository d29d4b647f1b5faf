"""What a write has to do: drafts of documents against what is known already. Pure."""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import msgspec

from rag.analyse import language_of
from rag.types import ChunkDraft, DocumentDraft


class Known(msgspec.Struct, frozen=True):
    """A chunk that is valid now, without its text."""

    no: int
    ordinal: int
    hash: str
    span_start: int
    span_end: int
    edited: bool
    edit_of: str | None


@dataclass
class Change:
    """What becomes of the chunks of one document.

    Attributes:
        add: (place, draft, hash) of new chunks.
        keep: (known chunk, place, draft) of chunks whose content is unchanged.
        retire: Numbers of chunks that are no more.
        outdated: Numbers of edited chunks whose original is no more; they stay, marked.
    """

    add: list[tuple[int, ChunkDraft, str]] = field(default_factory=list)
    keep: list[tuple[Known, int, ChunkDraft]] = field(default_factory=list)
    retire: list[int] = field(default_factory=list)
    outdated: list[int] = field(default_factory=list)


def chunk_hash(title: str, heading: Sequence[str], text: str, fields: Mapping[str, str]) -> str:
    """Return the hash of all that is indexed of a chunk."""
    parts = [title, *heading, "\x1e", text, *(f"{k}={v}" for k, v in sorted(fields.items()))]
    return hashlib.blake2b("\x1f".join(parts).encode(), digest_size=16).hexdigest()


def content_hash(draft: DocumentDraft) -> str:
    """Return the hash of a document: its pieces and everything that can be filtered by."""
    return hashlib.blake2b(msgspec.json.encode(draft, order="sorted"), digest_size=16).hexdigest()


def embedding_text(title: str, heading: Sequence[str], text: str) -> str:
    """Return what is embedded of a chunk: its text under its title and headings."""
    return ". ".join(part for part in (title, *heading, text) if part)


def language_of_draft(draft: DocumentDraft, text: str) -> str:
    """Return the language of a piece: the document's, else by its script."""
    return draft.language or language_of(text)


def difference(draft: DocumentDraft, known: Sequence[Known]) -> Change:
    """Return what changes: equal hashes stay, edits stay in the place of what they replace."""
    change = Change()
    waiting: dict[str, list[Known]] = defaultdict(list)
    for chunk in known:
        waiting[(chunk.edit_of or "") if chunk.edited else chunk.hash].append(chunk)
    for place, piece in enumerate(draft.chunks):
        key = chunk_hash(draft.title, piece.heading, piece.text, draft.fields)
        if waiting[key]:
            change.keep.append((waiting[key].pop(0), place, piece))
        else:
            change.add.append((place, piece, key))
    for chunk in (chunk for left in waiting.values() for chunk in left):
        if chunk.edited:
            change.outdated.append(chunk.no)
        else:
            change.retire.append(chunk.no)
    return change
