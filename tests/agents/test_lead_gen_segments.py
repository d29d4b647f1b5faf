"""Whom a campaign speaks to: the brief, what leads said, what a model adds; never a special category."""

from __future__ import annotations

from datetime import date
from types import SimpleNamespace
from typing import Any

import msgspec
import pytest

from agents.lead_gen import find_audience
from agents.lead_gen.agent import Suggestion, Suggestions
from agents.lead_gen.schemas import AudienceReport
from audience.service import Known
from domain.brief import Brief
from domain.errors import Unavailable

pytestmark = pytest.mark.asyncio

TODAY = date(2026, 11, 21)
OFFLINE: Any = SimpleNamespace(spec="offline")
BRIEF = Brief(
    goal="Sell trail shoes",
    product="trail shoes",
    geos=("JP",),
    audience_keywords=("trail runners",),
)
KNOWN = Known(
    leads=100,
    bases={"consent": 90, "": 10},
    grades={"A": 10, "B": 20, "D": 70},
    countries={"JP": 40, "FR": 50, "": 10},
    languages={"jpn": 40},
    interests={"trail shoe": 30, "socks": 50, "diabetes shoes": 9, "shoe care": 2},
)


async def test_leads_are_counted_and_their_interests_become_segments() -> None:
    report = await find_audience(OFFLINE, BRIEF, (), today=TODAY, known=KNOWN)
    assert (report.leads, report.usable, report.qualified) == (100, 90, 30)
    assert [(s.name, s.leads) for s in report.segments] == [
        ("trail runners", 0), ("People who ask about trail shoes", 0), ("trail shoe", 30),
    ]  # fmt: skip
    assert report.segments[2].reason == "30 of your 100 leads have said so."
    assert report.warnings == (
        "50 of 90 leads with a country are in FR, which the goal leaves out.",
    )
    assert report.rule_based
    assert msgspec.json.decode(msgspec.json.encode(report), type=AudienceReport) == report


class Router:
    """Answers what the test wants."""

    spec = "openai:gpt-6-sol"
    canary = "kanaria-1"

    def __init__(self, *answers: Suggestion, fails: bool = False) -> None:
        self.answers, self.fails = answers, fails
        self.asked: Any = None

    async def structured(self, task: str, schema: Any, messages: Any, **more: Any) -> Any:
        self.asked = messages
        if self.fails:
            raise Unavailable("model_down", "No model answers; try again.")
        value = Suggestions(suggestions=list(self.answers))
        return SimpleNamespace(value=value, rule_based=False, warnings=(), model="m")


async def test_a_model_adds_interests_and_no_traits() -> None:
    router: Any = Router(
        Suggestion(interest="Mountain  Huts", reason="Trail runners stay there."),
        Suggestion(interest="pregnant runners", reason="x"),
        Suggestion(interest="weight loss", reason="They have diabetes."),
        Suggestion(interest="<script>", reason="x"),
    )
    report = await find_audience(router, BRIEF, (), today=TODAY, known=KNOWN)
    assert [(s.name, s.by) for s in report.segments if s.by == "model"] == [
        ("mountain huts", "model")
    ]
    assert "3 suggestions of m were dropped." in report.warnings
    assert not report.rule_based
    assert 'source="leads"' in router.asked[1]["content"]
    down: Any = Router(fails=True)
    report = await find_audience(down, BRIEF, (), today=TODAY)
    assert report.warnings == (
        "Suggestions of a model were left out: No model answers; try again.",
    )
    assert len(report.segments) == 2
