"""A text cut into the pieces that say one thing each, with what a citation check compares of every piece."""

from __future__ import annotations

import csv
import re
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from importlib.resources import files
from itertools import pairwise

from rag.analyse import Analyser, is_japanese
from rag.cite_facts import Quantity, codes, folded, letters, names, negations, quantities, without
from rag.compress import sentences

#: Where a sentence turns to another statement, whatever stands on both sides.
_TURN = re.compile(
    r";|\s[-–—]\s|,?\s(?:but|while|whereas|although|though|provided|unless|because(?! of))\s"
    r"|,?\sif\s(?=\w+\s\w+\s)|(?:です|ます|ません|た|だ|い)が、|(?:です|ます|ません)が|ずに?、|ずに|一方で?、?"
)
#: Where it does so if both sides state something: a quantity, or one word of a pair of opposites.
_LINK = re.compile(
    r",\s(?:and\s)?|\sand\s|(?<!\bup)\sto\s|、|と(?=[^\s、。は]*[\d一二三四五六七八九十])|から(?=\d)"
)

#: A new clause has a verb of its own, behind its subject.
_PRONOUN = re.compile(r"(?i)\b(?:it|its|they|their|them|this|these|both|he|she)\b")
#: A Japanese piece with a topic of its own takes nothing over.
_TOPIC = re.compile(r"[^\s]は[^\s]")
_OVER_ALL = re.compile(r"([^は、。]{1,20})は(?:、|[^、。は]{1,20}(?<![んすただい])が)")
_SUBJECT = re.compile(r"\W*(?:the|an?|its|their)\b")
_NEW_TOPIC = re.compile(r"[^、。は]{1,14}は")
_DENIALS = frozenset({"no", "not", "cannot", "can't", "never", "none", "neither", "without", "nor"})
_VERB = re.compile(r"\b(?:is|are|was|were|must|can|cannot|will|has|have|does|supports?|costs?)\b")
_CLAUSE = re.compile(r"\w+\s+(?:is|are|was|were|must|can|cannot|will|has|have|does|costs?)\b")


@dataclass(frozen=True)
class Lexicon:
    """Words of one meaning, of opposite meanings, and of hardly any.

    Attributes:
        group: Term → representative of its group.
        opposites: Representative → representatives of what means the opposite.
        strict: Terms of direction, which must stand in the source themselves.
        light: Terms that carry little. common: Terms that carry less than others.
        implied: Dimension of a quantity → terms that its unit says already: prices, durations, weights.
    """

    group: Mapping[str, frozenset[str]]
    opposites: Mapping[str, frozenset[str]]
    strict: frozenset[str]
    light: frozenset[str]
    common: frozenset[str]
    implied: Mapping[str, frozenset[str]]

    def alike(self, term: str) -> frozenset[str]:
        """Return the terms that count as a term."""
        return self.group.get(term, frozenset((term,)))

    def against(self, term: str) -> frozenset[str]:
        """Return the terms that mean the opposite of a term."""
        return self.opposites.get(term, frozenset())


@dataclass(frozen=True)
class Segment:
    """A piece of a text.

    Attributes:
        sentence: Number of its sentence within the text.
        terms: Content terms without numbers, in order; those inherited from the piece before come first.
        inherited: How many of them are inherited.
        quantities, codes, names: Its facts; names as terms.
        denials: How many words deny something.
        units: Terms within its quantities.
        leans: Whether its sentence says `it` or, in Japanese, may leave out its subject.
        led_by: How many of its terms stand before its first quantity; all where it has none.
        text: The piece, folded. tail: Its terms behind its last quantity.
    """

    sentence: int
    terms: tuple[str, ...]
    inherited: int
    quantities: tuple[Quantity, ...]
    codes: frozenset[str]
    names: frozenset[str]
    denials: int
    units: frozenset[str] = frozenset()
    leans: bool = False
    led_by: int = 0
    text: str = ""
    tail: tuple[str, ...] = ()


@lru_cache(maxsize=4)
def lexicon(analyser: Analyser) -> Lexicon:
    """Return the words of `data/citation_words.tsv`, as the analyser makes terms of them."""
    rows = csv.reader(
        (files("rag") / "data" / "citation_words.tsv").read_text(encoding="utf-8").splitlines(),
        delimiter="\t",
    )
    same: list[set[str]] = []
    against: dict[str, set[str]] = {}
    light: set[str] = set()
    common: set[str] = set()
    strict: set[str] = set()
    implied: dict[str, frozenset[str]] = {}
    for row in rows:
        kind, *words = row
        if kind.startswith("#"):
            continue
        # A word that falls into several terms would make each of them alike.
        cut = [analyser.words(w) or [w] for w in words]
        terms = [one[0] for one in cut if len(one) == 1]
        if kind == "same":
            same.append(set(terms))
        elif kind in ("opposite", "contrary") and len(terms) == 2:
            strict.update(terms if kind == "opposite" else ())
            for one, other in (terms, terms[::-1]):
                against.setdefault(one, set()).add(other)
        elif kind == "measure":
            implied[words[0]] = frozenset(t for w in words[1:] for t in analyser.words(w))
        elif kind in ("light", "common"):
            (light if kind == "light" else common).update(terms)
    group: dict[str, set[str]] = {}
    for words_ in same:
        for term in words_:
            group.setdefault(term, {term}).update(words_)
    return Lexicon(
        {term: frozenset(found) for term, found in group.items()},
        {term: frozenset(found) for term, found in against.items()},
        frozenset(strict),
        frozenset(light),
        frozenset(common),
        implied,
    )


def segments(text: str, analyser: Analyser) -> list[Segment]:
    """Return the pieces of a text in order."""
    out: list[Segment] = []
    for number, span in enumerate(sentences(text)):
        said = text[span.start : span.end]
        pieces = _split(said, analyser)
        found: list[Segment] = []
        before: Segment | None = None
        shared = _shared_topic(said, analyser) if len(pieces) > 1 else ()
        for piece, linked in pieces:
            one = _segment(number, piece, analyser, before if linked else None)
            if found and shared and not set(shared) & set(one.terms):
                one = replace(
                    one, terms=shared + one.terms, inherited=one.inherited + len(shared),
                    led_by=one.led_by + len(shared),
                )  # fmt: skip
            found.append(one)
            before = one
        out.extend(_tailed(found) if is_japanese(said) else found)
    return out


def _shared_topic(sentence: str, analyser: Analyser) -> tuple[str, ...]:
    """Return the terms of what all pieces of a Japanese sentence are about: `送料は本州が…、沖縄は…`."""
    found = _OVER_ALL.match(sentence)
    return tuple(analyser.content_terms(found[1])) if found else ()


def _tailed(found: list[Segment]) -> list[Segment]:
    """Give pieces with a quantity the verb that ends a Japanese sentence for all of them."""
    if len(found) < 2 or not all(one.quantities for one in found):
        return found
    tail = found[-1].tail
    return [
        replace(one, terms=one.terms + tail) if one.led_by == len(one.terms) else one
        for one in found[:-1]
    ] + found[-1:]


def _split(sentence: str, analyser: Analyser) -> list[tuple[str, bool]]:
    """Return the pieces of a sentence, each with whether it may lean on the one before."""
    pieces: list[tuple[str, bool]] = []
    start = 0
    cuts = [(m.start(), m.end()) for m in _TURN.finditer(sentence)]
    for low, high in [*cuts, (len(sentence), len(sentence))]:
        # A Japanese verb stays with the piece it ends.
        end = high if re.search("が|ず", sentence[low:high]) else low
        pieces.extend((piece, True) for piece in _linked(sentence[start:end], analyser))
        start = high
    return [piece for piece in pieces if piece[0].strip()]


def _linked(text: str, analyser: Analyser) -> list[str]:
    """Split at links whose two sides state something of the same kind."""
    marks = [(0, 0), *((m.start(), m.end()) for m in _LINK.finditer(text)), (len(text), len(text))]
    out: list[str] = []
    for one, other in pairwise(marks):
        bit, link = text[one[1] : other[0]], text[one[0] : one[1]]
        if out and not _states(out[-1], bit, analyser):
            out[-1] += link + bit
        else:
            out.append(bit)
    return out


def _states(one: str, other: str, analyser: Analyser) -> bool:
    """Tell whether two neighbouring pieces stand against each other."""
    plain = (folded(one), folded(other))
    amounts = [quantities(piece) for piece in plain]
    kinds = [{q.kind for q in found} for found in amounts]
    if kinds[0] & kinds[1] - {""}:
        return True
    if is_japanese(one) and "は" in one and _NEW_TOPIC.match(other):
        return True
    # `Gift cards and vouchers cannot be returned`: what has no verb states nothing yet.
    stated = is_japanese(one) or _VERB.search(one) is not None or len(analyser.words(one)) > 3
    if (
        stated
        and negations(plain[0]) != negations(plain[1])
        and (amounts[1] or len(analyser.content_terms(other)) > 1)
    ):
        return True
    if re.match(r"\s*(?:but )?not\b", plain[1]):
        return True
    named = [set(names(piece)) for piece in (one, other)]
    if named[0] & named[1] and named[1] - named[0]:
        return True
    words = lexicon(analyser)
    first, second = (set(analyser.content_terms(piece)) for piece in (one, other))
    if any(words.against(term) & second for term in first):
        return True
    return _VERB.search(one) is not None and _CLAUSE.search(other) is not None


def _segment(number: int, piece: str, analyser: Analyser, before: Segment | None) -> Segment:
    plain = folded(piece)
    amounts = quantities(plain)
    bare = without(plain, amounts)
    own = tuple(t for t in analyser.content_terms(bare) if not t.isdigit() and t not in _DENIALS)
    named = frozenset(
        t for name in names(piece, quantities(_wide(piece))) for t in analyser.content_terms(name)
    )
    leads = len(analyser.content_terms(bare[: amounts[0].start])) if amounts else len(own)
    inherited: tuple[str, ...] = ()
    taken_over: frozenset[str] = frozenset()
    if before is None or (is_japanese(piece) and _TOPIC.search(piece)):
        # `Xは…で、Yは…`: the second clause has a topic of its own, and is still about the model X.
        taken_over = before.codes if before is not None and not codes(bare) else taken_over
    elif before.denials and not negations(plain) and is_japanese(piece):
        # `油を使わずに、七分焼く`: what is denied before is not said of this.
        pass
    elif amounts and not leads and not _SUBJECT.match(plain):
        inherited, taken_over = before.terms[: before.led_by], before.codes
    elif len(own) < 2 and not amounts and negations(plain):
        # `…, dinner is not` takes over what is said, `… but not theft` whom it is said of.
        inherited = before.terms[1:] if _CLAUSE.search(f"{piece} ") else before.terms[:-1]
        amounts = list(before.quantities)
    elif not named:
        inherited = tuple(
            t
            for i, t in enumerate(before.terms)
            if i == 0 or t in before.names or (len(own) < 2 and i < 3)
        )
    return Segment(
        number,
        inherited + own,
        len(inherited),
        tuple(amounts),
        frozenset(codes(bare) | letters(piece) | taken_over),
        named,
        negations(plain),
        frozenset(t for q in amounts for t in analyser.content_terms(plain[q.start : q.end])),
        _PRONOUN.search(piece) is not None or is_japanese(piece),
        len(inherited) + leads,
        plain,
        tuple(analyser.content_terms(bare[amounts[-1].end :])) if amounts else (),
    )


def _wide(text: str) -> str:
    return unicodedata.normalize("NFKC", text).lower()


def coverage(terms: Sequence[str], present: frozenset[str], words: Lexicon) -> list[str]:
    """Return those terms that have nothing alike among the present ones."""
    return [term for term in terms if not words.alike(term) & present]
