"""The sensitive gate: no ad beside pain, danger or harm, and none for restricted goods.

A phrase lexicon per language (`data/gate_eng.tsv`, `data/gate_jpn.tsv`) with exceptions for harmless phrases
("legal thriller", "kill a process"). Every turn given is read, the user's and the assistant's: one
sensitive turn closes the whole conversation. Both lexicons are applied whatever the language, and anything
that goes wrong inside closes the gate.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import cache
from typing import Final

import msgspec

from fastpath.phrases import Fragments, Phrases, read_lexicon
from fastpath.text import fold

#: Goods that get no ad, with a reason of their own.
RESTRICTED: Final = frozenset({"tobacco", "gambling", "prescription"})


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


def categories_of(text: str) -> set[str]:
    """Return the categories of one raw text."""
    folded = fold(text)
    found = _english().categories(folded)
    if not folded.isascii():
        found |= _japanese().categories(folded)
    return found


@cache
def _english() -> Phrases:
    return Phrases(read_lexicon("gate_eng.tsv"))


@cache
def _japanese() -> Fragments:
    return Fragments(read_lexicon("gate_jpn.tsv"))
