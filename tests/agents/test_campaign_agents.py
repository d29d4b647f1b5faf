"""Research and audience by rules, the split between channels, and approval by a policy."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date
from types import SimpleNamespace
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from agents.ad_manager.agent import plan_media
from agents.ad_manager.channels import WEIGHTS, creation, share
from agents.ad_manager.schemas import MediaPlan
from agents.lead_gen import find_audience
from agents.research import research
from catalog.changesets import Amount
from domain.brief import CHANNELS, Brief, Channel
from domain.errors import BadInput, Unavailable
from domain.evidence import Citation, Passage
from domain.product import Fact, Product
from graphs.campaign.approving import ApprovalPolicy, by_policy, objections, read_policy

TODAY = date(2026, 11, 21)
OFFLINE: Any = SimpleNamespace(spec="offline")
PRODUCTS = (
    Product(
        key="a", title="Kaze Ridge", price="129.00", currency="USD", tags=("trail shoes",),
        facts=(Fact("Made for trail runners.", "feed#1"),), image_url="https://x.example/a.png",
    ),
    Product(key="b", title="Kaze Lake", price="89", currency="USD", tags=("trail shoes", "road")),
)  # fmt: skip
BRIEF = Brief(goal="g", product="Shoes", geos=("JP",), audience_keywords=("trail runners",))


@dataclass(frozen=True)
class Read:
    """What was read."""

    products: tuple[Product, ...] = PRODUCTS
    site_facts: tuple[Fact, ...] = ()


@pytest.mark.asyncio
async def test_every_statement_has_a_source_that_says_it() -> None:
    report = await research(OFFLINE, BRIEF, Read(), None, today=TODAY)
    assert report.rule_based
    assert report.keywords[0] == "trail shoes"
    assert all(insight.sources for insight in report.insights)
    assert [i.statement for i in report.of("opportunity")] == ["2 products cost 89 to 129.00 USD."]
    assert report.of("audience")[0].sources[0].quote == "Made for trail runners."
    assert {i.statement.split(" without ")[1] for i in report.of("gap")} == {
        "a picture.", "facts to write from.",
    }  # fmt: skip


@pytest.mark.asyncio
async def test_documents_are_quoted_and_their_absence_is_said() -> None:
    passage = Passage(
        text="t", score=1.0, language="eng", citation=Citation(title="Survey", quote="Grip first.")
    )

    async def retrieve(question: str, k: int) -> tuple[Passage, ...]:
        return (passage,)

    async def down(question: str, k: int) -> tuple[Passage, ...]:
        raise Unavailable("rag_down", "The knowledge store is down; try again.")

    report = await research(OFFLINE, BRIEF, Read(), retrieve, today=TODAY)
    assert any("Grip first." in i.statement for i in report.insights)
    report = await research(OFFLINE, BRIEF, Read(), down, today=TODAY)
    assert "is down" in report.warnings[0]


@dataclass(frozen=True)
class Lead:
    """A lead as the agent sees it."""

    lawful_basis: str


@pytest.mark.asyncio
async def test_nobody_is_chosen_by_a_special_category() -> None:
    brief = replace(BRIEF, audience_keywords=("trail runners", "people with diabetes"))
    leads: Sequence[Any] = (Lead("consent"), Lead(""))
    report = await find_audience(OFFLINE, brief, leads, today=TODAY)
    assert (report.leads, report.usable) == (2, 1)
    assert report.left_out == ("people with diabetes",)
    assert [s.name for s in report.segments] == ["trail runners", "People who ask about Shoes"]
    assert "diabetes" in report.warnings[0]


def test_the_chats_have_the_budget_and_others_a_share_that_is_not_spent() -> None:
    brief = Brief(
        goal="g",
        budget_total_minor=300_000,
        currency="USD",
        channels=("google", "in_chat", "tiktok"),
    )
    plan = plan_media(brief, TODAY)
    parts = share(brief, plan)
    assert [(p.channel, p.connected) for p in parts] == [
        ("in_chat", True), ("google", False), ("tiktok", False),
    ]  # fmt: skip
    assert parts[0].budget_total_micros == plan.budget_total_micros
    assert "once connected" in parts[1].reason
    asked = creation("org_1", "run_1", "cmp_1", parts[1])
    money = {move.what: move.after for move in asked.changes[0].money}
    assert money[Amount.DAILY] is None
    assert str(money[Amount.TOTAL]) == "1,125.00 USD"
    assert asked.hash == creation("org_1", "run_1", "cmp_1", parts[1]).hash


@given(st.lists(st.sampled_from(CHANNELS), unique=True), st.sampled_from([*WEIGHTS]))
def test_shares_make_a_whole(channels: list[Channel], kind: str) -> None:
    plan = MediaPlan(
        bid_micros=1, currency="USD", budget_total_micros=1_000, budget_daily_micros=None,
        not_connected=tuple(c for c in channels if c != "in_chat"),
    )  # fmt: skip
    assert sum(part.share_ppm for part in share(Brief(goal="g"), plan)) == 1_000_000


POLICY = ApprovalPolicy(currency="USD", max_total_micros=1_000, max_bid_micros=10)
PLAN = MediaPlan(bid_micros=10, currency="USD", budget_total_micros=1_000, budget_daily_micros=None)


@pytest.mark.parametrize(
    ("changes", "warnings", "said"),
    [
        ({}, 0, None),
        ({"budget_total_micros": 1_001}, 0, "budget"),
        ({"budget_total_micros": None}, 0, "no total"),
        ({"bid_micros": 11}, 0, "bid"),
        ({"currency": "JPY"}, 0, "JPY"),
        ({}, 1, "looked at"),
    ],
)
def test_a_policy_approves_only_inside_all_of_its_limits(
    changes: dict[str, Any], warnings: int, said: str | None
) -> None:
    plan = replace(PLAN, **changes)
    reasons = objections(POLICY, plan, warnings)
    assert (said is None) == (reasons == ())
    assert said is None or said in " ".join(reasons)
    state: Any = {
        "approval_policy": msgspec.json.encode(POLICY).decode(), "plan": plan,
        "warnings": warnings, "changeset": "h",
    }  # fmt: skip
    approval = by_policy(state)
    assert (approval is None) == bool(reasons)
    if approval is not None:
        assert (approval.by, approval.changeset) == ("policy:limits", "h")
        assert "not by a person" in approval.note


@pytest.mark.parametrize("written", ["", "{}", '{"currency": "USD"}', "[]", '{"all": true}'])
def test_a_policy_that_is_not_whole_approves_nothing(written: str) -> None:
    with pytest.raises(BadInput, match="does not fit"):
        read_policy(written)
