"""Checkpoints bring back what was put in, and nothing that was not declared."""

from __future__ import annotations

import logging
import os
from dataclasses import dataclass
from typing import Any

import pytest
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.checkpoint.serde import _msgpack

from agents.ad_manager.schemas import MediaPlan
from domain.brief import Brief, Kpi, PeriodBudget
from graphs.campaign.graph import build
from graphs.campaign.state import Approval, CampaignState, Clarification
from graphs.checkpoints import strict_serde

STATE: CampaignState = {
    "goal": "売上を伸ばしたい",
    "site_url": None,
    "page_source_id": "src_1",
    "feed_source_id": None,
    "approval_mode": "person",
    "clarification": Clarification("text", '{"geos": ["JP"]}'),
    "brief": Brief(
        goal="g",
        budget_total_minor=300_000,
        period_budget=PeriodBudget(100, "week"),
        geos=("JP", "US"),
        channels=("in_chat", "google"),
        kpi=Kpi("cpa", 1500, "USD"),
        must_ask=("geos",),
        questions=("Where?",),
    ),
    "plan": MediaPlan(
        bid_micros=500_000, currency="USD", budget_total_micros=None, budget_daily_micros=1,
        not_connected=("google",),
    ),
    "campaign_id": "cmp_1",
    "creatives": 3,
    "round": 1,
    "approval": Approval("approve", "key:anna", "yes"),
    "ads": 2,
    "outcome": "launched",
    "reason": "done",
}  # fmt: skip


@dataclass(frozen=True)
class Undeclared:
    """A type that no state schema names."""

    x: int = 1


def test_strict_mode_is_on() -> None:
    assert os.environ["LANGGRAPH_STRICT_MSGPACK"] == "true"
    assert _msgpack.STRICT_MSGPACK_ENABLED


@pytest.mark.asyncio
async def test_every_state_type_comes_back_typed(caplog: pytest.LogCaptureFixture) -> None:
    saver = InMemorySaver(serde=strict_serde())
    graph = build(saver)
    config: Any = {"configurable": {"thread_id": "t"}}
    with caplog.at_level(logging.WARNING):
        await graph.aupdate_state(config, STATE, as_node="launch")
        again = await build(saver).aget_state(config)
    assert again.values == STATE
    assert type(again.values["brief"]) is Brief
    assert type(again.values["brief"].geos) is tuple
    assert [r.message for r in caplog.records if "eserialization" in r.message] == []


def test_an_undeclared_type_does_not_come_back_as_itself() -> None:
    serde = strict_serde()
    again = serde.loads_typed(serde.dumps_typed(Undeclared()))
    assert not isinstance(again, Undeclared)
