"""Compile time: what was read of every ad, kept beside the snapshots: the next compile reads only what changed.

One file, `.kept`, in the folder of snapshots: not a part of any snapshot, never uploaded, replaced as a whole by
each compile of a large catalogue. An ad is taken from it only where the digest of its content is the same, so
any file may lie there; one that is damaged, or written by other code, is as good as none.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from functools import cache
from pathlib import Path
from tempfile import mkstemp
from typing import Any, BinaryIO, Final

import msgspec
import numpy as np

from domain import catalogue
from fastpath import layout
from fastpath.compile_facts import COLUMNS, FREE, Bound, Facts
from fastpath.compile_ids import ID_FIELDS, IdColumn
from fastpath.compile_rows import Rows
from fastpath.compile_strings import Strings
from fastpath.compile_tags import Tags

NAME: Final = ".kept"
#: A smaller catalogue is read anew in no time.
LEAST: Final = 2_000
_DIGEST: Final = 32
_HEAD: Final = 8
_ALIGN: Final = 8
_ROWS: Final = ("tags", "negatives", "away", "bought")
_KINDS: Final = ("|u1", "<u2", "<i4", "<i8")


class _Head(msgspec.Struct, frozen=True):
    """What stands in front of the arrays.

    Attributes:
        source: Names the code that read the ads. prefixes: of the ids, by field.
        currencies, bounds: See `Facts`. arrays: name, type and entries of each array, in their order.
    """

    source: str
    prefixes: dict[str, str]
    currencies: tuple[str, ...]
    bounds: tuple[Bound, ...]
    arrays: tuple[tuple[str, str, int], ...]


def load_kept(folder: Path) -> Facts | None:
    """Return what is known of the ads of an earlier compile, or None if that cannot be read."""
    try:
        whole = (folder / NAME).read_bytes()
    except OSError:
        return None
    body = memoryview(whole)[_DIGEST:]
    if hashlib.blake2b(body, digest_size=_DIGEST).digest() != whole[:_DIGEST]:
        return None
    end = _HEAD + int.from_bytes(body[:_HEAD], "little")
    try:
        head = msgspec.msgpack.decode(body[_HEAD:end], type=_Head)
        arrays = _arrays(head, body[_padded(end) :])
        return _facts(head, arrays) if head.source == _source() else None
    except (msgspec.MsgspecError, ValueError, KeyError):
        return None


def save_kept(folder: Path, facts: Facts, tags: Tags, entries: Any) -> bool:
    """Keep what is known of the ads of a compile; returns whether it was worth it and possible.

    Args:
        folder: Of snapshots.
        facts: Of the ads.
        tags: Their tags.
        entries: uint64 (ads, 2): names each ad's entry in a block.
    """
    if len(facts) < LEAST or not all(column.prefix for column in facts.ids.values()):
        return False
    digests = facts.digests.copy()
    # What was left out has to be said again each time.
    digests[[one.ad for one in facts.left]] = 0
    used = np.unique(facts.column("bound"))
    used = used[used > 0]
    numbers = facts.numbers.copy()
    place = np.zeros(len(facts.bounds), dtype=np.int64)
    place[used] = np.arange(1, len(used) + 1)
    numbers[COLUMNS.index("bound")] = place[facts.column("bound")]
    final = replace(
        facts,
        digests=digests,
        entries=entries,
        numbers=numbers,
        tags=tags.positive,
        negatives=tags.negative,
        away=tags.away,
        strings=tags.strings.alone(),
        bounds=(FREE, *(facts.bounds[i] for i in used.tolist())),
    )
    # Without it the next compile is slower, and right all the same.
    with suppress(OSError), _replaced(folder) as file:
        _write(file, final)
        return True
    return False


@cache
def _source() -> str:
    """Return what names the code that reads ads: other code may read them otherwise."""
    here = Path(__file__).parent
    digest = hashlib.blake2b(sys.version.encode(), digest_size=16)
    files = [*here.glob("*.py"), *here.glob("data/iab_words.tsv"), Path(catalogue.__file__)]
    for file in sorted(files):
        data = file.read_bytes()
        digest.update(file.name.encode() + len(data).to_bytes(8, "little") + data)
    digest.update(repr((layout.FORMATS, layout.MODELS, layout.LANGUAGES)).encode())
    return digest.hexdigest()


def _write(file: BinaryIO, facts: Facts) -> None:
    arrays = {
        "digests": facts.digests.reshape(-1),
        "entries": facts.entries.reshape(-1),
        "strings": facts.strings.blob,
        **{name: facts.ids[name].packed[2] for name in ID_FIELDS},
        **{name: _small(row) for name, row in zip(COLUMNS, facts.numbers, strict=True)},
    }
    for name in _ROWS:
        rows: Rows = getattr(facts, name)
        arrays[f"{name}_counts"] = _small(np.diff(rows.offsets))
        arrays[f"{name}_values"] = _small(rows.values)
    head = _Head(
        source=_source(),
        prefixes={name: column.prefix for name, column in facts.ids.items()},
        currencies=facts.currencies,
        bounds=facts.bounds,
        arrays=tuple((name, one.dtype.str, len(one)) for name, one in arrays.items()),
    )
    packed = msgspec.msgpack.encode(head)
    parts: list[Any] = [len(packed).to_bytes(_HEAD, "little"), packed]
    parts.append(bytes(_padded(len(packed)) - len(packed)))
    for one in arrays.values():
        parts += (np.ascontiguousarray(one).data, bytes(_padded(one.nbytes) - one.nbytes))
    digest = hashlib.blake2b(digest_size=_DIGEST)
    for part in parts:
        digest.update(part)
    file.write(digest.digest())
    file.writelines(parts)


def _padded(size: int) -> int:
    return size + -size % _ALIGN


def _small(array: Any) -> Any:
    """Return whole numbers in the narrowest type that holds them."""
    least, most = (int(array.min()), int(array.max())) if len(array) else (0, 0)
    for kind in _KINDS:
        limits = np.iinfo(np.dtype(kind))
        if limits.min <= least and most <= limits.max:
            return array.astype(kind)
    return array


def _arrays(head: _Head, data: memoryview) -> dict[str, Any]:
    arrays = {}
    at = 0
    for name, kind, count in head.arrays:
        arrays[name] = one = np.frombuffer(data, np.dtype(kind), count, at)
        at += _padded(one.nbytes)
    return arrays


def _facts(head: _Head, arrays: dict[str, Any]) -> Facts:
    none = np.zeros(1, dtype=np.int64)
    rows = {
        name: Rows.of_counts(arrays[f"{name}_counts"], arrays[f"{name}_values"].astype(np.int64))
        for name in _ROWS
    }
    return Facts(
        digests=arrays["digests"].reshape(-1, 2),
        entries=arrays["entries"].reshape(-1, 2),
        ids={name: IdColumn((), (head.prefixes[name], none, arrays[name])) for name in ID_FIELDS},
        numbers=np.stack([arrays[name] for name in COLUMNS], dtype=np.int64),
        strings=Strings.cut(arrays["strings"]),
        currencies=head.currencies,
        bounds=head.bounds,
        left=(),
        **rows,
    )


@contextmanager
def _replaced(folder: Path) -> Iterator[BinaryIO]:
    """Give a file to write that takes the place of the one kept; whoever reads meanwhile has the old one whole."""
    _sweep(folder)
    number, draft = mkstemp(prefix=f"{NAME}.", dir=folder)
    try:
        with os.fdopen(number, "wb") as file:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            yield file
            file.flush()
            Path(draft).replace(folder / NAME)
    finally:
        Path(draft).unlink(missing_ok=True)


def _sweep(folder: Path) -> None:
    """Drop what a compile left that was killed while it wrote: nobody holds the lock of such a file."""
    for draft in folder.glob(f"{NAME}.*"):
        with suppress(OSError), draft.open("rb") as file:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            draft.unlink()
