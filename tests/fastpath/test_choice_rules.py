"""Targeting, blocks, caps, pace, fatigue, relevance and test ads: each rule with its reason code."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import msgspec
import pytest

from auction.pacing import takes_part
from domain.catalogue import AdEntry, AppEntry, CatalogueExport
from domain.formats import BidModel
from domain.ids import stable_id
from fastpath.compiler import compile_catalogue
from fastpath.decide import choose, context_of, rank
from fastpath.eligibility import KEEP_PPM, keep_ppm
from fastpath.expand import Expander
from fastpath.explain import SENTENCES, explain
from fastpath.reading import read_turns
from fastpath.snapshot import Snapshot
from fastpath.types import AdRequest, Consent, Proposal, Reason, Turn
from tests.fastpath.sample_catalogue import NOW, ad, app

ASK = "which laptop should I buy?"


def request(said: str = ASK, **fields: Any) -> AdRequest:
    values: dict[str, Any] = {
        "request_id": "r1",
        "app_id": "app_demo",
        "conversation_id": "c",
        "message_id": "m",
        "turns": (Turn("user", said),),
        "now_ms": NOW,
    }
    return AdRequest(**{**values, **fields})


def compiled(folder: Path, ads: list[AdEntry], *apps: AppEntry) -> Snapshot:
    export = CatalogueExport(ads=tuple(ads), apps=apps or (app(),))
    return Snapshot.open(compile_catalogue(export, folder, expander=Expander(None, {})).path)


def decide(snapshot: Snapshot, asked: AdRequest, **more: Any) -> Proposal:
    features = read_turns(snapshot, asked)
    return choose(snapshot, features, context_of(asked, now_ms=asked.now_ms, **more))


def day_of_week(now_ms: int) -> int:
    return (now_ms // 86_400_000 + 3) % 7 + 1


RULES: list[tuple[str, dict[str, Any], dict[str, Any], dict[str, Any], Reason | None]] = [
    ("its device", {"devices": ("mobile",)}, {"device": "Mobile"}, {}, None),
    ("another device", {"devices": ("mobile", "tv")}, {"device": "desktop"}, {}, Reason.DEVICE),
    ("no device told", {"devices": ("mobile",)}, {}, {}, Reason.DEVICE),
    ("a device nobody knows", {"devices": ("mobile",)}, {"device": "toaster"}, {}, Reason.DEVICE),
    ("any device", {}, {"device": "toaster"}, {}, None),
    ("its day", {"weekdays": (day_of_week(NOW),)}, {}, {}, None),
    ("another day", {"weekdays": (day_of_week(NOW) % 7 + 1,)}, {}, {}, Reason.WEEKDAY),
    ("its app", {"apps": ("app_demo",)}, {}, {}, None),
    ("only in another app", {"apps": ("app_other",)}, {}, {}, Reason.APP_NOT_ALLOWED),
    ("not in this app", {"blocked_apps": ("app_demo",)}, {}, {}, Reason.APP_NOT_ALLOWED),
    ("welcome", {}, {}, {"allowed_advertisers": ("org_a",)}, None),
    ("not welcome", {}, {}, {"allowed_advertisers": ("org_b",)}, Reason.BLOCKED),
    ("host blocks a tag", {}, {}, {"blocked_topics": ("Laptop",)}, Reason.BLOCKED),
    ("host blocks a topic", {"topics": ("2",)}, {}, {"blocked_topics": ("2",)}, Reason.BLOCKED),
    ("user mutes a tag", {}, {"blocked_topics": ("laptop",)}, {}, Reason.MUTED),
    ("user mutes a topic", {"topics": ("2",)}, {"blocked_topics": ("iab:2",)}, {}, Reason.MUTED),
    ("user mutes another topic", {}, {"blocked_topics": ("boats", "2")}, {}, None),
    ("fits well enough", {}, {}, {"relevance_floor_ppm": 600_000}, None),
    ("fits too little", {}, {}, {"relevance_floor_ppm": 900_000}, Reason.RELEVANCE),
    ("takes no part", {"pace_ppm": 0}, {}, {}, Reason.PACED),
]  # fmt: skip


@pytest.mark.parametrize(
    ("name", "of_ad", "of_request", "of_app", "reason"), RULES, ids=[row[0] for row in RULES]
)
def test_rules_of_targeting_and_blocking(
    tmp_path: Path,
    name: str,
    of_ad: dict[str, Any],
    of_request: dict[str, Any],
    of_app: dict[str, Any],
    reason: Reason | None,
) -> None:
    apps = (app(**of_app), app("app_other"))
    snapshot = compiled(tmp_path, [ad("a", "laptop", **of_ad)], *apps)
    asked = request(**of_request)
    proposal = decide(snapshot, asked)
    assert proposal.reason is (reason or Reason.SERVED), name
    if reason is not None:
        assert [one.reason for one in proposal.dropped] == [reason]
        why = explain(
            snapshot, read_turns(snapshot, asked), context_of(asked, now_ms=NOW), proposal
        )
        assert why.candidates[0].reason is reason
        assert len(why.candidates[0].text) > 20


def test_every_reason_has_a_sentence() -> None:
    assert set(SENTENCES) == set(Reason)


def test_a_campaign_at_its_cap_is_passed_over(tmp_path: Path) -> None:
    snapshot = compiled(tmp_path, [ad("a", "laptop", bid_micros=2_000_000), ad("b", "laptop")])
    proposal = decide(snapshot, request(), capped=["cmp_a"], spent=["cmp_unknown"])
    assert proposal.winner is not None
    assert proposal.winner.ad_id == "b"
    assert [(one.ad_id, one.reason) for one in proposal.dropped] == [("a", Reason.FREQUENCY)]


def test_what_was_shown_often_stands_back(tmp_path: Path) -> None:
    ads = [ad("a", "laptop", bid_micros=1_100_000), ad("b", "laptop", bid_model=BidModel.CPC)]
    snapshot = compiled(tmp_path, ads)
    fresh = decide(snapshot, request()).eligible
    assert [one.ad_id for one in fresh] == ["a", "b"]
    tired = decide(snapshot, request(), shown={"cmp_a": 1, "cmp_other": 9}).eligible
    assert [one.ad_id for one in tired] == ["b", "a"]
    assert tired[1].weight == fresh[0].weight * 850_000 // 1_000_000
    assert KEEP_PPM[0] == 1_000_000
    assert list(KEEP_PPM) == sorted(KEEP_PPM, reverse=True)
    assert [keep_ppm(n) for n in (-1, 2, 99)] == [1_000_000, 722_500, 300_000]


def test_paced_campaigns_take_part_by_a_draw_that_all_their_ads_share(tmp_path: Path) -> None:
    ads = [
        ad(f"{c}{i}", "laptop", campaign_id=f"cmp_{c}", advertiser_id="org", pace_ppm=pace)
        for c, pace in (("half", 500_000), ("all", 1_000_000))
        for i in range(2)
    ]
    snapshot = compiled(tmp_path, ads)
    taken = 0
    for number in range(600):
        asked = request(request_id=f"r{number}")
        proposal = decide(snapshot, asked)
        there = {one.ad_id for one in proposal.eligible}
        expected = takes_part(asked.request_id, "cmp_half", 500_000)
        assert there >= {"all0", "all1"}
        assert ({"half0", "half1"} <= there) == expected
        assert proposal.dropped_counts.get("paced", 0) == (0 if expected else 2)
        taken += expected
    assert 250 <= taken <= 350


def test_shares_known_now_go_before_those_of_the_snapshot_and_into_the_record(
    tmp_path: Path,
) -> None:
    ads = [ad("a", "laptop"), ad("b", "laptop", pace_ppm=0), ad("c", "laptop")]
    snapshot = compiled(tmp_path, ads)
    asked = request()
    features, context = read_turns(snapshot, asked), context_of(asked, now_ms=NOW)
    now = {"cmp_a": 0, "cmp_b": 1_000_000, "cmp_c": 1_000_000, "cmp_elsewhere": 5}
    proposal = choose(snapshot, features, context, paces=now)
    assert {one.ad_id for one in proposal.eligible} == {"b", "c"}
    assert proposal.paces == (("cmp_a", 0), ("cmp_b", 1_000_000))
    kept = msgspec.structs.replace(context, paces=proposal.paces)
    assert choose(snapshot, features, kept) == proposal


def test_more_matched_tags_beat_one_at_equal_bid(tmp_path: Path) -> None:
    ads = [ad("three", "gaming laptop", "laptop", "keyboard"), ad("one", "gaming laptop")]
    ads += [ad("two", "gaming laptop", "keyboard")]
    snapshot = compiled(tmp_path, ads)
    asked = request("which gaming laptop with a good keyboard should I buy?")
    proposal = decide(snapshot, asked)
    assert [one.ad_id for one in proposal.eligible] == ["three", "two", "one"]
    fits = [one.relevance_ppm for one in proposal.eligible]
    assert fits[0] > fits[1] > fits[2] > 0
    why = explain(snapshot, read_turns(snapshot, asked), context_of(asked, now_ms=NOW), proposal)
    by_id = {line.ad_id: line for line in why.candidates}
    assert by_id["three"].tags == ("gaming laptop", "keyboard", "laptop")
    many = ad("many", *(f"word{i}" for i in range(40)))
    crowd = compiled(tmp_path / "crowd", [many])
    found = decide(
        crowd, request("which one should I buy? " + ", ".join(f"word{i}" for i in range(40)))
    )
    assert found.eligible[0].relevance_ppm == 3_000_000


def test_declared_topics_bring_candidates(tmp_path: Path) -> None:
    snapshot = compiled(tmp_path, [ad("cars", "gearbox", topics=("2",)), ad("other", "tent")])
    said = "what is the best one to buy?"
    assert decide(snapshot, request(said)).reason is Reason.NO_MATCH
    for topics in (("2",), ("iab:2", "nonsense")):
        proposal = decide(snapshot, request(said, topics=topics))
        assert proposal.winner is not None
        assert (proposal.winner.ad_id, proposal.winner.form) == ("cars", -1)


def test_ads_found_by_meaning_join_those_found_by_words(tmp_path: Path) -> None:
    snapshot = compiled(tmp_path, [ad("word", "laptop"), ad("both", "laptop"), ad("near", "tent")])
    number = {snapshot.ad_id(i): i for i in range(3)}
    asked = request()
    features = msgspec.structs.replace(
        read_turns(snapshot, asked),
        similar=((number["both"], 900_000), (number["near"], 500_000), (99, 1_000_000)),
    )
    context = context_of(asked, now_ms=NOW)
    proposal = choose(snapshot, features, context)
    fits = {one.ad_id: one.relevance_ppm for one in proposal.eligible}
    assert fits["both"] == 900_000 > fits["word"]
    assert fits["near"] == 500_000
    alone = msgspec.structs.replace(features, matches=())
    assert {one.ad_id for one in choose(snapshot, alone, context).eligible} == {"both", "near"}


def test_packed_ids_are_read_as_they_were_written(tmp_path: Path) -> None:
    ids = [stable_id("ad", str(number)) for number in range(9)]
    snapshot = compiled(tmp_path, [ad(one, "laptop") for one in ids])
    assert snapshot.id_prefix == "ad_"
    assert sorted(map(snapshot.market.ad_id, range(9))) == sorted(ids)
    proposal = decide(snapshot, request())
    assert {one.ad_id for one in proposal.eligible} == set(ids)
    assert proposal.winner is not None
    assert proposal.winner.ad_id == snapshot.ad_id(proposal.winner.ad)


def test_ranking_by_relevance_ignores_bids_and_opportunity(tmp_path: Path) -> None:
    ads = [ad("rich", "laptop", bid_micros=9_000_000), ad("fit", "laptop", "gaming laptop")]
    snapshot = compiled(tmp_path, ads)
    asked = request("gaming laptop")
    features, context = read_turns(snapshot, asked), context_of(asked, now_ms=NOW)
    assert [one for one, _ in rank(snapshot, features, context)] == ["fit", "rich"]
    assert [one for one, _ in rank(snapshot, features, context, bids=True)] == ["rich", "fit"]
    assert len(rank(snapshot, features, context, top=1)) == 1
    assert rank(snapshot, features, context_of(request(app_id="no"), now_ms=NOW)) == ()


def test_a_test_ad_ignores_money_and_moment_and_costs_nothing(tmp_path: Path) -> None:
    ads = [
        ad("first", "tent", bid_micros=1, pace_ppm=0),
        ad("fit", "laptop", bid_micros=1),
        ad("us", "laptop", geos=("US",)),
    ]
    snapshot = compiled(tmp_path, ads)
    proposal = decide(snapshot, request("hello laptop", test=True), spent=["cmp_fit"])
    assert proposal.reason is Reason.TEST_AD
    assert proposal.winner is not None
    assert proposal.winner.ad_id == "fit"
    assert (proposal.price_micros, proposal.vcg_micros, proposal.hold_micros) == (0, 0, 0)
    proposal = decide(snapshot, request("hello", test=True))
    assert proposal.winner is not None
    assert proposal.winner.ad_id == "first"
    asked = request("hello", test=True)
    why = explain(snapshot, read_turns(snapshot, asked), context_of(asked, now_ms=NOW), proposal)
    assert "test" in why.summary
    assert decide(snapshot, request("hello", test=True, geo="US", app_id="x")).winner is None


@pytest.mark.parametrize(
    ("asked", "reason"),
    [
        (request("I want to kill myself, buy a laptop", test=True), Reason.SENSITIVE),
        (request("buy a laptop and cigars", test=True), Reason.RESTRICTED),
        (request(test=True, consent=Consent(ads=False)), Reason.NO_CONSENT),
        (request(test=True, turns=()), Reason.INVALID),
        (request("wo kann ich einen laptop kaufen", test=True), Reason.UNSUPPORTED_LANGUAGE),
    ],
)
def test_even_a_test_ad_keeps_away(tmp_path: Path, asked: AdRequest, reason: Reason) -> None:
    proposal = decide(compiled(tmp_path, [ad("a", "laptop")]), asked)
    assert (proposal.winner, proposal.reason) == (None, reason)


def test_only_near_ties_are_explored(tmp_path: Path) -> None:
    bids = [1_000_000, 900_000, 800_000, 799_000, 100_000, 90_000]
    ads = [ad(f"a{i}", "laptop", bid_micros=bid) for i, bid in enumerate(bids)]
    snapshot = compiled(tmp_path, ads)
    seen = set()
    for number in range(1_500):
        proposal = decide(snapshot, request(request_id=f"r{number}"))
        assert sum(proposal.propensities) == 1_000_000
        assert len(proposal.propensities) == 5
        assert proposal.propensities[3:] == (0, 0)
        assert proposal.propensities[proposal.rank] == proposal.propensity_ppm >= 10_000
        seen.add(proposal.rank)
    assert seen == {0, 1, 2}


def test_threads_do_not_share_their_rows(tmp_path: Path) -> None:
    words = [f"thing{i}" for i in range(12)]
    ads = [ad(f"a{i:03}", words[i % 12], words[(i * 7) % 12]) for i in range(240)]
    snapshot = compiled(tmp_path, ads, app(blocked_topics=("thing11",)))
    asked = [
        request(f"buy the best {words[n % 12]} or {words[n % 5]}", request_id=f"r{n}")
        for n in range(60)
    ]
    alone = [decide(snapshot, one) for one in asked]
    with ThreadPoolExecutor(6) as pool:
        for _ in range(5):
            assert list(pool.map(lambda one: decide(snapshot, one), asked)) == alone
