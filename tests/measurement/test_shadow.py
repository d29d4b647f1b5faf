"""Logged auctions under other rules: paired, bounded by what bids reveal, and refused without overlap."""

from __future__ import annotations

from dataclasses import replace

import msgspec
import numpy as np
import pytest

from agents.auction.agent import propose_bid, propose_reserve, propose_rule
from agents.auction.schemas import BidFacts
from auction.types import PPM, Rule
from measurement.shadow import (
    UNIT,
    Bidder,
    Logged,
    Mechanism,
    best_responses,
    contrast,
    multiples,
    overlap,
    revenues,
    value_bounds,
)

GSP, VCG = Mechanism(rule=Rule.GSP), Mechanism(rule=Rule.VCG)
SLOTS = (1_000_000, 700_000, 400_000)


def auction(number: int, bids: list[int], **more: object) -> Logged:
    bidders = tuple(
        Bidder(f"org_{n}", f"ad_{n}", bid, UNIT // 50, 100_000)
        for n, bid in sorted(enumerate(bids), key=lambda pair: -pair[1])
    )
    given = {
        "id": f"req_{number}", "conversation": f"c{number // 2}", "bidders": bidders,
        "shown": bidders[0].ad_id, "propensity_ppm": 990_000, **more,
    }  # fmt: skip
    return msgspec.convert(given, Logged)


def market(seed: int, count: int, rivals: int = 4) -> list[Logged]:
    rng = np.random.default_rng(seed)
    return [
        auction(n, [int(b) for b in rng.lognormal(13.2, 0.5, rivals) + 100_000])
        for n in range(count)
    ]


def test_one_slot_charges_the_second_price_under_both_rules() -> None:
    auctions = [auction(1, [500_000, 300_000, 200_000])]
    assert revenues(auctions, GSP)[0] == pytest.approx(300_000 / 50)
    assert revenues(auctions, VCG)[0] == pytest.approx(300_000 / 50)
    # A reserve between the two best bids is what the winner pays; above both, nobody wins.
    assert revenues(auctions, Mechanism(rule=Rule.GSP, reserve_ppm=4 * PPM))[0] == pytest.approx(
        400_000 / 50
    )
    assert revenues(auctions, Mechanism(rule=Rule.GSP, reserve_ppm=6 * PPM))[0] == 0


def test_with_the_same_bids_vcg_never_charges_more() -> None:
    auctions = market(3, 200)
    many = [Mechanism(rule=rule, slots_ppm=SLOTS) for rule in (Rule.GSP, Rule.VCG)]
    gsp, vcg = (revenues(auctions, one) for one in many)
    assert np.all(vcg <= gsp + 1e-6)
    change = contrast(auctions, gsp, vcg, "s")
    assert change.high < 0
    assert change.low <= change.mean <= change.high
    assert contrast(auctions, gsp, vcg, "s") == change


def test_values_are_found_again_from_equilibrium_bids() -> None:
    """Lowest symmetric equilibrium (Varian 2007): b_s a_(s-1) = Σ_t≥s v_t (a_(t-1) − a_t)."""
    slots = [1.0, 0.7, 0.4]
    values = [2_000_000.0, 1_500_000.0, 900_000.0, 400_000.0]
    bids = [0.0] * 4
    for s in (3, 2, 1):
        below = [*slots, 0.0]
        bids[s] = sum(values[t] * (below[t - 1] - below[t]) for t in range(s, 4)) / below[s - 1]
    bids[0] = values[0]
    logged = auction(1, [round(b) for b in bids])
    logged = msgspec.structs.replace(
        logged, bidders=tuple(msgspec.structs.replace(b, reserve_micros=0) for b in logged.bidders)
    )
    bounds = value_bounds(logged, Mechanism(rule=Rule.GSP, slots_ppm=SLOTS))
    for n in range(3):
        low, high = bounds[f"ad_{n}"]
        assert low <= values[n] + 2
        assert high is None or values[n] <= high + 2
    # Under the other rule, or with one slot, a bid is a value.
    assert value_bounds(logged, GSP)["ad_1"] == (round(bids[1]), round(bids[1]))


def test_a_truthful_rule_gives_no_reason_to_answer() -> None:
    auctions = market(5, 40, 3)
    values = multiples(auctions, GSP, high=False)
    assert values == pytest.approx({f"org_{n}": 1.0 for n in range(3)})
    assert best_responses(auctions, VCG, values, 3) == values


def test_bidders_shade_where_it_pays() -> None:
    """Edelman, Ostrovsky, Schwarz 2007: with slots of 200 and 199 clicks the first one gains by bidding less."""
    slots = (1_000_000, 995_000)
    logged = [auction(n, [10_000_000, 4_000_000, 2_000_000]) for n in range(3)]
    many = Mechanism(rule=Rule.GSP, slots_ppm=slots)
    bids = best_responses(logged, many, {"org_0": 1.0, "org_1": 1.0, "org_2": 1.0}, 1)
    assert bids["org_0"] < 1.0
    assert revenues(logged, many, bids).mean() < revenues(logged, many).mean()


def test_overlap_counts_what_the_log_covers() -> None:
    auctions = market(6, 300)
    covered = overlap(auctions, GSP)
    assert (covered.support, covered.ess) == (1.0, pytest.approx(300))
    explored = [
        msgspec.structs.replace(a, shown=a.bidders[-1].ad_id, propensity_ppm=10_000)
        for a in auctions
    ]
    assert overlap(explored, GSP).ess == 0.0
    lucky = [*auctions[:10], msgspec.structs.replace(auctions[10], propensity_ppm=100)]
    # One auction with a weight of ten thousand is worth one.
    assert overlap(lucky, GSP).ess == pytest.approx(1.0, abs=0.01)


def test_a_reserve_is_proposed_where_it_surely_earns_more() -> None:
    # One rich bidder and poor ones: the second price is far below what the first one would pay.
    rng = np.random.default_rng(9)
    auctions = [
        auction(
            n,
            [
                int(900_000 + rng.integers(0, 100_000)),
                120_000,
                115_000,
                int(rng.integers(101_000, 119_000)),
            ],
        )
        for n in range(600)
    ]
    found = propose_reserve("app_1", 100_000, "USD", auctions, GSP, "s")
    assert (found.status, found.before, found.after) == ("proposed", "0.10 USD", "0.30 USD")
    assert found.same_bid is not None
    assert found.same_bid.low > 0
    assert found.responded is not None
    assert found.responded.low > 0
    assert (found.auctions, found.advertisers) == (300, 4)


@pytest.mark.parametrize(
    ("auctions", "status"),
    [
        (market(1, 50), "insufficient_data"),
        (market(1, 500, 2), "insufficient_data"),
        ([msgspec.structs.replace(a, propensity_ppm=100 if n % 50 else 990_000)
          for n, a in enumerate(market(1, 400))], "insufficient_overlap"),
        # Rivals so close that a higher reserve only loses sales.
        ([auction(n, [199_000, 198_000, 197_000, 196_000]) for n in range(500)], "no_gain"),
    ],
)  # fmt: skip
def test_otherwise_it_says_why_not(auctions: list[Logged], status: str) -> None:
    if status == "insufficient_overlap":
        auctions = [
            msgspec.structs.replace(a, propensity_ppm=10 if n % 100 == 1 else 990_000)
            for n, a in enumerate(auctions)
        ]
    found = propose_reserve("app_1", 100_000, "USD", auctions, GSP, "s")
    assert found.status == status
    assert found.why


def test_with_one_slot_the_charge_rule_makes_no_difference() -> None:
    found = propose_rule("app_1", "USD", market(2, 300), GSP, "s")
    assert (found.status, found.before, found.after) == ("no_difference", "gsp", "vcg")
    many = propose_rule(
        "app_1", "USD", market(2, 300), Mechanism(rule=Rule.GSP, slots_ppm=SLOTS), "s"
    )
    assert many.status == "no_gain"
    assert many.same_bid is not None
    assert many.same_bid.high < 0
    assert many.recovered is not None
    # "Same bids" alone would be the worst that can be said of it.
    assert many.recovered.high > many.same_bid.high


FACTS = BidFacts(
    campaign_id="cmp_1", name="Shoes", currency="USD", bid_micros=500_000, target_micros=15_000_000,
    clicks=1_000, submits=20, spent_micros=450_000_000, use_ppm=400_000,
)  # fmt: skip


def test_a_bid_follows_what_a_signup_may_cost_within_bounds() -> None:
    down = propose_bid(FACTS)
    # 22.50 a sign-up and 15 allowed: 2 % of clicks at 15 are worth 0.30.
    assert (down.status, down.after) == ("proposed", "0.30 USD")
    assert down.same_bid is not None
    assert down.same_bid.mean < 0
    up = propose_bid(replace(FACTS, target_micros=60_000_000))
    assert (up.status, up.after) == ("proposed", "0.65 USD")
    full = propose_bid(replace(FACTS, target_micros=60_000_000, use_ppm=990_000))
    assert full.status == "no_gain"
    for little in (
        replace(FACTS, submits=3),
        replace(FACTS, clicks=50),
        replace(FACTS, target_micros=None),
    ):
        assert propose_bid(little).status == "insufficient_data"
