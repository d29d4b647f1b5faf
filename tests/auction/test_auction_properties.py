"""What no bidder, order or scale may break; adaptive pacing against its published trace; near-ties explored."""

from __future__ import annotations

import json
import random
from itertools import permutations
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from auction.explore import near_ties, pick_from
from auction.pacing import key_of, mixed_ppm, paced_bid, participation, seed_of, takes_part, updated
from auction.position import run
from auction.types import PPM, Candidate, Outcome, Rule

GOLDEN = Path(__file__).resolve().parents[3] / "shared" / "data" / "auction-golden.json"
MICROS = 1_000_000

fields = st.lists(
    st.builds(
        Candidate,
        st.uuids().map(str),
        st.uuids().map(str),
        st.integers(0, 10**7),
        st.integers(1, 10**5),
        st.integers(0, 10**5),
    ),
    min_size=1,
    max_size=7,
    unique_by=lambda c: c.ad_id,
)
ladders = st.lists(st.integers(1, PPM), min_size=1, max_size=4).map(
    lambda s: sorted(s, reverse=True)
)


def charged(outcome: Outcome) -> dict[str, tuple[int, int]]:
    return {sale.ad_id: (sale.slot, sale.charged_micros) for sale in outcome.sales}


def bidding(field: list[Candidate], ad_id: str, bid: int) -> list[Candidate]:
    return [
        msgspec.structs.replace(one, bid_micros=bid) if one.ad_id == ad_id else one for one in field
    ]


@given(fields, ladders, st.data())
@settings(max_examples=150, deadline=None)
def test_under_vcg_no_lie_pays_more_than_rounding(
    field: list[Candidate], ladder: list[int], data: st.DataObject
) -> None:
    """Truthful utility is non-negative, and no deviation gains more than the half micro of rounding."""
    me = data.draw(st.sampled_from(field))
    value = me.bid_micros

    def utility(bid: int) -> float:
        sold = charged(run("x", bidding(field, me.ad_id, bid), slots_ppm=ladder, rule=Rule.VCG))
        if me.ad_id not in sold:
            return 0.0
        slot, price = sold[me.ad_id]
        return (value - price) * ladder[slot] / PPM

    honest = utility(value)
    assert honest >= 0
    for lie in {0, value * 999 // 1_000, value + 1, 2 * value, 3 * value, me.reserve_micros}:
        assert utility(lie) <= honest + 1
    rivals = {one.bid_micros * one.weight // me.weight for one in field}
    for threshold in rivals:
        for lie in (max(0, threshold - 1), threshold, threshold + 1):
            assert utility(lie) <= honest + 1


@given(fields, ladders)
@settings(max_examples=100, deadline=None)
def test_vcg_is_the_loss_of_the_others(field: list[Candidate], ladder: list[int]) -> None:
    """Without reserves, VCG payments equal the externality found by trying every assignment."""
    field = [msgspec.structs.replace(one, reserve_micros=0) for one in field][:5]
    ladder = ladder[:3]

    def welfare(among: list[Candidate]) -> int:
        padded = [one.bid_micros * one.weight for one in among] + [0] * len(ladder)
        return max(
            sum(score * slot for score, slot in zip(order, ladder, strict=True))
            for order in permutations(padded, len(ladder))
        )

    best = welfare(field)
    for sale in run("x", field, slots_ppm=ladder).sales:
        own = next(one for one in field if one.ad_id == sale.ad_id)
        others = [one for one in field if one.ad_id != sale.ad_id]
        slot = ladder[sale.slot]
        externality = welfare(others) - (best - own.bid_micros * own.weight * slot)
        assert sale.vcg_micros == pytest.approx(externality / (own.weight * slot), abs=0.51)


@given(fields, ladders, st.integers(2, 50), st.randoms(use_true_random=False))
@settings(max_examples=100, deadline=None)
def test_order_scale_and_bystanders_change_nothing(
    field: list[Candidate], ladder: list[int], scale: int, chance: random.Random
) -> None:
    before = run("x", field, slots_ppm=ladder)
    mixed = list(field)
    chance.shuffle(mixed)
    again = run("x", mixed, slots_ppm=ladder)
    assert (again.sales, again.ranking) == (before.sales, before.ranking)
    poor = Candidate("poor", "poor", 5, 10**5, 6)
    beside = run("x", [*field, poor], slots_ppm=ladder)
    assert beside.sales == before.sales
    bigger = [
        msgspec.structs.replace(
            one, bid_micros=one.bid_micros * scale, reserve_micros=one.reserve_micros * scale
        )
        for one in field
    ]
    scaled = run("x", bigger, slots_ppm=ladder)
    assert scaled.ranking == before.ranking
    for large, small in zip(scaled.sales, before.sales, strict=True):
        assert abs(large.vcg_micros - scale * small.vcg_micros) <= scale
        assert scale * (small.gsp_micros - 1) <= large.gsp_micros <= scale * small.gsp_micros


@given(fields, ladders, st.data())
@settings(max_examples=100, deadline=None)
def test_a_loser_that_bids_more_lowers_no_price(
    field: list[Candidate], ladder: list[int], data: st.DataObject
) -> None:
    before = run("x", field, slots_ppm=ladder)
    losers = [ad for ad in before.ranking if ad not in charged(before)]
    if not losers:
        return
    loser = data.draw(st.sampled_from(losers))
    bid = next(one.bid_micros for one in field if one.ad_id == loser)
    after = run(
        "x", bidding(field, loser, bid + data.draw(st.integers(0, 10**4))), slots_ppm=ladder
    )
    if loser in charged(after) or [s.ad_id for s in after.sales] != [s.ad_id for s in before.sales]:
        return
    for now, then in zip(after.sales, before.sales, strict=True):
        assert now.gsp_micros >= then.gsp_micros
        assert now.vcg_micros >= then.vcg_micros


def golden(name: str) -> dict[str, Any]:
    if not GOLDEN.is_file():
        pytest.skip(f"{GOLDEN.name} is not beside the checkout")
    cases = json.loads(GOLDEN.read_text())["cases"]
    return next(case for case in cases if case["id"] == name)


def test_adaptive_pacing_follows_the_published_trace() -> None:
    case = golden("adaptive-pacing-6")
    inputs, expected = case["inputs"], case["expected"]
    remaining = round(inputs["budget"] * MICROS)
    target = remaining // len(inputs["values"])
    mu = 0
    for value, rival, step in zip(
        inputs["values"], inputs["competing"], expected["trace"], strict=True
    ):
        assert mu == round(step["mu"] * PPM)
        bid = paced_bid(round(value * MICROS), mu, remaining_micros=remaining)
        assert bid == pytest.approx(step["bid"] * MICROS, abs=1)
        win = bid >= round(rival * MICROS)
        assert win == step["win"]
        pay = round(rival * MICROS) if win else 0
        assert pay == round(step["pay"] * MICROS)
        remaining -= pay
        mu = updated(
            mu,
            target_micros=target,
            spend_micros=pay,
            rate_ppm=round(inputs["eps"] * PPM),
            most_ppm=round(inputs["mu_max"] * PPM),
        )
    assert mu == round(expected["final_mu"] * PPM)
    assert remaining == round(expected["remaining"] * MICROS)


@given(st.integers(0, 10**7), st.integers(0, 10**9))
def test_participation_falls_as_the_multiplier_grows(mu: int, more: int) -> None:
    assert 10_000 <= participation(mu + more) <= participation(mu) <= PPM
    assert participation(0) == PPM


def test_the_pacing_draw_is_uniform_and_differs_between_campaigns() -> None:
    shares = [mixed_ppm(seed_of(f"r{n}"), key_of("cmp_a")) for n in range(4_000)]
    others = [mixed_ppm(seed_of(f"r{n}"), key_of("cmp_b")) for n in range(4_000)]
    for drawn in (shares, others):
        assert min(drawn) >= 0
        assert max(drawn) < PPM
        for tenth in range(10):
            inside = sum(tenth * PPM // 10 <= one < (tenth + 1) * PPM // 10 for one in drawn)
            assert 320 <= inside <= 480
    both = sum(a < PPM // 2 and b < PPM // 2 for a, b in zip(shares, others, strict=True))
    assert 880 <= both <= 1_120
    assert takes_part("r1", "cmp_a", PPM)
    assert not takes_part("r1", "cmp_a", 0)


@given(st.lists(st.integers(0, 10**12), max_size=9).map(lambda s: sorted(s, reverse=True)))
def test_near_ties_share_the_exploration(scores: list[int]) -> None:
    chances = near_ties(scores, rate_ppm=50_000, top=5, within_ppm=200_000)
    assert len(chances) == min(len(scores), 5)
    if not scores:
        return
    assert sum(chances) == PPM
    for score, chance in zip(scores, chances, strict=False):
        assert (chance > 0) == (score >= scores[0] - scores[0] // 5)
        assert chance == 0 or chance >= 10_000
    assert pick_from(chances, PPM - 1)[1] > 0
    assert pick_from(chances, 0) == (0, chances[0])
