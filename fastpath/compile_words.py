"""Compile time: which words an ad's own English text has, and how telling each is.

They are no tags: a word alone brings in no ad by keyword. They say, beside the vectors, how much of what a user
said an ad's text answers. Singular and plural stand for each other here, made at compile time.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Any, Final

import numpy as np

from domain.catalogue import AdEntry
from domain.language import Language
from fastpath import layout
from fastpath._vectors import PPM, WHOLE, open_table
from fastpath.text import fold, without_accents
from fastpath.weight import log2_units

Array = np.ndarray[Any, Any]

_WORD: Final = re.compile(r"[a-z0-9]{2,}")
#: A word of the title, of the advertiser's name or of a tag counts whole, one of the description half.
_HALF: Final = WHOLE // 2
#: A catalogue smaller than this counts as this large: in a small one every word is frequent.
_LEAST_ADS: Final = 1_000
#: Words that say nothing about what is wanted, in questions and in ads; written for this project.
_SILENT: Final = frozenset(
    word
    for word in re.findall(
        r"[a-z]+",
        """
    about after again all also am an and another any anyone are as at be because been before being
    best better between both but buy by can could deals did do does doing don during each either
    else even ever every few find for free from get gets getting give go going good got great had
    has have having he hello help her here hers hey hi him his how if in into is isn it its just
    know let like ll looking made make makes many may me might more most much must my near need
    needs new no nor not now of off ok okay on one only or other our out over own perfect please pls
    quality re really recommend right sale same see shall she shop should show since so some
    something still such suggest sure take tell than thank thanks that the their them then there
    these they thing things think this those through to today too top try up us use used using ve
    very want wants was way we well were what when where which while who whom whose why will with
    within without would yes yet you your yours
    """,
    )
)


def compile_words(ads: Sequence[AdEntry]) -> dict[str, Array]:
    """Return the arrays `word_…` of `layout.VECTORS`."""
    found: dict[str, dict[int, int]] = {}
    for i, ad in enumerate(ads):
        for word, share in _words(ad).items():
            found.setdefault(word, {})[i] = share
    names = sorted(found.keys() | _SILENT)
    postings = [sorted(found.get(name, {}).items()) for name in names]
    whole = log2_units(max(len(ads), _LEAST_ADS))
    counts = [len(row) for row in postings]
    slots, numbers = open_table(names)
    raw: dict[str, Any] = {
        "word_slots": slots,
        "word_rows": numbers,
        "word_weights": [
            0 if name in _SILENT else max(0, PPM - PPM * log2_units(max(count, 1)) // whole)
            for name, count in zip(names, counts, strict=True)
        ],
        "word_offsets": np.concatenate([[0], np.cumsum(counts, dtype=np.int64)]),
        "word_ads": [ad for row in postings for ad, _ in row],
        "word_shares": [share for row in postings for _, share in row],
    }
    return {name: np.asarray(raw[name], dtype=layout.VECTORS[name]) for name in raw}


def _words(ad: AdEntry) -> dict[str, int]:
    text = ad.texts.get(Language.ENG)
    if text is None:
        return {}
    found = dict.fromkeys(_forms(text.description), _HALF)
    for part in (text.title, ad.advertiser_name, *ad.tags):
        found.update(dict.fromkeys(_forms(part), WHOLE))
    return found


def _forms(text: str) -> Iterator[str]:
    for word in _WORD.findall(without_accents(fold(text))):
        if word not in _SILENT:
            yield word
            other = other_number(word)
            if other:
                yield other


def other_number(word: str) -> str | None:
    """Return the plural of a singular and the singular of a plural, by spelling alone; None for numbers."""
    if len(word) < 3 or not word.isalpha():
        return None
    if word.endswith("s"):
        return _singular(word)
    if word.endswith(("ch", "sh", "x", "z")):
        return f"{word}es"
    if word.endswith("y") and word[-2] not in "aeiou":
        return f"{word[:-1]}ies"
    return f"{word}s"


def _singular(word: str) -> str | None:
    if word.endswith("ss"):
        return f"{word}es"
    if word.endswith(("us", "is")) or len(word) < 4:
        return None
    if word.endswith("ies") and len(word) > 4:
        return f"{word[:-3]}y"
    if word.endswith(("ches", "shes", "xes", "sses", "zes")):
        return word[:-2]
    return word[:-1]
