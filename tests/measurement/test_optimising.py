"""Splitting budgets, judging who does worse, and proposals that make simulated markets better within bounds."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from domain.errors import BadInput
from measurement.allocation import Hill, Log, Power, allocate, allocate_any, whole_units
from measurement.judging import Standing, Tally, judge_rates, judge_shares
from measurement.proposals import AdArm, Arm, Bounds, propose

USD = 1_000_000


@pytest.fixture(scope="module")
def golden(data: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((data / "measurement-golden.json").read_text())["budget"]
    return found


def test_splits_are_the_golden_ones(golden: dict[str, Any]) -> None:
    log = [Log(a, b) for a, b in zip(golden["log"]["a"], golden["log"]["b"], strict=True)]
    for case in golden["log"]["cases"]:
        bounds = [(0.0, float(cap)) for cap in case["caps"]] if "caps" in case else None
        parts = allocate(log, case["B"], bounds)
        assert parts == pytest.approx(case["x"], abs=1e-6)
        assert sum(r.value(x) for r, x in zip(log, parts, strict=True)) == pytest.approx(
            case["value"]
        )
    for case in golden["power"]["cases"]:
        power = [Power(a, case["p"]) for a in golden["power"]["a"]]
        parts = allocate(power, case["B"])
        assert parts == pytest.approx(case["x"], abs=1e-6)
        assert sum(r.value(x) for r, x in zip(power, parts, strict=True)) == pytest.approx(
            case["value"]
        )
    hill = [Hill(a, k) for a, k in zip(golden["hill_n1"]["a"], golden["hill_n1"]["k"], strict=True)]
    for case in golden["hill_n1"]["cases"]:
        parts = allocate(hill, case["B"])
        assert parts == pytest.approx(case["x"], abs=1e-6)
        assert sum(r.value(x) for r, x in zip(hill, parts, strict=True)) == pytest.approx(
            case["value"]
        )


def test_two_s_curves_are_not_split_in_the_middle(golden: dict[str, Any]) -> None:
    trap = golden["hill_n2_non_concave"]
    curves = [
        lambda x, a=a, k=k: a * x * x / (x * x + k * k)
        for a, k in zip(trap["a"], trap["k"], strict=True)
    ]
    parts = allocate_any(curves, trap["B"])
    assert parts == pytest.approx(trap["global_optimum"]["x"], abs=0.05)
    assert sum(parts) == pytest.approx(trap["B"])


def test_bounds_that_cannot_hold_the_budget_are_refused() -> None:
    with pytest.raises(BadInput, match="bounds"):
        allocate([Power(1, 0.5)], 10, [(0, 5)])


@settings(max_examples=60, deadline=None)
@given(st.lists(st.floats(0, 1e6), min_size=1, max_size=8))
def test_whole_units_sum_up(parts: list[float]) -> None:
    total = round(sum(parts))
    units = whole_units(parts, max(total, sum(int(p) for p in parts)))
    assert sum(units) == max(total, sum(int(p) for p in parts))
    assert all(abs(u - p) <= 1.0001 for u, p in zip(units, parts, strict=True))


def test_a_verdict_needs_data_and_a_difference_that_matters() -> None:
    def standing(spend: float, hits: int) -> Standing:
        others = [Tally("b", 1_000, 50), Tally("c", 1_000, 52)]
        return judge_rates([Tally("a", spend, hits), *others], "seed")[0].standing

    # One event in 20 dollars is usual: none in 20 says nothing, none in 200 does.
    assert standing(20, 0) is Standing.UNKNOWN
    assert standing(200, 0) is Standing.UNDER
    assert standing(1_000, 48) is Standing.TYPICAL
    assert standing(1_000, 120) is Standing.OVER
    # A raw rate at half of the others', from few events, is chance.
    assert standing(120, 3) is Standing.TYPICAL
    alone = judge_rates([Tally("a", 1_000, 3)], "seed")
    assert alone[0].standing is Standing.UNKNOWN
    assert [v.standing for v in judge_rates([Tally("a", 0, 0), Tally("b", 0, 0)], "s")] == [
        Standing.UNKNOWN, Standing.UNKNOWN,
    ]  # fmt: skip


def test_a_fair_coin_is_rarely_called_bad() -> None:
    """Equal ads, many draws: at most the promised share is called worse."""
    rng, wrong = np.random.default_rng(7), 0
    for number in range(400):
        tallies = [Tally(str(k), 2_000, int(rng.binomial(2_000, 0.03))) for k in range(4)]
        verdicts = judge_shares(tallies, f"s{number}")
        wrong += sum(v.standing is Standing.UNDER for v in verdicts)
    assert wrong / 1_600 <= 0.05


def test_the_same_numbers_give_the_same_verdicts() -> None:
    tallies = [Tally("a", 500, 9), Tally("b", 800, 41)]
    assert judge_rates(tallies, "one") == judge_rates(tallies, "one")


def arm(key: str, budget: int, spent: int, clicks: int, **more: Any) -> Arm:
    given: dict[str, Any] = {
        "campaign_id": key, "name": key, "currency": "USD", "amount": "budget_daily_micros",
        "budget_micros": budget * USD, "floor_micros": USD, "demand_micros": budget * USD * 3,
        "spent_micros": spent * USD, "clicks": clicks, "submits": 0, "days": 28, **more,
    }  # fmt: skip
    return Arm(**given)


def test_money_moves_from_the_worse_to_the_limited_and_the_sum_stays() -> None:
    found = propose([arm("bad", 100, 2_600, 200), arm("good", 100, 2_600, 2_000)], (), "s")
    moves = {move.campaign_id: move for move in found.moves}
    assert moves["bad"].after_micros < 100 * USD < moves["good"].after_micros <= 150 * USD
    assert moves["bad"].after_micros >= 20 * USD
    assert sum(m.after_micros for m in found.moves) == sum(m.before_micros for m in found.moves)
    assert "worse" in moves["bad"].why
    assert found.event == "clicks"
    assert [r.campaign_id for r in found.rewrites] == ["bad"]


@pytest.mark.parametrize(
    "arms",
    [
        [arm("a", 100, 2_600, 500), arm("b", 100, 2_600, 520)],  # alike
        [arm("a", 100, 15, 0), arm("b", 100, 2_600, 600)],  # too little is known of a
        [arm("a", 100, 2_600, 100), arm("b", 100, 2_600, 900, demand_micros=60 * USD)],  # nobody is limited
        [arm("a", 100, 2_600, 100), arm("b", 100, 2_600, 900, currency="JPY")],  # nothing to compare with
        [arm("a", 100, 2_600, 100), arm("b", 100, 2_600, 900, amount="budget_total_micros")],
        [arm("a", 100, 2_600, 100)],
        [],
    ],
)  # fmt: skip
def test_without_reason_nothing_moves(arms: list[Arm]) -> None:
    assert propose(arms, (), "s").moves == ()


def test_idle_budget_is_taken_only_as_far_as_it_is_idle() -> None:
    idle = arm("idle", 100, 560, 120, demand_micros=20 * USD)
    found = propose([idle, arm("full", 100, 2_600, 560)], (), "s")
    moves = {move.campaign_id: move.after_micros for move in found.moves}
    assert moves == {"idle": 50 * USD, "full": 150 * USD}
    young = arm("idle", 100, 560, 120, demand_micros=20 * USD, days=3)
    assert propose([young, arm("full", 100, 2_600, 560)], (), "s").moves == ()


def test_a_budget_is_not_raised_beyond_what_can_be_spent() -> None:
    bad = arm("bad", 100, 2_600, 200)
    known = propose([bad, arm("good", 100, 2_600, 2_000, demand_micros=112 * USD)], (), "s")
    assert {m.campaign_id: m.after_micros for m in known.moves}["good"] == 112 * USD
    tried = propose(
        [bad, arm("good", 100, 2_600, 2_000, demand_micros=100 * USD, demand_known=False)], (), "s"
    )
    assert {m.campaign_id: m.after_micros for m in tried.moves}["good"] == 110 * USD


def test_signups_count_once_there_are_enough_of_them() -> None:
    clicky = arm("clicky", 100, 2_600, 3_000, submits=4)
    selling = arm("selling", 100, 2_600, 400, submits=60)
    found = propose([clicky, selling], (), "s")
    assert found.event == "submits"
    assert {m.campaign_id: m.after_micros > m.before_micros for m in found.moves} == {
        "clicky": False, "selling": True,
    }  # fmt: skip


def test_an_ad_rests_if_the_others_do_surely_better_and_its_format_has_another() -> None:
    def ad(key: str, clicks: int, form: str = "action_card", shown: int = 2_000) -> AdArm:
        return AdArm(ad_id=key, campaign_id="c", format=form, impressions=shown, clicks=clicks)

    ads = [
        ad("a", 80),
        ad("b", 84),
        ad("weak", 20),
        ad("new", 0, shown=30),
        ad("only", 10, "followup"),
    ]
    assert [rest.ad_id for rest in propose((), ads, "s").rests] == ["weak"]
    assert propose((), [ad("a", 80), ad("weak", 5)], "s").rests == ()


@settings(max_examples=80, deadline=None)
@given(
    st.lists(
        st.tuples(
            st.integers(1, 10**6), st.integers(0, 10**5), st.integers(0, 4_000), st.floats(0, 1.2),
            st.integers(0, 30), st.sampled_from(["USD", "JPY"]),
        ),
        min_size=0, max_size=6,
    )
)  # fmt: skip
def test_bounds_hold_and_sums_stay_whatever_was_measured(rows: list[tuple[Any, ...]]) -> None:
    arms = [
        arm(f"c{n}", budget, spent, clicks, days=days, currency=code,
            demand_micros=int(budget * USD * use))
        for n, (budget, spent, clicks, use, days, code) in enumerate(rows)
    ]  # fmt: skip
    found = propose(arms, (), "s", bounds=Bounds())
    for code in ("USD", "JPY"):
        moves = [move for move in found.moves if move.currency == code]
        assert sum(m.after_micros - m.before_micros for m in moves) == 0
        unit = 10_000 if code == "USD" else USD
        for move in moves:
            assert move.before_micros * 20 // 100 <= move.after_micros
            assert move.after_micros <= move.before_micros + move.before_micros // 2
            assert (move.after_micros - move.before_micros) % unit == 0


def test_simulated_markets_get_better() -> None:
    """Truth: each campaign's return diminishes with its spend and ends at its demand. Measured is a noisy part."""
    rng, gains = np.random.default_rng(11), []
    for number in range(150):
        budgets = rng.integers(20, 200, 5)
        rates = rng.lognormal(-0.5, 0.7, 5)
        demand = budgets * rng.choice([0.3, 1.0, 2.5, 4.0], 5)

        def truth(x: Any, r: Any = rates, d: Any = demand, b: Any = budgets) -> float:
            return float(np.sum(r * b * (np.minimum(x, d) / b) ** 0.75))

        spent = np.minimum(budgets, demand) * 28
        clicks = rng.poisson(rates * budgets * (np.minimum(budgets, demand) / budgets) ** 0.75 * 28)
        # Demand beyond the budget shows in how early of the day it is used up: within a tenth or so.
        seen = np.minimum(spent / 28, demand) * np.maximum(
            1, demand / budgets * rng.lognormal(0, 0.1, 5)
        )
        arms = [
            arm(f"c{k}", int(budgets[k]), int(spent[k]), int(clicks[k]),
                demand_micros=int(seen[k] * USD))
            for k in range(5)
        ]  # fmt: skip
        after = {m.campaign_id: m.after_micros / USD for m in propose(arms, (), f"m{number}").moves}
        if after:
            moved = np.array([after.get(f"c{k}", float(budgets[k])) for k in range(5)])
            gains.append(truth(moved) / truth(budgets) - 1)
    found = np.array(gains)
    half = 1.96 * found.std() / np.sqrt(len(found))
    assert len(found) >= 60
    assert found.mean() - half > 0.02, found.mean()
    assert np.mean(found < -0.001) <= 0.05, np.sort(found)[:10]
