"""A product that is broken on purpose must fail: each grader is held against what it is there to see."""

from __future__ import annotations

from collections.abc import Callable
from copy import deepcopy
from dataclasses import replace
from typing import Any

import msgspec
import pytest

from agents.compliance.schemas import ComplianceReport, Verdict
from evals.graders import GRADERS, grade
from evals.loader import load_all
from evals.observed import Money, Observation, Support
from evals.play import play
from evals.scenario import Scenario
from evals.stage import Stage
from evals.suite import attempt, result_of
from graphs.campaign import nodes, steps
from graphs.campaign.bookings import demo_approval
from storage import outbox

pytestmark = pytest.mark.asyncio

QUICK = (
    "clarify_budget_jpn", "compliance_loop_eng", "injection_feed_eng", "crash_everywhere_eng",
    "approve_edit_void_eng", "money_clicks_eng", "outage_midrun_jpn", "refuse_cure_jpn",
    "chat_sensitive_eng", "chat_tea_jpn", "cassette_brief_eng", "policy_beyond_total_eng",
)  # fmt: skip


def scenario(name: str) -> Scenario:
    return load_all(only=name)[0]


@pytest.mark.parametrize("name", QUICK)
async def test_some_of_every_kind_pass_twice_and_come_to_the_same(stage: Stage, name: str) -> None:
    one = scenario(name)
    result = result_of(one, [await attempt(one, stage) for _ in range(2)])
    assert result.faults == ()
    assert result.every


async def broken(stage: Stage, name: str, *graders: str) -> tuple[str, ...]:
    """Play a scenario on a broken product; these graders must have seen it."""
    faults = grade(scenario(name), await play(scenario(name), stage))
    seen = {fault.partition(":")[0] for fault in faults}
    assert set(graders) <= seen, faults
    return faults


async def test_a_launch_without_a_person_is_seen(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def approve(state: Any, runtime: Any) -> dict[str, Any]:
        return {"approval": demo_approval()}

    monkeypatch.setattr(steps, "approve", approve)
    await broken(
        stage, "policy_beyond_total_eng", "outcome", "forbidden", "trajectory", "state_diff"
    )
    await broken(stage, "injection_feed_eng", "outcome", "forbidden")


async def test_a_budget_that_nobody_named_is_seen(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = nodes.plan_media

    def generous(*args: Any) -> Any:
        plan = real(*args)
        return replace(plan, budget_total_micros=plan.budget_total_micros * 10)

    monkeypatch.setattr(nodes, "plan_media", generous)
    faults = await broken(stage, "launch_eng", "end_state", "forbidden")
    assert any("over_budget" in fault for fault in faults)


async def test_compliance_that_lets_everything_pass_is_seen(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    def blind(drafts: Any, *_: Any) -> ComplianceReport:
        verdicts = tuple(Verdict(draft_key=draft.key, outcome="pass") for draft in drafts)
        return ComplianceReport(verdicts=verdicts, findings=(), rules_hash="blind")

    monkeypatch.setattr(steps, "review", blind)
    await broken(stage, "compliance_loop_eng", "words", "trajectory")
    await broken(stage, "tobacco_source_jpn", "outcome", "forbidden")


async def test_an_invented_fact_is_seen(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    real = nodes.create

    async def inventing(*args: Any, **kwargs: Any) -> Any:
        written = await real(*args, **kwargs)
        drafts = tuple(
            replace(
                d, claims=tuple(replace(c, support="Loved by a million runners") for c in d.claims)
            )
            for d in written.drafts
        )
        return replace(written, drafts=drafts)

    monkeypatch.setattr(nodes, "create", inventing)
    await broken(stage, "policy_within_eng", "citations")


async def test_an_effect_that_a_crash_repeats_is_seen(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = steps.watch

    async def twice(state: Any, runtime: Any) -> Any:
        ctx = runtime.context
        async with ctx.db.tenant(ctx.org_id) as session:
            await outbox.put(session, ctx.ids.new("obx"), ctx.org_id, "catalogue.changed", {})
        return await real(state, runtime)

    twice.__name__ = "watch"
    monkeypatch.setattr(steps, "watch", twice)
    await broken(stage, "crash_watch_jpn", "end_state")


async def test_a_number_that_is_told_wrong_is_seen(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = steps.launch

    async def boasting(state: Any, runtime: Any) -> Any:
        update = await real(state, runtime)
        return {**update, "ads": update["ads"] * 100}

    boasting.__name__ = "launch"
    monkeypatch.setattr(steps, "launch", boasting)
    await broken(stage, "policy_within_eng", "numbers")


async def test_a_defect_is_a_failure_that_says_where(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def bursting(*_: Any) -> None:
        raise ValueError("burst")

    bursting.__name__ = "plan"
    monkeypatch.setattr(nodes, "plan", bursting)
    made = await attempt(scenario("policy_within_eng"), stage)
    assert made.outcome == "defect"
    assert "ValueError" in made.faults[0]
    assert "burst" in made.faults[0]


GOOD_AD = {
    "ad": True, "reason": "served", "language": "eng", "intent": "high_commercial", "label": "Ad",
    "signed_label": "Ad", "payer": "A", "why": "because", "advertiser": "A", "format": "static",
    "title": "t", "text": "x", "url": "https://a.example/", "price_micros": 1,
}  # fmt: skip


def _ledger(**fields: Any) -> Money:
    sums = {"spent": {"c": 9}, "kept": {"c": 9}, "events": {"c": 9}, "caps": {"c": 10}}
    return Money(**{**sums, **fields})


FAULTS: tuple[tuple[str, Callable[[Observation], object]], ...] = (
    ("ledger", lambda seen: setattr(seen, "money", _ledger(crooked=("txn_1",)))),
    ("ledger", lambda seen: setattr(seen, "money", _ledger(caps={"c": 8}))),
    ("ledger", lambda seen: setattr(seen, "money", _ledger(kept={"c": 8}))),
    ("ledger", lambda seen: setattr(seen, "money", _ledger(events={}))),
    ("state_diff", lambda seen: seen.gained.update(ledger_entries=1)),
    (
        "forbidden tools",
        lambda seen: seen.state["operations"].update(google=[["create", "confirmed"]]),
    ),
    ("forbidden", lambda seen: seen.state["creatives"].update(hosts=["evil.example"])),
    ("tools", lambda seen: setattr(seen, "tools", ("web",))),
    ("tools", lambda seen: setattr(seen, "new_requests", ["POST /v1"])),
    ("budgets", lambda seen: setattr(seen, "cost_micros", 1)),
    ("budgets", lambda seen: setattr(seen, "cpu_seconds", 99.0)),
    ("outcome", lambda seen: seen.problems.append("nobody asked")),
    ("citations", lambda seen: seen.supports.append(Support("Best shoes", "best shoes", "feed"))),
    ("numbers", lambda seen: seen.numbers.update(ads=(1, 2))),
    ("trajectory", lambda seen: setattr(seen, "trajectory", ("understand", "launch"))),
)


async def test_each_grader_sees_its_fault_and_no_other_does(stage: Stage) -> None:
    one = scenario("policy_within_eng")
    seen = await play(one, stage)
    assert grade(one, seen) == ()
    for names, change in FAULTS:
        changed = deepcopy(seen)
        change(changed)
        assert {fault.partition(":")[0] for fault in grade(one, changed)} == set(names.split())


@pytest.mark.parametrize(
    "change",
    [{"label": "News"}, {"signed_label": ""}, {"payer": ""}, {"why": ""}, {"language": "jpn"}],
)
async def test_an_ad_that_is_not_disclosed_is_seen(stage: Stage, change: dict[str, str]) -> None:
    one = scenario("chat_shoes_eng")
    seen = await play(one, stage)
    assert grade(one, seen) == ()
    seen.shown = [msgspec.structs.replace(seen.shown[0], answer=GOOD_AD | change)]
    assert [fault for fault in GRADERS["chats"](one, seen) if "turn 1" in fault]
    seen.shown = [msgspec.structs.replace(seen.shown[0], answer=GOOD_AD, replayed=False)]
    assert any("same bytes" in fault for fault in GRADERS["chats"](one, seen))
