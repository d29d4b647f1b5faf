"""The rule-based goal parser: one sentence in, one brief out, nothing invented.

Decisions worth knowing:

- A budget that is stated but cannot be used (no known currency, a range, "a few thousand") is asked about
  as `ambiguous`, not as a missing `budget`; zero or less is `impossible`.
- A goal that must be refused is not asked about: `must_ask` is empty, there is nothing to complete.
- A length without dates ("for two weeks") fixes the last day, counted from `today`; `start` stays empty.
"""

from __future__ import annotations

from datetime import date

from domain.brief import Brief, Missing
from llm.offline.brief.audience import read_audience
from llm.offline.brief.budget import Budget, read_budget
from llm.offline.brief.channels import read_channels
from llm.offline.brief.kpi import Measure, read_kpi
from llm.offline.brief.languages import read_languages
from llm.offline.brief.money import find_amounts
from llm.offline.brief.places import Places, read_places
from llm.offline.brief.product import read_product
from llm.offline.brief.questions import ORDER, questions
from llm.offline.brief.refusal import find_refusal
from llm.offline.brief.schedule import Schedule, read_schedule
from llm.offline.brief.text import Text, prepare

#: Below this price per action, in US cents, a count cannot be had for the budget. Written for this project.
_MIN_CENTS = {"sales": 5.0, "leads": 5.0, "installs": 2.0, "awareness": 0.002}
#: Rough US cents per minor unit, only to judge whether a target is absurd; never used to convert money.
_CENTS = {
    "JPY": 0.65,
    "KRW": 0.07,
    "INR": 0.012,
    "VND": 0.004,
    "IDR": 0.00006,
    "CLP": 0.1,
    "HUF": 0.003,
}


def parse_goal(goal: str, today: date) -> Brief:
    """Read a marketer's goal; only what is stated is filled in.

    Args:
        goal: One or a few sentences, English or Japanese.
        today: The day relative expressions ("next week") count from.

    Raises:
        BadInput: `goal_not_text`, `goal_empty` or `goal_too_long`.
    """
    text = prepare(goal)
    languages = read_languages(text)
    amounts = find_amounts(text)
    channels = read_channels(text)
    schedule = read_schedule(text, today)
    places = read_places(text)
    geos = tuple(places.geos)
    if schedule.ambiguous and geos == ("US",):
        schedule = _american_dates(text.goal, today)
    budget = read_budget(text, amounts, geos)
    measure = read_kpi(text, budget)
    audience = read_audience(text)
    product = read_product(text)
    refusal = find_refusal(text, geos)
    asked = {} if refusal else _asked(product, budget, schedule, places, measure)
    return Brief(
        goal=text.goal,
        goal_language="jpn" if text.japanese else "eng",
        product=product,
        budget_total_minor=budget.total_minor,
        daily_budget_minor=budget.daily_minor,
        period_budget=budget.period,
        currency=budget.currency,
        start=schedule.start.isoformat() if schedule.start else None,
        end=schedule.end.isoformat() if schedule.end else None,
        ongoing=schedule.ongoing,
        channels=channels,
        geos=geos,
        languages=languages,
        audience_keywords=audience,
        kpi=measure.kpi,
        must_refuse=refusal is not None,
        refuse_reason=refusal,
        must_ask=tuple(kind for kind in ORDER if kind in asked),
        questions=questions(asked, text.japanese),
    )


def _american_dates(goal: str, today: date) -> Schedule:
    """Read `03/04/2027` month first, as in a goal that is for the US only."""
    return read_schedule(prepare(goal), today, month_first=True)


def _asked(
    product: str | None, budget: Budget, schedule: Schedule, places: Places, measure: Measure
) -> dict[Missing, list[str]]:
    asked: dict[Missing, list[str]] = {}
    if product is None:
        asked["product"] = []
    if not budget.stated:
        asked["budget"] = []
    if not places.stated:
        asked["geos"] = []
    broken = schedule.impossible or schedule.ambiguous
    if schedule.end is None and not schedule.ongoing and not broken:
        asked["end_date"] = []
    if schedule.past:
        asked["past"] = []
    for kind, part, holds in _conflicts(budget, schedule, places, measure):
        if holds:
            asked.setdefault(kind, []).append(part)
    return asked


def _conflicts(
    budget: Budget, schedule: Schedule, places: Places, measure: Measure
) -> list[tuple[Missing, str, bool]]:
    return [
        ("contradictory", "budget", budget.contradictory),
        ("contradictory", "dates", schedule.contradictory),
        ("contradictory", "daily", _daily_exceeds_total(budget, schedule)),
        ("impossible", "budget", budget.impossible),
        ("impossible", "dates", schedule.impossible),
        ("impossible", "measure", measure.impossible or _too_cheap(budget, measure)),
        ("impossible", "cap", _cap_over_budget(budget)),
        ("ambiguous", "budget", budget.ambiguous),
        ("ambiguous", "dates", schedule.ambiguous),
        ("ambiguous", "place", places.ambiguous),
    ]


def _daily_exceeds_total(budget: Budget, schedule: Schedule) -> bool:
    if budget.total_minor is None or budget.daily_minor is None:
        return False
    days = schedule.days if schedule.days and schedule.days > 0 else 1
    return budget.daily_minor * days > budget.total_minor * 1.2


def _cap_over_budget(budget: Budget) -> bool:
    whole = budget.total_minor
    return whole is not None and budget.cap_minor is not None and budget.cap_minor > whole


def _too_cheap(budget: Budget, measure: Measure) -> bool:
    if measure.count is None or measure.count_type is None or budget.total_minor is None:
        return False
    if measure.count <= 0:
        return True
    cents = budget.total_minor * _CENTS.get(budget.currency or "", 1.0)
    return cents / measure.count < _MIN_CENTS.get(measure.count_type, 0.0)


__all__ = ["Text", "parse_goal"]
