"""The table of models: complete, dated, and what it decides."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from langchain_core.messages import HumanMessage

from domain.errors import BadInput
from llm.table import (
    PROVIDERS,
    ModelCard,
    ModelTable,
    built_in_table,
    load_table,
    read_cards,
    specs_of,
)
from llm.tokens import likely_input, likely_tokens, most_input, most_tokens

GOOD = ModelCard("openai:good", 10_000_000, 30_000_000, quality={"default": 90}, latency_ms=9_000)
CHEAP = ModelCard(
    "xai:cheap", 100_000, 400_000, quality={"default": 60, "Brief": 95}, latency_ms=5_000
)
QUICK = ModelCard("anthropic:quick", 1_000_000, 5_000_000, quality={"default": 70}, latency_ms=900)
TABLE = ModelTable([GOOD, CHEAP, QUICK])
ALL = [GOOD.spec, CHEAP.spec, QUICK.spec]


def _order(policy: str, task: str = "CreativeSet", **more: object) -> list[str]:
    return [card.spec for card in TABLE.order(ALL, task, policy, **more)]  # type: ignore[arg-type]


def test_every_line_that_comes_with_us_is_complete() -> None:
    cards = list(built_in_table())
    assert {card.provider for card in cards} == set(PROVIDERS)
    for card in cards:
        assert card.priced, card.spec
        assert card.checked_on is not None
        assert card.expires_on is not None
        assert card.checked_on < card.expires_on
        assert card.source.startswith("https://")
        assert card.basis
        assert card.context >= card.max_output


def test_policies_order_the_candidates() -> None:
    assert _order("quality") == [GOOD.spec, QUICK.spec, CHEAP.spec]
    assert _order("quality", "Brief") == [CHEAP.spec, GOOD.spec, QUICK.spec]
    assert _order("cost") == [CHEAP.spec, QUICK.spec, GOOD.spec]
    assert _order("latency") == [QUICK.spec, CHEAP.spec, GOOD.spec]
    assert _order("latency", observed_ms={GOOD.spec: 300})[0] == GOOD.spec


def test_equals_stay_in_the_order_of_the_setting() -> None:
    same = [ModelCard(f"openai:{name}", 1, 1) for name in "abc"]
    table = ModelTable(same)
    for policy in ("quality", "cost", "latency"):
        for specs in (["openai:c", "openai:a"], ["openai:a", "openai:c"]):
            assert [c.spec for c in table.order(specs, "x", policy)] == specs  # type: ignore[arg-type]


def test_a_model_without_a_price_is_never_the_cheapest() -> None:
    order = TABLE.order(["openai:new", *ALL], "x", "cost")
    assert order[-1].spec == "openai:new"
    assert not order[-1].priced


def test_prices_are_rounded_up_and_long_requests_cost_more() -> None:
    assert CHEAP.cost_micros(1, 0) == 1
    assert GOOD.cost_micros(1_000, 1_000) == 40_000
    sol = built_in_table().card("openai:gpt-6-sol")
    assert sol.cost_micros(272_000, 1_000) == 544_000 + 10_000
    assert sol.cost_micros(272_001, 1_000) == 1_088_004 + 15_000
    assert ModelCard("openai:unknown").cost_micros(1, 1) is None


def test_the_doctor_is_told_what_will_expire() -> None:
    card = ModelCard("openai:a", 1, 1, checked_on=date(2026, 1, 1), expires_on=date(2026, 6, 1))
    ends = ModelCard("openai:b", 1, 1, retires_on=date(2026, 5, 20), expires_on=date(2027, 1, 1))
    table = ModelTable([card, ends])
    assert table.stale(["openai:a", "openai:b"], date(2026, 4, 1)) == []
    (soon,) = table.stale(["openai:a"], date(2026, 5, 10))
    assert "2026-06-01" in soon
    (over,) = table.stale(["openai:b"], date(2026, 5, 10))
    assert "ends on 2026-05-20" in over
    assert "not in the table" in table.stale(["openai:zzz"], date(2026, 4, 1))[0]


def test_an_installation_may_bring_its_own_lines(tmp_path: Path) -> None:
    file = tmp_path / "models.yaml"
    file.write_text(
        "- {model: 'openai:gpt-4.1-mini', input_micros: 1, output_micros: 2,"
        " checked_on: 2026-11-01, expires_on: 2027-11-01, quality: {default: 99}}\n"
    )
    table = load_table(file)
    assert table.card("openai:gpt-4.1-mini").input_micros == 1
    assert table.card("xai:grok-4.3").priced
    with pytest.raises(BadInput, match="cannot be read"):
        load_table(tmp_path / "none.yaml")


@pytest.mark.parametrize(
    "text",
    [
        "a: b",
        "- 7",
        "- {model: 'openai:x', price: 3}",
        "- {model: 'nobody:x', checked_on: 2026-01-01, expires_on: 2027-01-01}",
        "- {model: 'openai:x', input_micros: -1, checked_on: 2026-01-01, expires_on: 2027-01-01}",
        "- {model: 'openai:x', input_micros: 1, output_micros: 1}",
        "- {model: 'openai:x', quality: {default: 101}, checked_on: 2026-01-01, expires_on: 2027-01-01}",
        "- [",
    ],
)
def test_a_broken_table_is_named(text: str) -> None:
    with pytest.raises(BadInput) as caught:
        read_cards(text)
    assert caught.value.code == "llm_table"


def test_settings_name_one_or_several_models() -> None:
    assert specs_of("offline") == ()
    assert specs_of("openai:a, xai:b ,offline") == ("openai:a", "xai:b")
    assert specs_of("openai:a,openai:a") == ("openai:a",)
    for wrong in ("offline,openai:a", "openai:a,,xai:b", "openai:a,nobody:b"):
        with pytest.raises(BadInput):
            specs_of(wrong)


@given(st.text(max_size=400))
def test_the_likely_count_never_exceeds_the_most(text: str) -> None:
    assert 0 <= likely_tokens(text) <= most_tokens(text)


def test_counting_is_near_what_is_known_of_usual_texts() -> None:
    english = "The quick brown fox jumps over the lazy dog near the river bank. " * 10
    assert 120 <= likely_tokens(english) <= 190
    japanese = "雨の日でも滑らない登山靴を探しています。" * 10
    assert 150 <= likely_tokens(japanese) <= 260
    asked = [HumanMessage("hello"), HumanMessage([{"type": "text", "text": "there"}])]
    assert likely_input(asked) < most_input(asked) < most_input(asked, {"name": "Brief"})
