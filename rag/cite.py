"""Does a cited text support a sentence? Checked by rules, without a model, in English and Japanese.

A sentence is supported if its words stand in the source, and nothing in it says otherwise: quantities with
their units belong to the same things, names and codes are the source's, nothing is denied that the source
affirms or the other way round, and no word is the opposite of the source's. A model may only reject more.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import replace
from enum import StrEnum

import msgspec

from rag.analyse import Analyser
from rag.cite_facts import Quantity
from rag.cite_segments import Lexicon, Segment, coverage, lexicon, segments

#: Least share of a sentence's weight that must stand in the source. Chosen on the tuning half of the
#: labelled set (`tests/rag/fixtures/citations.jsonl`); the figures are of the other half.
LEAST_COVERAGE = 0.85
#: Weight of words that carry little, others having their own.
_LIGHT = 0.15
_COMPARED = re.compile(r"\bthan\b|より")
_BY = re.compile(r"\bby\s+(?:the\s+)?([A-Z]\w+)")

Idf = Callable[[str], float]


class Reason(StrEnum):
    """Why a sentence is or is not supported."""

    SUPPORTED = "supported"
    EMPTY = "empty"
    WORDS = "words"
    NUMBER = "number"
    NAME = "name"
    NEGATION = "negation"
    OPPOSITE = "opposite"
    ORDER = "order"
    MODEL = "model"


class Support(msgspec.Struct, frozen=True):
    """What a check found.

    Attributes:
        supported: Whether the sentence may stand with this citation.
        coverage: Share of its weight that stands in the source, in [0, 1].
        reason: What decided.
        detail: The word or number that decided, for people.
    """

    supported: bool
    coverage: float
    reason: Reason
    detail: str = ""


class CitationChecker:
    """Checks sentences against what they cite.

    Args:
        analyser: Makes terms.
        idf: Weight of a term; all the same by default.
        least_coverage: Share of a sentence's weight that must stand in the source.
    """

    def __init__(
        self, analyser: Analyser, idf: Idf | None = None, least_coverage: float = LEAST_COVERAGE
    ) -> None:
        self._analyser = analyser
        self._idf = idf or (lambda _term: 1.0)
        self._least = least_coverage
        self._words: Lexicon = lexicon(analyser)

    def check(self, sentence: str, source: str, *, title: str = "") -> Support:
        """Say whether a source supports a sentence.

        Args:
            sentence: One sentence of an answer.
            source: The cited text; usually a chunk.
            title: What stands above it; names its subject.
        """
        said = segments(sentence, self._analyser)
        if not said or not any(one.terms or one.quantities for one in said):
            return Support(False, 0.0, Reason.EMPTY)
        told = segments(source, self._analyser)
        if not told:
            return Support(False, 0.0, Reason.WORDS)
        head = frozenset(self._analyser.content_terms(title))
        topic = head | told[0].names | frozenset(told[0].terms[:1])
        least = Support(True, 1.0, Reason.SUPPORTED)
        for one in said:
            found = self._piece(one, told, head, topic)
            if not found.supported:
                return found
            least = min(least, found, key=lambda s: s.coverage)
        if (wrong := self._order(sentence, source)) is not None:
            return Support(False, least.coverage, Reason.ORDER, wrong)
        return least

    def _piece(
        self,
        said: Segment,
        told: Sequence[Segment],
        head: frozenset[str],
        topic: frozenset[str],
    ) -> Support:
        scores = [self._overlap(said, one) for one in told]
        nearest = max(range(len(told)), key=lambda i: (scores[i], -i))
        wrong = self._quantity(said, told, scores)
        if wrong is not None:
            return Support(False, 0.0, Reason.NUMBER, wrong)
        best = self._best(said, told, scores, nearest)
        if best.leans:
            head = topic
        present = frozenset((*best.terms, *best.units)) | head
        nearby = frozenset(t for one in told for t in (*one.terms, *one.units))
        if (name := self._foreign_name(said, best, present, nearby, head)) is not None:
            return Support(False, 0.0, Reason.NAME, name)
        if (opposite := self._opposite(said, best)) is not None:
            return Support(False, 0.0, Reason.OPPOSITE, opposite)
        share, missing = self._share(said, present, nearby)
        if share < self._least:
            return Support(False, share, Reason.WORDS, ", ".join(missing))
        if bool(said.denials) != bool(best.denials) or said.denials > best.denials:
            return Support(False, share, Reason.NEGATION)
        return Support(True, share, Reason.SUPPORTED)

    def _overlap(self, said: Segment, told: Segment) -> float:
        present = frozenset(told.terms)
        found = {t for t in said.terms if self._words.alike(t) & present}
        amounts = {(q.value, q.unit) for q in told.quantities}
        # A number without a unit is part of a name: `Ridge 3`.
        same = sum(
            3.0 if not q.unit else 1.0 for q in said.quantities if (q.value, q.unit) in amounts
        )
        shared = sum(self._weight(t) for t in found) + len(said.codes & told.codes)
        # Of two pieces that share the same, the one that says less besides is meant.
        return shared + 0.5 * same - 0.01 * len(told.terms)

    def _best(
        self, said: Segment, told: Sequence[Segment], scores: Sequence[float], nearest: int
    ) -> Segment:
        wanted = [q for q in said.quantities if not _implied(q)]
        fitting = (
            [i for i, one in enumerate(told) if all(_has(one, q) for q in wanted)] if wanted else []
        )
        return told[max(fitting, key=lambda i: (scores[i], -i)) if fitting else nearest]

    def _quantity(
        self, said: Segment, told: Sequence[Segment], scores: Sequence[float]
    ) -> str | None:
        """Return a quantity that the source does not have, or has for something else."""
        for amount in said.quantities:
            if _implied(amount):
                continue
            with_it = [scores[i] for i, one in enumerate(told) if _has(one, amount)]
            if not with_it:
                return f"{amount.value:f} {amount.unit}".strip()
            others = [
                self._overlap(_unmeasured(said, amount), one)
                for one in told
                if not _has(one, amount) and any(_rivals(q, amount) for q in one.quantities)
            ]
            own = [
                self._overlap(_unmeasured(said, amount), one) for one in told if _has(one, amount)
            ]
            if others and max(others) > max(own) + 0.2:
                return f"{amount.value:f} {amount.unit}".strip()
        return None

    def _foreign_name(
        self,
        said: Segment,
        best: Segment,
        present: frozenset[str],
        nearby: frozenset[str],
        head: frozenset[str],
    ) -> str | None:
        """Return a name or code of the sentence that the source does not have, or has elsewhere only."""
        own = frozenset(best.terms) | head
        for name in sorted(said.names):
            if not self._words.alike(name) & nearby and name not in head:
                if any(_begin_alike(name, term) for term in own):
                    continue
                return name
            if not self._words.alike(name) & own:
                return name
        lacking = said.codes - best.codes - head - own
        return next(iter(sorted(lacking)), None)

    def _opposite(self, said: Segment, best: Segment) -> str | None:
        """Return a word of direction that the source does not have; most of all if it has its opposite."""
        present = frozenset((*best.terms, *best.units))
        own = frozenset(said.terms)
        for term in said.terms:
            if self._words.alike(term) & present:
                continue
            if self._is_strict(term) or self._against(term) & (present - own):
                return term
        return None

    def _against(self, term: str) -> frozenset[str]:
        against = {o for one in self._words.alike(term) for o in self._words.against(one)}
        return frozenset(other for one in against for other in self._words.alike(one))

    def _is_strict(self, term: str) -> bool:
        return bool(self._words.alike(term) & self._words.strict)

    def _share(
        self, said: Segment, present: frozenset[str], nearby: frozenset[str]
    ) -> tuple[float, list[str]]:
        terms = list(dict.fromkeys(said.terms))
        missing = coverage(terms, present, self._words)
        far = [term for term in missing if self._words.alike(term) & nearby]
        total = sum(map(self._weight, terms))
        lost = sum(map(self._weight, missing)) - 0.5 * sum(map(self._weight, far))
        return (1 - lost / total if total else 1.0), missing

    def _weight(self, term: str) -> float:
        return _LIGHT if term in self._words.light else self._idf(term)

    def _order(self, sentence: str, source: str) -> str | None:
        """Return the word at which who and whom are the wrong way round."""
        mark = _COMPARED.search(sentence)
        if mark is not None:
            for span in _COMPARED.finditer(source):
                if self._crossed(_sides(sentence, mark), _sides(source, span)):
                    return mark[0]
        for actor in _BY.finditer(source):
            name, verb = actor[1], source[: actor.start()].split()[-1:]
            found = re.search(rf"\b{re.escape(name)}\b", sentence)
            done = verb and re.search(rf"\b{re.escape(verb[0])}\b", sentence)
            if found and done and found.start() > done.start() and "by " not in sentence:
                return name
        return None

    def _crossed(self, said: tuple[str, str], told: tuple[str, str]) -> bool:
        mine = [frozenset(self._analyser.content_terms(side)) for side in said]
        theirs = [frozenset(self._analyser.content_terms(side)) for side in told]
        left, right = mine[0] - mine[1], mine[1] - mine[0]
        return bool(left & (theirs[1] - theirs[0]) and right & (theirs[0] - theirs[1]))


def _unmeasured(segment: Segment, amount: Quantity) -> Segment:
    """Return a piece without its quantities of one unit."""
    rest = tuple(q for q in segment.quantities if q.kind != amount.kind)
    return replace(segment, quantities=rest)


def _implied(amount: Quantity) -> bool:
    """Tell whether a quantity is an article in disguise: `one of them`."""
    return amount.spelled and amount.value == 1


def _begin_alike(one: str, other: str) -> bool:
    """Tell whether two names have a root in common: Canada, Canadian."""
    return len(one) > 4 and one[:5] == other[:5]


def _has(segment: Segment, amount: Quantity) -> bool:
    # `12 choirs from 34 countries` has no 34 choirs.
    others = {q.noun for q in segment.quantities if q.value != amount.value}
    return any(
        q.value == amount.value
        and (q.unit == amount.unit or not amount.unit)
        and not (amount.noun and q.noun != amount.noun and amount.noun in others)
        for q in segment.quantities
    )


def _rivals(one: Quantity, other: Quantity) -> bool:
    return one.kind == other.kind and one.value != other.value


def _sides(text: str, mark: re.Match[str]) -> tuple[str, str]:
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
