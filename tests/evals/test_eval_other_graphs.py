"""Scenarios of the content and optimisation graphs: they pass, and a product broken on purpose does not."""

from __future__ import annotations

from collections.abc import Callable
from copy import deepcopy
from dataclasses import replace
from typing import Any

import msgspec
import pytest

from evals.citing import unsupported
from evals.graders import grade
from evals.loader import load_all
from evals.made import columns
from evals.observed import Observation, Support
from evals.play import play
from evals.scenario import ProviderStep, Scenario
from evals.stage import Stage
from evals.suite import attempt, result_of
from graphs.campaign.bookings import demo_approval
from graphs.content import checking, drawing
from graphs.content import nodes as content
from graphs.content.shelf import Checked
from graphs.optimisation import nodes as optimisation

QUICK = (
    "content_loop_jpn", "content_crash_draw_jpn", "content_injection_feed_eng", "content_refuse_jpn",
    "content_invented_eng", "content_limits_jpn", "optimise_person_jpn", "optimise_crash_everywhere_jpn",
    "optimise_reject_eng", "optimise_guard_cap_eng", "optimise_no_data_jpn", "optimise_several_eng",
)  # fmt: skip


def scenario(name: str) -> Scenario:
    return load_all(only=name)[0]


def kinds(faults: tuple[str, ...]) -> set[str]:
    return {fault.partition(":")[0] for fault in faults}


async def broken(stage: Stage, name: str, *graders: str) -> tuple[str, ...]:
    """Play a scenario on a broken product; these graders must have seen it."""
    one = scenario(name)
    faults = grade(one, await play(one, stage))
    assert set(graders) <= kinds(faults), faults
    return faults


def test_both_graphs_have_scenarios_in_both_languages_about_what_was_promised() -> None:
    for kind, topics in (
        (
            "content",
            {"crash", "outage", "injection", "compliance", "voice", "pictures", "refusal"},
        ),
        ("optimisation", {"crash", "policy", "rejection", "overspend", "edit"}),
    ):
        mine = [one for one in load_all() if one.kind == kind]
        assert len(mine) >= 16
        for language in ("eng", "jpn"):
            assert sum(one.language == language for one in mine) >= 6
        assert topics <= {topic for one in mine for topic in one.about}
        assert all(one.forbid and one.trajectory for one in mine)


@pytest.mark.asyncio
@pytest.mark.parametrize("name", QUICK)
async def test_some_of_every_kind_pass_twice_and_come_to_the_same(stage: Stage, name: str) -> None:
    one = scenario(name)
    result = result_of(one, [await attempt(one, stage) for _ in range(2)])
    assert result.faults == ()
    assert result.every


@pytest.mark.asyncio
async def test_the_past_of_a_world_is_booked_as_the_intake_books_it(stage: Stage) -> None:
    seen = await play(scenario("optimise_several_eng"), stage)
    money = seen.money
    assert money.crooked == ()
    assert money.spent == money.kept == money.events
    assert set(money.spent) == {row["id"] for row in seen.state["campaigns"]}
    assert sorted(money.spent.values())[0] == 7 * 4 * 1_250_000


@pytest.mark.asyncio
async def test_checks_that_let_everything_pass_are_seen(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    def blind(variants: Any, *_: Any) -> tuple[Checked, ...]:
        return tuple(Checked(variant=variant, outcome="pass") for variant in variants)

    monkeypatch.setattr(checking, "check", blind)
    await broken(stage, "content_loop_eng", "words", "trajectory")


@pytest.mark.asyncio
async def test_a_file_that_a_crash_leaves_behind_is_seen(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = drawing.draw

    async def littering(ctx: Any, shelf: Any, *rest: Any) -> Any:
        await shelf.keep_file(ctx.ids.new("ast"), b"again")
        return await real(ctx, shelf, *rest)

    monkeypatch.setattr(drawing, "draw", littering)
    faults = await broken(stage, "content_crash_draw_jpn", "numbers")
    assert any("files listed and kept" in fault for fault in faults)


@pytest.mark.asyncio
async def test_a_picture_without_its_provenance_is_seen(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(drawing, "mark", lambda data, *_: data)
    faults = await broken(stage, "content_pictures_eng", "numbers")
    assert any("provenance listed and inside" in fault for fault in faults)


@pytest.mark.asyncio
async def test_an_order_that_is_not_told_as_it_was_made_is_seen(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = content.collect

    async def boasting(state: Any, runtime: Any) -> Any:
        return {**await real(state, runtime), "reason": "Made 99 texts."}

    boasting.__name__ = "collect"
    monkeypatch.setattr(content, "collect", boasting)
    await broken(stage, "content_database_cut_eng", "numbers")


@pytest.mark.asyncio
async def test_a_budget_that_moves_without_a_person_is_seen(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def approve(state: Any, runtime: Any) -> dict[str, Any]:
        return {"approval": replace(demo_approval(), changeset=state["changeset"])}

    monkeypatch.setattr(optimisation, "approve", approve)
    faults = await broken(stage, "optimise_waits_eng", "outcome", "forbidden", "trajectory")
    assert {"forbidden: forbidden effect: budget_moved", "forbidden: forbidden effect: ad_rested"} <= {
        *faults
    }  # fmt: skip


@pytest.mark.asyncio
async def test_a_raise_that_was_told_and_not_done_is_seen(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def idle(state: Any, runtime: Any) -> dict[str, Any]:
        return {"raised": 1}

    idle.__name__ = "lift"
    monkeypatch.setattr(optimisation, "lift", idle)
    await broken(stage, "optimise_crash_cut_eng", "numbers", "end_state")


FAULTS: tuple[tuple[str, str, Callable[[Observation], object]], ...] = (
    (
        "optimise_person_eng", "forbidden",
        lambda seen: seen.state["named"]["Trail shoes"].update(budget_daily_micros=15_010_000),
    ),
    (
        "optimise_several_eng", "forbidden",
        lambda seen: seen.state["named"]["Ropes"].update(budget_total_micros=1),
    ),
    ("optimise_person_eng", "forbidden", lambda seen: seen.money.spent.update(c=1)),
    ("optimise_person_eng", "state_diff", lambda seen: seen.gained.update(campaigns=1)),
    ("content_limits_jpn", "forbidden", lambda seen: seen.state["made"]["hosts"].append("evil.example")),
    ("content_limits_jpn", "state_diff", lambda seen: seen.gained.update(creatives=1)),
)  # fmt: skip


@pytest.mark.asyncio
@pytest.mark.parametrize(("name", "grader", "change"), FAULTS)
async def test_each_grader_sees_its_fault(
    stage: Stage, name: str, grader: str, change: Callable[[Observation], object]
) -> None:
    one = scenario(name)
    seen = await play(one, stage)
    assert grade(one, seen) == ()
    changed = deepcopy(seen)
    change(changed)
    assert grader in kinds(grade(one, changed))


@pytest.mark.asyncio
async def test_an_answer_that_no_model_was_asked_for_is_seen(stage: Stage) -> None:
    one = scenario("model_unrefuses_jpn")
    (step,) = one.provider
    misspelt = msgspec.structs.replace(step, task="BriefAnswer")
    changed = msgspec.structs.replace(one, provider=(misspelt, ProviderStep(status=503, times=0)))
    faults = grade(changed, await play(changed, stage))
    assert "outcome: the model was never asked for: BriefAnswer" in faults


def test_columns_count_wide_characters_twice() -> None:
    assert columns("宇治煎茶 100g") == 13


@pytest.mark.parametrize(
    ("support", "where", "source", "good"),
    [
        ("$120", "product:a#price", "Shoe,120.00 USD", True),
        ("$120", "product:a#price", "Shoe,1120.00 USD", False),
        ("$12", "product:a#price", "Shoe,120.00 USD", False),
        ("$120", "product:a#price", "Shoe,120.00 EUR", False),
        ("1,800円", "product:a#price", "煎茶,1800 JPY", True),
        ("138ドル", "product:a#price", "Shoe,138.00 USD", True),
        ("trail shoes boots", "product:a#tags", "Trail shoe and boots", True),
        ("trail shoes medicine", "product:a#tags", "Trail shoe and boots", False),
        ("Firm grip", "feed.csv#1", "A firm grip.", True),
        ("Best grip", "feed.csv#1", "A firm grip.", False),
    ],
)
def test_what_copy_rests_on_stands_in_a_source(
    support: str, where: str, source: str, good: bool
) -> None:
    seen = Observation(
        written=["See it"], published={"feed.csv": source}, supports=[Support("See it", support, where)]
    )  # fmt: skip
    assert ([*unsupported(seen)] == []) is good
