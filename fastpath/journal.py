"""A journal on the local disk: frames that survive `kill -9` once `durable` has returned.

Files `<number>.log` hold frames of length, CRC-32 and payload. Writers share one fdatasync (group commit). A
frame cut off by a crash can only be the last one and is taken away on opening: nobody was answered from it.
A new file begins with a checkpoint, so that older ones are needed only by whoever still reads them.
"""

from __future__ import annotations

import asyncio
import fcntl
import logging
import os
import struct
import zlib
from collections import deque
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import BinaryIO, Final, NamedTuple

from domain.errors import Conflict, Unavailable, Unprocessable

log = logging.getLogger("parley.journal")

_HEAD: Final = struct.Struct("<II")
#: Read at once.
_PIECE: Final = 1 << 20


class Place(NamedTuple):
    """A place in the journal: file number, and bytes into it."""

    file: int
    offset: int


class Journal:
    """The journal of one process.

    Args:
        folder: Where the files lie; made if missing.
        rotate_bytes: A file this long asks for the next one, see `full`.

    Raises:
        Conflict: `journal_in_use` by another process of this machine.
    """

    def __init__(self, folder: Path, *, rotate_bytes: int = 64 << 20) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._folder = folder
        self._rotate_bytes = rotate_bytes
        self._lock = os.open(folder / "lock", os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            os.close(self._lock)
            raise Conflict(
                "journal_in_use",
                "Another process serves from this state; local serving state is for one process.",
            ) from error
        numbers = self.files()
        self._file = numbers[-1] if numbers else 1
        self._handle = self._open_last()
        self._size = os.fstat(self._handle).st_size
        self._waiting: list[bytes] = []
        self._appended = self._synced = 0
        #: Who waits for how many frames, in order.
        self._waiters: deque[tuple[int, asyncio.Future[None]]] = deque()
        self._flushing: asyncio.Task[None] | None = None
        self._broken: OSError | None = None

    def files(self) -> list[int]:
        """Return the numbers of the files that are there, oldest first."""
        return sorted(int(path.stem) for path in self._folder.glob("*.log"))

    @property
    def full(self) -> bool:
        """Whether the current file is long enough to begin the next one."""
        return self._size >= self._rotate_bytes

    def append(self, payload: bytes) -> None:
        """Add a frame; it is safe only after `durable`."""
        frame = _framed(payload)
        self._waiting.append(frame)
        self._size += len(frame)
        self._appended += 1

    async def durable(self) -> None:
        """Return when all frames added so far are on the disk.

        Raises:
            Unavailable: `state_unavailable`, now and ever after: what was lost is not known.
        """
        self.check()
        if self._synced >= self._appended:
            return
        loop = asyncio.get_running_loop()
        # One each: whoever gives up takes only its own away.
        waiter = loop.create_future()
        self._waiters.append((self._appended, waiter))
        if self._flushing is None:
            self._flushing = loop.create_task(self._flush())
        await waiter

    def check(self) -> None:
        """Raise `Unavailable` if a write has failed."""
        if self._broken is not None:
            raise Unavailable(
                "state_unavailable",
                "The serving state's journal cannot be written, so no ad is shown; check the disk.",
            ) from self._broken

    async def rotate(self, checkpoint: Callable[[], bytes]) -> None:
        """Begin the next file with a checkpoint of all that the files before it hold.

        The process does nothing else meanwhile (some tens of milliseconds, once per file), so that nothing
        can happen between the checkpoint and what it stands for.
        """
        while self._flushing is not None:
            await asyncio.shield(self._flushing)
        self.check()
        if not self.full:  # somebody else was quicker while this one waited
            return
        frames, self._waiting = self._waiting, []
        self._write(frames)
        self._synced = self._appended
        draft = self._folder / ".next"
        handle = os.open(draft, os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND, 0o600)
        frame = _framed(checkpoint())
        _write_all(handle, [frame])
        # The name appears only with the whole checkpoint under it.
        draft.rename(self._path(self._file + 1))
        _sync_folder(self._folder)
        os.close(self._handle)
        self._file, self._handle, self._size = self._file + 1, handle, len(frame)

    def read(self, place: Place) -> Iterator[tuple[bytes, Place]]:
        """Yield payloads behind a place, each with the place after it, up to what is written.

        Raises:
            Unprocessable: `journal_corrupt` where a frame is damaged that was complete once.
        """
        for number in self.files():
            if number < place.file:
                continue
            offset = place.offset if number == place.file else 0
            with self._path(number).open("rb") as file:
                file.seek(offset)
                yield from _payloads(file, number, offset)

    def last(self) -> Iterator[bytes]:
        """Yield the payloads of the current file: a checkpoint, unless it is the first, and all since."""
        for payload, _ in self.read(Place(self._file, 0)):
            yield payload

    def drop_before(self, number: int) -> None:
        """Delete files with a lower number; the current one stays."""
        for one in self.files():
            if one < min(number, self._file):
                self._path(one).unlink()

    async def close(self) -> None:
        """Write what waits and let go of the files."""
        if self._broken is None:
            await self.durable()
        os.close(self._handle)
        os.close(self._lock)

    def _path(self, number: int) -> Path:
        return self._folder / f"{number:09d}.log"

    def _open_last(self) -> int:
        path = self._path(self._file)
        handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o600)
        data = path.read_bytes()
        end = max((end for _, end in _frames(data)), default=0)
        if end < len(data):
            log.warning("journal: %d bytes of an unfinished frame taken away", len(data) - end)
            os.ftruncate(handle, end)
        os.fdatasync(handle)
        _sync_folder(self._folder)
        return handle

    async def _flush(self) -> None:
        loop = asyncio.get_running_loop()
        try:
            while self._waiters:
                frames, self._waiting = self._waiting, []
                count = self._appended
                await loop.run_in_executor(None, self._write, frames)
                self._synced = max(self._synced, count)
                self._wake()
        except Unavailable as error:
            self._wake(error)
        finally:
            self._flushing = None

    def _wake(self, error: Unavailable | None = None) -> None:
        """Tell those whose frames are on the disk; all, if no frame will ever be."""
        while self._waiters and (error is not None or self._waiters[0][0] <= self._synced):
            _, waiter = self._waiters.popleft()
            if waiter.done():
                continue
            if error is None:
                waiter.set_result(None)
            else:
                waiter.set_exception(error)

    def _write(self, frames: list[bytes]) -> None:
        try:
            _write_all(self._handle, frames)
        except OSError as error:
            self._broken = error
            self.check()


def _payloads(file: BinaryIO, number: int, offset: int) -> Iterator[tuple[bytes, Place]]:
    """Yield the payloads from here on with the places behind them, read piece by piece."""
    data = b""
    size = os.fstat(file.fileno()).st_size
    # Whoever keeps up reads little; whoever lags must not read the rest of the file for each batch.
    while piece := file.read(_PIECE):
        data += piece
        end = 0
        for start, end in _frames(data, more=file.tell() < size):
            yield data[start:end], Place(number, offset + end)
        data = data[end:]
        offset += end


def _write_all(handle: int, frames: list[bytes]) -> None:
    data = memoryview(b"".join(frames))
    while data:
        data = data[os.write(handle, data) :]
    os.fdatasync(handle)


def _framed(payload: bytes) -> bytes:
    return _HEAD.pack(len(payload), zlib.crc32(payload)) + payload


def _frames(data: bytes, *, more: bool = False) -> Iterator[tuple[int, int]]:
    """Yield start and end of the payloads. An unfinished one (short, or zeros) ends them.

    Args:
        data: Whole frames, and perhaps a part of one.
        more: Whether the file goes on.

    Raises:
        Unprocessable: `journal_corrupt` for a damaged one with others behind it.
    """
    offset = 0
    while offset + _HEAD.size <= len(data):
        length, crc = _HEAD.unpack_from(data, offset)
        start = offset + _HEAD.size
        end = start + length
        if not length or end > len(data):
            return
        if zlib.crc32(data[start:end]) != crc:
            if end == len(data) and not more:
                return
            raise Unprocessable(
                "journal_corrupt",
                "The serving state's journal is damaged; move its folder away to start without it.",
            )
        yield start, end
        offset = end


def _sync_folder(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
