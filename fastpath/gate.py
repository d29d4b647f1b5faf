"""The sensitive gate: no ad beside pain, danger or harm, and none for restricted goods.

A phrase lexicon per language (`data/gate_eng.tsv`, `data/gate_jpn.tsv`) with exceptions for harmless phrases
("legal thriller", "kill a process"), and beside it a linear model for what no phrase says ("she won't be
coming home"). Every turn given is read, the user's and the assistant's: one sensitive turn closes the whole
conversation. Both lexicons are applied whatever the language, and anything that goes wrong inside, a
missing or damaged model too, closes the gate.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import cache
from typing import Final

import msgspec

from fastpath.model import shipped
from fastpath.phrases import Fragments, Phrases, read_lexicon
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


def lexicon_categories(folded: str) -> set[str]:
    """Return the categories whose phrases stand in one folded text."""
    found = _english().categories(folded)
    if not folded.isascii():
        found |= _japanese().categories(folded)
    return found


def categories_of(text: str) -> set[str]:
    """Return the categories of one raw text: the lexicon's, or `INDIRECT` where only the model fires.

    Raises:
        GateModelError: The model is missing or damaged.
    """
    folded = fold(text)
    found = lexicon_categories(folded)
    if found <= RESTRICTED and shipped().fires(folded):
        found.add(INDIRECT)
    return found


def ready() -> str:
    """Read lexicons and model, and return the model's digest: for whoever starts a serving process.

    Raises:
        GateModelError: The model is missing or damaged.
    """
    lexicon_categories("\u3042")
    return shipped().digest


@cache
def _english() -> Phrases:
    return Phrases(read_lexicon("gate_eng.tsv"))


@cache
def _japanese() -> Fragments:
    return Fragments(read_lexicon("gate_jpn.tsv"))
