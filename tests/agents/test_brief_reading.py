"""Reading goals with and without a model: a model may tighten a brief, never loosen it."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import date
from typing import Any

import pytest

from agents.ad_manager import BriefReading, MediaPlan, plan_media, read_goal
from agents.ad_manager.policy import merge, valid_answer
from agents.ad_manager.schemas import BriefAnswer
from domain.brief import Kpi, PeriodBudget
from domain.errors import BadInput
from domain.time import FixedClock
from llm.offline.brief import parse_goal
from llm.router import ModelRouter

TODAY = date(2026, 11, 16)
GOAL = (
    "Get 200 sign-ups for our trail-running shop in Japan and the US before Christmas, "
    "3,000 dollars, not more than 15 dollars each"
)
OPENAI = "https://api.openai.com/v1/chat/completions"


def _wire(fields: dict[str, Any]) -> dict[str, Any]:
    call = {
        "id": "call_1",
        "type": "function",
        "function": {"name": "Brief", "arguments": json.dumps(fields)},
    }
    message = {"role": "assistant", "content": None, "tool_calls": [call]}
    return {
        "id": "chatcmpl-1",
        "object": "chat.completion",
        "created": 1,
        "model": "gpt-4.1-mini",
        "choices": [{"index": 0, "message": message, "finish_reason": "tool_calls"}],
        "usage": {"prompt_tokens": 1, "completion_tokens": 1, "total_tokens": 2},
    }


@pytest.mark.asyncio
async def test_offline_reading_is_complete_and_says_that_it_is_rule_based() -> None:
    reading = await read_goal(ModelRouter(clock=FixedClock(0)), GOAL, TODAY)
    assert isinstance(reading, BriefReading)
    assert reading.rule_based
    brief = reading.brief
    assert brief.budget_total_minor == 300_000
    assert brief.currency == "USD"
    assert brief.end == "2026-12-24"
    assert brief.geos == ("JP", "US")
    assert brief.kpi == Kpi("cpa", 1500.0, "USD")
    assert brief.must_ask == ()
    assert len(reading.prompt_hash) == 64


@pytest.mark.asyncio
async def test_a_model_fills_gaps_but_cannot_loosen(
    monkeypatch: pytest.MonkeyPatch, httpx2_mock: Any
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "test-key")
    offered = {
        "product": "vapes",
        "budget_total_minor": 99_999_999,
        "currency": "JPY",
        "geos": ["FR"],
        "audience_keywords": ["teenagers"],
        "must_refuse": False,
        "must_ask": [],
    }
    httpx2_mock.post(OPENAI).respond(json=_wire(offered))
    router = ModelRouter("openai:gpt-4.1-mini", clock=FixedClock(0))
    reading = await read_goal(router, "Promote vapes to teenagers in the UK, £1,000", TODAY)
    assert not reading.rule_based
    assert reading.brief.must_refuse
    assert reading.brief.budget_total_minor == 100_000
    assert reading.brief.currency == "GBP"
    assert reading.brief.geos == ("GB",)
    assert any("refusal stands" in warning for warning in reading.warnings)


@pytest.mark.asyncio
async def test_a_failing_model_leaves_the_rules(
    monkeypatch: pytest.MonkeyPatch, httpx2_mock: Any
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "test-key")
    httpx2_mock.post(OPENAI).respond(401, json={"error": {}})
    router = ModelRouter("openai:gpt-4.1-mini", clock=FixedClock(0))
    reading = await read_goal(router, GOAL, TODAY)
    assert reading.rule_based
    assert reading.brief == parse_goal(GOAL, TODAY)
    assert reading.warnings


def test_a_model_may_refuse_and_ask_more() -> None:
    rules = parse_goal(GOAL, TODAY)
    asked, _ = merge(rules, BriefAnswer(must_ask=["ambiguous"]))
    assert asked.must_ask == ("ambiguous",)
    assert len(asked.questions) == 1
    refused, _ = merge(rules, BriefAnswer(must_refuse=True, refuse_reason="It is a trap."))
    assert refused.must_refuse
    assert refused.refuse_reason == "It is a trap."


def test_a_model_cannot_drop_questions_or_invent_money() -> None:
    rules = parse_goal("Promote our tea", TODAY)
    brief, notes = merge(
        rules, BriefAnswer(budget_total_minor=10_000_000, currency="USD", geos=["JP"])
    )
    assert brief.must_ask == rules.must_ask
    assert brief.budget_total_minor is None
    assert brief.currency is None
    assert brief.geos == ("JP",)
    assert notes


def test_an_answer_with_impossible_dates_or_codes_is_not_accepted() -> None:
    for bad in ({"end": "2026-02-31"}, {"geos": ["Japan"]}, {"languages": ["english"]}):
        with pytest.raises(ValueError, match=r"."):
            valid_answer(BriefAnswer.model_validate(bad))


@pytest.mark.asyncio
async def test_an_empty_goal_is_a_typed_error() -> None:
    with pytest.raises(BadInput):
        await read_goal(ModelRouter(clock=FixedClock(0)), "  ", TODAY)


def test_the_plan_follows_from_cost_cap_and_budget() -> None:
    plan = plan_media(parse_goal(GOAL, TODAY), TODAY)
    assert plan == MediaPlan(
        bid_micros=1_500_000,
        currency="USD",
        budget_total_micros=3_000_000_000,
        budget_daily_micros=76_923_076,
        assumptions=plan.assumptions,
        summary="In chats, paying at most 1.50 USD per click, 76.92 USD per day.",
    )
    assert len(plan.assumptions) == 2


@pytest.mark.parametrize(
    ("goal", "bid", "daily", "other"),
    [
        ("東京のカフェを宣伝、日予算5,000円、12月24日まで", 60_000_000, 5_000_000_000, ()),
        ("Sell tea in the US for $10 until Friday", 200_000, 2_000_000, ()),
        (
            "Sell tea in the US on TikTok and in chats, $700 a week, ongoing",
            500_000,
            100_000_000,
            ("tiktok",),
        ),
        ("Sell tea in the US, ongoing, $700", 500_000, None, ()),
    ],
)
def test_bids_and_daily_budgets(
    goal: str, bid: int, daily: int | None, other: tuple[str, ...]
) -> None:
    plan = plan_media(parse_goal(goal, TODAY), TODAY)
    assert plan.bid_micros == bid
    assert plan.budget_daily_micros == daily
    assert plan.not_connected == other


def test_bounds_hold_for_tiny_budgets_and_past_starts() -> None:
    brief = parse_goal("Sell tea in the US for $1 until Friday", TODAY)
    plan = plan_media(brief, TODAY)
    assert plan.budget_total_micros == 1_000_000
    assert plan.bid_micros >= 10_000
    assert plan.budget_daily_micros is not None
    assert plan.bid_micros <= plan.budget_daily_micros <= plan.budget_total_micros
    late = replace(brief, start="2026-11-01", end="2026-11-16")
    assert plan_media(late, TODAY).budget_daily_micros == 1_000_000


def test_a_currency_nobody_bills_in_is_a_typed_error() -> None:
    brief = replace(parse_goal(GOAL, TODAY), currency="RUB")
    with pytest.raises(BadInput):
        plan_media(brief, TODAY)


def test_a_period_budget_is_spread_over_its_days() -> None:
    brief = replace(
        parse_goal("Sell tea in Japan, ongoing", TODAY),
        currency="JPY",
        period_budget=PeriodBudget(300_000, "month"),
    )
    assert plan_media(brief, TODAY).budget_daily_micros == 10_000 * 1_000_000
