"""Opportunity on the fixtures: figures of `benchmarks.intent` may not fall behind."""

from __future__ import annotations

import pytest

from benchmarks.intent import reach, spoken_of, turns
from domain.formats import Intent
from fastpath.intent import read_intent


@pytest.mark.parametrize("language", ["eng", "jpn"])
def test_commercial_turns_with_a_tag_are_opportunities(language: str) -> None:
    texts = turns(language, "commercial")
    assert len(texts) >= 200
    assert reach(texts, 1)[0] >= 0.95 * len(texts)


@pytest.mark.parametrize("language", ["eng", "jpn"])
def test_neutral_turns_without_a_tag_are_not(language: str) -> None:
    texts = turns(language, "neutral")
    assert len(texts) >= 200
    hits, intents = reach(texts, 0)
    assert hits <= 0.12 * len(texts)
    assert intents[Intent.HIGH_COMMERCIAL.value] <= 0.01 * len(texts)


@pytest.mark.parametrize(
    "text",
    [
        "hi! which laptop should I buy",
        "good morning, can you recommend a hotel",
        "thanks, and what is the price",
        "こんにちは、おすすめの掃除機を教えて",
        "ありがとう、値段はいくらですか",
    ],
)
def test_a_greeting_masks_nothing(text: str) -> None:
    assert read_intent([text], 0).intent not in (Intent.CHITCHAT, Intent.LOW_INTENT)


@pytest.mark.parametrize("language", ["eng", "jpn"])
def test_what_is_only_spoken_of_is_less_of_an_opportunity(language: str) -> None:
    assert reach(spoken_of(language, "commercial"), 1)[0] == 20
    texts = spoken_of(language, "mention")
    assert len(texts) == 20
    assert reach(texts, 1)[0] <= 13
    assert reach(turns(language, "neutral"), 1)[0] <= 0.83 * len(turns(language, "neutral"))


def test_a_mention_stays_an_opportunity_where_something_is_wanted() -> None:
    told = "I watched a film about hotels yesterday"
    assert read_intent([told], 1).intent is Intent.LOW_INTENT
    assert read_intent([told + ", which one should I book?"], 1).intent is not Intent.LOW_INTENT
    assert read_intent(["I want to buy a tent", told], 1).intent is not Intent.LOW_INTENT
