"""Which tags stand in a text: both published rules over one snapshot."""

from __future__ import annotations

from fastpath import _core
from fastpath._core import core_info
from fastpath.japanese import is_japanese, stands_alone
from fastpath.snapshot import Snapshot
from fastpath.text import fits, fold, words_of

__all__ = ["core_info", "find_forms", "find_tags"]


def find_forms(snapshot: Snapshot, text: str) -> list[int]:
    """Return the surface forms that stand in a raw text as words of their own, each once."""
    folded = fold(text)
    return sorted(_english(snapshot, folded) | _japanese(snapshot, folded))


def find_tags(snapshot: Snapshot, text: str) -> dict[int, int]:
    """Return tag number → the surface form that showed it (the longest), for a raw text."""
    found: dict[int, int] = {}
    lengths: dict[int, int] = {}
    for form in find_forms(snapshot, text):
        length = int(snapshot.form_offsets[form + 1] - snapshot.form_offsets[form])
        for tag in snapshot.row(snapshot.form_tag_offsets, snapshot.form_tags, form):
            if length > lengths.get(tag, 0):
                found[tag], lengths[tag] = form, length
    return dict(sorted(found.items()))


def _english(snapshot: Snapshot, folded: str) -> set[int]:
    longest = snapshot.manifest.longest_words
    words = words_of(folded)
    if not longest or not words.base:
        return set()
    found: set[int] = set()
    for start, _count, key in _core.scan_words(snapshot, words.base, longest):
        for form in snapshot.row(snapshot.key_form_offsets, snapshot.key_forms, key):
            plain = bool(snapshot.form_plain[form])
            if form not in found and fits(words, start, snapshot.form_words(form), plain=plain):
                found.add(form)
    return found


def _japanese(snapshot: Snapshot, folded: str) -> set[int]:
    starts = snapshot.manifest.starts
    if not starts or folded.isascii() or not any(map(is_japanese, folded)):
        return set()
    found: set[int] = set()
    for start, length, key in _core.scan_chars(snapshot, folded, starts):
        if stands_alone(folded, start, start + length):
            found.update(snapshot.row(snapshot.key_form_offsets, snapshot.key_forms, key))
    return found
