"""GSP and VCG against published cases, and the properties no input may break."""

from __future__ import annotations

import json
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from auction.explore import pick, propensities
from auction.position import run
from auction.rank import tie_key
from auction.types import PPM, Candidate, Outcome, Rule
from auction.weight import reserve, weight
from domain.errors import BadInput
from domain.formats import BidModel

GOLDEN = Path(__file__).resolve().parents[3] / "shared" / "data" / "auction-golden.json"
MICROS = 1_000_000


def golden(name: str) -> dict[str, Any]:
    if not GOLDEN.is_file():
        pytest.skip(f"{GOLDEN.name} is not beside the checkout")
    cases = json.loads(GOLDEN.read_text())["cases"]
    return next(case for case in cases if case["id"] == name)


def field(inputs: dict[str, Any], key: str = "bids_per_click") -> list[Candidate]:
    bids = inputs[key]
    quality = inputs.get("quality", [1] * len(bids))
    floors = inputs.get("reserve", [0] * len(bids))
    return [
        Candidate(f"ad{i}", f"adv{i}", round(b * MICROS), round(q * PPM), round(r * MICROS))
        for i, (b, q, r) in enumerate(zip(bids, quality, floors, strict=True))
    ]


def slots(inputs: dict[str, Any]) -> list[int]:
    return [round(s * PPM) for s in inputs.get("slot_multipliers") or inputs["slot_clicks"]]


def prices(outcome: Outcome, count: int, rule: Rule) -> list[float]:
    sold = {
        sale.ad_id: sale.gsp_micros if rule is Rule.GSP else sale.vcg_micros
        for sale in outcome.sales
    }
    return [sold.get(f"ad{i}", 0) / MICROS for i in range(count)]


@pytest.mark.parametrize("name", ["eos-2007-3x2", "qw-reserve-5x3", "position-5x4"])
def test_published_prices(name: str) -> None:
    case = golden(name)
    expected, inputs = case["expected"], case["inputs"]
    outcome = run("a", field(inputs), slots_ppm=slots(inputs))
    count = len(inputs["bids_per_click"])
    ranks = {sale.ad_id: sale.slot for sale in outcome.sales}
    assert [ranks.get(f"ad{i}", -1) for i in range(count)] == expected["slot"]
    assert prices(outcome, count, Rule.GSP) == pytest.approx(expected["gsp_per_click"], abs=1e-6)
    assert prices(outcome, count, Rule.VCG) == pytest.approx(expected["vcg_per_click"], abs=1e-6)
    eligible = expected.get("eligible", [True] * count)
    assert set(outcome.below_reserve) == {f"ad{i}" for i in range(count) if not eligible[i]}


def test_lying_pays_under_gsp_and_not_under_vcg() -> None:
    case = golden("eos-2007-gsp-deviation")
    inputs, expected = case["inputs"], case["expected"]
    value = inputs["values"][0]
    clicks = inputs["slot_clicks"]
    for rule, name in ((Rule.GSP, "gsp"), (Rule.VCG, "vcg")):
        for bids, kind in (("truthful_bids", "truthful"), ("deviation_bids", "deviation")):
            outcome = run("a", field(inputs, bids), slots_ppm=slots(inputs), rule=rule)
            sale = next(sale for sale in outcome.sales if sale.ad_id == "ad0")
            utility = (value - sale.charged_micros / MICROS) * clicks[sale.slot]
            # A price rounded to a micro, times 200 clicks.
            assert utility == pytest.approx(expected[f"{name}_utility_{kind}"], abs=2e-4)


def test_propensities_of_the_published_rule() -> None:
    case = golden("epsilon-topk-propensity")
    got = propensities(9, rate_ppm=50_000, top=case["inputs"]["k"])
    assert [chance / PPM for chance in got] == case["expected"]["propensity_by_rank"]


def test_a_small_known_market() -> None:
    ads = [Candidate("a", "A", 10, 1), Candidate("b", "B", 4, 1), Candidate("c", "C", 2, 1)]
    first, second = run("x", ads, slots_ppm=(200, 100)).sales
    assert (first.ad_id, first.gsp_micros, first.vcg_micros) == ("a", 4, 3)
    assert (second.ad_id, second.gsp_micros, second.vcg_micros) == ("b", 2, 2)


def test_reserve_filters_before_ranking_and_floors_the_price() -> None:
    outcome = run("x", [Candidate("a", "A", 10, 1, 6), Candidate("b", "B", 5, 100, 6)])
    assert outcome.below_reserve == ("b",)
    assert outcome.sales[0].charged_micros == 6
    assert outcome.sales[0].reserve_bound


def test_an_advertiser_does_not_compete_with_itself() -> None:
    ads = [Candidate("a1", "A", 10, 1), Candidate("a2", "A", 9, 1), Candidate("b", "B", 3, 1)]
    sale = run("x", ads).sales[0]
    assert (sale.ad_id, sale.gsp_micros, sale.vcg_micros) == ("a1", 3, 3)


def test_empty_and_unsold() -> None:
    assert run("x", []).sales == ()
    assert run("x", [Candidate("a", "A", 5, 1)], slots_ppm=(PPM, 0)).sales[0].charged_micros == 0


@pytest.mark.parametrize("bad", [Candidate("a", "A", -1, 1), Candidate("a", "A", 1, 0)])
def test_absurd_bids_are_refused(bad: Candidate) -> None:
    with pytest.raises(BadInput) as caught:
        run("x", [bad])
    assert caught.value.code == "bad_bid"


def test_increasing_slots_are_refused() -> None:
    with pytest.raises(BadInput) as caught:
        run("x", [], slots_ppm=(1, 2))
    assert caught.value.code == "bad_slots"


def test_ties_break_by_auction_not_by_name() -> None:
    ads = [Candidate(name, name, 5, 7) for name in "abcdef"]
    winners = {run(f"auction{i}", ads).sales[0].ad_id for i in range(60)}
    assert len(winners) == 6
    assert run("auction1", ads) == run("auction1", list(reversed(ads)))
    assert run("auction1", ads).tied
    assert tie_key("a", "b") == tie_key("a", "b")


def test_cpc_and_cpm_meet_on_one_scale() -> None:
    cpc = weight(BidModel.CPC, pctr_ppm=20_000, quality_ppm=PPM, keep_ppm=PPM)
    cpm = weight(BidModel.CPM, pctr_ppm=20_000, quality_ppm=PPM, keep_ppm=PPM)
    # One dollar a click at 2 % is twenty dollars per thousand.
    assert 1_000_000 * cpc == 20_000_000 * cpm
    ads = [Candidate("click", "A", 1_000_000, cpc), Candidate("view", "B", 10_000_000, cpm)]
    assert run("x", ads).sales[0].charged_micros == 500_000
    assert run("x", list(reversed(ads))).ranking == ("click", "view")
    ads = [Candidate("click", "A", 250_000, cpc), Candidate("view", "B", 10_000_000, cpm)]
    assert run("x", ads).sales[0].charged_micros == 5_000_000
    assert reserve(BidModel.CPM, per_click_micros=50_000, pctr_ppm=20_000) == 1_000_000
    assert reserve(BidModel.CPC, per_click_micros=50_000, pctr_ppm=20_000) == 50_000


candidates = st.lists(
    st.builds(
        Candidate,
        st.uuids().map(str),
        st.sampled_from("ABCDEFG"),
        st.integers(0, 10**9),
        st.integers(1, 10**8),
        st.integers(0, 10**6),
    ),
    max_size=9,
    unique_by=lambda c: c.ad_id,
)
ladders = st.lists(st.integers(0, PPM), min_size=1, max_size=4).map(
    lambda s: sorted(s, reverse=True)
)


@given(candidates, ladders)
@settings(max_examples=150, deadline=None)
def test_prices_stay_between_reserve_and_bid_and_vcg_below_gsp(
    ads: list[Candidate], ladder: list[int]
) -> None:
    outcome = run("x", ads, slots_ppm=ladder)
    by_id = {ad.ad_id: ad for ad in ads}
    for sale in outcome.sales:
        ad = by_id[sale.ad_id]
        assert ad.reserve_micros <= sale.vcg_micros <= sale.gsp_micros <= ad.bid_micros
    assert len(outcome.ranking) + len(outcome.below_reserve) == len(ads)


@given(candidates, st.data())
@settings(max_examples=100, deadline=None)
def test_bidding_more_never_loses_rank(ads: list[Candidate], data: st.DataObject) -> None:
    ranking = run("x", ads).ranking
    if not ranking:
        return
    chosen = data.draw(st.sampled_from(ranking))
    raised = [
        Candidate(
            a.ad_id,
            a.advertiser_id,
            a.bid_micros + (a.ad_id == chosen) * 10**6,
            a.weight,
            a.reserve_micros,
        )
        for a in ads
    ]
    assert run("x", raised).ranking.index(chosen) <= ranking.index(chosen)


@given(candidates)
@settings(max_examples=100, deadline=None)
def test_gsp_is_the_least_integer_bid_that_keeps_the_slot(ads: list[Candidate]) -> None:
    outcome = run("x", ads)
    if not outcome.sales:
        return
    by_id = {ad.ad_id: ad for ad in ads}
    winner = by_id[outcome.sales[0].ad_id]
    rivals = [
        by_id[i].bid_micros * by_id[i].weight
        for i in outcome.ranking[1:]
        if by_id[i].advertiser_id != winner.advertiser_id
    ]
    exact = max(Fraction(winner.reserve_micros), Fraction(max(rivals, default=0), winner.weight))
    assert exact <= outcome.sales[0].gsp_micros < exact + 1


@given(st.integers(1, 40), st.integers(1, 8), st.integers(0, PPM))
def test_propensities_sum_to_one_and_match_the_pick(count: int, top: int, rate: int) -> None:
    chances = propensities(count, rate_ppm=rate, top=top)
    assert sum(chances) == PPM
    counted = [0] * len(chances)
    for draw in range(0, PPM, 9_973):
        rank, chance = pick(count, draw, rate_ppm=rate, top=top)
        assert chance == chances[rank]
        counted[rank] += 1
    assert counted[0] >= max(counted[1:], default=0) - 1 or rate > PPM - 10


def test_picking_from_nothing_is_a_defect() -> None:
    with pytest.raises(ValueError, match="needs at least one"):
        pick(0, 0, rate_ppm=1, top=5)
