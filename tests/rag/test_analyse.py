"""Text and question give the same terms, in both languages and in mixtures of them."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rag.analyse import Analyser, default_analyser, fold, is_japanese, language_of
from rag.postings import pack, term_key, unpack


@pytest.mark.parametrize(
    ("text", "terms"),
    [
        ("The runner's RUNNING shoes", ["runner", "run", "shoe"]),
        ("Kérastase’s Nutriments", ["kerastas", "nutriment"]),
        ("I don't know what it is", ["dont", "know"]),
        ("ＡＢＣ ｗｉｄｅ", ["abc", "wide"]),
        ("model UN55ES7100, F-250", ["model", "un55es7100", "f", "250"]),
        ("", []),
        ("?!…", []),
    ],
)
def test_english_words(text: str, terms: list[str]) -> None:
    assert default_analyser().words(text) == terms


def test_japanese_words_are_normalised_and_free_of_grammar() -> None:
    words = default_analyser().words("お湯が沸きました。附属のケーブルは附いていません")
    assert "沸く" in words
    assert not {"が", "ます", "た", "の", "は", "。"} & set(words)


def test_mixed_text_gives_both() -> None:
    analyser = default_analyser()
    assert analyser.words("新しいMacBooksの価格")[-2:] == ["macbook", "価格"]
    assert analyser.grams("新しいMacBooksの価格") == ["新し", "しい", "の価", "価格"]


def test_voicing_is_kept() -> None:
    assert fold("が") == "が"
    assert fold("ｶﾞ") == "ガ"


def test_without_sudachi_the_bigrams_stand_alone_and_the_id_says_so() -> None:
    plain = Analyser()
    assert plain.words("価格はkettle") == ["kettl"]
    assert plain.grams("価格") == ["価格"]
    assert plain.id == "parley-1/en-snowball/ja-bigram"
    assert plain.id != default_analyser().id
    assert plain.content_terms("価格") == ("価格",)


@pytest.mark.parametrize(
    ("text", "japanese"),
    [
        ("価格", True),
        ("このiPhoneの値段", True),
        ("The 漢字 of the day is here", False),
        ("hello", False),
        ("", False),
    ],
)
def test_script_tells_the_language(text: str, japanese: bool) -> None:
    assert is_japanese(text) is japanese
    assert language_of(text) == ("jpn" if japanese else "eng")


@settings(max_examples=150, deadline=None)
@given(st.text(max_size=200))
def test_any_text_can_be_analysed_and_packed(text: str) -> None:
    analyser = default_analyser()
    terms = analyser.words(text) + analyser.grams(text)
    packed = pack(terms)
    keys, counts = unpack(packed.records)
    assert packed.length == len(terms) == counts.sum()
    assert set(keys.tolist()) == {term_key(t) for t in terms}
    assert (keys[:-1] < keys[1:]).all()


def test_a_very_long_japanese_text_is_cut_for_sudachi() -> None:
    assert default_analyser().words("価格" * 30_000).count("価格") > 29_000


def test_many_threads_cut_japanese_at_once() -> None:
    analyser = default_analyser()
    text = "防水のトレッキングシューズを夏の山道で履きたい。" * 40
    alone = analyser.words(text)
    with ThreadPoolExecutor(8) as pool:
        assert all(found == alone for found in pool.map(analyser.words, [text] * 64))
