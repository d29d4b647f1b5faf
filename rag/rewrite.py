"""Understanding a question by rules: what is asked, slips of the pen, compounds, synonyms, feedback.

Every rule only adds weighted terms that the index knows; the question's own words keep their full weight.
"""

from __future__ import annotations

import csv
import re
import string
from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from importlib.resources import files
from itertools import pairwise
from typing import Protocol

import msgspec
import numpy as np
from numpy.typing import NDArray

from rag.analyse import Analyser, fold
from rag.postings import Query, query_of, term_key, unpack
from rag.types import Numbers

#: Weights beside the question's own words (1.0).
SPELLING, COMPOUND, SYNONYM = 0.8, 0.8, 0.3

#: What is said around a question in both languages; cut so that it is not searched for.
_AROUND = re.compile(
    r"^(?:please\s+|(?:can|could|would) you\s+(?:please\s+)?|i(?:'d| would) like (?:you )?to\s+|"
    r"i (?:want|need) to\s+)?"
    r"(?:(?:generate|write|draft|create|compose)\s+(?:(?:a|an|some|the)\s+)?[\w-]+(?:\s+(?:post|copy|text|page|mail))?"
    r"\s+(?:about|for|on)\s+|(?:find|show|tell|give|look up|search for|explain)\s+(?:me\s+)?"
    r"(?:(?:everything|something|information|details|more)\s+)?(?:about\s+|on\s+)?)|"
    r"(?:について)?(?:詳しく)?(?:教えて|説明して|調べて|探して|知りたい)(?:ください|下さい|です)?[。?？!！]*$",
    re.IGNORECASE,
)
_LETTERS = string.ascii_lowercase


class Statistics(Protocol):
    """What rewriting asks of an index."""

    def frequency(self, key: int, as_of: int | None = None) -> int:
        """Return in how many visible chunks a word occurs."""
        ...

    def idf(self, key: int, as_of: int | None = None) -> float:
        """Return the inverse document frequency of a word, 0 for one that no chunk has."""
        ...

    def idfs(self, keys: Numbers) -> NDArray[np.float64]:
        """Return the inverse document frequencies of many words."""
        ...


class Understood(msgspec.Struct, frozen=True):
    """A question as it will be searched.

    Attributes:
        text: In words, with slips corrected; what is embedded.
        plain: Its own terms. expanded: with what the rules added.
        notes: What was changed, for people.
    """

    text: str
    plain: Query
    expanded: Query
    notes: tuple[str, ...] = ()


def clarify(query: str) -> str:
    """Return what is asked for, without the words around it; the query itself if nothing else is left."""
    short = _AROUND.sub("", query.strip(), count=1).strip()
    return short or query.strip()


def understand(query: str, analyser: Analyser, known: Statistics) -> Understood:
    """Return a question with its expansion."""
    text = clarify(query)
    plain = query_of(analyser, text)
    extra: dict[int, float] = {}
    notes = [] if text == query.strip() else [f"asked for: {text}"]
    surfaces = analyser.surfaces(text)
    for term, word in surfaces:
        if known.frequency(term_key(term)):
            continue
        if (better := _corrected(word, analyser, known)) is not None:
            _add(extra, analyser.words(better), SPELLING)
            text = re.sub(rf"(?i)\b{re.escape(word)}\b", better, fold(text))
            notes.append(f"read {word} as {better}")
    for joined in _joined([word for _, word in surfaces], analyser, known):
        _add(extra, analyser.words(joined), COMPOUND)
        notes.append(f"also {joined}")
    for phrase in _synonyms_of(text, analyser):
        _add(extra, analyser.words(phrase), SYNONYM)
        notes.append(f"also {phrase}")
    words = extra | plain.words
    return Understood(text, plain, Query(words, plain.grams), tuple(notes))


def feedback(
    query: Query,
    chunks: Sequence[tuple[float, int, bytes]],
    known: Statistics,
    *,
    terms: int = 10,
    share: float = 0.3,
) -> Query:
    """Return a query with the terms that its best chunks have in common (RM3, Lavrenko and Croft 2001).

    Args:
        query: The query before.
        chunks: (weight, tokens, packed words) of the best chunks.
        known: Statistics of the index.
        terms: How many terms come in.
        share: What they weigh together, the query's own being 1.
    """
    model: dict[int, float] = {}
    for weight, length, records in chunks:
        found, counts = unpack(records)
        for key, probability in zip(
            found.tolist(), (counts / max(1, length)).tolist(), strict=True
        ):
            model[key] = model.get(key, 0.0) + weight * probability
    keys = np.array(list(model), np.int64)
    value = np.array(list(model.values()), np.float64) * known.idfs(keys)
    best = [int(keys[i]) for i in np.lexsort((keys, -value))[:terms]]
    mass = sum(model[key] for key in best) or 1.0
    own = sum(query.words.values()) or 1.0
    words = dict(query.words)
    for key in best:
        words[key] = words.get(key, 0.0) + share * own * model[key] / mass
    return Query(words, query.grams)


def _add(extra: dict[int, float], terms: Iterable[str], weight: float) -> None:
    for term in terms:
        extra[term_key(term)] = max(weight, extra.get(term_key(term), 0.0))


def _corrected(word: str, analyser: Analyser, known: Statistics) -> str | None:
    """Return the known word nearest to an unknown one: two words run together, or one slip away."""
    if not word.isascii() or not word.isalpha() or len(word) < 4:
        return None
    best: tuple[int, str] | None = None
    for at in range(3, len(word) - 2):
        parts = (word[:at], word[at:])
        found = min(_frequency(part, analyser, known) for part in parts)
        if found and (best is None or found > best[0]):
            best = (found, " ".join(parts))
    if best is not None:
        return best[1]
    # The first letter is hardly ever wrong.
    for other in _one_slip(word):
        found = _frequency(other, analyser, known)
        if found and (best is None or found > best[0]):
            best = (found, other)
    return best[1] if best else None


def _one_slip(word: str) -> Iterable[str]:
    """Return the words that one letter less, more, other or swapped gives, behind the first letter."""
    for i in range(1, len(word) + 1):
        head, tail = word[:i], word[i:]
        yield head + tail[1:]
        if len(tail) > 1:
            yield head + tail[1] + tail[0] + tail[2:]
        for letter in _LETTERS:
            yield head + letter + tail
            if tail:
                yield head + letter + tail[1:]


def _joined(words: Sequence[str], analyser: Analyser, known: Statistics) -> list[str]:
    """Return neighbouring words that the index knows as one (best buy → bestbuy)."""
    pairs = (one + other for one, other in pairwise(words))
    return [pair for pair in pairs if len(pair) > 4 and _frequency(pair, analyser, known)]


def _frequency(word: str, analyser: Analyser, known: Statistics) -> int:
    terms = analyser.words(word)
    return min((known.frequency(term_key(term)) for term in terms), default=0)


def _synonyms_of(text: str, analyser: Analyser) -> list[str]:
    table = _table()
    words = [word for _, word in analyser.surfaces(text)]
    spoken = {*words, *(f"{a} {b}" for a, b in pairwise(words))}
    spoken |= {entry for entry in table if not entry.isascii() and entry in text}
    found = [other for entry in sorted(spoken) for other in table.get(entry, ())]
    return list(dict.fromkeys(found))


@lru_cache(maxsize=1)
def _table() -> Mapping[str, tuple[str, ...]]:
    """Return word → words of the same meaning. The table was written for this project."""
    groups: dict[str, tuple[str, ...]] = {}
    text = (files("rag") / "data" / "synonyms.tsv").read_text(encoding="utf-8")
    for row in csv.reader(text.splitlines(), delimiter="\t"):
        if row and not row[0].startswith("#"):
            for word in row:
                groups[word] = (*groups.get(word, ()), *(other for other in row if other != word))
    return groups


def weights_of(terms: Sequence[str], known: Statistics) -> NDArray[np.float64]:
    """Return how telling each term is, summing to one; unknown terms count like rare ones."""
    values = np.array([known.idf(term_key(t)) for t in terms], np.float64)
    values[values == 0] = values.max(initial=1.0)
    values /= max(values.sum(), 1e-9)
    return values
