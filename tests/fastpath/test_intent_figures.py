"""Opportunity on the fixtures: figures of `benchmarks.intent` may not fall behind."""

from __future__ import annotations

import pytest

from benchmarks.intent import reach, turns
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
