"""The sensitive gate: no ad beside pain, danger or harm, and none for restricted goods.

A phrase lexicon per language (`data/gate_<language>.tsv`) with exceptions for harmless phrases
("legal thriller", "kill a process"), and beside it a linear model for what no phrase says ("she won't be
coming home"). Every turn given is read, the user's and the assistant's: one sensitive turn closes the whole
conversation. All lexicons are applied whatever the language, and anything that goes wrong inside, a
missing or damaged model too, closes the gate.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final

import msgspec

from fastpath import lexicons
from fastpath._points import Points, reader
from fastpath.model import GateModel, shipped
from fastpath.text import fold

#: Goods that get no ad, with a reason of their own.
RESTRICTED: Final = frozenset({"tobacco", "gambling", "prescription"})

#: What no phrase of the lexicon says, but the model takes for pain, danger or harm.
INDIRECT: Final = "indirect"


class GateVerdict(msgspec.Struct, frozen=True):
    """What the gate found.

    Attributes:
        verdict: `clear`, `sensitive` or `restricted`; sensitive wins over restricted.
        categories: Every category found, sorted.
    """

    verdict: str
    categories: tuple[str, ...] = ()


def check(texts: Sequence[str]) -> GateVerdict:
    """Return the verdict over all turns of a conversation; sticky by construction."""
    found: set[str] = set()
    for text in texts:
        try:
            found |= categories_of(text)
        except Exception:  # the promise to users: a defect in here must close the gate
            found.add("gate_error")
    return judge(found)


def judge(categories: Iterable[str]) -> GateVerdict:
    """Return the verdict that a set of categories amounts to."""
    found = tuple(sorted(set(categories)))
    if not found:
        return GateVerdict("clear")
    restricted_only = all(category in RESTRICTED for category in found)
    return GateVerdict("restricted" if restricted_only else "sensitive", found)


def lexicon_categories(folded: str) -> frozenset[str]:
    """Return the categories whose phrases stand in one folded text."""
    return lexicons.shipped().read(folded)[0]


def categories_of(text: str) -> frozenset[str]:
    """Return the categories of one raw text: the lexicon's, or `INDIRECT` where only the model fires.

    Raises:
        GateModelError: The model is missing or damaged.
    """
    folded = fold(text)
    return beyond_phrases(lexicon_categories(folded), folded)


def beyond_phrases(
    found: frozenset[str], folded: str, model: GateModel | None = None
) -> frozenset[str]:
    """Add `INDIRECT` to the lexicon's categories of a folded text where only the model fires.

    Args:
        found: Categories of the lexicon.
        folded: The text.
        model: A snapshot's; by default the one that ships with this code.

    Raises:
        GateModelError: The model is missing or damaged.
    """
    points = reader().read(folded)
    found = beyond_phrases_in(found, points, model or shipped())
    reader().give(points)
    return found


def beyond_phrases_in(found: frozenset[str], points: Points, model: GateModel) -> frozenset[str]:
    """Return what `beyond_phrases` does, for a text already cut into code points."""
    if found <= RESTRICTED and model.fires_in(points):
        return found | {INDIRECT}
    return found


def ready() -> str:
    """Read lexicons and model, and return the model's digest: for whoever starts a serving process.

    Raises:
        GateModelError: The model is missing or damaged.
    """
    lexicon_categories("\u3042")
    return shipped().digest
