"""Why an ad was shown, who set its price, and why each other one was not."""

from __future__ import annotations

from pathlib import Path

from auction.types import Rule
from domain.catalogue import CatalogueExport
from fastpath.compiler import compile_catalogue
from fastpath.decide import choose, context_of
from fastpath.expand import Expander
from fastpath.explain import Explanation, explain
from fastpath.reading import read_turns
from fastpath.snapshot import Snapshot
from fastpath.types import AdRequest, Reason, Turn
from tests.fastpath.sample_catalogue import NOW, ad, app

ADS = (
    ad("best", "laptop", "gaming laptop", bid_micros=3_000_000),
    ad("next", "laptop", bid_micros=2_000_000),
    ad("sister", "laptop", bid_micros=2_500_000, advertiser_id="org_best"),
    ad("poor", "laptop", bid_micros=1_000),
    ad("tokyo", "laptop", geos=("JP",)),
    ad("picky", "laptop", negative_tags=("student",)),
    ad("phone", "laptop", devices=("mobile",)),
    ad("slow", "laptop", pace_ppm=0),
    ad("past", "laptop", ends_ms=NOW),
    ad("house", "laptop", house=True, bid_micros=0),
)


def told(folder: Path, **more: object) -> Explanation:
    export = CatalogueExport(ads=ADS, apps=(app(),))
    snapshot = Snapshot.open(compile_catalogue(export, folder, expander=Expander(None, {})).path)
    said = "which gaming laptop should a student buy?"
    request = AdRequest(
        request_id="r5", app_id="app_demo", conversation_id="c", message_id="m", now_ms=NOW,
        turns=(Turn("user", said),), device="desktop", geo="US",
    )  # fmt: skip
    features = read_turns(snapshot, request)
    context = context_of(request, now_ms=NOW, rule=Rule.VCG)
    proposal = choose(snapshot, features, context)
    assert proposal.price_micros == proposal.vcg_micros
    return explain(snapshot, features, context, proposal, **more)  # type: ignore[arg-type]


def test_every_candidate_is_told_why(tmp_path: Path) -> None:
    why = told(tmp_path)
    assert {line.ad_id for line in why.candidates} == {one.ad_id for one in ADS}
    lines = {line.ad_id: line for line in why.candidates}
    assert why.candidates[0].ad_id == "best"
    assert why.outcome is Reason.SERVED
    assert why.rule is Rule.VCG
    assert why.price_set_by == "next"
    assert "set by ad next" in why.summary
    assert "VCG" in why.summary
    assert "“gaming laptop”, “laptop”" in lines["best"].text
    assert "bids less and fits less" in lines["next"].text
    assert "JP; the place is US" in lines["tokyo"].text
    assert "“student”" in lines["picky"].text
    assert "mobile; the device is desktop" in lines["phone"].text
    assert "0.0 % of auctions" in lines["slow"].text
    assert "over" in lines["past"].text
    assert "reserve of 50000" in lines["poor"].text
    assert lines["house"].reason is Reason.HOUSE
    assert sum(line.propensity_ppm for line in why.candidates) == 1_000_000


def test_what_the_state_said_comes_last(tmp_path: Path) -> None:
    why = told(tmp_path, outcome=Reason.COOLDOWN)
    assert why.outcome is Reason.COOLDOWN
    assert why.summary.startswith("No ad:")
