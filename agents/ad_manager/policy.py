"""What the ad manager may do: a model can make a brief stricter, never looser, and bids stay bounded."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from functools import cache
from importlib import resources
from typing import Any

from agents.ad_manager.schemas import BriefAnswer
from domain.brief import Brief, Kpi, PeriodBudget
from domain.money import Money
from llm.offline.brief.questions import ORDER, questions

#: Share of clicks that are assumed to become the action that is paid for, until measured: 1 in 10.
CLICKS_PER_ACTION = 10
#: A single click may cost at most this part of the whole budget.
CLICKS_PER_BUDGET = 50
#: The same against a budget that is only stated per day.
CLICKS_PER_DAY = 5
#: Currency of a plan whose goal states none; such a goal is asked about before anything is spent.
DEFAULT_CURRENCY = "USD"
#: Days of a period, to spread a period budget.
PERIOD_DAYS = {"day": 1, "week": 7, "month": 30, "quarter": 91, "year": 365}

_REFUSED = ("This goal cannot be advertised.", "この内容は広告できません。")


def valid_answer(answer: BriefAnswer) -> BriefAnswer:
    """Check what a schema cannot: dates that exist, codes that are codes.

    Raises:
        ValueError: with what is wrong.
    """
    for day in (answer.start, answer.end):
        if day is not None:
            date.fromisoformat(day)
    for code in answer.geos:
        if len(code) != 2 or not code.isascii() or not code.isalpha() or not code.isupper():
            raise ValueError("a country is not an ISO 3166-1 alpha-2 code")
    for code in answer.languages:
        if len(code) != 3 or not code.isascii() or not code.islower():
            raise ValueError("a language is not an ISO 639-3 code")
    return answer


def merge(rules: Brief, answer: BriefAnswer) -> tuple[Brief, tuple[str, ...]]:
    """Return the brief of the rules, completed and tightened by a model's answer.

    What the rules read stays; the model fills in what they found nothing for. Money that only the model
    saw is not taken over: spending rests on what the rules can point to in the goal. A refusal or a
    question of the rules stays, whatever the model says; the model may add its own.

    Returns:
        The brief, and one sentence for each point where the model was overruled.
    """
    notes: list[str] = []
    changes: dict[str, Any] = {}
    for name in ("product", "start", "end", "channels", "geos", "languages", "audience_keywords"):
        own, offered = getattr(rules, name), _plain(getattr(answer, name))
        if not own and offered:
            changes[name] = offered
        elif own and offered and own != offered and name in ("start", "end", "geos"):
            notes.append(f"The model read {name} differently; the rules' reading was kept.")
    for name in ("budget_total_minor", "daily_budget_minor", "currency"):
        if getattr(answer, name) not in (None, getattr(rules, name)):
            notes.append(f"The model read {name} differently; the rules' reading was kept.")
    if rules.kpi is None and answer.kpi is not None and answer.kpi.type != "cpa":
        changes["kpi"] = Kpi(answer.kpi.type, answer.kpi.target, answer.kpi.unit)
    if rules.ongoing or rules.end:
        changes.pop("end", None)
    brief = replace(rules, **changes)
    return _stricter(brief, rules, answer, notes), tuple(notes)


def _plain(value: Any) -> Any:
    return tuple(value) if isinstance(value, list) else value


def _stricter(brief: Brief, rules: Brief, answer: BriefAnswer, notes: list[str]) -> Brief:
    japanese = rules.goal_language == "jpn"
    if rules.must_refuse or answer.must_refuse:
        if rules.must_refuse and not answer.must_refuse:
            notes.append("The model would not have refused this goal; the rules' refusal stands.")
        reason = rules.refuse_reason or answer.refuse_reason or _REFUSED[japanese]
        return replace(brief, must_refuse=True, refuse_reason=reason, must_ask=(), questions=())
    dropped = set(rules.must_ask) - set(answer.must_ask)
    if dropped:
        notes.append(f"The model would not have asked about {', '.join(sorted(dropped))}.")
    added = {
        kind: ["goal"] for kind in ORDER if kind in answer.must_ask and kind not in rules.must_ask
    }
    return replace(
        brief,
        must_ask=(*rules.must_ask, *added),
        questions=(*rules.questions, *questions(added, japanese)),
    )


@cache
def _default_bids() -> dict[str, str]:
    text = resources.files(__package__).joinpath("default_bids.tsv").read_text("utf-8")
    rows = (line.split("\t") for line in text.splitlines() if line and not line.startswith("#"))
    return {code: amount.strip() for code, amount in rows}


def bid(brief: Brief, currency: str, assumptions: list[str]) -> int:
    """Return the highest price per click in micros; records what was assumed."""
    kpi = brief.kpi
    if kpi is not None and kpi.type == "cpa" and kpi.target and kpi.target > 0:
        micros = Money.of_minor(round(kpi.target), currency).micros // CLICKS_PER_ACTION
        assumptions.append(
            f"1 click in {CLICKS_PER_ACTION} is assumed to become the action paid for."
        )
    else:
        micros = Money.parse(_default_bids().get(currency, "1"), currency).micros
        assumptions.append(
            f"The bid is the usual first bid in {currency}; the goal states no cost cap."
        )
    least = Money.of_minor(1, currency).micros
    return max(least, min(micros, *_bid_caps(brief, currency)))


def _bid_caps(brief: Brief, currency: str) -> list[int]:
    caps = [10**18]
    if brief.budget_total_minor:
        caps.append(Money.of_minor(brief.budget_total_minor, currency).micros // CLICKS_PER_BUDGET)
    if brief.daily_budget_minor:
        caps.append(Money.of_minor(brief.daily_budget_minor, currency).micros // CLICKS_PER_DAY)
    if brief.period_budget:
        caps.append(period_per_day(brief.period_budget, currency) // CLICKS_PER_DAY)
    return caps


def period_per_day(budget: PeriodBudget, currency: str) -> int:
    """Return the part of a period budget for one day, micros, rounded down."""
    days = PERIOD_DAYS.get(budget.period, 1)
    return Money.of_minor(budget.amount_minor, currency).micros // days


def daily_budget(
    brief: Brief, currency: str, today: date, bid_micros: int, assumptions: list[str]
) -> int | None:
    """Return the most to spend per day in micros, None if nothing limits a day."""
    if brief.daily_budget_minor:
        return Money.of_minor(brief.daily_budget_minor, currency).micros
    if brief.period_budget:
        assumptions.append(
            f"The budget per {brief.period_budget.period} is spread evenly over its days."
        )
        return max(bid_micros, period_per_day(brief.period_budget, currency))
    if not brief.budget_total_minor or not brief.end:
        return None
    total = Money.of_minor(brief.budget_total_minor, currency).micros
    first = max(today, date.fromisoformat(brief.start)) if brief.start else today
    days = max(1, (date.fromisoformat(brief.end) - first).days + 1)
    assumptions.append(f"The budget is spread evenly over {days} days.")
    return min(total, max(bid_micros, total // days))
