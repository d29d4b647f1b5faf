"""Variants for every channel: within the limits, each claim a fact, one named difference each."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from typing import Any

import msgspec
import pytest

from agents.compliance.platforms import PlatformAd, check_platform
from agents.content_creator import limits, unsupported
from agents.content_creator.ideas import ideas
from agents.content_creator.personal import FALLBACKS, Segment, fill, slots_of
from agents.content_creator.phrases import Phrase, pool
from agents.content_creator.policy import supporting_facts
from agents.content_creator.schemas import BrandKit, ContentRequest
from agents.content_creator.variants import (
    HYPOTHESES,
    Left,
    Variant,
    VariantSet,
    personalise,
    write_variants,
)
from agents.content_creator.voice import findings_of, measure, register_of
from domain.errors import BadInput
from domain.evidence import Citation
from domain.time import FixedClock
from llm.router import ModelRouter
from tests.support.creatives import fact, shoe, shop, wanted

CHANNELS = tuple(limits.DEFAULT_FORMATS)
DAY_DATE = date(2026, 11, 21)


def written(request: ContentRequest | None = None, **more: Any) -> dict[str, VariantSet]:
    return {c: write_variants(request or shop(), c, most=6, **more) for c in CHANNELS}


@pytest.mark.parametrize("channel", CHANNELS)
def test_the_demo_shop_gets_ads_for_every_channel_in_both_languages(channel: str) -> None:
    request = shop()
    made = write_variants(request, channel, most=6)
    controls = [v for v in made.variants if v.arm == "control"]
    assert {(v.product_key, v.language) for v in controls} == {
        (p.key, language) for p in request.products for language in ("eng", "jpn")
    }
    products = {p.key: p for p in request.products}
    for variant in made.variants:
        hard = [b for b in limits.check_set(channel, variant.texts) if b.weight == "hard"]
        assert hard == [], variant.key
        facts = supporting_facts(products[variant.product_key], request)
        for texts in variant.texts.values():
            for text in texts:
                assert unsupported(text, facts) == [], (variant.key, text)
        assert variant.cta
        assert variant.voice == 1.0


def test_no_ad_breaks_the_rules_of_its_platform() -> None:
    request = shop()
    for channel, made in written(request).items():
        for v in made.variants:
            ad = PlatformAd(
                key=v.key, platform=channel, texts=v.texts, payer="Kaze Trail", beneficiary="Kaze Trail",
                label="Ad", landing_url=v.landing_url, language=v.language,
            )  # fmt: skip
            bad = [f for f in check_platform(ad, DAY_DATE) if f.severity != "warn"]
            assert bad == [], v.key


def test_every_variant_differs_from_its_control_in_what_it_names() -> None:
    names = {h.name for h in HYPOTHESES}
    for made in written().values():
        controls = {v.key.rpartition(":")[0]: v for v in made.variants if v.arm == "control"}
        seen: set[tuple[str, str]] = set()
        for v in made.variants:
            if v.arm == "control":
                assert (v.hypothesis, v.differs) == ("", ())
                continue
            control = controls[v.key.rpartition(":")[0]]
            assert v.arm in names
            assert v.hypothesis
            assert v.differs
            assert {f for f in v.texts if v.texts[f] != control.texts.get(f)} == set(v.differs)
            text = (v.key.rpartition(":")[0], repr(sorted(v.texts.items())))
            assert text not in seen
            seen.add(text)


def by_arm(made: VariantSet, language: str = "eng") -> dict[str, Variant]:
    return {v.arm: v for v in made.variants if v.language == language}


def test_what_each_arm_does() -> None:
    product = shoe(
        facts=(
            fact("4 mm rubber lugs grip muddy paths."),
            fact("The upper is woven from recycled polyester."),
            fact("Rated 4.6 by 212 customers."),
        )
    )
    arms = by_arm(write_variants(wanted(product), "linkedin", most=6))
    assert set(arms) == {"control", *(h.name for h in HYPOTHESES)}
    assert arms["price_first"].texts["headline"] == ("Kaze Ridge Trail Running Shoes: $138",)
    assert arms["question"].texts["headline"][0].endswith("?")
    assert arms["long"].texts["intro"][0].count(".") == 2
    assert arms["control"].texts["intro"][0].count(".") == 1
    assert arms["social_proof"].texts["intro"][0].startswith("Rated 4.6 by 212 customers.")
    assert arms["kind_first"].texts["headline"] == ("Trail running shoes",)


def test_no_proof_no_variant_on_proof_and_it_says_so() -> None:
    made = write_variants(wanted(), "linkedin", most=6)
    assert "social_proof" not in by_arm(made)
    assert any(left.key.endswith(":social_proof") and left.reason for left in made.left)


def test_a_product_that_cannot_be_named_within_the_limits_is_left_out_with_a_reason() -> None:
    product = shoe(
        title="Rindfleischetikettierungsueberwachungsaufgabengesetz", brand=None, facts=()
    )
    made = write_variants(wanted(product, languages=("eng",)), "tiktok")
    assert made.variants == ()
    assert made.left[0].reason


def test_the_same_request_gives_the_same_variants() -> None:
    assert written() == written()


def test_claims_name_fact_and_citation() -> None:
    place = "knowledge:doc_1:chk_2#10-44"
    known = fact("The midsole is made of foam from sugar cane.", where=place)
    quote = Citation(
        title="Materials.pdf",
        quote=known.text,
        document_id="doc_1",
        chunk_id="chk_2",
        start=10,
        end=44,
    )
    request = replace(wanted(shoe(facts=(known,))), citations={place: quote})
    made = by_arm(write_variants(request, "meta"))["control"]
    claim = next(c for c in made.claims if c.where == place)
    assert claim.citation == quote
    assert claim.fact_id.startswith("fact:")
    assert claim.support == known.text
    plain = {c.where: c for c in made.claims}
    assert plain["product:S1#title"].citation is None


# --- voice -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("sentence", "register"),
    [
        ("雨を防ぎます。", "polite"),
        ("重さは268gです。", "polite"),
        ("軽いのでしょうか？", "polite"),
        ("雨を防ぐ。", "plain"),
        ("重さは268gである。", "plain"),
        ("ソールは滑らない。", "plain"),
        ("トレイルランニングシューズ", "none"),
        ("ご覧ください。", "polite"),
        ("濡れた岩でも滑りにくい靴", "none"),
    ],
)
def test_how_a_japanese_sentence_ends(sentence: str, register: str) -> None:
    assert register_of(sentence) == register


def test_voice_is_measured_by_rules() -> None:
    kit = BrandKit(banned_words=("cheap",), tone_words=("grip", "mud"), formality="polite")
    report = measure(["They grip mud. It's cheap! Fine."], "eng", kit)
    assert {f.rule for f in report.findings} == {"banned_word", "contraction", "exclamation"}
    assert (report.sentences, report.score) == (3, pytest.approx(2 / 3))
    assert report.tone_words == ("grip", "mud")
    japanese = findings_of("雨を防ぐ。", "jpn", kit)
    assert [f.rule for f in japanese] == ["formality"]
    assert findings_of("雨を防ぐ。", "jpn", replace(kit, formality="plain")) == ()


def test_facts_in_the_brands_voice_are_quoted_first() -> None:
    product = shoe(
        title_jpn="カゼ・リッジ シューズ",
        facts=(fact("雨を防ぐ。", "jpn"), fact("4mmのラグが泥道をとらえます。", "jpn")),
    )
    polite = wanted(product, languages=("jpn",))
    first = write_variants(polite, "meta").variants[0].texts["primary_text"][0]
    assert first == "4mmのラグが泥道をとらえます。"
    plain = replace(polite, brand_kit=BrandKit(formality="plain"))
    assert write_variants(plain, "meta").variants[0].texts["primary_text"][0] == "雨を防ぐ。"


def test_a_banned_word_is_in_no_text() -> None:
    request = replace(shop(), brand_kit=BrandKit(banned_words=("rubber", "ラバー")))
    for made in written(request).values():
        for v in made.variants:
            text = repr(v.texts).casefold()
            assert "rubber" not in text
            assert "ラバー" not in text


# --- personal words --------------------------------------------------------------------------------------


def control(channel: str = "meta", language: str = "eng") -> tuple[Variant, ContentRequest]:
    request = wanted(shoe(title_jpn="カゼ・リッジ シューズ"))
    made = write_variants(request, channel)
    return next(v for v in made.variants if v.arm == "control" and v.language == language), request


@pytest.mark.parametrize(
    ("language", "city", "text", "fallbacks"),
    [
        ("eng", "Osaka", "Looking in Osaka? 4 mm rubber lugs grip muddy paths.", ()),
        ("eng", "", "Looking in your area? 4 mm rubber lugs grip muddy paths.", ("city",)),
        ("eng", "https://evil.example", "Looking in your area? 4 mm rubber lugs grip muddy paths.", ("city",)),
        ("eng", "{segment.city}", "Looking in your area? 4 mm rubber lugs grip muddy paths.", ("city",)),
        ("eng", "x" * 41, "Looking in your area? 4 mm rubber lugs grip muddy paths.", ("city",)),
        ("eng", "<b>Osaka</b>", "Looking in your area? 4 mm rubber lugs grip muddy paths.", ("city",)),
        ("jpn", "大阪", "大阪でお探しですか？", ()),
        ("jpn", "", "お近くでお探しですか？", ("city",)),
    ],
)  # fmt: skip
def test_slots_are_filled_or_fall_back(
    language: str, city: str, text: str, fallbacks: tuple[str, ...]
) -> None:
    variant, request = control(language=language)
    made = personalise(variant, Segment(name="kansai", values={"city": city}), request)
    assert isinstance(made, Variant)
    assert made.texts["primary_text"][0].startswith(text)
    assert (made.fallbacks, made.segment, made.differs) == (fallbacks, "kansai", ("primary_text",))
    assert "{" not in repr(made.texts["primary_text"])


def test_length_is_checked_again_after_filling() -> None:
    limit = limits.limit_of("in_chat", "title")
    long = "Y" + "o" * 39
    assert fill(
        "Looking in {segment.city}?", Segment(name="s", values={"city": long}), "eng", limit
    ).text
    tight = fill(
        "Running shoes for wet paths near {segment.city}",
        Segment(name="s", values={"city": long}),
        "eng",
        limit,
    )
    assert tight.text == "Running shoes for wet paths near your area"
    assert tight.fallbacks == ("city",)
    assert fill("x" * 70 + "{segment.city}", Segment(name="s"), "eng", limit).text == ""


def test_an_opening_must_not_claim_what_no_fact_supports() -> None:
    variant, request = control()
    made = personalise(
        variant, Segment(name="k", values={"city": "Osaka"}), request,
        {"eng": "The fastest shoes in {segment.city}!"},
    )  # fmt: skip
    assert isinstance(made, Left)
    assert "no fact" in made.reason


def test_only_harmless_slots_exist() -> None:
    assert slots_of("{segment.city} {segment.season}") == ("city", "season")
    for template in ("{segment.religion}", "{user.email}", "{0}", "a } b"):
        with pytest.raises(BadInput, match="slots"):
            slots_of(template)
    assert set(FALLBACKS["eng"]) == set(FALLBACKS["jpn"])


# --- phrases of a model ----------------------------------------------------------------------------------


def test_phrases_of_a_model_are_held_against_the_facts() -> None:
    product = shoe()
    request = wanted(product)
    offered = [
        Phrase(text="Lugs grip muddy paths.", role="benefit", language="eng", author="m"),
        Phrase(text="The lightest shoe of all.", role="benefit", language="eng", author="m"),
    ]
    kept = [p.text for p in pool(product, request, "eng", offered) if p.author == "m"]
    assert kept == ["Lugs grip muddy paths."]


@pytest.mark.asyncio
async def test_offline_asks_nobody() -> None:
    assert (await ideas(ModelRouter(clock=FixedClock(0)), wanted())).prompt_hash == ""


@pytest.mark.asyncio
async def test_a_live_model_widens_the_choice_and_claims_nothing(
    monkeypatch: pytest.MonkeyPatch, httpx2_mock: Any
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "test-key")
    fields = {
        "phrases": [
            {"product_key": "S1", "language": "eng", "role": "benefit", "text": "Rubber lugs grip muddy paths."},
            {"product_key": "S1", "language": "eng", "role": "benefit", "text": "Voted best shoe of 2026."},
            {"product_key": "S9", "language": "eng", "role": "kind", "text": "Trail running shoes"},
        ]
    }  # fmt: skip
    call = {"name": "PhraseSet", "arguments": msgspec.json.encode(fields).decode()}
    message = {
        "role": "assistant",
        "content": None,
        "tool_calls": [{"id": "call_1", "type": "function", "function": call}],
    }
    httpx2_mock.post("https://api.openai.com/v1/chat/completions").respond(
        json={
            "id": "c", "object": "chat.completion", "created": 1, "model": "gpt-4.1-mini",
            "choices": [{"index": 0, "message": message, "finish_reason": "tool_calls"}],
            "usage": {"prompt_tokens": 1, "completion_tokens": 1, "total_tokens": 2},
        }
    )  # fmt: skip
    request = wanted(languages=("eng",))
    found = await ideas(ModelRouter("openai:gpt-4.1-mini", clock=FixedClock(0)), request)
    assert found.refused == 2
    assert len(found.prompt_hash) == 64
    made = write_variants(request, "linkedin", written=found.phrases).variants[0]
    assert made.texts["intro"] == ("Rubber lugs grip muddy paths.",)
    assert made.written_by == found.model != ""
    assert any(c.sentence == "Rubber lugs grip muddy paths." and c.support for c in made.claims)
