"""Which tags stand in a text: both published rules over one snapshot."""

from __future__ import annotations

from fastpath._core import core_info
from fastpath._points import Points, reader
from fastpath.form_keys import MARK
from fastpath.japanese import stands_alone
from fastpath.snapshot import Snapshot
from fastpath.text import fits, fold, words_of

__all__ = ["core_info", "find_forms", "find_tags", "tags_in", "tags_of"]


def find_forms(snapshot: Snapshot, text: str) -> list[int]:
    """Return the surface forms that stand in a raw text as words of their own, each once."""
    points = reader().read(fold(text))
    found = _forms(snapshot, points)
    reader().give(points)
    return found


def find_tags(snapshot: Snapshot, text: str) -> dict[int, int]:
    """Return tag number → the surface form that showed it (the longest), for a raw text."""
    return tags_in(snapshot, fold(text))


def tags_in(snapshot: Snapshot, folded: str) -> dict[int, int]:
    """Return tag number → the surface form that showed it (the longest), for a folded text."""
    points = reader().read(folded)
    found = tags_of(snapshot, points)
    reader().give(points)
    return found


def tags_of(snapshot: Snapshot, points: Points) -> dict[int, int]:
    """Return what `tags_in` does, for a text already cut into code points."""
    forms = _forms(snapshot, points)
    return snapshot.matcher.tags(forms) if forms else {}


def _forms(snapshot: Snapshot, points: Points) -> list[int]:
    return forms_of(snapshot, points.text, *snapshot.matcher.words_in(points))


def forms_of(
    snapshot: Snapshot, folded: str, found: set[int], unsure: list[tuple[int, int]]
) -> list[int]:
    """Return the surface forms that stand in a folded text, given what `Matcher.words_in` says of it."""
    if unsure:
        words = words_of(folded)
        for start, form in unsure:
            tag = snapshot.form_words(form)
            stop = start + len(tag.base)
            if not tag.base or form in found or words.base[start:stop] != tag.base:
                continue
            if fits(words, start, tag, plain=False):
                found.add(form)
    starts = snapshot.manifest.starts
    if starts and not folded.isascii():
        longer = MARK in starts
        inside = snapshot.matcher.inside
        for start, end, form in snapshot.matcher.characters(folded, starts):
            if form in found or not stands_alone(folded, start, end):
                continue
            if not (longer and inside(folded, start, end)):
                found.add(form)
    return sorted(found)
