"""The pure choice: who may be shown, who wins, how exploration is drawn."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from auction.types import Rule
from domain.catalogue import AdEntry, AppEntry, CatalogueExport
from domain.formats import AdFormat, BidModel, Intent
from fastpath.compiler import compile_catalogue
from fastpath.decide import choose, context_of
from fastpath.expand import Expander
from fastpath.reading import MAX_TURNS, read_turns
from fastpath.snapshot import Snapshot
from fastpath.types import AdRequest, Consent, Proposal, Reason, Turn
from tests.fastpath.sample_catalogue import NOW, ad, app, text

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


def decide(
    tmp_path: Path, ads: list[AdEntry], asked: AdRequest, *apps: AppEntry, **more: Any
) -> Proposal:
    export = CatalogueExport(ads=tuple(ads), apps=apps or (app(),))
    snapshot = Snapshot.open(compile_catalogue(export, tmp_path, expander=Expander(None, {})).path)
    features = read_turns(snapshot, asked)
    return choose(snapshot, features, context_of(asked, now_ms=asked.now_ms, **more))


RULES: list[tuple[str, dict[str, Any], dict[str, Any], dict[str, Any], Reason]] = [
    ("format asked for", {}, {"formats": (AdFormat.STATIC,)}, {}, Reason.FORMAT_NOT_ALLOWED),
    ("format of the app", {}, {}, {"formats": (AdFormat.STATIC,)}, Reason.FORMAT_NOT_ALLOWED),
    ("language of the ad", {"languages": ("jpn",)}, {}, {}, Reason.LANGUAGE),
    ("language of the texts", {"texts": {"jpn": text("x")}}, {}, {}, Reason.LANGUAGE),
    ("currency", {"currency": "JPY"}, {}, {}, Reason.CURRENCY),
    ("not yet", {"starts_ms": NOW + 1}, {}, {}, Reason.SCHEDULE),
    ("over", {"ends_ms": NOW}, {}, {}, Reason.SCHEDULE),
    ("elsewhere", {"geos": ("JP",)}, {"geo": "us"}, {}, Reason.GEO),
    ("unknown place", {"geos": ("JP",)}, {}, {}, Reason.GEO),
    ("host blocks", {}, {}, {"blocked_advertisers": ("org_a",)}, Reason.BLOCKED),
    ("user mutes", {}, {"blocked_advertisers": ("org_a",)}, {}, Reason.MUTED),
    ("host blocks topic", {}, {}, {"blocked_topics": ("laptop",)}, Reason.BLOCKED),
    ("ad avoids topic of host", {"blocked_topics": ("politics",)}, {"topics": ("politics",)}, {}, Reason.BLOCKED),
    ("ad avoids word", {"blocked_topics": ("buy",)}, {}, {}, Reason.BLOCKED),
    ("negative tag", {"negative_tags": ("buy",)}, {}, {}, Reason.NEGATIVE_TAG),
    ("below reserve", {"bid_micros": 49_999}, {}, {}, Reason.BELOW_RESERVE),
]  # fmt: skip


@pytest.mark.parametrize(("name", "of_ad", "of_request", "of_app", "reason"), RULES)
def test_every_rule_drops_the_ad_with_its_reason(
    tmp_path: Path,
    name: str,
    of_ad: dict[str, Any],
    of_request: dict[str, Any],
    of_app: dict[str, Any],
    reason: Reason,
) -> None:
    proposal = decide(tmp_path, [ad("a", "laptop", **of_ad)], request(**of_request), app(**of_app))
    assert proposal.winner is None, name
    assert proposal.reason is reason
    assert [one.reason for one in proposal.dropped] == [reason]


def test_an_eligible_ad_is_shown_and_pays_the_reserve(tmp_path: Path) -> None:
    proposal = decide(tmp_path, [ad("a", "laptop", geos=("US",))], request(geo="us"))
    assert proposal.reason is Reason.SERVED
    assert (proposal.price_micros, proposal.vcg_micros, proposal.hold_micros) == (
        50_000,
        50_000,
        50_000,
    )
    assert proposal.propensity_ppm == 1_000_000


def test_a_campaign_known_to_be_spent_is_passed_over(tmp_path: Path) -> None:
    ads = [ad("a", "laptop", bid_micros=2_000_000), ad("b", "laptop")]
    proposal = decide(tmp_path, ads, request(), spent=["cmp_a"])
    assert proposal.winner is not None
    assert proposal.winner.ad_id == "b"
    assert [(one.ad_id, one.reason) for one in proposal.dropped] == [("a", Reason.BUDGET)]


def test_the_second_price_is_paid_and_the_shadow_logged(tmp_path: Path) -> None:
    ads = [ad("a", "laptop", bid_micros=2_000_000), ad("b", "laptop")]
    proposal = decide(tmp_path, ads, request())
    assert (proposal.price_micros, proposal.vcg_micros) == (1_000_000, 1_000_000)
    assert [one.ad_id for one in proposal.eligible] == ["a", "b"]


def test_cpm_ads_compete_and_hold_a_thousandth(tmp_path: Path) -> None:
    ads = [ad("a", "laptop", bid_model=BidModel.CPM, bid_micros=90_000_000), ad("b", "laptop")]
    proposal = decide(tmp_path, ads, request())
    assert proposal.winner is not None
    assert proposal.winner.ad_id == "a"
    assert proposal.hold_micros == -(-proposal.price_micros // 1_000)


def test_house_ads_stand_back(tmp_path: Path) -> None:
    house = ad("h", "laptop", house=True, bid_micros=0)
    alone = decide(tmp_path / "1", [house], request())
    assert alone.winner is not None
    assert alone.price_micros == 0
    beside = decide(tmp_path / "2", [house, ad("p", "laptop", bid_micros=60_000)], request())
    assert beside.winner is not None
    assert beside.winner.ad_id == "p"
    assert [(one.ad_id, one.reason) for one in beside.dropped] == [("h", Reason.HOUSE)]


def test_longer_and_later_phrases_weigh_more(tmp_path: Path) -> None:
    ads = [ad("long", "gaming laptop"), ad("short", "laptop")]
    proposal = decide(tmp_path / "1", ads, request("best gaming laptop to buy"))
    assert proposal.eligible[0].ad_id == "long"
    talk = (
        Turn("user", "I want a laptop"),
        Turn("assistant", "Sure"),
        Turn("user", "or a nice tent to buy"),
    )
    proposal = decide(tmp_path / "2", [ad("old", "laptop"), ad("new", "tent")], request(turns=talk))
    assert proposal.eligible[0].ad_id == "new"


def test_words_of_the_assistant_bring_no_ad_but_can_exclude_one(tmp_path: Path) -> None:
    talk = (
        Turn("user", "which should I buy?"),
        Turn("assistant", "Try a laptop"),
        Turn("user", "any best one?"),
    )
    assert (
        decide(tmp_path / "1", [ad("a", "laptop")], request(turns=talk)).reason is Reason.NO_MATCH
    )
    talk = (Turn("assistant", "I can help with repair"), Turn("user", ASK))
    ads = [ad("a", "laptop", negative_tags=("repair",))]
    assert decide(tmp_path / "2", ads, request(turns=talk)).reason is Reason.NEGATIVE_TAG


@pytest.mark.parametrize(
    ("asked", "reason"),
    [
        (request(app_id="nobody"), Reason.UNKNOWN_APP),
        (request("I want to kill myself, buy a laptop"), Reason.SENSITIVE),
        (request("buy a laptop and cigars"), Reason.RESTRICTED),
        (request("wo kann ich einen laptop kaufen"), Reason.UNSUPPORTED_LANGUAGE),
        (request("hello"), Reason.LOW_OPPORTUNITY),
        (request("which car should I buy?"), Reason.NO_MATCH),
        (request(consent=Consent(ads=False)), Reason.NO_CONSENT),
        (request(turns=()), Reason.INVALID),
        (request(turns=(Turn("system", ASK),)), Reason.INVALID),
        (request(turns=(Turn("user", ASK),) * (MAX_TURNS + 1)), Reason.TOO_LONG),
        (request("laptop " * 200_000), Reason.TOO_LONG),
    ],
)
def test_refusals_before_the_auction(tmp_path: Path, asked: AdRequest, reason: Reason) -> None:
    proposal = decide(tmp_path, [ad("a", "laptop")], asked)
    assert (proposal.winner, proposal.reason) == (None, reason)


def test_middling_opportunity_shows_quiet_formats_only(tmp_path: Path) -> None:
    ads = [ad("loud", "laptop"), ad("quiet", "laptop", format=AdFormat.STATIC)]
    proposal = decide(tmp_path, ads, request("I love my laptop"))
    assert proposal.winner is not None
    assert proposal.winner.ad_id == "quiet"


def test_exploration_is_seeded_and_has_the_logged_frequencies(tmp_path: Path) -> None:
    ads = [ad(f"a{i}", "laptop", bid_micros=2_000_000 - 100_000 * i) for i in range(7)]
    snapshot = Snapshot.open(
        compile_catalogue(CatalogueExport(ads=tuple(ads), apps=(app(),)), tmp_path).path
    )
    features = read_turns(snapshot, request())
    ranks: Counter[int] = Counter()
    for number in range(2_000):
        asked = request(request_id=f"r{number}")
        context = context_of(asked, now_ms=NOW)
        proposal = choose(snapshot, features, context)
        assert proposal == choose(snapshot, features, context)
        assert proposal.propensity_ppm == (960_000 if proposal.rank == 0 else 10_000)
        assert proposal.winner is not None
        assert proposal.price_micros <= proposal.winner.bid_micros
        ranks[proposal.rank] += 1
    assert set(ranks) == {0, 1, 2, 3, 4}
    assert 1_880 <= ranks[0] <= 1_960


def test_the_charge_rule_is_configuration(tmp_path: Path) -> None:
    snapshot = Snapshot.open(
        compile_catalogue(CatalogueExport(ads=(ad("a", "laptop"),), apps=(app(),)), tmp_path).path
    )
    context = context_of(request(), now_ms=NOW)
    features = read_turns(snapshot, request())
    proposal = choose(snapshot, features, context, rule=Rule.VCG)
    assert proposal.price_micros == proposal.vcg_micros


def test_features_hold_no_word_of_the_chat(tmp_path: Path) -> None:
    export = CatalogueExport(ads=(ad("a", "laptop"),), apps=(app(),))
    snapshot = Snapshot.open(compile_catalogue(export, tmp_path).path)
    features = read_turns(snapshot, request("My name is Zebediah, which laptop should I buy?"))
    assert "Zebediah" not in repr(features)
    assert features.intent is Intent.HIGH_COMMERCIAL
