"""One file of a job: fetched, kept, recognised, read, written."""

from __future__ import annotations

import asyncio
import hashlib
import tempfile
from collections.abc import Iterator, Sequence
from enum import Enum
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from domain.errors import ParleyError, Unprocessable
from rag.drafts import content_hash
from rag.extract import Kind, check_size, extract_apart, kind_of, limit_of
from rag.extracted import MAX_FEED_BYTES, Row, too_large
from rag.ingest_jobs import Files, documents_of, known_hashes, original_key
from rag.ingest_tables import FileStatus, IngestFile, IngestJob
from rag.keyset import KeySet
from rag.likeness import note_likeness
from rag.row_meaning import row_of
from rag.rows import read_rows
from rag.split import split, split_text
from rag.tables import Source
from rag.types import ChunkDraft, DocumentDraft, Trust, Written

if TYPE_CHECKING:
    from rag.ingest import Ingestion

#: Raised whenever the same file gives other chunks: files read by an older one are read again.
READER = 1
_HEAD = 65_536
_PIECE = 1 << 20
#: Reasons that are kept of a feed's broken rows.
_MOST_REASONS = 50
#: If more than this share of the rows is broken, those that are missing are not taken for gone.
_BROKEN_SHARE = 0.05


class Reading(Enum):
    """Whether a file has been dealt with."""

    DEALT_WITH = 1
    NOT_YET = 2


class _Batch(msgspec.Struct):
    """Rows to be written together, and where the file stands behind them."""

    rows: list[Row]
    position: int


class FileReader:
    """Reads the files of one job.

    Args:
        ingestion: The parts.
        job, source: Whose files they are.
        until: Time of the event loop at which to stop between two batches.
    """

    def __init__(self, ingestion: Ingestion, job: IngestJob, source: Source, until: float) -> None:
        self._parts = ingestion
        self._job = job
        self._source = source
        self._until = until
        self._told_at = 0

    async def read(self, file: IngestFile) -> Reading:
        """Read a file, or go on with it.

        Raises:
            Unprocessable: with the reason why it cannot be read.
            Unavailable: if a part is down.
        """
        if asyncio.get_running_loop().time() >= self._until:
            return Reading.NOT_YET
        with tempfile.TemporaryDirectory(prefix="parley-ingest-") as folder:
            path = Path(folder) / "original"
            stated = await self._original(file, path)
            kind = kind_of(await asyncio.to_thread(_head, path), file.name, stated)
            await asyncio.to_thread(check_size, path, kind)
            if await self._is_known(file):
                await self._done(file, FileStatus.UNCHANGED)
            elif kind.has_rows:
                return await self._rows(file, path, kind)
            else:
                await self._document(file, path, kind)
        return Reading.DEALT_WITH

    async def give_up(self, file: IngestFile, error: ParleyError, *, gone: bool) -> Reading:
        """Note why a file was not read; what it said before stays, unless it is gone upstream."""
        file.error = {"code": error.code, "detail": error.detail}
        if gone:
            await self._bury(file.name + "#", None)
            await self._bury_document(file.name)
        await self._done(file, FileStatus.GONE if gone else FileStatus.FAILED)
        return Reading.DEALT_WITH

    async def _original(self, file: IngestFile, path: Path) -> str:
        """Bring the original to a path and see that the object store has it; return its media type if stated."""
        objects, stated = self._parts.objects, ""
        if file.object_key is None:
            fetched = await self._parts.fetch(file.name)
            stated = fetched.kind
            await asyncio.to_thread(path.write_bytes, fetched.data)
        else:
            size = await objects.size(file.object_key)
            # Before a byte of it is read. What kind it is, its name says for now.
            if size > _limit_by_name(file.name):
                raise too_large(size, _limit_by_name(file.name))
            await objects.get_file(file.object_key, path)
        digest, size = await asyncio.to_thread(_digest, path)
        kept = original_key(self._job.org_id, self._source.id, digest)
        if file.object_key != kept:
            # Under its own content's name: what upstream overwrites stays readable as of then.
            await objects.put_file(kept, path)
        file.object_key, file.sha256, file.size_bytes = kept, digest, size
        return stated

    async def _is_known(self, file: IngestFile) -> bool:
        async with self._parts.db.tenant(self._job.org_id) as session:
            before = await Files(session).before(file)
        return (
            before is not None
            and before.status in (FileStatus.DONE, FileStatus.UNCHANGED)
            and before.sha256 == file.sha256
            and before.signals.get("reader") == READER
            and file.position == 0
        )

    async def _document(self, file: IngestFile, path: Path, kind: Kind) -> None:
        found = await extract_apart(path, kind)
        chunks = await asyncio.to_thread(split, found)
        assert file.object_key is not None
        # Spans of chunks count the characters of this text.
        await self._parts.objects.put(
            f"{file.object_key}.txt", found.text.encode("utf-8", "replace")
        )
        draft = self._draft(file, file.name, found.title or file.name.rpartition("/")[2], chunks)
        draft = msgspec.structs.replace(
            draft, language=found.language, published_at=found.published_at, signals=found.signals
        )
        await self._write(file, [draft], position=1)
        file.signals = {**found.signals, "reader": READER}
        # A feed of the same name may have stood here before.
        await self._bury(file.name + "#", None)
        await self._done(file, FileStatus.DONE)

    async def _rows(self, file: IngestFile, path: Path, kind: Kind) -> Reading:
        reader = _RowReader(path, kind, self._parts.batch)
        while (batch := await asyncio.to_thread(reader.next)) is not None:
            if batch.position > file.position:
                drafts = [self._row_draft(file, row) for row in batch.rows]
                await self._write(file, drafts, position=batch.position)
                await self._tell(file)
                if asyncio.get_running_loop().time() >= self._until and not reader.at_end:
                    return Reading.NOT_YET
        if not reader.good:
            why = reader.reasons[0]["reason"] if reader.reasons else "There are no rows in it."
            raise Unprocessable("feed_not_readable", f"No row of the file can be used: {why}")
        signals: dict[str, Any] = {"reader": READER, "rows": reader.good}
        if reader.broken:
            signals |= {"rows_broken": reader.broken, "reasons": reader.reasons}
        if reader.twice:
            signals["rows_twice"] = reader.twice
        if reader.cut or reader.broken > _BROKEN_SHARE * (reader.good + reader.broken):
            signals["sweep_skipped"] = True
        else:
            signals["rows_gone"] = await self._bury(file.name + "#", reader.keys)
            await self._bury_document(file.name)
        file.signals = signals
        await self._done(file, FileStatus.DONE)
        return Reading.DEALT_WITH

    def _row_draft(self, file: IngestFile, row: Row) -> DocumentDraft:
        draft = self._draft(file, f"{file.name}#{row.key}", row.title, split_text(row.text))
        return msgspec.structs.replace(
            draft, fields=row.fields, metadata={**draft.metadata, **_stable(row.metadata)}
        )

    def _draft(
        self, file: IngestFile, key: str, title: str, chunks: Sequence[ChunkDraft]
    ) -> DocumentDraft:
        metadata: dict[str, Any] = {"file": file.name[:300]}
        if self._source.kind == "url":
            metadata["url"] = file.name
        return DocumentDraft(
            self._source.id, key, title, tuple(chunks), trust=Trust(self._source.trust),
            metadata=metadata, campaign_id=self._source.settings.get("campaign_id"),
        )  # fmt: skip

    async def _write(
        self, file: IngestFile, drafts: Sequence[DocumentDraft], *, position: int
    ) -> None:
        """Write documents and how far the file has been read, both or neither."""
        job = self._job
        async with self._parts.knowledge(job) as service:
            index = await service.open(job.org_id, job.namespace)
            # The original of a feed is the file's; a row is not new because another one changed.
            known = await known_hashes(service.session, self._source.id, [d.key for d in drafts])
            named = [_with_original(draft, known.get(draft.key), file) for draft in drafts]
            drafts = [draft for draft in named if draft is not None]
            written = Written(index.version)
            if drafts:
                written = await service.put(index, drafts, cause=f"ingest {job.id}")
            if written.added:
                await note_likeness(service.session, index.no, written.version)
            file.position = position
            file.documents += written.documents
            file.chunks_added += written.added
            file.chunks_kept += written.kept
            file.chunks_retired += written.retired
            await service.session.merge(file)

    async def _bury(self, below: str, keys: KeySet | None) -> int:
        """Put up tombstones for documents below a name that are not among the keys; all of them without keys."""
        after, gone = "", 0
        while True:
            async with self._parts.knowledge(self._job) as service:
                page = await documents_of(service.session, self._source.id, after, below=below)
                missing = (
                    [True] * len(page)
                    if keys is None
                    else keys.missing(key.partition("#")[2] for key, _ in page)
                )
                lost = [found for (_, found), yes in zip(page, missing, strict=True) if yes]
                if lost:
                    index = await service.open(self._job.org_id, self._job.namespace)
                    await service.remove(index, lost, cause=f"ingest {self._job.id}")
            gone += len(lost)
            if not page:
                return gone
            after = page[-1][0]

    async def _bury_document(self, name: str) -> None:
        """Put up a tombstone for what was one document before and is a feed now."""
        async with self._parts.knowledge(self._job) as service:
            found = (await service.documents.by_keys([(self._source.id, name)])).values()
            index = await service.open(self._job.org_id, self._job.namespace)
            await service.remove(index, [d.id for d in found], cause=f"ingest {self._job.id}")

    async def _done(self, file: IngestFile, status: FileStatus) -> None:
        file.status = status
        if status is FileStatus.UNCHANGED:
            file.signals = {"reader": READER}
        async with self._parts.db.tenant(self._job.org_id) as session:
            await session.merge(file)

    async def _tell(self, file: IngestFile) -> None:
        now = self._parts.clock.now_ms()
        if now - self._told_at >= 1_000:
            self._told_at = now
            await self._parts.tell(
                self._job, "step", "file", f"{file.name}: {file.position:,} rows read",
                rows=file.position, chunks=file.chunks_added,
            )  # fmt: skip


class _RowReader:
    """Rows of a feed in batches, each key once; remembers keys, not rows."""

    def __init__(self, path: Path, kind: Kind, size: int) -> None:
        self.keys = KeySet()
        self.good = self.broken = self.twice = 0
        self.reasons: list[dict[str, Any]] = []
        self.cut = self.at_end = False
        self._size = size
        self._rows = self._meant(path, kind)
        self._position = 0

    def next(self) -> _Batch | None:
        """Return the next batch, None at the end."""
        taken = list(islice(self._rows, self._size))
        self.at_end = len(taken) < self._size
        if not taken:
            return None
        self._position += len(taken)
        usable = []
        for row in taken:
            if row.broken is None:
                usable.append(row)
                continue
            self.broken += 1
            if len(self.reasons) < _MOST_REASONS:
                self.reasons.append({"line": row.line, "reason": row.broken})
        fresh = self.keys.add(row.key for row in usable)
        rows = [row for row, new in zip(usable, fresh, strict=True) if new]
        self.twice += len(usable) - len(rows)
        self.good += len(rows)
        return _Batch(rows, self._position)

    def _meant(self, path: Path, kind: Kind) -> Iterator[Row]:
        columns: tuple[str, ...] | None = None
        for raw in read_rows(path, kind):
            self.cut = self.cut or raw.cut
            if columns is None and raw.broken is None:
                columns = tuple(raw.cells) if kind is Kind.CSV else ()
            row = row_of(raw, columns or ())
            if row is not None:
                yield row


def _with_original(
    draft: DocumentDraft, known: tuple[str, str | None] | None, file: IngestFile
) -> DocumentDraft | None:
    """Name the original of a draft; None for a row that says what it said before, whatever file it is in now."""
    if known is not None and "#" in draft.key:
        before = msgspec.structs.replace(draft, object_key=known[1])
        if content_hash(before) == known[0]:
            return None
    return msgspec.structs.replace(draft, object_key=file.object_key)


def _stable(metadata: dict[str, Any]) -> dict[str, Any]:
    # The line moves when a row above it comes or goes; that makes no new document.
    return {name: value for name, value in metadata.items() if name != "line"}


def _limit_by_name(name: str) -> int:
    try:
        return limit_of(kind_of(b"", name, "text/plain"))
    except Unprocessable:
        return MAX_FEED_BYTES


def _head(path: Path) -> bytes:
    with path.open("rb") as file:
        return file.read(_HEAD)


def _digest(path: Path) -> tuple[str, int]:
    digest, size = hashlib.sha256(), 0
    with path.open("rb") as file:
        while piece := file.read(_PIECE):
            digest.update(piece)
            size += len(piece)
    return digest.hexdigest(), size
