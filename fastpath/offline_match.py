"""Match rows of a file without a catalogue: for `parley match` and for measuring the published rule.

Tags of many rows are compiled together by the compiler that makes snapshots, and every text is scanned by the
matcher that serves. Whether a tag fits never depends on what other tags there are, so a row gets what it
would get with its own tags alone.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import cache
from pathlib import Path
from typing import Any, Final

import msgspec

from domain.catalogue import AdEntry, AdText, CatalogueExport
from domain.formats import AdFormat
from fastpath.compiler import compile_catalogue, default_expander
from fastpath.expand import Expander
from fastpath.japanese import is_japanese
from fastpath.match import tags_in
from fastpath.reading import MAX_CHARS
from fastpath.snapshot import Snapshot
from fastpath.text import canonical_tag, fold

#: Rows compiled together: memory stays small, and results come while the file is still read.
CHUNK: Final = 2_000
_MOST_TAGS: Final = 10_000
_TAGS_PER_AD: Final = 64


class _Row(msgspec.Struct):
    """A row of the input file."""

    text: str
    tags: tuple[str, ...]
    id: str | int | None = None
    lang: str | None = None


def match_file(
    rows: Iterable[Any],
    *,
    expander: Callable[[], Expander] = default_expander,
    chunk: int = CHUNK,
) -> Iterator[dict[str, Any]]:
    """Yield `{id, matched}` per row, in order; a row that cannot be used yields an error entry instead.

    Args:
        rows: `{id, lang?, text, tags}`. Tags are English; where a text is Japanese they are expanded as the
            compiler does. `lang` is not needed: both rules apply to every text, as in serving.
        expander: Makes what gives Japanese forms; asked once, at the first Japanese text.
        chunk: Rows compiled together.
    """
    made = cache(expander)
    waiting: list[tuple[str | int, _Row | dict[str, Any]]] = []
    for number, raw in enumerate(rows):
        name = raw.get("id", number) if isinstance(raw, dict) else number
        name = name if isinstance(name, int) and not isinstance(name, bool) else str(name)
        waiting.append((name, _row(number, raw)))
        if len(waiting) >= chunk:
            yield from _matched(waiting, made)
            waiting = []
    yield from _matched(waiting, made)


def _row(number: int, raw: Any) -> _Row | dict[str, Any]:
    """Return a row that can be used, or why not."""
    if not isinstance(raw, dict):
        return {"error": "bad_row", "detail": f"Row {number + 1}: not a JSON object."}
    try:
        row = msgspec.convert(raw, _Row)
    except msgspec.ValidationError as error:
        return {"error": "bad_row", "detail": f"Row {number + 1}: {error}."}
    if len(row.text) > MAX_CHARS or len(row.tags) > _MOST_TAGS:
        detail = f"Row {number + 1} has over {MAX_CHARS} characters or {_MOST_TAGS} tags."
        return {"error": "too_long", "detail": detail}
    return row


def _matched(
    rows: Sequence[tuple[str | int, _Row | dict[str, Any]]], expander: Callable[[], Expander]
) -> Iterator[dict[str, Any]]:
    usable = [row for _, row in rows if isinstance(row, _Row)]
    unspaced = [row for row in usable if any(map(is_japanese, row.text))]
    spaced = [row for row in usable if not any(map(is_japanese, row.text))]
    found = _found(spaced, lambda: Expander(None, {})) | _found(unspaced, expander)
    for name, row in rows:
        if isinstance(row, _Row):
            yield {"id": name, "matched": found[id(row)]}
        else:
            yield {"id": name, **row}


def _found(rows: Sequence[_Row], expander: Callable[[], Expander]) -> dict[int, list[str]]:
    """Return row identity → the tags of the row that stand in its text, in the order of the row."""
    names = {tag: canonical_tag(tag) for row in rows for tag in row.tags}
    if not names:
        return {id(row): [] for row in rows}
    with tempfile.TemporaryDirectory() as folder:
        export = CatalogueExport(ads=tuple(_ads(sorted(set(names.values())))), apps=())
        info = compile_catalogue(export, Path(folder), expander=expander())
        snapshot = Snapshot.open(info.path, verify=False)
        found: dict[int, list[str]] = {}
        for row in rows:
            seen = {snapshot.tag(tag) for tag in tags_in(snapshot, fold(row.text))}
            found[id(row)] = [tag for tag in row.tags if names[tag] in seen] if seen else []
        return found


def _ads(tags: Sequence[str]) -> Iterator[AdEntry]:
    """Yield ads that only carry tags."""
    for start in range(0, len(tags), _TAGS_PER_AD):
        name = f"tags_{start}"
        yield AdEntry(
            ad_id=name, campaign_id=name, creative_id=name, advertiser_id=name, advertiser_name=name,
            payer=name, format=AdFormat.STATIC, landing_url="https://example.com/",
            texts={"eng": AdText(title=name, description=name, cta_text=name)},
            tags=tuple(tags[start : start + _TAGS_PER_AD]),
        )  # fmt: skip
