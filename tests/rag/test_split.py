"""Chunks: whole sections where they fit, their place in the text, and few new ones after a change."""

from __future__ import annotations

import itertools

from hypothesis import given, settings
from hypothesis import strategies as st

from rag.compress import tokens_of
from rag.extracted import Block, BlockKind, Extracted
from rag.split import OVERLAP, TARGET, split, split_text


def document(*blocks: Block) -> Extracted:
    return Extracted("Title", blocks)


def text(words: str) -> Block:
    return Block(BlockKind.TEXT, words)


def heading(words: str, level: int = 1) -> Block:
    return Block(BlockKind.HEADING, words, level)


def paragraph(number: int, sentences: int = 6) -> Block:
    return text(
        " ".join(
            f"Sentence {i} of paragraph {number} tells about towels and kettles."
            for i in range(sentences)
        )
    )


def test_headings_part_chunks_and_stand_above_them() -> None:
    found = split(
        document(
            heading("Care"),
            paragraph(1),
            heading("Washing", 2),
            paragraph(2),
            heading("Shop"),
            paragraph(3),
        )
    )
    assert [c.heading for c in found] == [("Care",), ("Care", "Washing"), ("Shop",)]


def test_every_chunk_is_what_stands_at_its_place() -> None:
    doc = document(
        heading("A"), *(paragraph(i, 5 + i) for i in range(12)), Block(BlockKind.ITEM, "An item.")
    )
    found = split(doc)
    assert len(found) > 4
    for chunk in found:
        assert chunk.text == doc.text[chunk.span.start : chunk.span.end].strip()
        assert tokens_of(chunk.text) <= TARGET + OVERLAP + 30
    said = set("".join(c.text for c in found).split())
    assert set(doc.text.split()) - said <= {"A"}


def test_running_text_that_is_cut_repeats_its_last_sentence() -> None:
    doc = document(paragraph(1, 60))
    found = split(doc)
    for one, other in itertools.pairwise(found):
        shared = one.span.end - other.span.start
        assert shared > 0
        assert tokens_of(doc.text[other.span.start : one.span.end]) <= OVERLAP


def test_a_long_table_is_cut_between_rows_with_its_header_on_each_part() -> None:
    rows = ["Name | Width | Price", *(f"Towel {i} | {i} cm | {i}.50 USD" for i in range(120))]
    found = split(
        document(heading("Sizes"), Block(BlockKind.TABLE, "\n".join(rows)), text("After."))
    )
    tables = [c for c in found if "Towel" in c.text]
    assert len(tables) > 3
    assert all(c.text.startswith("Name | Width | Price\n") for c in tables)
    assert all(line in rows for c in tables for line in c.text.split("\n"))
    assert found[-1].text == "After."


def test_small_neighbours_are_joined_under_what_they_share() -> None:
    blocks = [heading("FAQ")]
    for i in range(3):
        blocks += [heading(f"Question {i}?", 2), text(f"Answer {i} is short.")]
    (only,) = split(document(*blocks))
    assert only.heading == ("FAQ",)
    assert "Question 1?" in only.text
    assert "Answer 2" in only.text


def test_japanese_is_cut_at_its_sentences() -> None:
    words = "".join(
        f"これは{i}番目の文で、タオルとケトルについて書いてあります。" for i in range(60)
    )
    found = split(document(text(words)))
    assert len(found) > 5
    assert all(c.text.endswith("。") for c in found)


def test_what_has_no_sentences_is_cut_all_the_same() -> None:
    assert all(len(c.text) < 2_500 for c in split(document(text("x" * 50_000))))


def test_a_paragraph_more_leaves_most_chunks_as_they_were() -> None:
    blocks = [paragraph(i, 2 + i % 5) for i in range(300)]
    before = {c.text for c in split(document(*blocks))}
    after = {
        c.text for c in split(document(*blocks[:20], text("A new one came in here."), *blocks[20:]))
    }
    assert len(before) > 60
    assert len(after - before) <= 6


def test_rows_are_chunks_of_their_own() -> None:
    assert [c.text for c in split_text("One row.")] == ["One row."]
    long = "\n".join(f"Label {i}: some words that say something about it." for i in range(60))
    assert len(split_text(long)) > 2


@settings(max_examples=60, deadline=None)
@given(
    st.lists(
        st.tuples(
            st.sampled_from(list(BlockKind)), st.text(min_size=1, max_size=400), st.integers(1, 4)
        ),
        max_size=12,
    )
)
def test_any_blocks_are_cut_without_loss(given_blocks: list[tuple[BlockKind, str, int]]) -> None:
    blocks = [Block(kind, words, level) for kind, words, level in given_blocks if words.strip()]
    doc = document(*blocks)
    found = split(doc)
    assert all(c.text.strip() and c.span.start < c.span.end <= len(doc.text) for c in found)
    covered = "".join(c.text for c in found) + " ".join(h for c in found for h in c.heading)
    for block in blocks:
        if block.kind is not BlockKind.HEADING:
            assert all(word in covered for word in block.text.split() if len(word) < 100)
