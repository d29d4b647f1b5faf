"""How two pieces of text are compared for a citation check: quantities, names, words that deny. Pure functions."""

from __future__ import annotations

import re
from dataclasses import replace

from rag.cite_facts import Quantity
from rag.cite_segments import Segment

#: Dimensions of which `one` is a quantity and no article.
_MEASURED = frozenset({"time", "money", "mass", "length", "volume", "percent"})
#: Syllables that deny the word behind them.
_DENYING = ("un", "in", "im", "ir", "non", "dis", "未", "不", "非", "無")


def unmeasured(segment: Segment, amount: Quantity) -> Segment:
    """Return a piece without its quantities of one unit."""
    rest = tuple(q for q in segment.quantities if q.kind != amount.kind)
    return replace(segment, quantities=rest)


def implied(amount: Quantity) -> bool:
    """Tell whether a quantity is an article in disguise: `one of them`."""
    return amount.spelled and amount.value == 1 and amount.kind not in _MEASURED


def is_parallel(one: Segment, best: Segment, said: Segment) -> bool:
    """Tell whether a piece says of another thing what the best one says: its words are no help."""
    if one.sentence != best.sentence or one is best:
        return False
    if one.codes - best.codes and best.codes - one.codes:
        return True
    return any(rivals(theirs, q) for theirs in one.quantities for q in said.quantities)


def is_context(amount: Quantity, said: Segment) -> bool:
    """Tell whether a year only says when something else was counted: it may stand in another sentence."""
    return amount.unit == "calendar year" and any(
        q.unit != "calendar year" for q in said.quantities
    )


def is_model(code: str) -> bool:
    """Tell whether a code has letters and digits."""
    return any(c.isdigit() for c in code) and any(c.isalpha() for c in code)


def is_denied(one: str, other: str) -> bool:
    """Tell whether one of two words is the other with a denying syllable: used, unused; 使用, 未使用."""
    longer, shorter = (one, other) if len(one) > len(other) else (other, one)
    for prefix in _DENYING:
        rest = longer.removeprefix(prefix)
        if rest == shorter and rest != longer:
            return True
        # Stems of one word may end differently: unus, use.
        near = len(shorter) > 2 and rest[:2] == shorter[:2] and abs(len(rest) - len(shorter)) < 2
        if prefix == "un" and rest != longer and near:
            return True
    return False


def begin_alike(one: str, other: str) -> bool:
    """Tell whether two names have a root in common: Canada, Canadian."""
    return len(one) > 4 and one[:5] == other[:5]


def has(segment: Segment, amount: Quantity) -> bool:
    """Tell whether a piece has a quantity, of the same thing as far as that is said."""
    # `12 choirs from 34 countries` has no 34 choirs.
    others = {q.noun for q in segment.quantities if q.value != amount.value}
    return any(
        (
            q.amount == amount.amount
            or (q.value == amount.value and not (amount.unit and (q.unit or q.noun)))
        )
        and not (amount.noun and q.noun != amount.noun and amount.noun in others)
        for q in segment.quantities
    )


def rivals(one: Quantity, other: Quantity) -> bool:
    """Tell whether two quantities measure the same and differ."""
    return one.kind == other.kind and one.amount != other.amount


def sides(text: str, mark: re.Match[str]) -> tuple[str, str]:
    """Return what is compared and what it is compared with."""
    before, after = text[: mark.start()], text[mark.end() :]
    if mark[0] == "than":
        return re.split(r"[.;]", before)[-1], re.split(r"[.;,]", after)[0]
    # In Japanese the standard stands right before the mark, the subject before it or behind.
    before = re.split(r"[。]", before)[-1]
    subject, _, standard = before.rpartition("は")
    if not subject:
        subject, _, standard = before.rpartition("、")
    return (subject or re.split(r"[がの、。]", after)[0]), standard
