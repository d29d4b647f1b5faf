"""The conversations that people see first get their ad, and those in need get none."""

from __future__ import annotations

from pathlib import Path

import pytest

from bootstrap.cli.conversation import QUIET, SHOP
from domain.catalogue import AdEntry, AdText, CatalogueExport
from domain.formats import AdFormat
from fastpath.compiler import compile_catalogue
from fastpath.offline import decide_file
from fastpath.snapshot import Snapshot
from sandbox import shop_feed
from tools.product_source import read_feed


@pytest.fixture(scope="module")
def snapshot(tmp_path_factory: pytest.TempPathFactory) -> Snapshot:
    text = AdText(title="Shoes", description="For mud.", cta_text="See them")
    ad = AdEntry(
        ad_id="ad_1", campaign_id="cmp_1", creative_id="crt_1", advertiser_id="org_1",
        advertiser_name="Kaze", payer="Kaze", format=AdFormat.ACTION_CARD, texts={"eng": text, "jpn": text},
        landing_url="https://kaze.example/", tags=("trail running shoes",), bid_micros=500_000,
    )  # fmt: skip
    info = compile_catalogue(CatalogueExport(ads=(ad,)), tmp_path_factory.mktemp("snapshot"))
    return Snapshot.open(Path(info.path))


@pytest.mark.parametrize("language", ["eng", "jpn"])
def test_the_shops_conversation_is_answered_with_an_ad(snapshot: Snapshot, language: str) -> None:
    turns = [{"role": role, "text": text} for role, text in SHOP[language]]
    [decided] = decide_file(snapshot, [{"id": "1", "turns": turns}])
    assert (decided["reason"], decided["language"]) == ("served", language)


@pytest.mark.parametrize(("language", "name", "text"), QUIET)
def test_a_greeting_or_a_person_in_need_is_not(
    snapshot: Snapshot, language: str, name: str, text: str
) -> None:
    [decided] = decide_file(snapshot, [{"id": "1", "turns": [{"role": "user", "text": text}]}])
    assert decided["ad"] is None
    assert (decided["reason"] == "sensitive") == (name == "in need")
    assert decided["language"] == language


def test_what_the_shop_says_of_its_products_alarms_nobody(snapshot: Snapshot) -> None:
    facts = [f.text for p in read_feed(shop_feed().read_bytes(), "shop").products for f in p.facts]
    rows = [{"id": n, "turns": [{"role": "user", "text": text}]} for n, text in enumerate(facts)]
    blocked = [r["id"] for r in decide_file(snapshot, rows) if r["reason"] == "sensitive"]
    assert len(blocked) <= 0.02 * len(facts), [facts[int(n)] for n in blocked]
