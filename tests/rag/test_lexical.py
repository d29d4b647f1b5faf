"""The in-process index gives what BM25 by the book gives, whatever happened to it before."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rag.lexical import K1, B, LexicalIndex, Scope
from rag.postings import WEIGHTS, Query, pack, term_key
from rag.segments import Rows
from rag.types import OPEN

VOCABULARY = [f"w{i}" for i in range(12)]
TEXTS = st.lists(
    st.lists(st.sampled_from(VOCABULARY), min_size=1, max_size=9), min_size=1, max_size=25
)


def rows(texts: list[list[str]], first: int = 1, version: int = 1) -> Rows:
    packed = [pack(text) for text in texts]
    size, zero = len(texts), np.zeros(len(texts), np.int64)
    return Rows(
        np.arange(first, first + size), np.arange(first, first + size) % 5, zero + version, zero + OPEN,
        np.arange(size) % 2,
        (np.array([p.length for p in packed]), zero, zero),
        (np.array([len(p.records) // 10 for p in packed]), zero, zero),
        (b"".join(p.records for p in packed), b"", b""),
    )  # fmt: skip


def by_the_book(texts: dict[int, list[str]], terms: list[str]) -> dict[int, float]:
    mean = sum(map(len, texts.values())) / len(texts)
    out: dict[int, float] = {}
    for no, text in texts.items():
        score = 0.0
        for term in terms:
            df = sum(term in other for other in texts.values())
            tf = text.count(term)
            if tf:
                idf = math.log(1 + (len(texts) - df + 0.5) / (df + 0.5))
                score += (
                    WEIGHTS[0] * idf * tf * (K1 + 1) / (tf + K1 * (1 - B + B * len(text) / mean))
                )
        if score > 0:
            out[no] = score
    return out


def query(terms: list[str]) -> Query:
    return Query({term_key(term): 1.0 for term in terms})


@settings(max_examples=60, deadline=None)
@given(
    TEXTS,
    st.lists(TEXTS, max_size=12),
    st.sets(st.integers(1, 60)),
    st.sets(st.sampled_from(VOCABULARY)),
)
def test_scores_are_those_of_the_book(
    texts: list[list[str]], later: list[list[list[str]]], gone: set[int], asked: set[str]
) -> None:
    index, known, version = LexicalIndex().updated(1, rows(texts)), dict(enumerate(texts, 1)), 1
    for more in later:
        version += 1
        index = index.updated(version, rows(more, len(known) + 1, version))
        known |= dict(enumerate(more, len(known) + 1))
    ends = {no: version + 1 for no in gone if no in known}
    before = known
    index = index.with_ends(version + 1, ends)
    known = {no: text for no, text in known.items() if no not in ends}
    terms = sorted(asked)
    expected = by_the_book(known, terms) if known else {}
    hits = index.search(query(terms), 1000)
    assert {h.no: h.score for h in hits} == pytest.approx(expected, rel=1e-4)
    assert [h.score for h in hits] == sorted((h.score for h in hits), reverse=True)
    # As of the version before, everything is as it was, scores included.
    then = index.search(query(terms), 1000, Scope(as_of=version))
    assert {h.no: h.score for h in then} == pytest.approx(by_the_book(before, terms), rel=1e-4)


def test_rows_that_are_known_are_passed_over() -> None:
    index = LexicalIndex().updated(1, rows([["w1"], ["w2", "w2"]]))
    again = index.updated(2, rows([["w1"], ["w2", "w2"], ["w1", "w3"]]))
    assert len(again) == 3
    assert [h.no for h in again.search(query(["w3"]), 5)] == [3]
    assert again.frequency(next(iter(query(["w1"]).words))) == 2


def test_the_scope_holds_and_the_best_within_it_are_found() -> None:
    texts = [["w1"] * (1 + i % 3) + ["w2"] for i in range(200)]
    index = LexicalIndex().updated(1, rows(texts))
    allowed = np.array([2], np.int64)
    hits = index.search(query(["w1"]), 30, Scope(document_nos=allowed))
    assert len(hits) == 30
    assert all(hit.no % 5 == 2 for hit in hits)
    inside = [h for h in index.search(query(["w1"]), 1000) if h.no % 5 == 2][:30]
    assert [h.no for h in hits] == [h.no for h in inside]
    assert all((h.no - 1) % 2 == 1 for h in index.search(query(["w1"]), 500, Scope(languages=(1,))))
    assert index.search(query(["w1"]), 5, Scope(document_nos=np.zeros(0, np.int64))) == []


def test_an_empty_index_and_an_empty_question_find_nothing() -> None:
    assert LexicalIndex().search(query(["w1"]), 5) == []
    assert LexicalIndex().updated(1, rows([["w1"]])).search(Query({}), 5) == []


def test_many_small_updates_stay_few_segments() -> None:
    index = LexicalIndex()
    for i in range(60):
        index = index.updated(i + 1, rows([["w1", f"w{i % 12}"]], i + 1, i + 1))
    assert len(index._segments) <= 9
    assert len(index.search(query(["w1"]), 100)) == 60
