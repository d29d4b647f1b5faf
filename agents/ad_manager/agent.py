"""Reads goals and plans media: rules always, a live model where there is one, the stricter of both."""

from __future__ import annotations

from datetime import date

import prompts
from agents.ad_manager import policy
from agents.ad_manager.schemas import BriefAnswer, BriefReading, MediaPlan
from domain.brief import Brief
from domain.money import Money
from domain.trust import Span, Trust
from llm.offline.brief.parser import parse_goal
from llm.offline.model import MODEL_NAME
from llm.router import ModelRouter


async def read_goal(router: ModelRouter, goal: str, today: date) -> BriefReading:
    """Read a goal into a brief.

    The rules read every goal. With a live model its answer is checked and merged in: it may fill gaps,
    refuse more and ask more, never less. If it fails, the rules stand alone, and a warning says so.

    Args:
        router: The way to a model.
        goal: The marketer's sentence.
        today: The day relative dates count from.

    Raises:
        BadInput: `goal_empty`, `goal_too_long` or `goal_not_text`.
    """
    brief = parse_goal(goal, today)
    prompt = prompts.load("ad_manager/brief")
    if router.spec == "offline":
        return BriefReading(brief, MODEL_NAME, True, 1, (), prompt.hash, prompt.version)
    asked = prompts.assemble(
        prompt,
        {"goal": Span(brief.goal, Trust.ADVERTISER, "goal"), "today": today.isoformat()},
        canary=router.canary,
    )
    answer = await router.structured(
        "Brief",
        BriefAnswer,
        list(asked.messages),
        validate=policy.valid_answer,
        canary=asked.canary,
    )
    notes: tuple[str, ...] = ()
    if not answer.rule_based:
        brief, notes = policy.merge(brief, answer.value)
    return BriefReading(
        brief=brief,
        model=answer.model,
        rule_based=answer.rule_based,
        attempts=answer.attempts,
        warnings=(*answer.warnings, *notes),
        prompt_hash=prompt.hash,
        prompt_version=prompt.version,
    )


def plan_media(brief: Brief, today: date) -> MediaPlan:
    """Plan the in-chat channel: bid, total and daily budget.

    Other stated channels are kept in `not_connected`. The bid is the stated cost per action times the
    assumed conversion rate (10 %), else the currency's usual first bid; never more than a fiftieth of
    the budget. Nothing is planned beyond a stated budget.

    Args:
        brief: The goal, parsed and complete.
        today: First possible day.

    Raises:
        BadInput: `unknown_currency` if Parley cannot bill in the brief's currency.
    """
    currency = brief.currency or policy.DEFAULT_CURRENCY
    assumptions: list[str] = []
    bid_micros = policy.bid(brief, currency, assumptions)
    daily = policy.daily_budget(brief, currency, today, bid_micros, assumptions)
    total = (
        Money.of_minor(brief.budget_total_minor, currency).micros
        if brief.budget_total_minor
        else None
    )
    return MediaPlan(
        bid_micros=bid_micros,
        currency=currency,
        budget_total_micros=total,
        budget_daily_micros=daily,
        not_connected=tuple(c for c in brief.channels if c != "in_chat"),
        assumptions=tuple(assumptions),
        summary=_summary(bid_micros, daily, currency),
    )


def _summary(bid_micros: int, daily: int | None, currency: str) -> str:
    price = f"In chats, paying at most {_rounded(bid_micros, currency)} per click"
    return f"{price}, {_rounded(daily, currency)} per day." if daily is not None else f"{price}."


def _rounded(micros: int, currency: str) -> Money:
    """Return an amount for reading: whole minor units, rounded down, unless it is below one."""
    unit = Money.of_minor(1, currency).micros
    return Money(micros // unit * unit or micros, currency)
